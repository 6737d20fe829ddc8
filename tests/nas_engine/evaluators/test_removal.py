"""Removal damage, against networks that are built without the node or the edge."""

import numpy as np
import pytest
import torch

from nas_engine.blueprint import build_blueprint
from nas_engine.errors import SearchCancelled
from nas_engine.evaluators.removal import _removed, removal_damage
from nas_engine.networks import build
from nas_engine.protocol import SkeletonConfig
from nas_engine.search_spaces.random_graphs import Wiring
from nas_engine.search_spaces.randwire import Removal, removals, stage_cell
from nas_engine.training.images import DeviceImages

WIRING = Wiring(4, ((0, 1), (0, 2), (1, 2), (1, 3)))


@pytest.fixture
def cells():
    return [stage_cell(number, WIRING) for number in (1, 2, 3)]


@pytest.fixture
def network(cells):
    torch.manual_seed(0)
    made = build(build_blueprint(cells, SkeletonConfig(filters=4), (1, 8, 8), 3)).eval()
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.add_(torch.randn_like(parameter))
    return made


def test_an_edge_into_a_sum_is_its_term_left_out(network, cells):
    x = torch.randn(2, 1, 8, 8)
    with torch.no_grad():
        before = network(x)
        weight = network.get_submodule("stages.2.n2.sum").weight
        with _removed(network, cells, Removal(2, "n2", "n0", 2)):
            assert torch.sigmoid(weight).tolist()[0] == 0 and torch.sigmoid(weight)[1] > 0
            changed = network(x)
        assert not torch.allclose(changed, before) and changed.isfinite().all()
        assert torch.equal(network(x), before), "everything is as it was"


def test_a_node_that_is_removed_gives_zeros_to_all_who_read_it(network, cells):
    """Removing node 0 is removing both of its edges, where it is not read elsewhere."""
    x = torch.randn(2, 1, 8, 8)
    with torch.no_grad():
        with _removed(network, cells, Removal(1, "n0", "", 2)):
            without_node = network(x)
        with _removed(network, cells, Removal(1, "n1", "n0", 1)), _removed(network, cells, Removal(1, "n2", "n0", 2)):
            without_edges = network(x)
    assert torch.allclose(without_node, without_edges, atol=1e-6)


def test_every_removal_is_measured_and_reported(network, cells):
    rng = np.random.RandomState(0)
    pixels = rng.randint(0, 256, (30, 1, 8, 8)).astype(np.uint8)
    images = DeviceImages(pixels, np.zeros(30), (0.5,), (0.25,), torch.device("cpu"))
    with torch.no_grad():  # what it says of the images is right
        images.labels = network(images.part(0, 30)[0]).argmax(1)
    seen = []
    whole, found = removal_damage(network, cells, images, lambda done, of: seen.append((done, of)), lambda: False)
    assert [removal for removal, _ in found] == removals(cells) and len(found) == 3 * (4 + 4)
    assert seen == [(number, 24) for number in range(1, 25)]
    assert whole == 1 and all(0 <= lost <= 1 for _, lost in found) and any(lost for _, lost in found)
    with pytest.raises(SearchCancelled):
        removal_damage(network, cells, images, lambda done, of: None, lambda: True)
