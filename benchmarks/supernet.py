"""How fast DARTS searches: our steps against a plain mixed-operation loop, same supernet, same machine, one run.

    python -m benchmarks.supernet                            first order against the plain loop, second against first
    python -m benchmarks.supernet --setting digits --rounds 5
    python -m benchmarks.supernet --device cuda --setting cifar-10 --batch 64
    python -m benchmarks.supernet --write                    also into benchmarks/results/supernet.json

The plain loop is what reference code bases of differentiable search do: NCHW float32, every operation of every edge by
itself in a module of its own, a softmax-weighted sum of their results, torch.optim for weights and alphas, a full backward
pass in either step. It is given its batches ready-made; ours draws and augments its own. One step is one of the alphas on
a valid batch and one of the weights on a train batch, and its images are those of the train batch. All loops take rounds
in turn and the best round counts; on a processor the clock is the process's own time, so that other load counts little.
"""

import argparse
import json
import os
import platform
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nas_engine.blueprint.supernet import darts_rules, draft_supernet
from nas_engine.evaluators.supernet.differentiable import Differentiable
from nas_engine.evaluators.supernet.presets import read_supernet
from nas_engine.evaluators.supernet.session import Session
from nas_engine.networks.supernet import Supernet
from nas_engine.protocol import SkeletonConfig
from nas_engine.search_spaces.darts import DARTSConfig, DARTSSpace
from nas_engine.training.devices import describe_device, open_device
from nas_engine.training.images import DeviceImages

RESULTS = Path(__file__).parent / "results" / "supernet.json"
CLASSES = 10


@dataclass(frozen=True)
class Setting:
    """Images of ``shape`` (C, H, W), cells and filters of the supernet, ``steps`` a round."""

    shape: tuple[int, int, int]
    layers: int
    filters: int
    batch: int
    steps: int
    flip: bool


SETTINGS = {
    "cifar-10": Setting((3, 32, 32), 8, 16, 16, 2, True),
    "fashion-mnist": Setting((1, 28, 28), 5, 8, 32, 3, True),
    "digits": Setting((1, 8, 8), 5, 8, 64, 6, False),
}


# The plain loop


def norm(channels: int) -> nn.Module:
    return nn.BatchNorm2d(channels, affine=False)


