"""What the workers have in hand, and what waits for them."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.urls import reverse

from tasks.housekeeping import queued_work
from webapp.models import (
    CostPreview,
    NodeLatency,
    RemovalStudy,
    SupernetRun,
    TrainingRun,
    Trial,
    WeightsRequest,
    Worker,
)

# What a row that waits stands for, in the words of the pages: one, several.
KINDS = {
    Trial: ("trial", "trials"),
    WeightsRequest: ("trial for its weights", "trials for their weights"),
    RemovalStudy: ("removal study", "removal studies"),
    NodeLatency: ("latency by node", "latencies by node"),
    TrainingRun: ("full training", "full trainings"),
    SupernetRun: ("supernet", "supernets"),
    CostPreview: ("cost preview", "cost previews"),
}


@dataclass(frozen=True)
class Hand:
    """What a worker has in hand: where its page is, how many epochs are done of how many, and since when it is at it."""

    url: str
    epoch: int
    epochs: int
    started: object = None


def waiting_work() -> list[tuple[int, str]]:
    """What waits for a train worker, counted, and in words: [(4, "4 trials"), (1, "1 full training")]."""
    found = []
    for rows, _ in queued_work():
        number = rows.count()
        if number:
            one, several = KINDS[rows.model]
            found.append((number, f"{number} {one if number == 1 else several}"))
    return found


def in_hand(workers: Iterable[Worker]) -> dict[str, Hand]:
    """Worker's name -> the trial, full training or supernet it trains right now."""
    names = {worker.name for worker in workers}
    found = {}
    trials = Trial.objects.filter(pk__in=[worker.trial_id for worker in workers if worker.trial_id], state="running")
    for trial in trials.only("search", "number", "worker", "epoch", "epochs", "started"):
        url = reverse("trial", args=[trial.search_id, trial.number])
        found[trial.worker] = Hand(url, trial.epoch, trial.epochs, trial.started)
    for run in TrainingRun.objects.filter(state=TrainingRun.State.RUNNING, worker__in=names).defer("curve", "progress"):
        found[run.worker] = Hand(reverse("training", args=[run.training_id]), run.epoch, run.epochs, run.started)
    for run in SupernetRun.objects.filter(state=SupernetRun.State.RUNNING, worker__in=names).defer("derived"):
        found[run.worker] = Hand(reverse("search", args=[run.search_id]), run.epoch, run.epochs)
    return found
