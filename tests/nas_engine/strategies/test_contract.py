import pytest

from nas_engine import catalog
from tests.nas_engine.contracts import StrategyContract


@pytest.fixture(params=list(catalog.STRATEGIES))
def name(request):
    return request.param


class TestStrategies(StrategyContract):
    pass
