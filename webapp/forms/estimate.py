"""How long a search will take, judged by trials already measured here."""

from dataclasses import dataclass
from statistics import median

from nas_engine.search_config import SearchConfig
from webapp.models import Dataset, Trial

LATEST = 60


@dataclass(frozen=True)
class Estimate:
    """``seconds`` a trial, ``low`` and ``high`` the middle half of what it was judged by; ``basis`` says what that was."""

    seconds: float
    low: float
    high: float
    basis: str
    device: str

    def total(self, trials: int, at_once: int) -> float:
        """Seconds for a whole search with ``at_once`` trials in training at a time."""
        return self.seconds * trials / max(1, at_once)


def estimate(config: SearchConfig, dataset: Dataset, mean_macs: float) -> Estimate | None:
    """From trials under the same protocol; failing those from any trials, scaled by MACs, images and epochs. None where no
    trial has been measured yet."""
    measured = Trial.objects.filter(state=Trial.State.FINISHED, seconds__gt=0)
    same = list(
        measured.filter(protocol=config.protocol(dataset.fingerprint).fingerprint())
        .order_by("-id")
        .values_list("seconds", "device")[:LATEST]
    )
    if same:
        return _spread([seconds for seconds, _ in same], same[0][1], _count(len(same), "of this protocol"))
    others = (
        measured.filter(macs__gt=0, epochs__gt=0, search__dataset__isnull=False)
        .order_by("-id")
        .select_related("search__dataset")[:LATEST]
    )
    work = mean_macs * images(config.data.train_limit, config.data.valid_fraction, dataset) * config.training.epochs
    scaled, devices = [], []
    for trial in others.defer("curve", "search__strategy_state", "search__dataset__classes"):
        data = trial.search.config["data"]
        seen = images(data["train_limit"], data["valid_fraction"], trial.search.dataset)
        scaled.append(trial.seconds * work / (trial.macs * seen * trial.epochs))
        devices.append(trial.device)
    if not scaled:
        return None
    return _spread(
        scaled, devices[0], f"scaled by MACs, images and epochs from {_count(len(scaled), 'of other protocols')}"
    )


def images(train_limit: int, valid_fraction: float, dataset: Dataset) -> int:
    """Images a child is trained on in an epoch, at least one."""
    taken = min(train_limit, dataset.train_images) if train_limit else dataset.train_images
    return max(1, round(taken * (1 - valid_fraction)))


def _count(number: int, what: str) -> str:
    return f"{number} trial{'' if number == 1 else 's'} {what}"


def _spread(seconds: list[float], device: dict, basis: str) -> Estimate:
    ordered = sorted(seconds)
    last = len(ordered) - 1
    return Estimate(median(ordered), ordered[last // 4], ordered[last - last // 4], basis, device.get("name", ""))
