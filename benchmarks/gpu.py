"""How fast children train on a GPU. Needs torch 2.11 or newer, torchvision and NumPy; no Django.

    python -m benchmarks.gpu                                plain loop against ours, a whole child, children side by side
    python -m benchmarks.gpu --images var/datasets/cifar-10 real images instead of random bytes
    python -m benchmarks.gpu --children 1,2,4,8             so many children at once, a process each
    python -m benchmarks.gpu --device cpu --quick           only to see that everything runs

1. The child of Zoph et al. 2018 (NASNet-A, N = 2, F = 32, 32 x 32, batch 128): images per second of a plain loop (see
   benchmarks/training_loops.py), of the same with one lever after the other, and of ours, in rounds, medians.
2. The paper's protocol: 20 epochs of 45,000 images and 5,000 for valid after each; seconds a child, all included.
3. Several children at once on the GPU: children per GPU-hour. CUDA's MPS daemon, where it runs, lets their kernels overlap.

Writes benchmarks/results/gpu.json; --no-write leaves it out.
"""

import argparse
import json
import multiprocessing
import os
import platform
import shlex
import statistics
import sys
import time
from dataclasses import replace
from datetime import date
from pathlib import Path

import torch

from benchmarks.training_loops import MEAN, SETTINGS, STD, OurLoop, PlainLoop, Setting, cells_of, network, pictures
from nas_engine.errors import ConfigError
from nas_engine.training.devices import describe_device, memory_format, open_device
from nas_engine.training.images import DeviceImages
from nas_engine.training.loop import train

RESULTS = Path(__file__).parent / "results" / "gpu.json"
CHILD = replace(SETTINGS["cifar-10, N 2, F 32"], batch=128, steps=100)
QUICK = replace(CHILD, shape=(3, 8, 8), repeats=1, filters=4, batch=16, steps=5, crop=1)
EPOCHS, TRAIN, VALID = 20, 45_000, 5_000
# What is changed on a GPU, one after the other; ours adds the recorded step.
LEVERS = ("batch augmentation", "flat SGD", "channels last", "bfloat16")


def loops_of(setting: Setting, data, device: torch.device) -> dict:
    cells = cells_of(setting)[0]
    workers = 0 if device.type == "cpu" else min(8, os.cpu_count() or 1)
    loops = {"plain": PlainLoop(setting, cells, data, device, (), workers)}
    for count, name in enumerate(LEVERS, start=1):
        loops[f"+ {name}"] = PlainLoop(setting, cells, data, device, LEVERS[:count])
    loops["ours"] = OurLoop(setting, cells, data, device)
    return loops


def compare(setting: Setting, folder: Path | None, rounds: int, device: torch.device) -> dict:
    """Images per second of every loop, by rounds, and of each the ratio to the plain one."""
    loops = loops_of(setting, pictures(setting, folder), device)
    for loop in loops.values():
        loop.epoch()  # chooses kernels, starts loaders, records the step
    speeds: dict[str, list[float]] = {name: [] for name in loops}
    for _ in range(rounds):
        for name, loop in loops.items():
            wait(device)
            started = time.perf_counter()
            loop.epoch()
            wait(device)
            speeds[name].append(setting.images / (time.perf_counter() - started))
    result = {}
    for name, values in speeds.items():
        ratios = [one / plain for one, plain in zip(values, speeds["plain"], strict=True)]
        result[name] = {
            "images per second": statistics.median(values),
            "ratio": statistics.median(ratios),
            "least": min(ratios),
            "most": max(ratios),
            "rounds": values,
        }
        print(
            f"{name}: {result[name]['images per second']:.0f} images/s, {result[name]['ratio']:.2f} times plain "
            f"(n {rounds}, {min(ratios):.2f} to {max(ratios):.2f})",
            flush=True,
        )
    return result


