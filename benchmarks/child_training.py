"""How fast one child trains: our loop against a plain one, same network, same images, same machine, one run.

    python -m benchmarks.child_training                     both loops, ratio of images per second
    python -m benchmarks.child_training --setting digits --cells 3 --rounds 3
    python -m benchmarks.child_training --kernels           single convolutions, as torch does them and as we do
    python -m benchmarks.child_training --write             also into benchmarks/results/child_training.md

The plain loop is what reference code bases of cell search do: a DataLoader over PIL images with per-image transforms
(random crop, flip, to tensor, normalise), NCHW float32, torch.optim.SGD, clipping over the list of parameters, the loss
read after every batch. Both train rounds of the same cells in turn and the best round counts; on a processor the clock is
its own time, so that other load on the machine counts little.
"""

import argparse
import os
import platform
import random
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from nas_engine.blueprint import build_blueprint
from nas_engine.cell import Cell
from nas_engine.networks import build
from nas_engine.protocol import SkeletonConfig, TrainingConfig
from nas_engine.search_spaces.nasnet import NASNetConfig, NASNetSpace
from nas_engine.training.devices import describe_device, memory_format, open_device
from nas_engine.training.images import DeviceImages
from nas_engine.training.kernels import processor_kernels
from nas_engine.training.loop import train

RESULTS = Path(__file__).parent / "results" / "child_training.md"
MEAN, STD = 0.4, 0.3


@dataclass(frozen=True)
class Setting:
    """Images of ``shape`` (C, H, W), ``images`` a round, a skeleton with N = 1 and ``filters``."""

    shape: tuple[int, int, int]
    filters: int
    batch: int
    images: int
    flip: bool


SETTINGS = {
    "digits": Setting((1, 8, 8), 8, 64, 1216, False),
    "fashion-mnist": Setting((1, 28, 28), 8, 128, 512, True),
    "cifar-10": Setting((3, 32, 32), 16, 128, 384, True),
}


def random_cells(seed: int) -> tuple[Cell, ...]:
    space = NASNetSpace(NASNetConfig())
    return space.cells(space.sample(random.Random(seed)))


def network(setting: Setting, seed: int) -> nn.Module:
    torch.manual_seed(0)
    return build(
        build_blueprint(random_cells(seed), SkeletonConfig(repeats=1, filters=setting.filters), setting.shape, 10)
    )


def pictures(setting: Setting) -> tuple[np.ndarray, np.ndarray]:
    """Random images: their content does not matter to the speed."""
    rng = np.random.RandomState(0)
    return rng.randint(0, 256, (setting.images, *setting.shape)).astype(np.uint8), rng.randint(0, 10, setting.images)


def clock_of(device: torch.device):
    """Seconds of the process's own processor time, or of the wall where a GPU works."""
    return time.process_time if device.type == "cpu" else time.perf_counter


class Ours:
    """The product's own loop."""

    name = "ours"

    def __init__(self, setting: Setting, seed: int, device: torch.device):
        self.clock = clock_of(device)
        self.model = network(setting, seed).to(device, memory_format=memory_format(device))
        channels = setting.shape[0]
        images, labels = pictures(setting)
        self.images = DeviceImages(images, labels, [MEAN] * channels, [STD] * channels, device)
        self.valid = DeviceImages(images[:1], labels[:1], [MEAN] * channels, [STD] * channels, device)
        self.config = TrainingConfig(
            epochs=1, batch_size=setting.batch, learning_rate=0.01, crop=setting.shape[1] // 8, flip=setting.flip
        )

    def round(self) -> float:
        """Images per second of one epoch."""
        started = self.clock()
        train(self.model, self.images, self.valid, self.config, lambda one: None, lambda: False)
        return len(self.images) / (self.clock() - started)


class Plain:
    """The usual loop."""

    name = "plain"

    def __init__(self, setting: Setting, seed: int, device: torch.device):
        self.model, self.device, self.setting = network(setting, seed).to(device), device, setting
        self.clock = clock_of(device)
        self.loader = torch.utils.data.DataLoader(
            PerImage(*pictures(setting), setting), batch_size=setting.batch, shuffle=True, num_workers=0
        )
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=0.01, momentum=0.9, weight_decay=3e-4)

    def round(self) -> float:
        """Images per second of one epoch."""
        self.model.train()
        started, loss_sum, right = self.clock(), 0.0, 0
        for batch, labels in self.loader:
            batch, labels = batch.to(self.device), labels.to(self.device)
            self.optimizer.zero_grad()
            logits = self.model(batch)
            loss = nn.functional.cross_entropy(logits, labels)
            loss.backward()
            nn.utils.clip_grad_norm_(self.model.parameters(), 5.0)
            self.optimizer.step()
            loss_sum += loss.item() * len(labels)
            right += (logits.argmax(1) == labels).sum().item()
        return self.setting.images / (self.clock() - started)