def separable(channels: int, kernel: int, stride: int) -> nn.Module:
    def half(step: int) -> list[nn.Module]:
        return [
            nn.ReLU(),
            nn.Conv2d(channels, channels, kernel, step, kernel // 2, groups=channels, bias=False),
            nn.Conv2d(channels, channels, 1, bias=False),
            norm(channels),
        ]

    return nn.Sequential(*half(stride), *half(1))


def dilated(channels: int, kernel: int, stride: int) -> nn.Module:
    return nn.Sequential(
        nn.ReLU(),
        nn.Conv2d(channels, channels, kernel, stride, kernel - 1, dilation=2, groups=channels, bias=False),
        nn.Conv2d(channels, channels, 1, bias=False),
        norm(channels),
    )


class Nothing(nn.Module):
    def __init__(self, stride: int):
        super().__init__()
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        return x[:, :, :: self.stride, :: self.stride].mul(0.0)


class Halved(nn.Module):
    def __init__(self, before: int, after: int):
        super().__init__()
        self.one = nn.Conv2d(before, after // 2, 1, 2, bias=False)
        self.other = nn.Conv2d(before, after - after // 2, 1, 2, bias=False)
        self.norm = norm(after)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(x)
        return self.norm(torch.cat([self.one(x), self.other(x[:, :, 1:, 1:])], 1))


class PlainMixture(nn.Module):
    def __init__(self, channels: int, stride: int):
        super().__init__()
        pools = (nn.MaxPool2d(3, stride, 1), nn.AvgPool2d(3, stride, 1, count_include_pad=False))
        self.operations = nn.ModuleList(
            [
                Nothing(stride),
                *(nn.Sequential(pool, norm(channels)) for pool in pools),
                nn.Identity() if stride == 1 else Halved(channels, channels),
                *(separable(channels, kernel, stride) for kernel in (3, 5)),
                *(dilated(channels, kernel, stride) for kernel in (3, 5)),
            ]
        )

    def forward(self, x: Tensor, weights: Tensor) -> Tensor:
        return sum(weight * operation(x) for weight, operation in zip(weights, self.operations, strict=True))


class PlainCell(nn.Module):
    def __init__(self, older: int, newer: int, channels: int, reduction: bool, after_reduction: bool):
        super().__init__()
        self.kind = "reduction" if reduction else "normal"
        self.older = Halved(older, channels) if after_reduction else self._project(older, channels)
        self.newer = self._project(newer, channels)
        self.edges = nn.ModuleList(
            PlainMixture(channels, 2 if reduction and source < 2 else 1)
            for node in range(4)
            for source in range(node + 2)
        )

    @staticmethod
    def _project(before: int, after: int) -> nn.Module:
        return nn.Sequential(nn.ReLU(), nn.Conv2d(before, after, 1, bias=False), norm(after))

    def forward(self, older: Tensor, newer: Tensor, weights: Tensor) -> Tensor:
        states, row = [self.older(older), self.newer(newer)], 0
        for _ in range(4):
            states.append(sum(self.edges[row + at](state, weights[row + at]) for at, state in enumerate(states)))
            row += len(states) - 1
        return torch.cat(states[2:], 1)


class PlainSupernet(nn.Module):
    def __init__(self, setting: Setting):
        super().__init__()
        channels, width = setting.filters, 3 * setting.filters
        self.stem = nn.Sequential(nn.Conv2d(setting.shape[0], width, 3, 1, 1, bias=False), nn.BatchNorm2d(width))
        self.cells = nn.ModuleList()
        older, newer, after = width, width, False
        for at in range(setting.layers):
            reduction = at in (setting.layers // 3, 2 * setting.layers // 3)
            channels *= 2 if reduction else 1
            self.cells.append(PlainCell(older, newer, channels, reduction, after))
            older, newer, after = newer, 4 * channels, reduction
        self.classifier = nn.Linear(newer, CLASSES)

    def forward(self, x: Tensor, weights: dict[str, Tensor]) -> Tensor:
        older = newer = self.stem(x)
        for cell in self.cells:
            older, newer = newer, cell(older, newer, weights[cell.kind])
        return self.classifier(newer.mean((2, 3)))


class Plain:
    """First order as the reference code bases have it."""

    name = "plain"

    def __init__(self, setting: Setting, device: torch.device):
        self.setting, self.net = setting, PlainSupernet(setting).to(device)
        self.alphas = {
            kind: (1e-3 * torch.randn(14, 8)).to(device).requires_grad_() for kind in ("normal", "reduction")
        }
        self.sgd = torch.optim.SGD(self.net.parameters(), 0.025, 0.9, weight_decay=3e-4)
        self.adam = torch.optim.Adam(list(self.alphas.values()), 3e-4, (0.5, 0.999), weight_decay=1e-3)
        self.batches = [
            (
                torch.randn(setting.batch, *setting.shape, device=device),
                torch.randint(CLASSES, (setting.batch,)).to(device),
            )
            for _ in range(2)
        ]

    @property
    def params(self) -> int:
        return sum(parameter.numel() for parameter in self.net.parameters())

    def loss(self, images: Tensor, labels: Tensor) -> Tensor:
        weights = {kind: alphas.softmax(1) for kind, alphas in self.alphas.items()}
        return F.cross_entropy(self.net(images, weights), labels)

    def round(self) -> None:
        for _ in range(self.setting.steps):
            self.adam.zero_grad()
            self.loss(*self.batches[0]).backward()
            self.adam.step()
            self.sgd.zero_grad()
            self.loss(*self.batches[1]).backward()
            nn.utils.clip_grad_norm_(self.net.parameters(), 5.0)
            self.sgd.step()


class Ours:
    """The product's own step, of first or second order."""

    def __init__(self, setting: Setting, device: torch.device, order: str):
        self.name, self.setting = order, setting
        config = read_supernet(
            {
                "method": "darts",
                "weights": {"batch_size": setting.batch, "crop": setting.shape[1] // 8, "flip": setting.flip},
                "alphas": {"order": order},
            }
        )
        count, channels = setting.batch * setting.steps, setting.shape[0]
        rng = np.random.RandomState(0)  # the content of the images does not matter to the speed
        pixels, labels = rng.randint(0, 256, (count, *setting.shape)).astype(np.uint8), rng.randint(0, CLASSES, count)
        parts = [DeviceImages(pixels, labels, [0.4] * channels, [0.3] * channels, device) for _ in range(2)]
        skeleton = SkeletonConfig(dialect="darts", layers=setting.layers, filters=setting.filters)
        self.net = Supernet(draft_supernet(darts_rules(), skeleton, setting.shape, CLASSES)).to(device)
        self.method = Differentiable(Session(config, self.net, *parts, 0), DARTSSpace(DARTSConfig()))

    @property
    def params(self) -> int:
        return sum(parameter.numel() for parameter in self.net.parameters())

    def round(self) -> None:
        with self.method.session.open(1, lambda progress: None, lambda: False):
            self.method.epoch()


def measure(name: str, setting: Setting, device: torch.device, rounds: int) -> dict:
    """Images per second of each loop, all rounds of them, and the two ratios."""
    torch.manual_seed(0)
    loops = [Plain(setting, device), Ours(setting, device, "first"), Ours(setting, device, "second")]
    assert len({loop.params for loop in loops}) == 1
    clock = time.process_time if device.type == "cpu" else time.perf_counter
    speeds: dict[str, list[float]] = {loop.name: [] for loop in loops}
    for number in range(rounds + 1):  # the first round pays for choosing kernels
        for loop in loops:
            started = clock()
            loop.round()
            if device.type == "cuda":
                torch.cuda.synchronize(device)
            if number:
                speeds[loop.name].append(round(setting.batch * setting.steps / (clock() - started), 2))
    best = {name: max(values) for name, values in speeds.items()}
    return {
        "setting": name,
        "image_shape": setting.shape,
        "layers": setting.layers,
        "filters": setting.filters,
        "batch": setting.batch,
        "steps_a_round": setting.steps,
        "params": loops[0].params,
        "images_per_second": best,
        "rounds": speeds,
        "first_order_over_plain": round(best["first"] / best["plain"], 2),
        "cost_of_second_over_first": round(best["first"] / best["second"], 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--setting", choices=SETTINGS, action="append", help="default: all")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--batch", type=int, help="instead of the setting's")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--write", action="store_true", help=f"also add it to {RESULTS.name}")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    device = open_device(arguments.device)
    rows = []
    for name in arguments.setting or SETTINGS:
        setting = SETTINGS[name]
        if arguments.batch:
            setting = Setting(**{**vars(setting), "batch": arguments.batch})
        rows.append(measure(name, setting, device, arguments.rounds))
        row, speed = rows[-1], rows[-1]["images_per_second"]
        print(
            f"{name}: plain {speed['plain']:.1f}, first order {speed['first']:.1f} images/s "
            f"({row['first_order_over_plain']} times), second order costs {row['cost_of_second_over_first']} times first",
            file=sys.stderr,
        )
    document = {
        "command": "python -m benchmarks.supernet " + " ".join(one for one in sys.argv[1:] if one != "--write"),
        "device": describe_device(device),
        "cores": os.cpu_count(),
        "torch": torch.__version__,
        "python": platform.python_version(),
        "clock": "processor time" if device.type == "cpu" else "wall",
        "results": rows,
    }
    print(json.dumps(document, indent=1))
    if arguments.write:
        runs = json.loads(RESULTS.read_text()) if RESULTS.exists() else []
        RESULTS.write_text(json.dumps([*runs, document], indent=1) + "\n")


if __name__ == "__main__":
    main()
