"""From blueprints to ``nn.Module``. The builder stands in ``model``, which imports torch alone and ships in bundles."""

from nas_engine.blueprint import Blueprint
from nas_engine.networks.model import Network

__all__ = ["Network", "build"]


def build(blueprint: Blueprint) -> Network:
    """The network with fresh weights drawn from torch's global generator: images (N, C, H, W) to logits (N, classes)."""
    return Network(blueprint.as_json())