class PerImage(torch.utils.data.Dataset):
    """PIL images through torchvision's transforms, one at a time."""

    def __init__(self, images: np.ndarray, labels: np.ndarray, setting: Setting):
        from PIL import Image
        from torchvision import transforms

        channels, side = setting.shape[0], setting.shape[1]
        steps = [transforms.RandomCrop(side, padding=side // 8)]
        steps += [transforms.RandomHorizontalFlip()] if setting.flip else []
        steps += [transforms.ToTensor(), transforms.Normalize([MEAN] * channels, [STD] * channels)]
        self.transform, self.labels = transforms.Compose(steps), labels.tolist()
        self.images = [Image.fromarray(one[0] if channels == 1 else one.transpose(1, 2, 0)) for one in images]

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int):
        return self.transform(self.images[index]), self.labels[index]


def compare(name: str, cells: int, rounds: int, device: torch.device) -> list[str]:
    """Rows of a table: the setting, each loop's images per second over all cells, and the ratio."""
    setting = SETTINGS[name]
    seconds = {"plain": 0.0, "ours": 0.0}
    for seed in range(cells):
        loops = [Plain(setting, seed, device), Ours(setting, seed, device)]
        best = {loop.name: 0.0 for loop in loops}
        for _ in range(rounds + 1):  # the first round pays for choosing kernels
            for loop in loops:
                best[loop.name] = max(best[loop.name], loop.round())
        for loop in loops:
            seconds[loop.name] += setting.images / best[loop.name]
        print(f"{name}, cell {seed}: plain {best['plain']:.0f}, ours {best['ours']:.0f} images/s", file=sys.stderr)
    plain, ours = (cells * setting.images / seconds[loop] for loop in ("plain", "ours"))
    shape = " × ".join(str(side) for side in setting.shape[1:])
    return [
        f"| {name} | {shape} | {setting.filters} | {setting.batch} | {plain:.0f} | {ours:.0f} | {ours / plain:.1f} |"
    ]


def kernels() -> list[str]:
    """Rows of a table: forward and backward of one convolution in channels-last layout, in microseconds."""
    rows = []
    for side, channels, batch in ((2, 32, 64), (4, 16, 64), (7, 32, 128), (8, 8, 64), (8, 64, 128)):
        for kernel, groups in ((1, 1), (3, channels), (5, channels), (7, channels)):
            conv = nn.Conv2d(channels, channels, kernel, padding=kernel // 2, groups=groups, bias=False)
            conv = conv.to(memory_format=torch.channels_last)
            x = torch.randn(batch, channels, side, side).contiguous(memory_format=torch.channels_last).requires_grad_()
            grad = torch.randn_like(x)
            before = microseconds(conv, x, grad)
            with processor_kernels(conv, torch.device("cpu")):
                after = microseconds(conv, x, grad)
            kind = "pointwise" if kernel == 1 else f"depthwise {kernel} × {kernel}"
            rows.append(f"| {kind} | {side} × {side} | {channels} | {batch} | {before:.0f} | {after:.0f} |")
    return rows


def microseconds(conv: nn.Module, x: torch.Tensor, grad: torch.Tensor, tries: int = 60) -> float:
    best = float("inf")
    for _ in range(tries):
        start = time.perf_counter()
        torch.autograd.grad(conv(x), (x, conv.weight), grad)
        best = min(best, time.perf_counter() - start)
    return best * 1e6


def report(arguments: argparse.Namespace) -> str:
    """The whole result as Markdown."""
    device = open_device(arguments.device)
    about = describe_device(device)
    lines = [
        "# Training one child",
        "",
        f"`python -m benchmarks.child_training {' '.join(one for one in sys.argv[1:] if one != '--write')}`".replace(
            " `", "`"
        ),
        "",
        f"{about['name']} ({about['kind']}), {about['threads']} of {os.cpu_count()} threads, torch {torch.__version__}, "
        f"Python {platform.python_version()}, {platform.system()} {platform.machine()}.",
        "",
    ]
    if arguments.kernels:
        lines += ["Forward and backward of one convolution, best of 60, in µs.", ""]
        lines += ["| convolution | map | channels | batch | torch | ours |", "|---|---|---|---|---|---|", *kernels()]
        return "\n".join(lines)
    lines += [
        f"{arguments.cells} random cells (B 5, N 1), best of {arguments.rounds} rounds each, images per second.",
        "",
    ]
    lines += ["| setting | image | F | batch | plain loop | ours | ratio |", "|---|---|---|---|---|---|---|"]
    for name in [arguments.setting] if arguments.setting else SETTINGS:
        lines += compare(name, arguments.cells, arguments.rounds, device)
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--setting", choices=SETTINGS)
    parser.add_argument("--cells", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--kernels", action="store_true")
    parser.add_argument("--write", action="store_true", help=f"also add it to {RESULTS.name}")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    text = report(arguments)
    print(text)
    if arguments.write:
        RESULTS.parent.mkdir(exist_ok=True)
        with RESULTS.open("a") as file:
            file.write(text + "\n\n")


if __name__ == "__main__":
    main()
