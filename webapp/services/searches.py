"""What a person does with a search: start, pause, resume, stop it, try a failed trial again."""

import platform
from importlib import metadata

from django.db import transaction

from nas_engine import __version__
from nas_engine.blueprint import build_blueprint
from nas_engine.config import as_dict
from nas_engine.errors import ConfigError
from nas_engine.search_config import SearchConfig
from tasks import clock, messages, recording, supernet_recording
from webapp.models import Comparison, Dataset, LogLine, Search, Trial

State = Search.State


def create_search(config: SearchConfig, owner, comparison: Comparison | None = None) -> Search:
    """Store a search, maybe as part of a comparison, and have it begin.

    Raises ConfigError naming the field if it cannot run as it stands.
    """
    if config.evaluation.own_space:
        dataset, protocol = None, config.protocol()
        _check_limits(config)
    else:
        dataset = ready_dataset(config.data.dataset)
        _check_buildable(config, dataset)
        protocol = config.protocol(dataset.fingerprint)
    with transaction.atomic():
        search = Search.objects.create(
            name=config.name or f"{dataset.title if dataset else protocol.kind}, {searched_by(config)}",
            owner=owner,
            config=as_dict(config),
            strategy=searched_by(config),
            dataset=dataset,
            comparison=comparison,
            protocol=protocol.fingerprint(),
            protocol_summary=protocol.summary(),
            versions=versions(),
        )
        messages.after_commit(messages.advance_search, search.pk)
    return search


def searched_by(config: SearchConfig) -> str:
    """The name of the strategy, or of the method that shares weights and so needs none."""
    return config.supernet.method if config.evaluation.shares_weights else config.strategy


def pause_search(search: Search) -> None:
    """Let nothing new start; what is in training stops at its next batch and is trained again after resuming.

    Raises ConfigError if the search is not under way.
    """
    with recording.changing(search.pk) as row:
        if row.state not in Search.ACTIVE:
            raise ConfigError(f"The search is {row.state}: there is nothing to pause.")
        _stop_clock(row)
        row.state = State.PAUSED
        row.save(update_fields=["state", "active_seconds", "resumed"])
        recording.say(row, "search paused; trials in training are put back")
        _wake_others(row)


def resume_search(search: Search) -> None:
    """Go on with a paused search exactly where it stood; with a failed one too, once its cause is corrected.

    Raises ConfigError if the search is neither.
    """
    with recording.changing(search.pk) as row:
        if row.state not in (State.PAUSED, State.FAILED):
            raise ConfigError(f"The search is {row.state}: only a paused or a failed search can be resumed.")
        untold = row.dataset_id is not None and not row.trials.filter(state__in=Trial.MEASURED).exists()
        if row.state == State.FAILED and untold:
            for trial in row.trials.filter(state=Trial.State.FAILED):
                _queue_again(trial)
        supernet_recording.go_on(row)
        row.state, row.reason, row.ended = State.QUEUED, "", None
        row.save(update_fields=["state", "reason", "ended"])
        recording.say(row, "search resumed")
        row.trials.filter(state=Trial.State.QUEUED).update(sent=clock.now())
        messages.after_commit(_send_all, row.pk)


def stop_search(search: Search) -> None:
    """End a search for good, keeping what it found. Raises ConfigError if it has ended already."""
    with recording.changing(search.pk) as row:
        if row.state in (State.STOPPED, State.FINISHED):
            raise ConfigError(f"The search is {row.state} already.")
        _stop_clock(row)
        now = clock.now()
        row.trials.filter(state__in=Trial.OPEN).update(state=Trial.State.STOPPED, ended=now)
        row.state, row.ended = State.STOPPED, now
        row.reason = f"Stopped by hand after {row.trials.filter(state__in=Trial.MEASURED).count()} trials."
        row.save(update_fields=["state", "reason", "ended", "active_seconds", "resumed"])
        recording.say(row, "search stopped", LogLine.Level.INFO)
        _wake_others(row)


