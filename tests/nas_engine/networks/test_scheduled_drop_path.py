"""ScheduledDropPath's identities (Zoph et al. 2018, appendix A.7; the scaling with depth is the released code's)."""

import pytest
import torch

from nas_engine import zoo
from nas_engine.blueprint import build_blueprint
from nas_engine.full_training import read_full_training
from nas_engine.full_training.schedule import drop_path_rate
from nas_engine.networks import build
from nas_engine.protocol import SkeletonConfig

KEEP = 0.6
CONFIG = read_full_training({"regularisation": {"drop_path": 1 - KEEP}})


def keeps(network, rate):
    """Cell -> the chances of keeping a path that its masks were drawn with."""
    network.train().set_drop_path(rate)
    torch.manual_seed(0)
    found = {}
    for index, mask in network._masks(torch.empty(4000, 1)).items():
        kept = mask[mask > 0]
        cell = int(network.blueprint["layers"][index]["name"].split(".")[1])
        found.setdefault(cell, set()).add(round(1 / float(kept[0]), 5))
        assert float((mask > 0).float().mean()) == pytest.approx(1 / float(kept[0]), abs=0.04)
    return {cell: chances.pop() for cell, chances in found.items() if len(chances) == 1}


@pytest.mark.parametrize(("kind", "cells"), [("cifar", 5), ("imagenet", 7)])
def test_chances_of_keeping_a_path(kind, cells):
    skeleton = SkeletonConfig(kind, repeats=1, filters=4)
    network = build(build_blueprint(zoo.get("nasnet-a").cells, skeleton, (3, 64, 64), 5))
    first_step, last_step = (drop_path_rate(CONFIG, step, 1000) for step in (0, 1000))
    assert set(keeps(network, first_step).values()) == {1.0}
    at_the_end = keeps(network, last_step)
    assert len(at_the_end) == cells
    assert at_the_end[cells - 1] == pytest.approx(KEEP)
    assert at_the_end[0] == pytest.approx(1 - (1 - KEEP) / cells, abs=1e-5)
    halfway = keeps(network, drop_path_rate(CONFIG, 500, 1000))
    assert halfway[cells - 1] == pytest.approx(1 - 0.5 * (1 - KEEP), abs=1e-5)


def test_darts_drops_alike_at_every_depth():
    skeleton = SkeletonConfig(repeats=1, filters=4, dialect="darts")
    network = build(build_blueprint(zoo.get("darts-v2").cells, skeleton, (3, 32, 32), 5))
    assert set(keeps(network, 0.2).values()) == {0.8}
