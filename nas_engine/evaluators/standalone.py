"""Training each child from scratch by itself: slow and faithful (Zoph et al. 2018, section 4.1)."""

import functools
import gc
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from nas_engine.blueprint import Blueprint, build_blueprint
from nas_engine.datasets import DatasetInfo, read_info, read_split, split_indices
from nas_engine.errors import ConfigError, EvaluationFailed
from nas_engine.evaluators.base import Cancelled, Evaluator, Outcome, Report
from nas_engine.evaluators.latency_table import table_latency
from nas_engine.evaluators.settings import StandaloneConfig
from nas_engine.graph_cell import AnyCell
from nas_engine.networks import build, weights_of
from nas_engine.protocol import DataConfig, Protocol
from nas_engine.reward import best_of_last
from nas_engine.training.clock import Clock
from nas_engine.training.devices import describe_device, memory_format, open_device
from nas_engine.training.images import DeviceImages
from nas_engine.training.latency import measure_latency
from nas_engine.training.loop import train
from nas_engine.training.memory import give_back_freed_memory, out_of_memory
from nas_engine.training.randomness import seeded
from nas_engine.trial import Evaluation


@dataclass(frozen=True)
class _Parts:
    info: DatasetInfo
    train: DeviceImages
    valid: DeviceImages


class StandaloneEvaluator(Evaluator):
    """Trains a child as ``protocol`` says, on the prepared data set in ``dataset_folder``.

    ``device`` is "cpu", "cuda", "cuda:1" or "auto". The outcome is a function of (cells, protocol): the weights, the order
    of images and their augmentation come from the protocol's seed, whatever the process did before; ``config`` says where
    the latency comes from. Raises ConfigError
    where the device does not exist or the images are not those of the protocol.
    """

    def __init__(self, protocol: Protocol, dataset_folder: Path, device: str, config: StandaloneConfig | None = None):
        self.protocol, self.folder = protocol, Path(dataset_folder)
        self.config = config or StandaloneConfig()
        self.device = open_device(device)
        found = read_info(self.folder).fingerprint
        if found != protocol.dataset_fingerprint:
            raise ConfigError(
                f"The images of {protocol.data.dataset} on this machine are not those the protocol names.",
                "data.dataset",
            )

    def evaluate(self, cells: tuple[AnyCell, ...], report: Report, cancelled: Cancelled) -> Outcome:
        """Train, measure and return the child. Raises EvaluationFailed, SearchCancelled."""
        try:
            return self._evaluate(cells, report, cancelled)
        except (MemoryError, RuntimeError) as error:
            if not out_of_memory(error):
                raise
        finally:
            give_back_freed_memory()
        # Only past the except block is the traceback gone that keeps the child's tensors alive.
        gc.collect()
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
        where = describe_device(self.device)
        raise EvaluationFailed(
            f"Out of memory on {where['name']} ({where['memory'] / 2**30:.0f} GB) with batches of "
            f"{self.protocol.training.batch_size}",
            "Take a smaller batch, fewer filters, or fewer workers on this device",
        )

    def _evaluate(self, cells: tuple[AnyCell, ...], report: Report, cancelled: Cancelled) -> Outcome:
        clock = Clock()
        parts = _parts(self.folder, self.protocol.dataset_fingerprint, self.protocol.data, self.device)
        clock.lap("data")
        info = parts.info
        blueprint = build_blueprint(cells, self.protocol.skeleton, info.image_shape, len(info.classes))
        latency = self._of_table(cells, blueprint)  # a table that lacks something is to be known before the training
        with seeded(self.protocol.training.seed, self.device):
            model = build(blueprint).to(self.device, memory_format=memory_format(self.device))
            clock.lap("build")
            reports = train(model, parts.train, parts.valid, self.protocol.training, report, cancelled)
        clock.lap("train")
        clock.move(sum(one.valid_seconds for one in reports), "train", "evaluate")
        if self.config.latency == "measured":
            latency |= measure_latency(model, info.image_shape, self.device, self.config)
        clock.lap("latency")
        timings = clock.total()
        evaluation = Evaluation(
            valid_accuracy=reports[-1].valid_accuracy,
            params=blueprint.params,
            macs=blueprint.macs,
            latency=latency.get("median"),
            seconds=timings["total"],
            protocol=self.protocol.fingerprint(),
            best_accuracy=best_of_last([one.valid_accuracy for one in reports]),
        )
        return Outcome(
            evaluation,
            weights_of(model),
            blueprint,
            [asdict(one) for one in reports],
            timings,
            info.classes,
            {"mean": list(info.mean), "std": list(info.std)},
            describe_device(self.device),
            latency,
        )

    def _of_table(self, cells: tuple[AnyCell, ...], blueprint: Blueprint) -> dict:
        """What is known of the latency beforehand: the "way" it is obtained, and from a table its "median"."""
        about: dict = {"way": self.config.way()}
        if self.config.latency == "table":
            about["median"] = table_latency(self.config.latency_table, cells, blueprint)
        return about


@functools.lru_cache(1)
def _parts(folder: Path, fingerprint: str, data: DataConfig, device: torch.device) -> _Parts:
    """Both parts on the device. The last ones stay there: a worker's next child mostly trains on the same images."""
    info = read_info(folder)
    images, labels = read_split(folder, "train")
    train_at, valid_at = split_indices(labels, data)
    train_images, valid_images = (
        DeviceImages(images[at], labels[at], info.mean, info.std, device) for at in (train_at, valid_at)
    )
    return _Parts(info, train_images, valid_images)
