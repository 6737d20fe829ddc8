"""Where children stood at the rungs of successive halving: of one trial, of a cell, and of a whole search."""

from dataclasses import dataclass

from django.db.models import Count, Q

from nas_engine.config import read
from nas_engine.errors import ConfigError
from nas_engine.evaluators.settings import StandaloneConfig
from nas_engine.successive_halving import places
from tasks.wording import ordinal
from webapp.models import CellRecord, RungResult, Search, Trial


@dataclass(frozen=True)
class Standing:
    """A trial at one rung: what was decided on its arrival, and its rank among the ``of_now`` that have got there since."""

    result: RungResult
    rank_now: int
    of_now: int

    @property
    def on_arrival(self) -> str:
        """ "3rd of 5"."""
        return f"{ordinal(self.result.rank)} of {self.result.of}"

    @property
    def by_now(self) -> str:
        return f"{ordinal(self.rank_now)} of {self.of_now}"

    @property
    def why(self) -> str:
        """ "among the best 2", "not the best"."""
        best = "the best" if self.result.places == 1 else f"among the best {self.result.places}"
        return best if self.result.goes_on else f"not {best}"


@dataclass(frozen=True)
class History:
    """The rungs a trial reached, lowest first."""

    trial: Trial
    standings: list[Standing]

    @property
    def needed(self) -> list[tuple[int, float]]:
        """(epoch, the accuracy that it took to go on when the trial arrived)."""
        return [(one.result.epoch, one.result.cutoff) for one in self.standings]


def history_of(trial: Trial) -> History | None:
    """None where the trial reached no rung."""
    results = list(trial.rungs.order_by("epoch"))
    if not results:
        return None
    counted = Q()
    for result in results:
        counted |= Q(epoch=result.epoch)
    rows = RungResult.objects.filter(counted, search=trial.search_id).order_by().values_list("epoch", "accuracy")
    at: dict[int, list[float]] = {}
    for epoch, accuracy in rows:
        at.setdefault(epoch, []).append(accuracy)
    return History(
        trial,
        [
            Standing(result, 1 + sum(one > result.accuracy for one in at[result.epoch]), len(at[result.epoch]))
            for result in results
        ],
    )


def history_of_cell(record: CellRecord, measured: Trial | None) -> History | None:
    """Of the trial that measured the cell; without one, of the latest trial of it that was ended at a rung."""
    if measured is not None:
        return history_of(measured)
    ended = Trial.objects.filter(cell=record, state=Trial.State.PRUNED, rungs__goes_on=False).select_related("search")
    latest = ended.defer("search__strategy_state").order_by("-pk").first()
    return history_of(latest) if latest else None


@dataclass(frozen=True)
class Rung:
    """A rung of a search after ``epoch``: how many ``reached`` it and ``went_on``, and ``cutoff``, the lowest accuracy that
    is among the best recorded there; None while there is none. ``most`` reached the lowest rung."""

    epoch: int
    reached: int
    went_on: int
    cutoff: float | None
    most: int

    @property
    def ended(self) -> int:
        return self.reached - self.went_on

    @property
    def bar(self) -> list[tuple[str, str, str]]:
        """(name, x, width) of the parts of its bar, in percent of the lowest rung."""
        on, off = (100 * number / self.most if self.most else 0.0 for number in (self.went_on, self.ended))
        return [("on", "0%", f"{on:.3f}%"), ("off", f"{on:.3f}%", f"{off:.3f}%")]


@dataclass(frozen=True)
class Ladder:
    """All rungs of a search, lowest first, those that no one has reached included; ``whole`` trainings of ``epochs``."""

    reduction: int
    rungs: list[Rung]
    epochs: int
    whole: int


def ladder_of(search: Search) -> Ladder | None:
    """None where children are not ended by successive halving."""
    config = search.config.get("evaluator_config", {})
    if search.config.get("evaluator", "standalone") != "standalone" or config.get("early_stopping") != "asha":
        return None
    epochs = search.config["training"]["epochs"]
    try:
        settings = read(StandaloneConfig, config)
        levels = settings.rungs(epochs)
    except ConfigError:  # of a version whose settings this one does not know
        return None
    rows = search.rungs.order_by().values("epoch").annotate(reached=Count("pk"), on=Count("pk", filter=Q(goes_on=True)))
    known = {row["epoch"]: row for row in rows}
    most = max((row["reached"] for row in known.values()), default=0)
    rungs = []
    for epoch in levels:
        row = known.get(epoch, {"reached": 0, "on": 0})
        cutoff = _cutoff(search, epoch, row["reached"], settings.reduction_factor)
        rungs.append(Rung(epoch, row["reached"], row["on"], cutoff, most))
    whole = search.trials.filter(state=Trial.State.FINISHED).count()
    return Ladder(settings.reduction_factor, rungs, epochs, whole)


def _cutoff(search: Search, epoch: int, reached: int, reduction: int) -> float | None:
    if not reached:
        return None
    ordered = search.rungs.filter(epoch=epoch).order_by("-accuracy").values_list("accuracy", flat=True)
    place = places(reached, reduction)
    return ordered[place - 1 : place].first()
