"""Everything the page of one search shows, read in a handful of queries whatever the number of trials."""

from collections import Counter, namedtuple
from functools import cached_property, lru_cache
from statistics import mean

from django.core.paginator import Page, Paginator
from django.db.models import Count, F, Sum
from django.utils import timezone

from nas_engine import catalog
from nas_engine.errors import ConfigError
from nas_engine.search_config import SearchConfig, read_search
from webapp.figures import policy
from webapp.figures.family import family_tree
from webapp.figures.search import COSTS, POINT_FIELDS, against_cost, best_so_far, by_accuracy
from webapp.forms.workers import live_trainers
from webapp.models import CellRecord, Search, Trial
from webapp.results.front import SearchFront
from webapp.results.pace import left, spent
from webapp.results.rungs import Ladder, ladder_of
from webapp.results.supernet import SupernetPage
from webapp.results.timings import Slice, slices

EVOLUTIONS = ("regularized_evolution", "nsga2")  # strategies whose trials have parents
ROWS = 12  # trials on a page
BEST = 4
LOG_LINES = 80
TICK = 10  # seconds after which the time so far and the time left are shown anew
FILTERS = {
    "": None,
    "finished": Trial.MEASURED,
    "failed": (Trial.State.FAILED,),
    "infeasible": (Trial.State.INFEASIBLE,),
    "pruned": (Trial.State.PRUNED,),
}
TABS = {"": "All", "pruned": "Stopped early"}
Point = namedtuple("Point", POINT_FIELDS)


