"""How much memory there is, how much was used, and whether an error says there was too little."""

import contextlib
import ctypes
import os
import resource
import sys
from pathlib import Path

import torch

# mallopt's names for: blocks taken by mmap, the size of the free end that is given back, what is taken beyond the need,
# and heaps for threads (malloc.h of glibc).
_MMAP_MAX, _TRIM_THRESHOLD, _TOP_PAD, _ARENA_MAX = -4, -1, -2, -8


def keep_freed_memory() -> None:
    """Have this process keep what it frees, for the next tensors. To be called before there are other threads.

    The C library else gives large tensors back to the system as they are freed and asks for them anew at every operation;
    a fifth of a training step went into the faults of fresh pages. Acts where that library is glibc.
    """
    if mallopt := getattr(_c_library(), "mallopt", None):
        for option, value in ((_MMAP_MAX, 0), (_TRIM_THRESHOLD, -1), (_TOP_PAD, 64 << 20), (_ARENA_MAX, 1)):
            mallopt(option, value)


def give_back_freed_memory() -> None:
    """Return to the system what :func:`keep_freed_memory` kept, until it is needed again."""
    if malloc_trim := getattr(_c_library(), "malloc_trim", None):
        malloc_trim(ctypes.c_size_t(0))


def _c_library() -> ctypes.CDLL | None:
    return ctypes.CDLL(None) if sys.platform == "linux" else None


def free_memory(device: torch.device) -> int:
    """Bytes that can still be had on ``device``; on a processor, of main memory."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except (OSError, ValueError):
        pass
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2
    except (ValueError, OSError, AttributeError):
        return 1 << 31


def forget_peak(device: torch.device) -> None:
    """Let :func:`peak_memory` count from here on, where the system allows that."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    else:
        with contextlib.suppress(OSError):
            Path("/proc/self/clear_refs").write_text("5")  # Linux: sets the peak of resident memory to what it is now


def peak_memory(device: torch.device) -> int:
    """The most bytes in use at once since :func:`forget_peak`: tensors on a GPU, the whole process on a processor."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    try:
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    except (OSError, ValueError):
        pass
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def out_of_memory(error: BaseException) -> bool:
    """Whether ``error`` says that memory ran out, on whatever device."""
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return True
    text = str(error).lower()
    return isinstance(error, RuntimeError) and any(
        words in text for words in ("can't allocate memory", "out of memory", "not enough memory")
    )
