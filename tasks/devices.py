"""What this machine computes on."""

import os
import platform
from pathlib import Path


def gpu_of(number: int, visible: str | None) -> str:
    """The CUDA_VISIBLE_DEVICES that leaves only the ``number``-th of the GPUs this process may see."""
    if visible is None:
        return str(number)
    return visible.split(",")[number].strip()


def describe_cpu(threads: int) -> dict:
    """The machine without torch: kind, name, memory in bytes, threads."""
    return {"kind": "cpu", "name": _cpu_name(), "memory": _memory(), "threads": threads}


def describe_torch(threads: int) -> dict:
    """What torch will train on in this process: its first GPU, or the CPU with so many threads. Imports torch."""
    import torch

    if torch.cuda.is_available():
        found = torch.cuda.get_device_properties(0)
        return {"kind": "cuda", "name": found.name, "memory": found.total_memory, "threads": threads}
    torch.set_num_threads(threads)
    return describe_cpu(threads)


def _cpu_name() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return " ".join(line.partition(":")[2].split())
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _memory() -> int:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError):
        return 0
