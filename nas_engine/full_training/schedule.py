"""The learning rate and the drop path rate at every step, as plain numbers: forms draw them, the training obeys them."""

import math
from collections.abc import Callable

from nas_engine.full_training.config import FullTrainingConfig, ScheduleConfig

# A warm-up begins at this part of the rate that it ends with.
_WARMUP_FROM = 0.1


def rates(config: FullTrainingConfig, steps_per_epoch: int) -> Callable[[int], float]:
    """The learning rate as a function of the step, from 0 to ``steps_per_epoch * epochs``.

    A warm-up rises linearly from a tenth of the rate to the rate; only then does the schedule begin, and what is left of
    the training is its whole: cosine (Loshchilov and Hutter 2017, equation 5, with one cycle or, with restarts, cycles
    that grow by ``cycle_factor``), exponential (as TensorFlow's exponential_decay), or constant.
    """
    schedule, base = config.schedule, config.optimizer.learning_rate
    whole = schedule.epochs - schedule.warmup_epochs

    def rate(step: int) -> float:
        epoch = step / steps_per_epoch
        if epoch < schedule.warmup_epochs:
            return base * (_WARMUP_FROM + (1 - _WARMUP_FROM) * epoch / schedule.warmup_epochs)
        return _scheduled(schedule, base, epoch - schedule.warmup_epochs, whole)

    return rate


def _scheduled(schedule: ScheduleConfig, base: float, epoch: float, epochs: float) -> float:
    if schedule.kind == "constant":
        return base
    if schedule.kind == "exponential":
        # Steps are fractions of epochs: what is a whole number of falls but for rounding counts as whole.
        falls = epoch / schedule.decay_epochs
        return base * schedule.decay ** (math.floor(falls + 1e-9) if schedule.staircase else falls)
    progress = _cycle(schedule, epoch) if schedule.kind == "restarts" else epoch / epochs
    return schedule.final_rate + (base - schedule.final_rate) * 0.5 * (1 + math.cos(math.pi * min(1.0, progress)))


def _cycle(schedule: ScheduleConfig, epoch: float) -> float:
    """How far the cycle that ``epoch`` falls into has come, in [0, 1)."""
    length = schedule.first_cycle
    while epoch >= length - 1e-9:
        epoch -= length
        length *= schedule.cycle_factor
    return max(0.0, epoch) / length


def drop_path_rate(config: FullTrainingConfig, step: int, steps: int) -> float:
    """ScheduledDropPath's rate in the deepest cell: it rises linearly to its end rate (Zoph et al. 2018, appendix A.7);
    the network itself lowers it in shallower cells where the dialect says so."""
    return config.regularisation.drop_path * min(1.0, step / steps)
