"""Published cells under every dialect and skeleton, at even and odd sizes: what is promised is what runs.

Networks run on torch's meta device, which computes shapes alone, so that sizes can be the real ones.
"""

import pytest
import torch
from torch import nn

from nas_engine import zoo
from nas_engine.blueprint import build_blueprint
from nas_engine.networks import build
from nas_engine.protocol import SkeletonConfig

SKELETONS = [
    ("cifar", "tf", (45, 33)),
    ("imagenet", "darts", (224, 224)),
    ("cifar", "enas", (224, 224)),
    ("imagenet", "gpipe", (225, 223)),
    ("imagenet", "tf", (331, 299)),
    ("cifar", "darts", (32, 31)),
    ("imagenet", "darts", (97, 130)),
    ("imagenet", "tf", (64, 65)),
]
# Every cell once; cells meet all skeletons in turn.
ROWS = [
    (name, *SKELETONS[number % len(SKELETONS)])
    for number, name in enumerate(name for name in zoo.names() if len(zoo.get(name).cells) == 2)
]


@pytest.mark.parametrize(("name", "kind", "dialect", "size"), ROWS)
def test_parameters_macs_and_shapes_are_those_of_the_modules(name, kind, dialect, size):
    skeleton = SkeletonConfig(kind, repeats=1, filters=8, dialect=dialect, skip_reduction=size[0] % 2 == 0)
    made = build_blueprint(zoo.get(name).cells, skeleton, (3, *size), 10, aux=True)
    with torch.device("meta"):
        network = build(made).eval()
        images = torch.empty(2, 3, *size)
    assert sum(one.numel() for one in network.parameters()) == made.params + made.aux_params

    macs = []

    def count(module, _, out):
        macs.append(module.weight.numel() * (out[0, 0].numel() if out.dim() == 4 else 1))

    for module in network.modules():
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            module.register_forward_hook(count)
    outputs = (made.graph.logits, made.graph.aux, *(feature.layer for feature in made.graph.features))
    values = network._run(images, outputs)
    assert [tuple(value.shape) for value in values[:2]] == [(2, 10)] * 2
    assert [tuple(value.shape[1:]) for value in values[2:]] == [made.layers[at].shape for at in outputs[2:]]
    assert sum(macs) == made.macs + macs_of_aux(made)


def macs_of_aux(made):
    """Multiply-accumulates of the auxiliary head, which blueprints do not count."""
    total = 0
    for layer in made.layers:
        if layer.name.startswith("aux.") and layer.kind == "conv":
            kernel = layer.options["kernel"]
            total += (
                layer.options["in"] * layer.options["out"] * kernel[0] * kernel[1] * layer.shape[1] * layer.shape[2]
            )
        elif layer.name == "aux.linear":
            total += layer.options["in"] * layer.options["out"]
    return total
