"""Single convolutions of cell networks on a processor, as torch trains them and as we do: forward and backward.

python -m benchmarks.convolutions                 best of 20 each, one thread; writes benchmarks/results/convolutions.json
python -m benchmarks.convolutions --no-write --tries 3
"""

import argparse
import json
import time
from pathlib import Path

import torch
from torch import Tensor, nn

from nas_engine.training.devices import describe_device
from nas_engine.training.kernels import processor_kernels
from nas_engine.training.memory import keep_freed_memory

RESULTS = Path(__file__).parent / "results" / "convolutions.json"
# (side, channels, batch) of a digits child's maps and of a CIFAR-10 child's.
MAPS = ((2, 32, 64), (4, 16, 64), (8, 8, 64), (8, 128, 128), (16, 64, 128), (32, 32, 128))
# (kernel, stride, dilation, depthwise)
KINDS = (
    (1, 1, 1, False), (1, 2, 1, False), (3, 1, 1, True), (5, 1, 1, True), (7, 1, 1, True),
    (3, 2, 1, True), (5, 2, 1, True), (7, 2, 1, True), (3, 1, 2, True), (5, 1, 2, True),
)  # fmt: skip


def row(side: int, channels: int, batch: int, kind: tuple, half: bool, tries: int) -> dict:
    kernel, stride, dilation, depthwise = kind
    padding = dilation * (kernel // 2)
    groups = channels if depthwise else 1
    conv = nn.Conv2d(channels, channels, kernel, stride, padding, dilation, groups, bias=False)
    conv = conv.to(memory_format=torch.channels_last)
    x = torch.randn(batch, channels, side, side, dtype=torch.bfloat16 if half else torch.float32)
    x = x.contiguous(memory_format=torch.channels_last).requires_grad_()
    before = after = float("inf")
    for _ in range(tries):  # in turn, so that what else the machine does meets both
        before = min(before, milliseconds(conv, x, half))
        with processor_kernels(conv, torch.device("cpu")):
            after = min(after, milliseconds(conv, x, half))
    return {
        "kernel": kernel, "stride": stride, "dilation": dilation, "depthwise": depthwise, "side": side,
        "channels": channels, "batch": batch, "type": "bfloat16" if half else "float32",
        "torch ms": round(before, 3), "ours ms": round(after, 3), "ratio": round(before / after, 2),
    }  # fmt: skip


def milliseconds(conv: nn.Module, x: Tensor, half: bool) -> float:
    """Of the processor, for a pass forth and back."""
    start = time.process_time()
    with torch.autocast("cpu", torch.bfloat16, enabled=half):
        output = conv(x)
    torch.autograd.grad(output, (x, conv.weight), output.detach())
    return (time.process_time() - start) * 1e3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tries", type=int, default=20)
    parser.add_argument("--no-write", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    keep_freed_memory()
    rows = []
    for half in (False, True):
        for side, channels, batch in MAPS:
            for kind in KINDS:
                if kind[2] * (kind[0] - 1) < 2 * side:
                    rows.append(row(side, channels, batch, kind, half, arguments.tries))
                    print(", ".join(f"{name} {value}" for name, value in rows[-1].items()), flush=True)
    if not arguments.no_write:
        about = {"processor": describe_device("cpu")["name"], "torch": torch.__version__, "best of": arguments.tries}
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text(json.dumps({"about": about, "rows": rows}, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
