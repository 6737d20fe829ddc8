"""Every architecture in turn."""

import math

import pytest

from nas_engine.errors import ConfigError
from nas_engine.search_spaces.nasnet import NASNetConfig, NASNetSpace
from nas_engine.strategies.grid import Grid
from nas_engine.strategies.settings import GridConfig

SMALL = NASNetConfig(1, ("identity", "conv_1x1"), ("add", "concat"), separate_reduction=False)


class Parameters(NASNetSpace):
    """The combination has no say unless the left operation is the first."""

    def matters(self, architecture):
        return (True, True, True, True, architecture.choices[2] == 0)


def visited(space, count, seed=0, **settings):
    grid = Grid(space, GridConfig(**settings), seed)
    return [grid.ask(number).architecture.choices for number in range(count)]


def test_every_architecture_once_and_then_all_again():
    space = NASNetSpace(SMALL)
    size = math.prod(len(choice.options) for choice in space.choices)
    found = visited(space, 2 * size)
    assert len(set(found)) == size == 32
    assert found[size:] == found[:size]
    assert set(visited(space, size, seed=1)) == set(found) and visited(space, size, seed=1) != found[:size]


def test_the_slowest_decision_keeps_its_option_for_half_the_way():
    last, first = (visited(NASNetSpace(SMALL), 32, slowest=slowest) for slowest in ("last", "first"))
    assert len({choices[-1] for choices in last[:16]}) == 1 and len({choices[0] for choices in last[:2]}) == 2
    assert len({choices[0] for choices in first[:16]}) == 1 and len({choices[-1] for choices in first[:2]}) == 2


def test_a_decision_without_a_say_is_not_varied():
    found = visited(Parameters(SMALL), 24)
    assert len(set(found)) == 24
    assert all(choices[4] == 0 for choices in found if choices[2])
    assert visited(Parameters(SMALL), 48) == found * 2


def test_the_architectures_given_are_the_only_ones():
    space = NASNetSpace(SMALL)
    found = visited(space, 3, only="0-1-0-0-1 1-0-1-1-0")
    assert found == [(0, 1, 0, 0, 1), (1, 0, 1, 1, 0), (0, 1, 0, 0, 1)]


@pytest.mark.parametrize("line", ["0-1", "0-1-0-0-9", "0-1-0-0-x", "-1"])
def test_an_architecture_the_space_has_not_is_an_error(line):
    with pytest.raises(ConfigError):
        Grid(NASNetSpace(SMALL), GridConfig(only=line), 0)
