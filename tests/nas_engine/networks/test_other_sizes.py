"""A network on images of another size than it was planned for is the network planned for that size."""

import random

import pytest
import torch

from nas_engine.blueprint import build_blueprint
from nas_engine.networks import build
from nas_engine.operations import NASNET_ALL
from nas_engine.protocol import SkeletonConfig
from nas_engine.search_spaces.nasnet import NASNetConfig, NASNetSpace

SPACE = NASNetSpace(NASNetConfig(operations=NASNET_ALL))


@pytest.mark.parametrize(
    ("kind", "dialect"),
    [
        ("cifar", "tf"),
        ("cifar", "darts"),
        ("cifar", "enas"),
        ("imagenet", "tf"),
        ("imagenet", "darts"),
        ("imagenet", "gpipe"),
    ],
)
@pytest.mark.parametrize(("planned", "shown"), [((32, 32), (49, 35)), ((33, 40), (64, 47))])
def test_it_is_as_if_planned_for_them(kind, dialect, planned, shown):
    for number in range(3):
        cells = SPACE.cells(SPACE.sample(random.Random(number)))
        skeleton = SkeletonConfig(kind, repeats=1, filters=4, dialect=dialect)
        network, other = (
            build(build_blueprint(cells, skeleton, (3, *size), 5)).double().eval() for size in (planned, shown)
        )
        other.load_state_dict(network.state_dict())
        x = torch.randn(2, 3, *shown, generator=torch.Generator().manual_seed(number), dtype=torch.float64)
        with torch.inference_mode():
            torch.testing.assert_close(network(x), other(x), rtol=1e-9, atol=1e-9)
            for (one, _), (two, _) in zip(network.forward_features(x), other.forward_features(x), strict=True):
                torch.testing.assert_close(one, two, rtol=1e-9, atol=1e-9)
