"""Where the seconds of a trial or a search went, in words and as the parts of a bar."""

from dataclasses import dataclass

from tasks.timings import PHASES

LABELS = {
    "queue": "Waiting for a worker",
    "data": "Preparing data",
    "build": "Building the network",
    "train": "Training",
    "evaluate": "Evaluating on valid",
    "latency": "Measuring latency",
    "store": "Storing",
    "lost": "Attempts given up",
    "other": "Everything else",
}


@dataclass(frozen=True)
class Slice:
    """A phase: its seconds and its share of the bar, which begins at ``x`` and is ``width`` wide, in percent."""

    name: str
    label: str
    seconds: float
    share: float
    x: str
    width: str


def slices(seconds: dict, waiting: bool = True) -> list[Slice]:
    """The phases that took any time, in the order they come in. ``waiting`` says whether the queue is one of them."""
    known = [name for name in PHASES if seconds.get(name) and (waiting or name != "queue")]
    total, before, found = sum(seconds[name] for name in known), 0.0, []
    for name in known:
        share = seconds[name] / total
        found.append(Slice(name, LABELS[name], seconds[name], share, f"{100 * before:.3f}%", f"{100 * share:.3f}%"))
        before += share
    return found
