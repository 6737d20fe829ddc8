"""MnasNet's networks against timm's, with copied weights."""

import pytest
import torch

from nas_engine import zoo
from nas_engine.blueprint import build_blueprint
from nas_engine.networks import build
from nas_engine.protocol import SkeletonConfig

timm = pytest.importorskip("timm")


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [("mnasnet-a1", "semnasnet_100"), ("mnasnet-b1", "mnasnet_100"), ("mnasnet-small", "mnasnet_small")],
)
def test_equal_weights_give_equal_logits(ours, theirs):
    torch.manual_seed(0)
    # The released code pads as TensorFlow's SAME does, and its batch norms add 0.001.
    reference = timm.create_model(theirs, pad_type="same", bn_eps=1e-3).double().eval()
    given = {name: value for name, value in reference.state_dict().items() if not name.endswith("num_batches_tracked")}
    model = build(build_blueprint(zoo.get(ours).cells, SkeletonConfig(whole=True), (3, 64, 64), 1000)).double().eval()
    own = model.state_dict()
    assert [value.shape for value in own.values()] == [value.shape for value in given.values()]
    noise = {name: value + 0.1 * torch.rand_like(value) for name, value in given.items()}
    reference.load_state_dict(noise, strict=False)
    model.load_state_dict(dict(zip(own, noise.values(), strict=True)))
    images = torch.randn(2, 3, 64, 64, dtype=torch.float64)
    with torch.inference_mode():
        assert torch.allclose(model(images), reference(images), rtol=1e-9, atol=1e-12)
