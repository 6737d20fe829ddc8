"""Everything the page of one trial shows."""

from django.http import Http404

from webapp.figures.trial import learning_curve, loss_curve
from webapp.models import Search, Trial, Weights
from webapp.results.rungs import history_of
from webapp.results.timings import slices
from webapp.templatetags.parts import percent


def trial_context(search: Search, number: int) -> dict:
    """Raises Http404 if the search has no such trial."""
    rows = search.trials.select_related("cell", "same_as", "same_as__search")
    trial = rows.defer("same_as__search__strategy_state").filter(number=number).first()
    if trial is None:
        raise Http404("There is no such trial.")
    trial.search = search
    curve = trial.curve or (trial.same_as.curve if trial.same_as else [])
    epochs = search.config["training"]["epochs"]
    history = history_of(trial) or (history_of(trial.same_as) if trial.same_as else None)
    needed = history.needed if history else []
    figures = {"curve": learning_curve(curve, epochs, needed), "loss": loss_curve(curve, epochs)}
    last = search.trials.order_by("-number").values_list("number", flat=True).first()
    return {
        "section": "searches",
        "search": search,
        "trial": trial,
        "title": title_of(trial),
        "figures": {name: figure for name, figure in figures.items() if figure},
        "history": history,
        "curve_of": trial.same_as if not trial.curve and trial.same_as else None,
        "others": list(_other_failures(search, trial)) if trial.state == Trial.State.FAILED else [],
        "log": list(search.log.filter(trial_number=number).order_by("-id")[:60]),
        "waited": _between(trial.created, trial.started),
        "took": _between(trial.started, trial.ended),
        "slices": slices(trial.timings or (trial.same_as.timings if trial.same_as else {})),
        "times_of": trial.same_as if not trial.timings and trial.same_as else None,
        "weights": Weights.objects.filter(trial=trial).values("size").first(),
        "newer": number + 1 if last and number < last else None,
        "older": number - 1 if number > 1 else None,
        "open": trial.state in Trial.OPEN,
    }


def title_of(trial: Trial) -> str:
    """The answer in the title: "Trial 61 failed at epoch 7"."""
    state = trial.state
    if state == Trial.State.FAILED:
        return f"Trial {trial.number} failed" + (f" after epoch {trial.epoch}" if trial.epoch else "")
    if state == Trial.State.RUNNING:
        return f"Trial {trial.number} is in training" + (
            f", epoch {trial.epoch + 1}" if trial.epoch < trial.epochs else ""
        )
    if state == Trial.State.REUSED:
        return f"Trial {trial.number} was known already"
    if trial.valid_accuracy is not None:
        return f"Trial {trial.number} reached {percent(trial.valid_accuracy)}"
    if state == Trial.State.PRUNED:
        return f"Trial {trial.number} was stopped early"
    if state == Trial.State.INFEASIBLE:
        return f"Trial {trial.number} breaks the limits"
    words = {"queued": "is queued", "waiting": "waits for the same cell", "stopped": "was stopped"}
    return f"Trial {trial.number} {words[state]}" if state in words else f"Trial {trial.number}"


def _between(start, end) -> float | None:
    return max((end - start).total_seconds(), 0.0) if start and end else None


def _other_failures(search: Search, trial: Trial):
    rows = search.trials.filter(state=Trial.State.FAILED).exclude(pk=trial.pk).order_by("-number")
    return rows.only("number", "state", "error", "epoch")[:6]
