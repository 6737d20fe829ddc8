import pytest

from nas_engine import catalog
from tests.nas_engine.contracts import SpaceContract, toy_space

SPACES = {name: lambda entry=entry: entry.build(entry.config_class()()) for name, entry in catalog.SPACES.items()}
SPACES["toy"] = toy_space


@pytest.fixture(params=list(SPACES))
def space(request):
    return SPACES[request.param]()


class TestSpaces(SpaceContract):
    pass
