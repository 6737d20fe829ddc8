"""Memory that a training process keeps and gives back; in a process of its own, since it is set for good."""

import platform
import subprocess
import sys

import pytest

CODE = """
import resource
import torch
from nas_engine.training.memory import give_back_freed_memory, keep_freed_memory

if {keep}:
    keep_freed_memory()
torch.set_num_threads(1)

def resident():
    return int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize()

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for size in (9, 17, 33) * 4:
        torch.zeros(size << 18).add_(1)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

faults()
print(faults())
kept = resident()
give_back_freed_memory()
print(kept - resident())
"""


def measured(keep: bool) -> tuple[int, int]:
    """(faults of pages while tensors come and go, bytes given back afterwards)."""
    done = subprocess.run([sys.executable, "-c", CODE.format(keep=keep)], capture_output=True, text=True, check=True)
    return tuple(int(line) for line in done.stdout.split())


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="concerns glibc")
def test_freed_memory_is_used_again_and_given_back_in_the_end():
    usual, _ = measured(keep=False)
    faults, returned = measured(keep=True)
    assert faults < 100 < 10_000 < usual
    assert returned > 30 << 20
