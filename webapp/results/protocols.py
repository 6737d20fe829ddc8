"""The protocols under which cells were measured. Numbers of two protocols are never ranked together."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from django.db.models import Count, Max

from nas_engine.config import settings_of
from nas_engine.evaluators.settings import TabularConfig
from nas_engine.protocol import Protocol, SkeletonConfig
from nas_engine.search_config import read_search
from webapp.models import Search, Trial
from webapp.results.seeds import family_and_seed
from webapp.results.versions import trials_version

TABLES = "tables"  # stands for a data set where results come from a published table


@dataclass(frozen=True)
class MeasuredProtocol:
    """A protocol with results. ``label`` is its summary, with what tells it apart where several share one: the training
    seed, the fingerprint. ``family`` is shared by those that differ in the seed alone; ``seed`` is None where nothing shares
    the summary."""

    fingerprint: str
    summary: str
    label: str
    dataset: str
    dataset_title: str
    cells: int
    family: str
    seed: int | None = None


def measured_protocols() -> list[MeasuredProtocol]:
    """All protocols with at least one measured cell, most results first, then the latest."""
    counts = _counts(trials_version())
    columns = ("protocol", "protocol_summary", "dataset__slug", "dataset__title", "dataset__fingerprint", "pk")
    about = {fingerprint: rest for fingerprint, *rest in Search.objects.order_by("pk").values_list(*columns)}
    shared = Counter(about[row["protocol"]][0] for row in counts)
    found = []
    for row in counts:
        fingerprint = row["protocol"]
        summary, slug, title, images, search = about[fingerprint]
        family, seed = (fingerprint, None)
        if shared[summary] > 1 and slug:
            family, seed = family_and_seed(fingerprint, search, images)
        made = (fingerprint, summary, summary, slug or TABLES, title or "Tables", row["cells"], family, seed)
        found.append(MeasuredProtocol(*made))
    return _labelled(found)


@lru_cache(maxsize=1)
def _counts(version: tuple) -> list[dict]:
    """{"protocol", "cells"} of every protocol under which something was measured, in the order of the page."""
    trials = Trial.objects.filter(state=Trial.State.FINISHED).values("protocol")
    return list(trials.annotate(cells=Count("pk"), last=Max("pk")).order_by("-cells", "-last"))


def _labelled(protocols: list[MeasuredProtocol]) -> list[MeasuredProtocol]:
    """Tell those apart that share a summary."""
    members = Counter(each.family for each in protocols)
    families = Counter(summary for summary, _ in {(each.summary, each.family) for each in protocols})
    labelled = []
    for each in protocols:
        seed = f", seed {each.seed}" if members[each.family] > 1 else ""
        told = f" ({each.fingerprint[:6]})" if families[each.summary] > 1 else ""
        labelled.append(replace(each, label=f"{each.summary}{seed}{told}"))
    return labelled


def siblings(chosen: MeasuredProtocol, protocols: Sequence[MeasuredProtocol]) -> list[MeasuredProtocol]:
    """``chosen`` and after it those that differ from it in the training seed alone, by their seeds."""
    others = [each for each in protocols if each.family == chosen.family and each != chosen]
    return [chosen, *sorted(others, key=lambda each: each.seed or 0)]


def protocol_of(search: Search) -> Protocol | None:
    """The protocol of a search's trials, in full; None where they stand in a table."""
    if search.dataset_id is None:
        return None
    return read_search(search.config).protocol(search.dataset.fingerprint)


def protocol_settings(search: Search) -> list[tuple[str, str]]:
    """(label, value with its unit) for everything that makes up a search's protocol, in the order of the form."""
    protocol = protocol_of(search)
    if protocol is None:
        return _settings_of_table(search)
    parts = (protocol.data, protocol.skeleton, protocol.training)
    return [
        (about.label, f"{_words(getattr(part, name))} {about.unit}".strip())
        for part in parts
        for name, about in settings_of(type(part)).items()
        if not (part is protocol.skeleton and part.whole and getattr(part, name) == getattr(SkeletonConfig(), name))
    ]


def _settings_of_table(search: Search) -> list[tuple[str, str]]:
    """What was chosen of the table; its own words stand in the protocol's summary."""
    chosen = search.config["evaluator_config"]
    labels = {name: about.label for name, about in settings_of(TabularConfig).items() if name != "seconds"}
    return [(label, _words(chosen[name])) for name, label in labels.items() if chosen.get(name)]


def _words(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)
