"""The checkpoint of a long training: one safetensors file, replaced whole, with the one before it kept beside it."""

import contextlib
import errno
import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from nas_engine.errors import ConfigError, EvaluationFailed
from nas_engine.training.progress import Log

FORMAT = 1
_KEY = "nasturtium"
# An epoch's line is under 400 bytes: room for the longest training there can be.
_HEADER_LIMIT = 64 * 2**20


@dataclass(frozen=True)
class Checkpoint:
    """``tensors`` by name; ``facts`` is plain JSON data, of which "training" says what the checkpoint belongs to."""

    tensors: dict[str, Tensor]
    facts: dict


class DamagedCheckpoint(Exception):
    """The file is cut off, altered, or none of ours."""


class CheckpointFile:
    """Where the checkpoints of one training lie: ``path``, and its predecessor with ".previous" added to the name."""

    def __init__(self, path: Path):
        self.path = Path(path)
        self.previous = self.path.with_name(self.path.name + ".previous")
        self.partial = self.path.with_name(self.path.name + ".partial")

    def write(self, checkpoint: Checkpoint) -> None:
        """Store a checkpoint whole: written aside, synced to disk, then renamed, so that a good one is there at any time.

        Raises EvaluationFailed where that is not possible (disk full, no permission); what was stored before then stays.
        """
        try:
            self._write_aside(_packed(checkpoint))
            if self.path.exists():
                os.replace(self.path, self.previous)
            os.replace(self.partial, self.path)
            _sync_folder(self.path.parent)
        except OSError as error:
            with contextlib.suppress(OSError):
                self.partial.unlink(missing_ok=True)
            raise _failure(error, self.path) from error

    def _write_aside(self, data: bytes) -> None:
        with open(self.partial, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())

    def read(self, training: str, log: Log) -> Checkpoint | None:
        """The newest good checkpoint, None where there is none at all. ``training`` is what it has to belong to.

        A damaged file is set aside under ".damaged" and said through ``log``. Raises ConfigError if the checkpoints are
        all damaged, or belong to another training.
        """
        damaged = []
        for path in (self.path, self.previous):
            if not path.exists():
                continue
            try:
                checkpoint = _unpacked(path)
            except DamagedCheckpoint as error:
                damaged.append(path)
                log(f"The checkpoint {path.name} is damaged ({error}).")
                continue
            if checkpoint.facts.get("training") != training:
                raise ConfigError(f"The checkpoint {path} belongs to another training. Move it away.", "checkpoint")
            if damaged:
                aside = self.path.with_name(self.path.name + ".damaged")
                os.replace(self.path, aside)
                log(
                    f"Going on from the one before, of epoch {checkpoint.facts['epoch']}; the damaged one is {aside.name}."
                )
            return checkpoint
        if damaged:
            names = " and ".join(str(path) for path in damaged)
            raise ConfigError(f"Damaged beyond use: {names}. Move it away to begin the training anew.", "checkpoint")
        return None

    def delete(self) -> None:
        """Remove the checkpoint and its predecessor."""
        for path in (self.path, self.previous, self.partial):
            path.unlink(missing_ok=True)


def _packed(checkpoint: Checkpoint) -> bytes:
    from safetensors.torch import save

    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in checkpoint.tensors.items()}
    facts = {**checkpoint.facts, "format": FORMAT, "sum": _checksum(tensors)}
    return save(tensors, metadata={_KEY: json.dumps(facts, allow_nan=False)})


def _unpacked(path: Path) -> Checkpoint:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(str(path), "pt") as file:
            text = (file.metadata() or {}).get(_KEY, "")
            if not text or len(text) > _HEADER_LIMIT:
                raise DamagedCheckpoint("it is no checkpoint")
            facts = json.loads(text)
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dictionary)
    except (SafetensorError, OSError, ValueError) as error:
        raise DamagedCheckpoint(str(error).splitlines()[0][:120] if str(error) else "unreadable") from None
    if not isinstance(facts, dict) or facts.get("format") != FORMAT:
        raise DamagedCheckpoint("it is of another format")
    if facts.pop("sum", None) != _checksum(tensors):
        raise DamagedCheckpoint("its numbers were altered")
    return Checkpoint(tensors, facts)


def _checksum(tensors: dict[str, Tensor]) -> str:
    """Of all bytes: a file of the right length may still hold wrong ones after a crash of the machine."""
    import torch

    digest = hashlib.blake2b(digest_size=16)
    for name in sorted(tensors):
        digest.update(f"{name} {tensors[name].dtype} {list(tensors[name].shape)}".encode())
        digest.update(tensors[name].contiguous().reshape(-1).view(torch.uint8).numpy())
    return digest.hexdigest()


def _sync_folder(folder: Path) -> None:
    """Make the renames last; some systems cannot, and then need not."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _failure(error: OSError, path: Path) -> EvaluationFailed:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return EvaluationFailed(
            f"The disk is full: no checkpoint could be stored in {path.parent}",
            "Make room, then resume; the checkpoint before is kept",
        )
    return EvaluationFailed(
        f"No checkpoint could be stored at {path} ({error.strerror or error})",
        "See that the folder exists and may be written to, then resume",
    )