def child(setting: Setting, folder: Path | None, epochs: int, counts: tuple[int, int], device: torch.device) -> dict:
    """Train a child as a search does; seconds for everything and for each epoch."""
    images, labels = pictures(setting, folder, sum(counts))
    statistic = ([MEAN] * setting.shape[0], [STD] * setting.shape[0])
    parts = [
        DeviceImages(images[at], labels[at], *statistic, device)
        for at in (slice(counts[0]), slice(counts[0], sum(counts)))
    ]
    wait(device)
    started = time.perf_counter()
    model = network(setting, cells_of(setting)[0]).to(device, memory_format=memory_format(device))
    built = time.perf_counter()
    config = replace(setting.config, epochs=epochs, learning_rate=0.025)
    reports = train(model, *parts, config, lambda report: None, lambda: False)
    wait(device)
    return {
        "seconds": time.perf_counter() - started,
        "build": built - started,
        "epochs": [report.seconds for report in reports],
        "images per second": statistics.median(report.images_per_second for report in reports),
        "valid accuracy": reports[-1].valid_accuracy if folder else None,
    }


def one_of_several(arguments: tuple, start, results) -> None:
    *rest, device = arguments
    torch.set_num_threads(1)
    device = open_device(device)
    child(*rest[:2], 1, *rest[3:], device)  # the first one in a process pays for loading the libraries
    start.wait()
    began = time.monotonic()
    found = child(*rest, device)
    results.put((began, time.monotonic(), found))


def side_by_side(number: int, arguments: tuple, epochs: int) -> dict:
    """``number`` children at once, ``epochs`` of the protocol's 20 epochs each."""
    context = multiprocessing.get_context("spawn")
    start, results = context.Barrier(number), context.Queue()
    processes = [context.Process(target=one_of_several, args=(arguments, start, results)) for _ in range(number)]
    for process in processes:
        process.start()
    done = [results.get(timeout=3600) for _ in processes]
    for process in processes:
        process.join()
    seconds = max(one[1] for one in done) - min(one[0] for one in done)
    steady = statistics.mean(second for one in done for second in one[2]["epochs"][1:] or one[2]["epochs"])
    whole = seconds + (EPOCHS - epochs) * steady
    result = {"children": number, "seconds for 20 epochs": whole, "children per hour": 3600 * number / whole}
    print(f"{number} at once: {whole:.1f} s, {result['children per hour']:.0f} children per hour", flush=True)
    return result


def wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def about(arguments: argparse.Namespace, device: torch.device) -> dict:
    return {
        "command": f"python -m benchmarks.gpu {shlex.join(sys.argv[1:])}".strip(),
        "date": date.today().isoformat(),
        "device": describe_device(device),
        "processor cores": os.cpu_count(),
        "torch": torch.__version__,
        "cuda": torch.version.cuda if device.type == "cuda" else None,
        "cudnn": torch.backends.cudnn.version() if device.type == "cuda" else None,
        "python": platform.python_version(),
        "images": "a prepared data set" if arguments.images else "random bytes",
        "n": arguments.rounds,
    }


def measure(arguments: argparse.Namespace, device: torch.device) -> dict:
    setting = QUICK if arguments.quick else CHILD
    counts = (80, 16) if arguments.quick else (TRAIN, VALID)
    epochs = 2 if arguments.quick else EPOCHS
    result = {"about": about(arguments, device), "loops": compare(setting, arguments.images, arguments.rounds, device)}
    wait(device)
    alone = child(setting, arguments.images, epochs, counts, device)
    result["child"] = alone
    print(f"a child of {epochs} epochs of {counts[0]} images: {alone['seconds']:.1f} s", flush=True)
    shared = (setting, arguments.images, arguments.epochs, counts, arguments.device)
    result["side by side"] = [
        side_by_side(int(number), shared, arguments.epochs) for number in arguments.children.split(",") if number
    ]
    return result


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--images", type=Path, help="the folder of a prepared data set; default: random bytes")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--children", default="1,2,4", help="how many at once, each in a process; empty: none")
    parser.add_argument("--epochs", type=int, default=3, help="of those side by side; the rest of 20 is reckoned")
    parser.add_argument("--quick", action="store_true", help="tiny networks, to see that it runs")
    parser.add_argument("--no-write", action="store_true")
    arguments = parser.parse_args()
    try:
        device = open_device(arguments.device)
    except ConfigError as error:
        print(f"Nothing was measured: {error}", file=sys.stderr)
        return 2
    result = measure(arguments, device)
    if not arguments.no_write:
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text(json.dumps(result, indent=1) + "\n", "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
