"""What this machine computes on, for the Workers page and for giving each worker its own GPU."""

import platform


def gpu_of(number: int, visible: str | None) -> str:
    """The CUDA_VISIBLE_DEVICES that leaves only the ``number``-th of the GPUs this process may see, counted from 0.

    Raises IndexError if there are fewer.
    """
    if visible is None:
        return str(number)
    return [name.strip() for name in visible.split(",") if name.strip()][number]


def describe_trainer(threads: int) -> dict:
    """What torch will train on in this process: its first GPU, or the CPU with so many threads. Imports torch."""
    import torch

    from nas_engine.training.devices import describe_device
    from nas_engine.training.memory import keep_freed_memory

    if not torch.cuda.is_available():
        torch.set_num_threads(threads)
        keep_freed_memory()
    return describe_device("auto")


def describe_coordinator(threads: int) -> dict:
    """A process that trains nothing, described without torch."""
    return {"kind": "cpu", "name": platform.processor() or platform.machine(), "memory": 0, "threads": threads}