class SearchPage:
    """``shown`` filters the trials table ("", "finished", "failed"); ``page`` is its page, from 1."""

    def __init__(self, search: Search, shown: str = "", page: str | int = 1):
        self.search = search
        self.shown = shown if shown in FILTERS else ""
        self.page = page

    @property
    def version(self) -> str:
        """Changes with everything the page shows. While the search runs that is the time, too, so every now and then."""
        if self.search.state != Search.State.RUNNING:
            return str(self.search.version)
        return f"{self.search.version}.{int(timezone.now().timestamp() / TICK)}"

    @cached_property
    def config(self) -> SearchConfig | None:
        """None if the search was made by a version whose settings this one does not know."""
        try:
            return read_search(self.search.config)
        except ConfigError:
            return None

    @cached_property
    def measured(self) -> list:
        """One row of POINT_FIELDS for each measured trial, in the order of their numbers."""
        return _points(self.search.pk, self.search.version)[0]

    @cached_property
    def ranked(self) -> list:
        return _points(self.search.pk, self.search.version)[1]

    @cached_property
    def counts(self) -> Counter:
        return Counter(dict(self.search.trials.order_by().values_list("state").annotate(Count("pk"))))

    # ---- progress

    @property
    def proposed(self) -> int:
        return self.counts.total()

    @property
    def budget(self) -> int:
        return self.search.config["budget"]["trials"]

    @property
    def done(self) -> int:
        return len(self.measured) + self.counts[Trial.State.FAILED] + self.pruned

    @property
    def open(self) -> int:
        return sum(self.counts[state] for state in Trial.OPEN)

    @property
    def over(self) -> bool:
        """Nothing more will change by itself."""
        return self.search.state in Search.ENDED and not self.open

    @property
    def seconds(self) -> float:
        """Time spent running, pauses left out."""
        return spent(self.search)

    @property
    def seconds_left(self) -> float | None:
        """At the pace so far; never more than the time the budget leaves. None while there is no pace."""
        return left(self.search, self.done)

    # ---- key figures

    @cached_property
    def best(self):
        """The point of highest valid accuracy, the cheaper and older first among equals."""
        return self.ranked[0] if self.ranked else None

    @property
    def steered(self) -> str:
        """The cost the reward steers towards: "macs", "params", "latency", or "" for accuracy alone."""
        goal = self.search.config["reward"]["goal"]
        return goal if goal in COSTS else ""

    @property
    def target(self) -> float:
        """The reward's target in the unit of the plots: 10^6 or milliseconds."""
        return self.search.config["reward"]["target"] if self.steered else 0.0

    @property
    def target_text(self) -> str:
        return f"{self.target:g}\u00a0{'ms' if self.steered == 'latency' else 'M'}"

    @cached_property
    def best_within(self):
        """The best point that keeps the target."""
        factor = COSTS[self.steered][1]
        return next((p for p in self.ranked if (getattr(p, self.steered) or 0) * factor <= self.target), None)

    @cached_property
    def trained(self) -> list:
        return [point for point in self.measured if point.state == Trial.State.FINISHED]

    @property
    def seconds_a_trial(self) -> float | None:
        return mean(point.seconds or 0.0 for point in self.trained) if self.trained else None

    @property
    def an_hour(self) -> float | None:
        return 3600 * self.done / self.seconds if self.done and self.seconds > 0 else None

    @cached_property
    def workers(self) -> int:
        """How many workers train this search's trials right now."""
        return self.search.trials.filter(state=Trial.State.RUNNING).values("worker").distinct().count()

    @cached_property
    def waiting_for_worker(self) -> bool:
        """The search would go on, but no train worker is alive."""
        return self.search.state in Search.ACTIVE and live_trainers() == 0

    @cached_property
    def reused(self) -> list:
        return [point for point in self.measured if point.state == Trial.State.REUSED]

    @property
    def seconds_saved(self) -> float:
        return sum(point.seconds or 0.0 for point in self.reused)

    @cached_property
    def time_slices(self) -> list[Slice]:
        """Where the workers' time went, summed over the trials."""
        return slices(self.search.timings, waiting=False)

    @property
    def worker_seconds(self) -> float:
        return sum(one.seconds for one in self.time_slices)

    @property
    def queue_seconds(self) -> float:
        """What the trials waited for a worker, one after another and side by side."""
        return self.search.timings.get("queue", 0.0)

    @property
    def failures(self) -> list[tuple[str, int]]:
        """Reasons of failure with their counts, the most frequent first. Numbers are blanked, so that "NaN at epoch 3" and
        "NaN at epoch 7" count as one."""
        errors = self.search.trials.filter(state=Trial.State.FAILED).values_list("error", flat=True)
        return Counter(map(_kind_of_failure, errors)).most_common()

    @property
    def pruned(self) -> int:
        """How many trainings were ended early."""
        return self.counts[Trial.State.PRUNED]

    @cached_property
    def epochs_saved(self) -> int:
        """That those trainings did not take."""
        rows = self.search.trials.filter(state=Trial.State.PRUNED)
        return rows.aggregate(saved=Sum(F("epochs") - F("epoch")))["saved"] or 0

    @cached_property
    def ladder(self) -> Ladder | None:
        """The rungs of a search whose children successive halving ends."""
        return ladder_of(self.search)

    @property
    def infeasible(self) -> int:
        """How many proposals broke the limits."""
        return self.counts[Trial.State.INFEASIBLE]

    @property
    def of_table(self) -> bool:
        """Whether its results are looked up in a table instead of being trained."""
        return self.search.dataset_id is None

    @property
    def simulated_seconds(self) -> float:
        """Of training, as far as the table says."""
        return sum(point.seconds or 0.0 for point in self.measured)

    @property
    def simulated_limit(self) -> float:
        return self.search.config["evaluator_config"].get("seconds", 0.0)

    # ---- tables

    @cached_property
    def trials(self) -> Page:
        rows = self.search.trials.order_by("-number").select_related("cell", "same_as")
        rows = rows.defer("curve", "info", "same_as__curve", "same_as__info")
        wanted = FILTERS[self.shown]
        if wanted:
            rows = rows.filter(state__in=wanted)
        return Paginator(rows, ROWS).get_page(self.page)

    @property
    def tabs(self) -> list[tuple[str, str, int]]:
        """(filter, label, count) of the trials table's views."""
        numbers = {"": self.proposed, "finished": len(self.measured), "failed": self.counts[Trial.State.FAILED]}
        numbers |= {"infeasible": self.infeasible} if self.infeasible else {}
        numbers |= {"pruned": self.pruned} if self.pruned else {}
        return [(key, TABS.get(key, key.capitalize()), number) for key, number in numbers.items()]

    @cached_property
    def front(self) -> SearchFront | None:
        """What a multi-objective search is after; None for others."""
        names = self.search.config["strategy_config"].get("objectives")
        return SearchFront(self.measured, names) if names and self.measured else None

    @cached_property
    def stacked(self) -> bool:
        """Whether its networks are stacked from a normal and a reduction cell."""
        known = catalog.SPACES.get(self.search.config["space"])
        return not self.of_table and (known is None or known.target_class().family == "nasnet")

    @cached_property
    def best_cells(self) -> list[dict]:
        """The best distinct cells with the point each was measured at."""
        chosen: dict = {}
        for point in self.ranked:
            chosen.setdefault(point.cell_id, point)
            if len(chosen) == BEST:
                break
        records = CellRecord.objects.in_bulk(list(chosen))
        return [{"record": records[key], "point": point} for key, point in chosen.items()]

    @cached_property
    def known(self) -> list[Trial]:
        """The latest trials that were not trained because their cell was measured already."""
        rows = self.search.trials.filter(state=Trial.State.REUSED).select_related("same_as").order_by("-number")
        return list(rows.defer("curve", "info", "same_as__curve", "same_as__info")[:5])

    @cached_property
    def log(self) -> list:
        return list(self.search.log.order_by("-id")[:LOG_LINES])

    # ---- figures

    @cached_property
    def updates(self) -> list[tuple[int, dict]]:
        """(number, what the update reported but the probabilities) in order."""
        names = ("entropy", "entropy_uniform", "mean_reward", "baseline", "kl", "clip_fraction")
        rows = self.search.updates.order_by("number").values_list("number", *(f"record__{name}" for name in names))
        return [(number, dict(zip(names, values, strict=True))) for number, *values in rows]

    @cached_property
    def latest_record(self) -> dict:
        last = self.search.updates.order_by("-number").first()
        return last.record if last else {}

    @cached_property
    def supernet(self) -> SupernetPage | None:
        """Of a search that shares weights."""
        return SupernetPage(self.search, self.choices) if self.search.config.get("evaluator") == "supernet" else None

    @property
    def figures_version(self) -> str:
        """Changes when a plot does."""
        shared = f"-{self.supernet.figures_version}" if self.supernet else ""
        return f"{len(self.measured)}-{self.proposed}-{len(self.updates)}{shared}"

    @cached_property
    def baseline(self) -> list:
        """The points of the longest random search under the same protocol, to compare with; empty if there is none."""
        if self.search.strategy == "random":
            return []
        rows = Trial.objects.filter(
            search__strategy="random", protocol=self.search.protocol, state__in=Trial.MEASURED
        ).order_by("search_id", "number")
        by_search: dict = {}
        for point in rows.values_list("search_id", "number", "valid_accuracy", named=True):
            by_search.setdefault(point.search_id, []).append(point)
        return max(by_search.values(), key=len, default=[])

    @property
    def figures(self) -> dict[str, dict]:
        """Id of its place in the page -> figure, for every plot there is something to show in."""
        found = {"best": best_so_far(self.measured, self.budget, self.baseline)} if self.measured else {}
        for cost in COSTS if self.measured else ():
            found[cost] = against_cost(self.ranked, cost, self.target if cost == self.steered else 0.0)
        found |= {"entropy": policy.entropy(self.updates), "reward": policy.reward(self.updates)}
        found |= {"drift": policy.drift(self.updates), "family": family_tree(self.measured, self.parents)}
        found["heat"] = policy.heat_map(self.latest_record, self.choices)
        found |= self.supernet.figures if self.supernet else {}
        return {name: figure for name, figure in found.items() if figure}

    @cached_property
    def parents(self) -> dict[int, list[int]]:
        """Trial number -> the numbers of the trials it descends from, as evolutions note them."""
        if self.search.strategy not in EVOLUTIONS:
            return {}
        rows = self.search.trials.order_by("number").values_list("number", "info__parent", "info__parents")
        found = {number: [parent] if parent is not None else parents or [] for number, parent, parents in rows}
        return {number: of for number, of in found.items() if of}

    @cached_property
    def choices(self) -> tuple:
        try:
            return self.config.build_space().choices if self.config else ()
        except ConfigError:  # its table is gone
            return ()

    @property
    def drifts(self) -> bool:
        """Whether updates say how far they moved the policy."""
        return any(record.get("kl") is not None for _, record in self.updates)

    @property
    def latest_update(self) -> int:
        return self.updates[-1][0] if self.updates else 0

    @property
    def entropy_percent(self) -> float | None:
        """Of a uniform policy's."""
        last = self.updates[-1][1] if self.updates else {}
        return 100 * last["entropy"] / last["entropy_uniform"] if last.get("entropy_uniform") else None

    @property
    def identity_first(self) -> tuple[int, int] | None:
        return policy.identity_first(self.latest_record, self.choices)

    @property
    def trials_an_update(self) -> int | None:
        """After how many results a learning strategy is updated; None for one that does not learn in batches."""
        return None if self.supernet else self.search.config["strategy_config"].get("batch")


@lru_cache(maxsize=2)
def _points(search: int, version: int) -> tuple[list, list]:
    """The measured trials of this version of a search, by their numbers and by falling accuracy: kept, for of a long search
    that is over one page after another is looked at."""
    rows = Trial.objects.filter(search=search, state__in=Trial.MEASURED).order_by("number")
    measured = list(map(Point._make, rows.values_list(*POINT_FIELDS)))
    return measured, by_accuracy(measured)


def _kind_of_failure(error: str) -> str:
    words = "".join("#" if letter.isdigit() else letter for letter in error.split(". ")[0].strip())
    while "##" in words:
        words = words.replace("##", "#")
    for place in (" at epoch #", " in batch #", " of epoch #"):
        words = words.replace(place, "")
    words = words.rstrip(".") or "no reason given"
    return words[0].lower() + words[1:] if words[1:2].islower() else words
