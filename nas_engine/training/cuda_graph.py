"""Training on a GPU by replaying one recorded step: children are small, and launching their kernels takes longer than
running them.

All that a step reads lies on the device before an epoch begins: the order of the images, what the augmentation draws, the
learning and drop path rates. A step finds its own row of these tables by a counter on the device. So it can be recorded
as a CUDA graph once, and from then on a single launch is a whole step: augmentation, forward and backward pass, update,
sums. Its images, draws and rates are those of the plain loop.
"""

import contextlib
import logging
import os
from collections.abc import Callable

import torch
from torch import Tensor, nn

from nas_engine.protocol import TrainingConfig
from nas_engine.training.images import Augmentation, DeviceImages
from nas_engine.training.loop import Totals, Trainer
from nas_engine.training.progress import Cancelled

log = logging.getLogger(__name__)
# Steps before the recording: libraries choose their kernels and take their memory. They train as any other.
_WARM_UPS = 3
SWITCH = "NASTURTIUM_CUDA_GRAPHS"  # 0 in the environment turns recording off

Step = Callable[[], None]
Recorder = Callable[[Step, torch.cuda.Stream | None], Step]


def graphs_wanted(device: torch.device) -> bool:
    """Whether children on ``device`` train by replayed steps."""
    return device.type == "cuda" and os.environ.get(SWITCH, "1") != "0"


class GraphTrainer(Trainer):
    """The loop with its steps recorded by ``record``, and run one by one where that fails."""

    def __init__(
        self,
        model: nn.Module,
        images: DeviceImages,
        config: TrainingConfig,
        cancelled: Cancelled,
        record: Recorder | None = None,
    ):
        super().__init__(model, images, config, cancelled)
        self.record = record or record_graph
        self.done, self.replay = 0, None
        self.failed = False
        self.stream = torch.cuda.Stream(self.device) if self.device.type == "cuda" else None
        self.row = torch.zeros(1, dtype=torch.int64, device=self.device)
        self.chosen = torch.zeros(self.batches, self.batch_size, dtype=torch.int64, device=self.device)
        self.rates = torch.zeros(self.batches, 2, device=self.device)
        self.totals = Totals.zero(self.device)

    def _augmentation(self) -> "PlannedAugmentation":
        return PlannedAugmentation(self.images, self.config, self.generator)

    def epoch(self, epoch: int) -> Totals:
        with torch.cuda.device(self.device) if self.stream else contextlib.nullcontext():
            totals = super().epoch(epoch)
        if self.config.drop_path:  # the recording's memory is not to be looked into by others
            self.model.set_drop_path(self.drop_path_rate(epoch * self.batches - 1))
        return totals

    def _begin(self, epoch: int) -> Totals:
        """Fill the tables for this epoch."""
        order = self._order()[: self.batches * self.batch_size]
        self.chosen.copy_(order.view(self.batches, self.batch_size))
        self.augmentation.plan(self.batches, self.batch_size)
        steps = range((epoch - 1) * self.batches, epoch * self.batches)
        self.rates.copy_(torch.tensor([[self.learning_rate(step), self.drop_path_rate(step)] for step in steps]))
        self.row.zero_()
        self.totals.loss.zero_()
        self.totals.right.zero_()
        self.totals.images = 0
        return self.totals

    def _advance(self, totals: Totals, epoch: int, number: int) -> None:
        if self.replay is None and self.done == _WARM_UPS and not self.failed:
            self._record()
        if self.replay is not None:
            self.replay()
        else:
            self._aside(self._next)
            self.done += 1
        totals.images = (number + 1) * self.batch_size

    def _next(self) -> None:
        """The step of the row the counter stands at, which it then moves on. Works on tensors that stay where they are."""
        self.augmentation.turn_to(self.row)
        batch, labels = self.augmentation.batch(self.chosen.index_select(0, self.row)[0])
        learning_rate, drop_path = self.rates.index_select(0, self.row)[0]
        loss, logits = self._update(batch, labels, learning_rate, drop_path)
        self.totals.add(loss, logits, labels)
        self.row += 1

    def _record(self) -> None:
        try:
            self.replay = self.record(self._next, self.stream)
        except RuntimeError as error:  # what cannot be recorded, or does not fit into memory twice, still trains
            self.failed = True
            log.warning("The training step could not be recorded as a CUDA graph and runs kernel by kernel: %s", error)

    def _aside(self, step: Step) -> None:
        """Run on the stream that will record: what autograd keeps of a parameter belongs to one stream."""
        if self.stream is None:
            step()
            return
        current = torch.cuda.current_stream(self.device)
        self.stream.wait_stream(current)
        with torch.cuda.stream(self.stream):
            step()
        current.wait_stream(self.stream)


class PlannedAugmentation(Augmentation):
    """Draws what a whole epoch needs at its beginning, the very numbers that drawing batch by batch gives."""

    def __init__(self, images: DeviceImages, config: TrainingConfig, generator: torch.Generator):
        super().__init__(images, config, generator)
        # What a batch draws, in order.
        self.options = [2] * config.flip + [2 * config.crop + 1] * (2 if config.crop else 0)
        self.options += [self.height, self.width] if config.cutout else []
        self.table: Tensor | None = None
        self.waiting: list[Tensor] = []

    def plan(self, batches: int, count: int) -> None:
        """Draw for ``batches`` of ``count`` images each."""
        shape = (batches, max(1, len(self.options)), count, 1)
        drawn = torch.zeros(shape, dtype=torch.int64)
        for batch in drawn:
            for place, options in zip(batch, self.options, strict=False):
                torch.randint(options, (count, 1), generator=self.generator, out=place)
        if self.table is None:
            self.table = torch.zeros(shape, dtype=torch.int64, device=self.images.device)
        self.table.copy_(drawn)

    def turn_to(self, row: Tensor) -> None:
        """The next batch is that of ``row``, a tensor of one number on the device."""
        drawn = self.table.index_select(0, row)[0]
        self.waiting = list(zip(self.options, drawn, strict=False))

    def _draw(self, options: int, count: int) -> Tensor:
        expected, drawn = self.waiting.pop(0)
        assert expected == options, "the batch draws in another order than was planned"
        return drawn


def record_graph(step: Step, stream: torch.cuda.Stream) -> Step:
    """Record ``step`` as a CUDA graph, without running it; returns what replays it on the current stream.

    Torch's own generator of the device is part of the recording: every replay draws new numbers. Raises RuntimeError where
    something in the step cannot be recorded.
    """
    state = torch.cuda.get_rng_state(stream.device)
    graph = torch.cuda.CUDAGraph()
    try:
        # Other threads of a worker may go on using the driver meanwhile.
        with torch.cuda.graph(graph, stream=stream, capture_error_mode="thread_local"):
            step()
    except RuntimeError:
        torch.cuda.set_rng_state(state, stream.device)
        raise
    return graph.replay
