"""What the machine offers, and which number format and memory layout pay on it."""

import functools
import os
import platform
import statistics
import time
from pathlib import Path

import torch
from torch import nn

from nas_engine.errors import ConfigError
from nas_engine.training.kernels import processor_kernels

# How much faster bfloat16 must be on a processor before "auto" takes it: beyond the noise of the measurement, so that one
# machine always decides the same.
_WORTH_IT = 1.2
_TRIALS = 5
# On smaller batches a processor loses more by converting numbers than it gains by shorter ones.
_LEAST_PIXELS = 1 << 14


def open_device(name: str) -> torch.device:
    """The device called ``name``: "cpu", "cuda", "cuda:1", or "auto" for the first GPU, else the processor.

    Raises ConfigError where there is no such device.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    kind, _, index = name.partition(":")
    if kind == "cpu" and not index:
        return torch.device("cpu")
    if kind == "cuda" and (not index or index.isdigit()):
        number = int(index or 0)
        if number < torch.cuda.device_count():
            return torch.device("cuda", number)
        raise ConfigError(f"There is no GPU {number} here; torch sees {torch.cuda.device_count()}.", "device")
    raise ConfigError(f"{name!r} is not a device. Take cpu, cuda, cuda:0, ... or auto.", "device")


def describe_device(device: torch.device | str = "auto") -> dict:
    """{"kind": "cpu" or "cuda", "name": the model's name, "memory": bytes, "threads": threads torch computes with}."""
    device = open_device(str(device))
    if device.type == "cuda":
        about = torch.cuda.get_device_properties(device)
        return {"kind": "cuda", "name": about.name, "memory": about.total_memory, "threads": torch.get_num_threads()}
    return {"kind": "cpu", "name": _processor(), "memory": _memory(), "threads": torch.get_num_threads()}


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.lower().startswith(("model name", "hardware")):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _memory() -> int:
    """Bytes of main memory, 0 where the system does not say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError, AttributeError):
        return 0


def autocast_dtype(precision: str, device: torch.device, pixels: int = _LEAST_PIXELS) -> torch.dtype | None:
    """The type that training computes in beside float32: bfloat16, or None for float32 alone.

    "auto" takes bfloat16 on GPUs that compute with it, and on processors that do (AMX, AVX-512 BF16) if a trial run
    shows that it pays and a batch has enough ``pixels``. "bfloat16" is taken at its word.
    """
    if precision == "bfloat16" or (precision == "auto" and _bfloat16_pays(device, pixels)):
        return torch.bfloat16
    return None


def _bfloat16_pays(device: torch.device, pixels: int) -> bool:
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    if pixels < _LEAST_PIXELS:
        return False
    supported = (getattr(torch.cpu, f"_is_{name}_supported", lambda: False)() for name in ("amx_tile", "avx512_bf16"))
    return any(supported) and _bfloat16_speedup() > _WORTH_IT


@functools.cache
def _bfloat16_speedup() -> float:
    """How many times faster separable convolutions train in bfloat16 than in float32 on this processor, measured once.

    Of processor time, in turn, the median: what else the machine does decides little.
    """
    generator = torch.Generator().manual_seed(0)
    layers = [
        layer
        for kernel in (5, 3)
        for layer in (
            nn.Conv2d(32, 32, kernel, padding=kernel // 2, groups=32, bias=False),
            nn.Conv2d(32, 32, 1, bias=False),
            nn.BatchNorm2d(32),
            nn.ReLU(),
        )
    ]
    block = nn.Sequential(*layers).to(memory_format=torch.channels_last)
    images = torch.randn(64, 32, 32, 32, generator=generator).contiguous(memory_format=torch.channels_last)

    def seconds(half: bool) -> float:
        start = time.process_time()
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            loss = block(images).float().square().mean()
        loss.backward()
        return time.process_time() - start

    with processor_kernels(block, torch.device("cpu")):
        seconds(False), seconds(True)
        return statistics.median(seconds(False) / seconds(True) for _ in range(_TRIALS))


def memory_format(device: torch.device) -> torch.memory_format:
    """Channels last on processors and GPUs: oneDNN trains cells on it 1.1 to 20 times faster, and tensor cores want it."""
    return torch.channels_last if device.type in ("cpu", "cuda") else torch.contiguous_format
