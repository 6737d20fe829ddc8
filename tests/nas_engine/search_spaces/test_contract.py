import random

import pytest

from nas_engine import catalog
from nas_engine.notation import to_line
from nas_engine.search_spaces.listed import ListedConfig, ListedSpace
from nas_engine.search_spaces.nasnet import NASNetConfig, NASNetSpace
from tests.nas_engine.contracts import SpaceContract, toy_space

SPACES = {name: lambda entry=entry: entry.build(entry.config_class()()) for name, entry in catalog.SPACES.items()}
SPACES["toy"] = toy_space
SPACES["listed"] = lambda: ListedSpace(ListedConfig(" ".join(dict.fromkeys(lines(60)))))


def lines(count: int) -> list[str]:
    space, rng = NASNetSpace(NASNetConfig(blocks=2)), random.Random(0)
    return [to_line(space.cells(space.sample(rng))) for _ in range(count)]


@pytest.fixture(params=list(SPACES))
def space(request):
    return SPACES[request.param]()


class TestSpaces(SpaceContract):
    pass
