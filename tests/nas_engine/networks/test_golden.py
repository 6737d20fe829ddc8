"""Golden logits: what the authors' released code computes from weights that depend on nothing but their shapes.

A weight of shape s is RandomState(crc32("AxBxC..") & 0x7fffffff) normal, times sqrt(2 / fan in); biases are 0, batch norms
at rest, the input RandomState(0) normal, everything in float64.
"""

import math
import zlib

import numpy as np
import pytest
import torch
from torch import nn

from nas_engine import zoo
from nas_engine.blueprint import build_blueprint
from nas_engine.networks import build
from nas_engine.protocol import SkeletonConfig

DARTS = {"dialect": "darts", "filters": 16, "layers": 8}

# cell, skeleton, side, epsilon of the reference's batch norms, first logits of both images, sum of absolute logits
GOLDEN = [
    ("darts-v1", DARTS, 32, 1e-5,
     [807.8930531205904, -2089.6701517871634, -922.7340649481753, -2142.503317822515, 6102.007357051086],
     [897.945217412756, -2026.0279924149274, -985.1212432696375, -2084.4651709346685, 5981.843316385025],
     40849.610523129675),
    ("darts-v2", DARTS, 32, 1e-5,
     [2806.9566587709373, 85.31929965746326, -6676.612736214669, -6898.667980906533, 9358.471059114414],
     [2694.9398199732386, 161.79715685299175, -6601.1369749132145, -6609.365964129168, 8994.488809901703],
     121328.91428085242),
    ("nasnet-a-darts", DARTS, 32, 1e-5,
     [474.62371792282465, 86.78717030276698, -468.25447205322644, -460.669936230584, 791.0182220129562],
     [446.1006816351178, 70.81369860893814, -454.9188264096394, -473.13227839884075, 749.6589365252803],
     9702.743436288722),
    ("amoebanet-a-darts", DARTS, 32, 1e-5,
     [7077.758405041603, -1631.1227684569876, -4183.548833435016, 6519.650347179473, -1793.7616827512443],
     [7027.575275287397, -1620.3839608366234, -4168.004659442764, 6464.972469754577, -1757.1575347264322],
     63551.26339233738),
    ("pc-darts-cifar", DARTS, 32, 1e-5,
     [10038.261766826132, -1874.0987002502143, 649.5570890116269, -5305.546235871038, 8349.666047387982],
     [10303.396782034582, -1984.499948473269, 422.9981984333317, -5401.413250354062, 8664.997309050581],
     158735.3088831371),
    ("enas-micro", DARTS, 32, 1e-5,
     [234.9632608913782, 393.2899451665926, -319.37482459690045, 109.1650182270871, 179.1870947354506],
     [206.74920946320347, 387.59368671167755, -329.57620442890567, 128.25385671828377, 135.8367378144283],
     4354.008125082595),
    ("nasnet-a", {"kind": "imagenet", "repeats": 6, "filters": 16, "stem_filters": 12, "skip_reduction": True}, 97, 1e-3,
     [-995.6822014962067, -4750.780726156827, 4393.673208841906, -3616.299700622074, -16076.280191573787],
     [-2262.2030893303345, -5543.434043473843, 5525.605580289497, -4885.893766686677, -19966.558706234086],
     149645.6291307164),
    ("nasnet-a", {"repeats": 6, "filters": 32}, 32, 1e-3,
     [19409.21972753924, -886.8025380327272, -13593.017283918856, -18694.76955926218, -574.4657068222059],
     [19718.70685548868, -845.4728855853787, -13642.182512905067, -18986.816920740886, -793.2854012667176],
     264961.0397686305),
    ("amoebanet-a", {"repeats": 6, "filters": 36}, 32, 1e-3,
     [37394053.85284917, -45837563.81358048, -25347498.70625462, 65498378.85648681, -46788132.50412182],
     [35950756.18667185, -44195744.969295174, -24106458.86915095, 62855317.741991155, -44800237.45294211],
     869972466.9101176),
]  # fmt: skip


def set_weights(network, eps):
    for module in network.modules():
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            shape = tuple(module.weight.shape)
            generator = np.random.RandomState(zlib.crc32("x".join(map(str, shape)).encode()) & 0x7FFFFFFF)
            weight = generator.standard_normal(math.prod(shape)).reshape(shape) * math.sqrt(2 / math.prod(shape[1:]))
            module.weight.data = torch.from_numpy(weight)
            if module.bias is not None:
                module.bias.data.zero_()
        elif hasattr(module, "eps"):
            module.eps = eps


@pytest.mark.parametrize("row", GOLDEN, ids=lambda row: f"{row[0]}@{row[2]}")
def test_logits_are_those_of_the_released_code(row):
    name, settings, side, eps, first, last, total = row
    made = build_blueprint(zoo.get(name).cells, SkeletonConfig(**settings), (3, side, side), 10)
    network = build(made).double().eval()
    set_weights(network, eps)
    images = torch.from_numpy(np.random.RandomState(0).standard_normal((2, 3, side, side)))

    with torch.inference_mode():
        logits = network(images).numpy()

    np.testing.assert_allclose(logits[0, :5], first, rtol=1e-6)
    np.testing.assert_allclose(logits[1, :5], last, rtol=1e-6)
    np.testing.assert_allclose(np.abs(logits).sum(), total, rtol=1e-6)
