"""One weight-sharing search from beginning to end: an epoch at a time, resumable after each."""

import hashlib
import json
import time
from pathlib import Path

import torch
from torch import Tensor

from nas_engine.blueprint.enas_macro import draft_macro_supernet
from nas_engine.blueprint.supernet import darts_rules, draft_supernet, enas_rules
from nas_engine.config import as_dict
from nas_engine.datasets import read_info, read_split, split_indices
from nas_engine.errors import ConfigError, EvaluationFailed
from nas_engine.evaluators.supernet.config import SINGLE_PATH, SupernetConfig, check_skeleton
from nas_engine.evaluators.supernet.differentiable import GDAS, Differentiable
from nas_engine.evaluators.supernet.enas import ENAS, MacroENAS
from nas_engine.evaluators.supernet.method import Epoch, Method
from nas_engine.evaluators.supernet.one_shot import RandomPaths, SinglePathOneShot
from nas_engine.evaluators.supernet.records import Derived, EpochRecord, Report
from nas_engine.evaluators.supernet.session import Session, derived_seed
from nas_engine.networks.supernet import MacroSupernet, Supernet
from nas_engine.operations import DARTS_OPERATIONS, ENAS_OPERATIONS
from nas_engine.protocol import DataConfig, SkeletonConfig
from nas_engine.search_spaces.darts import DARTSConfig, DARTSSpace
from nas_engine.search_spaces.enas import ENASConfig, ENASSpace
from nas_engine.search_spaces.enas_macro import ENASMacroConfig, ENASMacroSpace
from nas_engine.training.devices import describe_device, open_device
from nas_engine.training.images import DeviceImages
from nas_engine.training.memory import out_of_memory, peak_memory
from nas_engine.training.progress import Cancelled

TARGETS = {
    "darts": Differentiable, "pc-darts": Differentiable, "gdas": GDAS, "enas-micro": ENAS, "enas-macro": MacroENAS,
    "rs-ws": RandomPaths, "spos": SinglePathOneShot,
}  # fmt: skip


