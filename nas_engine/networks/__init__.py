"""From blueprints to ``nn.Module``. The builder stands in ``model``, which imports torch alone and ships in bundles."""

from torch import Tensor

from nas_engine.blueprint import Blueprint
from nas_engine.networks.model import Network

__all__ = ["Network", "build", "weights_of"]


def build(blueprint: Blueprint) -> Network:
    """The network with fresh weights drawn from torch's global generator: images (N, C, H, W) to logits (N, classes)."""
    return Network(blueprint.as_json())


def weights_of(network: Network) -> dict[str, Tensor]:
    """Float32 copies on the processor, contiguous, as weight files want them."""
    return {name: value.detach().to("cpu").contiguous().clone() for name, value in network.state_dict().items()}
