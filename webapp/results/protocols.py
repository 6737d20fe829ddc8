"""The protocols under which cells were measured. Numbers of two protocols are never ranked together."""

from dataclasses import dataclass

from django.db.models import Count, Max

from nas_engine.config import settings_of
from nas_engine.evaluators.settings import TabularConfig
from nas_engine.protocol import Protocol, SkeletonConfig
from nas_engine.search_config import read_search
from webapp.models import Search, Trial

TABLES = "tables"  # stands for a data set where results come from a published table


@dataclass(frozen=True)
class MeasuredProtocol:
    """A protocol with results. ``label`` is its summary, with the fingerprint where several share a summary."""

    fingerprint: str
    summary: str
    label: str
    dataset: str
    dataset_title: str
    cells: int


def measured_protocols() -> list[MeasuredProtocol]:
    """All protocols with at least one measured cell, most results first, then the latest."""
    counts = Trial.objects.filter(state=Trial.State.FINISHED).values("protocol")
    counts = counts.annotate(cells=Count("pk"), last=Max("pk")).order_by("-cells", "-last")
    named = Search.objects.order_by("pk").values_list("protocol", "protocol_summary", "dataset__slug", "dataset__title")
    about = {fingerprint: rest for fingerprint, *rest in named}
    summaries = [about[row["protocol"]][0] for row in counts]
    found = []
    for row, summary in zip(counts, summaries, strict=True):
        fingerprint = row["protocol"]
        label = summary if summaries.count(summary) == 1 else f"{summary} ({fingerprint[:6]})"
        slug, title = about[fingerprint][1:]
        found.append(MeasuredProtocol(fingerprint, summary, label, slug or TABLES, title or "Tables", row["cells"]))
    return found


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