def retry_trial(trial: Trial) -> None:
    """Train a failed trial again. Its strategy has been told that it failed and is not told anew; a result counts
    everywhere else. Raises ConfigError if the trial has not failed or its search was stopped or has failed.
    """
    with recording.changing(trial.search_id) as search:
        row = Trial.objects.get(pk=trial.pk)
        if search.dataset_id is None:
            raise ConfigError("The table has no result for this architecture, so there is nothing to try again.")
        if row.state != Trial.State.FAILED:
            raise ConfigError(f"Trial {row.number} is {row.state}: only a failed trial can be tried again.")
        if row.told_as is None and search.state in Search.ACTIVE:
            raise ConfigError("The strategy has not yet been told of this failure. Try again in a moment.")
        if search.state == State.FAILED:
            raise ConfigError("The search itself has failed. Resume it to try its trials again.")
        if search.state == State.STOPPED:
            raise ConfigError("The search was stopped. Clone it to go on.")
        attempt = _queue_again(row)
        recording.say(search, f"trial {row.number} is tried again", number=row.number)
        if search.state != State.PAUSED:
            messages.after_commit(messages.train_child, row.pk, attempt)


def _queue_again(trial: Trial) -> int:
    attempt = recording.next_round(trial.attempt)
    Trial.objects.filter(pk=trial.pk).update(
        state=Trial.State.QUEUED,
        attempt=attempt,
        worker="",
        error="",
        advice="",
        ended=None,
        sent=clock.now(),
        epoch=0,
        curve=[],
    )
    return attempt


def _send_all(search_id: int) -> None:
    if not messages.advance_search(search_id):
        return
    queued = Trial.objects.filter(search_id=search_id, state=Trial.State.QUEUED).order_by("number")
    for pk, attempt in queued.values_list("pk", "attempt"):
        if not messages.train_child(pk, attempt):
            return


def _wake_others(search: Search) -> None:
    """Searches that wait for a cell of this one train it themselves."""
    waiting = Trial.objects.filter(state=Trial.State.WAITING, same_as__search=search).exclude(search=search)
    for search_id in waiting.values_list("search_id", flat=True).distinct():
        messages.after_commit(messages.advance_search, search_id)


def _stop_clock(search: Search) -> None:
    if search.resumed is not None:
        search.active_seconds += max((clock.now() - search.resumed).total_seconds(), 0.0)
        search.resumed = None


def ready_dataset(slug: str) -> Dataset:
    """The data set if it can be trained on. Raises ConfigError under "data.dataset"."""
    dataset = Dataset.objects.filter(slug=slug).first()
    if dataset is None:
        known = ", ".join(Dataset.objects.values_list("slug", flat=True)) or "none yet"
        raise ConfigError(f"There is no data set {slug!r}. Known: {known}.", "data.dataset")
    if dataset.state == Dataset.State.PREPARING:
        raise ConfigError(f"{dataset.title} is still being prepared. Wait until it is ready.", "data.dataset")
    if dataset.state == Dataset.State.FAILED:
        raise ConfigError(f"{dataset.title} could not be prepared: {dataset.message}", "data.dataset")
    return dataset


def _check_buildable(config: SearchConfig, dataset: Dataset) -> None:
    """Build one network of the space on paper, so that an impossible skeleton is refused now and not by every trial."""
    import random

    space = config.build_space()
    cells = space.cells(space.sample(random.Random(config.seed)))
    build_blueprint(cells, config.skeleton, dataset.image_shape, len(dataset.classes))


def _check_limits(config: SearchConfig) -> None:
    """A limit on what the table does not hold would hold nothing back."""
    arrays = config.open_table().space.table.arrays
    for name, column in (("params", "params"), ("macs", "flops")):
        for field in (f"max_{name}", f"min_{name}"):
            if getattr(config.limits, field) and column not in arrays:
                raise ConfigError("This table does not hold them: take 0.", f"limits.{field}")
    if config.limits.max_latency and not any(array.startswith("latency_ms") for array in arrays):
        raise ConfigError("This table holds no latencies: take 0.", "limits.max_latency")


def versions() -> dict:
    """Of what has a part in the numbers."""
    return {
        "nasturtium": __version__,
        "python": platform.python_version(),
        **{name: metadata.version(name) for name in ("torch", "django")},
    }
