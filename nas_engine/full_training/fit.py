"""Choosing the size of a network: as many filters as a limit on parameters, MACs or time allows."""

from collections.abc import Callable, Sequence
from dataclasses import fields, replace

from nas_engine.blueprint import Blueprint, build_blueprint
from nas_engine.errors import ConfigError
from nas_engine.full_training.config import FIT_UNITS, FitConfig, FullTrainingConfig
from nas_engine.graph_cell import AnyCell
from nas_engine.protocol import SkeletonConfig

# The bounds of SkeletonConfig.filters. Two by two on CIFAR; ImageNet's stem cells have a quarter of F.
_STEPS = {"cifar": 2, "imagenet": 4}
_MOST_FILTERS = next(f for f in fields(SkeletonConfig) if f.name == "filters").metadata["setting"].maximum

Latency = Callable[[Blueprint], float]


def fit_skeleton(
    cells: Sequence[AnyCell],
    skeleton: SkeletonConfig,
    image_shape: tuple[int, int, int],
    classes: int,
    *,
    params: float | None = None,
    macs: float | None = None,
    milliseconds: float | None = None,
    latency: Latency | None = None,
) -> SkeletonConfig:
    """``skeleton`` with the largest F whose network keeps every limit that is given.

    N (or the number of cells) stays, unless even the smallest F is too large: then it falls, one at a time. Limits are
    parameters without the auxiliary head, multiply-accumulates an image, and milliseconds an image as ``latency``
    measures a blueprint (in seconds). Raises ConfigError under "fit.most" where nothing is small enough.
    """
    if milliseconds is not None and latency is None:
        raise ConfigError("Milliseconds have to be measured; that is done where the training runs.", "fit.measure")

    def fits(candidate: SkeletonConfig) -> bool:
        made = build_blueprint(cells, candidate, image_shape, classes)
        if (params is not None and made.params > params) or (macs is not None and made.macs > macs):
            return False
        return milliseconds is None or 1000 * latency(made) <= milliseconds

    for shallower in _depths(skeleton):
        filters = _most_filters(lambda f, base=shallower: fits(replace(base, filters=f)), _STEPS[skeleton.kind])
        if filters:
            return replace(shallower, filters=filters)
    raise ConfigError("Even the smallest network of this cell is larger. Allow more.", "fit.most")


def _depths(skeleton: SkeletonConfig) -> list[SkeletonConfig]:
    """The skeleton and its shallower relatives, deepest first."""
    if skeleton.layers:
        return [replace(skeleton, layers=layers) for layers in range(skeleton.layers, 2, -1)]
    return [replace(skeleton, repeats=repeats) for repeats in range(skeleton.repeats, 0, -1)]


def _most_filters(fits: Callable[[int], bool], step: int) -> int:
    """The largest multiple of ``step`` that fits, 0 if none does. Costs rise with F: doubling brackets it, halving finds it,
    and nothing much larger than the answer is ever measured."""
    low, high = 0, int(_MOST_FILTERS) // step
    probe = 1
    while probe <= high and fits(probe * step):
        low, probe = probe, 2 * probe
    high = min(high, probe - 1)
    while low < high:
        middle = (low + high + 1) // 2
        if fits(middle * step):
            low = middle
        else:
            high = middle - 1
    return low * step


def fitted(
    config: FullTrainingConfig,
    cells: Sequence[AnyCell],
    image_shape: tuple[int, int, int],
    classes: int,
    latency: Latency | None = None,
) -> FullTrainingConfig:
    """``config`` with N and F settled and nothing left to fit; itself where nothing was to fit.

    ``image_shape`` is that of the stored images; ``latency`` measures a blueprint in seconds. Raises ConfigError.
    """
    measure, most = config.fit.measure, config.fit.most
    if measure == "none":
        return config
    limit = {"params": "params", "macs": "macs", "latency": "milliseconds"}[measure]
    shape = shape_seen(config, image_shape)
    skeleton = fit_skeleton(cells, config.skeleton, shape, classes, **{limit: most}, latency=latency)
    return replace(config, skeleton=skeleton, fit=FitConfig())


def shape_seen(config: FullTrainingConfig, image_shape: tuple[int, int, int]) -> tuple[int, int, int]:
    """(channels, height, width) the network is given, for images stored with ``image_shape``."""
    size = config.data.image_size
    return (image_shape[0], size, size) if size else tuple(image_shape)


def describe_fit(fit: FitConfig) -> str:
    """ "at most 3,300,000 parameters"; empty where nothing is fitted."""
    return "" if fit.measure == "none" else f"at most {fit.most:,.6g} {FIT_UNITS[fit.measure]}"