class SupernetSearch:
    """Search on the prepared data set in ``dataset_folder``; ``device`` is "cpu", "cuda", "cuda:1" or "auto".

    The weights train on the train part of ``data``; its valid part (half of the images for DARTS, a tenth for ENAS) trains
    alphas and controllers and scores paths. What comes out is a function of the arguments. Raises ConfigError where they
    do not fit together.
    """

    def __init__(
        self,
        config: SupernetConfig,
        skeleton: SkeletonConfig,
        data: DataConfig,
        dataset_folder: Path,
        device: str,
        seed: int,
    ):
        check_skeleton(config, skeleton)
        self.config, self.skeleton, self.data, self.seed = config, skeleton, data, seed
        self.device = open_device(device)
        self.info = read_info(Path(dataset_folder))
        images, labels = read_split(Path(dataset_folder), "train")
        train, valid = (
            DeviceImages(images[at], labels[at], self.info.mean, self.info.std, self.device)
            for at in split_indices(labels, data)
        )
        self.epoch, self.finished, self.skip_weights = 0, False, []
        with torch.random.fork_rng([]):
            torch.manual_seed(derived_seed(seed, "weights"))
            net, space = build_supernet(config, skeleton, self.info.image_shape, len(self.info.classes))
        self.session = Session(config, net.to(self.device), train, valid, seed)
        self.method: Method = TARGETS[config.method](self.session, space)

    @property
    def space(self):
        """The search space that derived architectures belong to."""
        return self.method.space

    def run_epoch(self, report: Report, cancelled: Cancelled) -> EpochRecord:
        """Train the next epoch and say how it went. ``report`` and ``cancelled`` are called at every batch.

        Raises EvaluationFailed when the loss is no longer finite or memory runs out, SearchCancelled when ``cancelled()``
        is true. Either leaves the epoch half done: make the search anew and load the last state.
        """
        if self.finished:
            raise ConfigError("This search has had all its epochs.", "weights.epochs")
        self.epoch += 1
        started = time.perf_counter()
        try:
            with self.session.open(self.epoch, report, cancelled):
                trained = self.method.epoch()
                rate = self.session.learning_rate()
        except (MemoryError, RuntimeError) as error:
            if not out_of_memory(error):
                raise
            raise EvaluationFailed(
                f"Out of memory on {describe_device(self.device)['name']} with batches of {self.session.batch_size}",
                "Take a smaller batch, fewer filters or cells, or partial channels (PC-DARTS)",
            ) from None
        return self._record(trained, rate, time.perf_counter() - started)

    def derive(self, count: int, report: Report, cancelled: Cancelled) -> list[Derived]:
        """Up to ``count`` different architectures, the one to be retrained first; all but unscored ones with their
        supernet scores. May be called after any epoch, and changes nothing."""
        with self.session.open(self.epoch, report, cancelled):
            return self.method.derive(count)

    # Records

    def _record(self, trained: Epoch, rate: float, seconds: float) -> EpochRecord:
        totals, derived = trained.train, trained.derived
        skips, places = count_skips(derived)
        reason = self._stops(skips)
        self.finished = bool(reason) or self.epoch >= self.config.weights.epochs
        weight = skips / max(1, places) if trained.skip_weight is None else trained.skip_weight
        self.skip_weights.append(round(weight, 6))
        return EpochRecord(
            epoch=self.epoch,
            epochs=self.config.weights.epochs,
            learning_rate=rate,
            train_loss=float(totals.loss) / totals.images,
            train_accuracy=int(totals.right) / totals.images,
            valid_loss=trained.valid_loss,
            valid_accuracy=trained.valid_accuracy,
            seconds=seconds,
            images_per_second=totals.images / seconds,
            memory=peak_memory(self.device),
            derived=derived.as_json(),
            skips=skips,
            skip_places=places,
            alarm=self._alarm(skips, places),
            finished=self.finished,
            reason=reason,
            **trained.details,
        )

    def _stops(self, skips: int) -> str:
        """Why the search ends early, if it does (DARTS+, Liang et al. 2019)."""
        most, settled = self.config.alphas.most_skips, self.epoch > self.config.alphas.frozen_epochs + 1
        if not most or not settled or skips < most or self.epoch >= self.config.weights.epochs:
            return ""
        return f"The normal cell has {skips} skip connections; the search was to end at {most}."

    def _alarm(self, skips: int, places: int) -> str:
        """A sentence once skips take a large and growing part of the normal cell: the way DARTS is known to fail."""
        share = skips / max(1, places)
        rising = len(self.skip_weights) > 1 and self.skip_weights[-1] >= self.skip_weights[-2]
        if share < self.config.skip_alarm or not rising or self.config.method in SINGLE_PATH:
            return ""
        return (
            f"Skip connections are taking over: {skips} of the {places} operations of the normal cell. "
            "Stop early, search with partial channels, or give the alphas fewer epochs."
        )

    # Checkpoints

    def state(self) -> tuple[dict[str, Tensor], dict]:
        """All that the next epoch depends on, as copies on the processor: named tensors and JSON."""
        tensors, data = self.method.state()
        tensors = {**self.session.state(), **tensors}
        kept = {name: value.detach().to("cpu", copy=True).contiguous() for name, value in tensors.items()}
        return kept, {
            "made_for": self._made_for(),
            "epoch": self.epoch,
            "finished": self.finished,
            "skip_weights": list(self.skip_weights),
            "method": data,
        }

    def load_state(self, tensors: dict[str, Tensor], data: dict) -> None:
        """Go on from :meth:`state` of a search made with the same arguments. Raises ConfigError for another's."""
        if data.get("made_for") != self._made_for():
            raise ConfigError("This checkpoint belongs to a search with other settings or images.", "checkpoint")
        mine = {**self.session.state(), **self.method.state()[0]}
        if mine.keys() != tensors.keys() or any(mine[name].shape != tensors[name].shape for name in mine):
            raise ConfigError("This checkpoint is incomplete or of another version.", "checkpoint")
        self.session.load_state(tensors)
        self.method.load_state(tensors, data["method"])
        self.epoch, self.finished = data["epoch"], data["finished"]
        self.skip_weights = list(data["skip_weights"])

    def _made_for(self) -> str:
        parts = [as_dict(part) for part in (self.config, self.skeleton, self.data)]
        text = json.dumps([*parts, self.info.fingerprint, self.seed], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]


def build_supernet(
    config: SupernetConfig, skeleton: SkeletonConfig, image_shape: tuple[int, int, int], classes: int
) -> tuple[Supernet | MacroSupernet, DARTSSpace | ENASSpace | ENASMacroSpace]:
    """The method's supernet with fresh weights out of torch's global generator, and its search space."""
    if config.method == "enas-macro":
        plan = draft_macro_supernet(skeleton, config.layers, tuple(image_shape), classes)
        return MacroSupernet(plan), ENASMacroSpace(ENASMacroConfig(config.layers))
    if config.method == "enas-micro":
        operations = config.operations or ENAS_OPERATIONS
        rules, space = enas_rules(operations, config.nodes), ENASSpace(ENASConfig(config.nodes, operations))
    else:
        operations = config.operations or DARTS_OPERATIONS
        # Nothing is mixed along single paths, so poolings need no norm: a path is the stand-alone network.
        norms = config.method not in SINGLE_PATH
        rules = darts_rules(operations, config.nodes, config.alphas.partial_channels, norms)
        space = DARTSSpace(DARTSConfig(config.nodes, operations))
    return Supernet(draft_supernet(rules, skeleton, image_shape, classes)), space


def count_skips(derived: Derived) -> tuple[int, int]:
    """(skips, operations) of the normal cell; a whole network has no operation that is a skip."""
    normal = derived.cells[0]
    operations = [node.operation for node in normal.nodes if node.kind == "op"]
    return operations.count("identity"), len(operations)
