"""Full training: any cell at full size and length, resumable, tested once at the end."""

from pathlib import Path

from nas_engine.cell import Cell
from nas_engine.full_training import FullTrainingConfig
from nas_engine.training.outcome import CostEstimate, FullOutcome
from nas_engine.training.progress import Cancelled, FullReport, Log, Progress


def train_fully(
    cells: tuple[Cell, ...],
    config: FullTrainingConfig,
    dataset_folder: Path,
    device: str,
    seed: int,
    checkpoint_path: Path,
    report: FullReport,
    cancelled: Cancelled,
    log: Log,
    progress: Progress = lambda report: None,
) -> FullOutcome:
    """Train ``cells`` as ``config`` says from ``seed``, going on from the checkpoint if there is one, and test once.

    ``device`` is "cpu", "cuda", "cuda:1" or "auto". After every epoch a checkpoint is stored at ``checkpoint_path`` (a
    file; its folder must exist, and its predecessor stays beside it), then ``report`` is called; epochs that a resumed
    training finds done are not reported again, they are in the outcome's curve. ``cancelled`` is asked at every batch,
    ``progress`` is told every few seconds, ``log`` gets a sentence where something is decided by itself.
    Raises ConfigError (device, data set, or a checkpoint of something else), EvaluationFailed (diverged; out of memory
    with two images; disk full) and SearchCancelled. The checkpoint stays in all these cases, and when the training is
    done: the caller deletes it.
    """
    raise NotImplementedError


def estimate_cost(
    cells: tuple[Cell, ...], config: FullTrainingConfig, dataset_folder: Path, device: str, cancelled: Cancelled
) -> CostEstimate:
    """Time a few steps of the training itself. Raises what :func:`train_fully` raises."""
    raise NotImplementedError
