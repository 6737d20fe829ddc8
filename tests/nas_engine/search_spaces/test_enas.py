import random

import pytest

from nas_engine import zoo
from nas_engine.architecture import Architecture
from nas_engine.cell import Block
from nas_engine.errors import ConfigError
from nas_engine.search_spaces.enas import ENASConfig, ENASSpace

SPACE = ENASSpace(ENASConfig())


def test_it_takes_forty_decisions_and_has_the_published_size():
    assert len(SPACE.choices) == 40
    assert SPACE.size() == (720**2 * 5**10) ** 2 == 5_062_500_000_000**2


def test_the_released_architecture_reads_as_the_published_cells():
    normal = (0, 2, 0, 0, 0, 4, 0, 1, 0, 4, 1, 1, 1, 0, 0, 1, 0, 2, 1, 1)
    reduction = (1, 0, 1, 0, 0, 3, 0, 2, 1, 1, 3, 1, 1, 0, 0, 4, 0, 3, 1, 1)
    assert SPACE.cells(Architecture("enas", normal + reduction)) == zoo.get("enas-micro").cells


def test_what_nothing_reads_is_the_output_the_inputs_included():
    small = ENASSpace(ENASConfig(nodes=2))
    normal, _ = small.cells(Architecture("enas", (1, 0, 1, 1, 2, 4, 1, 3) * 2))
    assert normal.blocks == (
        Block(1, "sep_conv_3x3", 1, "sep_conv_5x5"),
        Block(2, "identity", 1, "max_pool_3x3"),
    )
    assert normal.concat == (0, 3)


def test_cells_encode_back_to_the_decisions():
    rng = random.Random(1)
    for _ in range(50):
        architecture = SPACE.sample(rng)
        assert SPACE.architecture(*SPACE.cells(architecture)) == architecture
    with pytest.raises(ConfigError, match="lacks"):
        SPACE.architecture(*zoo.get("nasnet-a").cells)
