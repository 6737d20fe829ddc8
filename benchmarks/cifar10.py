"""One honest full training on CIFAR-10: a published cell on a small network, trained on all 50,000 images, tested once.

    .venv/bin/python -m benchmarks.cifar10 --source PATH [--cell nasnet-a --repeats 1 --filters 16 --epochs 12]

PATH holds CIFAR-10 as torchvision lays it out. Stopped and started again it goes on from its last epoch. Writes
benchmarks/results/cifar10.json: every epoch, the test error, the machine.
"""

import argparse
import json
import os
import sys
from dataclasses import asdict
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

from nas_engine import zoo  # noqa: E402
from nas_engine.config import as_dict  # noqa: E402
from nas_engine.datasets import prepare, read_info  # noqa: E402
from nas_engine.full_training import read_full_training  # noqa: E402

RESULTS = Path(__file__).parent / "results"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--source", type=Path, required=True, help="CIFAR-10 as torchvision lays it out")
    parser.add_argument("--work", type=Path, default=Path("var/cifar10-run"), help="prepared images and checkpoint")
    parser.add_argument("--cell", default="nasnet-a")
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--filters", type=int, default=16)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--out", type=Path, default=RESULTS / "cifar10.json")
    options = parser.parse_args()
    config = read_full_training(
        {
            "data": {"dataset": "cifar-10"},
            "skeleton": {"repeats": options.repeats, "filters": options.filters},
            "schedule": {"epochs": options.epochs, "warmup_epochs": 1},
            "optimizer": {"learning_rate": 0.1, "batch_size": 128, "nesterov": True, "weight_decay": 5e-4},
        }
    )
    outcome = _train(config, options)
    record = {
        "command": f"python -m benchmarks.cifar10 {' '.join(sys.argv[1:])}",
        "cell": options.cell,
        "params": outcome.blueprint.params,
        "macs": outcome.blueprint.macs,
        "test_accuracy": outcome.test_accuracy,
        "test_error_percent": round(100 * (1 - outcome.test_accuracy), 2),
        "test_images": outcome.test_images,
        "seeds": 1,
        "hours": round(outcome.seconds / 3600, 2),
        "device": outcome.device,
        "precision": outcome.precision,
        "config": as_dict(outcome.config),
        "curve": outcome.curve,
    }
    options.out.write_text(json.dumps(record, indent=1) + "\n")
    print(f"test error {record['test_error_percent']} % after {options.epochs} epochs, {record['hours']} h")
    return 0


def _train(config, options):
    from nas_engine.training.full import train_fully

    options.work.mkdir(parents=True, exist_ok=True)
    folder = options.work / "cifar-10"
    if not folder.exists():
        source = {"kind": "torchvision", "name": "cifar-10", "path": str(options.source)}
        prepare("cifar-10", "CIFAR-10", source, folder, options.source, lambda share, text: None)
    print(f"{read_info(folder).train_images:,} images to train on", flush=True)

    def report(epoch) -> None:
        said = asdict(epoch)
        kept = {name: said[name] for name in ("epoch", "train_loss", "train_accuracy", "images_per_second", "seconds")}
        print(json.dumps(kept), flush=True)

    checkpoint = options.work / "checkpoint.safetensors"
    cells = zoo.get(options.cell).cells
    return train_fully(cells, config, folder, options.device, 0, checkpoint, report, lambda: False, print)


if __name__ == "__main__":
    sys.exit(main())
