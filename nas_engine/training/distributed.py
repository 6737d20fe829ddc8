"""All GPUs of one machine on one training: a process each, gradients averaged by PyTorch's DistributedDataParallel.

The calling process is rank 0 and stays in charge: it measures, stores checkpoints and reports. The others run this module
as a program, get the job as a JSON file, and end with it, whatever ends it.
"""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import torch

from nas_engine.errors import EvaluationFailed
from nas_engine.full_training import FullTrainingConfig
from nas_engine.training.checkpoint import CheckpointFile
from nas_engine.training.full_job import FullJob
from nas_engine.training.full_trainer import Share
from nas_engine.training.memory import out_of_memory
from nas_engine.training.randomness import seeded

ROOT = Path(__file__).parents[2]
# While rank 0 measures and stores, the others wait in their next step.
_PATIENCE = timedelta(hours=2)
_OUT_OF_MEMORY = 77
_GRACE = 10.0


def world_size(config: FullTrainingConfig, device: torch.device) -> int:
    """How many processes train together on this machine."""
    return max(1, device_count(device)) if config.hardware.devices == "all" else 1


def device_count(device: torch.device) -> int:
    return torch.cuda.device_count() if device.type == "cuda" else 1


@contextlib.contextmanager
def processes(
    job: FullJob, device: torch.device, world: int, facts: dict, checkpoints: CheckpointFile
) -> Iterator[Share]:
    """While the block runs, ``world - 1`` further processes take their shares of the job; the block gets rank 0's.

    They begin where the checkpoint that ``facts`` describes ends. Raises EvaluationFailed if one of them fails, a
    MemoryError if it was for lack of memory.
    """
    if world == 1:
        yield Share()
        return
    with tempfile.TemporaryDirectory(prefix="nasturtium-") as folder:
        order = {
            "job": job.as_json(),
            "facts": {name: facts[name] for name in ("training", "epoch", "batch", "precision")},
            "checkpoint": str(checkpoints.path.resolve()),
            "meeting": str(Path(folder) / "meeting"),
            "kind": device.type,
            "world": world,
            "threads": torch.get_num_threads(),
        }
        path = Path(folder) / "job.json"
        path.write_text(json.dumps(order))
        helpers = [_start(path, rank) for rank in range(1, world)]
        watch = _Watch(helpers)
        try:
            join(order, 0, device)
            yield Share(0, world)
        except RuntimeError as error:
            if out_of_memory(error):
                raise
            watch.explain(error)
            raise
        finally:
            watch.stop()
            for helper in helpers:
                _end(helper)
            leave()


def join(order: dict, rank: int, device: torch.device) -> None:
    """Meet the other processes."""
    import torch.distributed as dist

    backend = "nccl" if device.type == "cuda" else "gloo"
    if device.type == "cuda":
        torch.cuda.set_device(device)
    store = dist.FileStore(order["meeting"], order["world"])
    dist.init_process_group(backend, store=store, rank=rank, world_size=order["world"], timeout=_PATIENCE)


def leave() -> None:
    import torch.distributed as dist

    if dist.is_initialized():
        with contextlib.suppress(RuntimeError):
            dist.destroy_process_group()


def _start(path: Path, rank: int) -> subprocess.Popen:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
    command = [sys.executable, "-m", "nas_engine.training.distributed", str(path), str(rank)]
    return subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)


def _end(helper: subprocess.Popen) -> None:
    if helper.poll() is None:
        helper.terminate()
        try:
            helper.wait(_GRACE)
        except subprocess.TimeoutExpired:
            helper.kill()
            helper.wait()
    helper.stderr.close()


class _Watch:
    """Sees to it that a helper's end does not leave rank 0 waiting for it."""

    def __init__(self, helpers: list[subprocess.Popen]):
        self.helpers, self.ended = helpers, threading.Event()
        threading.Thread(target=self._look, daemon=True).start()

    def _look(self) -> None:
        while not self.ended.wait(1.0):
            if any(helper.poll() not in (None, 0) for helper in self.helpers):
                _abort()
                return

    def stop(self) -> None:
        self.ended.set()

    def explain(self, error: RuntimeError) -> None:
        """Raise what ended a helper, if one did: its end shows in rank 0 as a broken connection."""
        deadline = time.monotonic() + _GRACE
        while time.monotonic() < deadline and all(helper.poll() is None for helper in self.helpers):
            time.sleep(0.1)
        for rank, helper in enumerate(self.helpers, start=1):
            if helper.poll() == _OUT_OF_MEMORY:
                raise MemoryError(f"out of memory on device {rank}") from error
            if helper.poll():
                last = helper.stderr.read().decode(errors="replace").strip().splitlines()[-1:]
                reason = f"The process of device {rank} ended ({last[0][:200] if last else helper.poll()})"
                raise EvaluationFailed(reason, "Resume, or train on one device") from error


def _abort() -> None:
    """Break off the group's collective calls, which else wait for a process that is gone."""
    import torch.distributed.distributed_c10d as c10d

    with contextlib.suppress(Exception):
        c10d._abort_process_group()


def _follow_parent() -> None:
    """End when the process in charge is gone."""
    parent = os.getppid()

    def look() -> None:
        while os.getppid() == parent:
            time.sleep(1.0)
        os._exit(1)

    threading.Thread(target=look, daemon=True).start()


def helper(path: str, rank: int) -> None:
    """Take part as ``rank`` until the training is done."""
    order = json.loads(Path(path).read_text())
    torch.set_num_threads(order["threads"])
    device = torch.device("cuda", rank) if order["kind"] == "cuda" else torch.device("cpu")
    job, facts = FullJob.from_json(order["job"]), order["facts"]
    images, _ = job.images(device)
    join(order, rank, device)
    with seeded(job.seed, device):
        share = Share(rank, order["world"])
        quiet = (lambda: False, lambda report: None)
        trainer = job.trainer(images, device, facts["batch"], facts["precision"], share, *quiet)
        if facts["epoch"]:
            found = CheckpointFile(Path(order["checkpoint"])).read(facts["training"], lambda text: None)
            trainer.load_state(found.tensors)
        for epoch in range(facts["epoch"] + 1, job.config.schedule.epochs + 1):
            trainer.epoch(epoch)
    leave()


def main() -> int:
    _follow_parent()
    try:
        helper(sys.argv[1], int(sys.argv[2]))
    except (MemoryError, RuntimeError) as error:
        print(error, file=sys.stderr)
        return _OUT_OF_MEMORY if out_of_memory(error) else 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
