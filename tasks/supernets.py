"""Coordinating weight-sharing searches: the supernet first, then the derived cells, each trained by itself."""

from nas_engine.search_config import SearchConfig
from tasks import clock, ending, messages, supernet_recording
from tasks.lease import held
from tasks.recording import changing
from webapp.models import LogLine, Search, SupernetRun, Trial

State = SupernetRun.State


def advance(search_id: int, config: SearchConfig, token: str) -> None:
    """See to it that what comes next is under way, or end the search. Raises LeaseLost."""
    send = None
    with changing(search_id) as search:
        held(search, token)
        run = supernet_recording.ensure(search, config.supernet.weights.epochs)
        if run.state == State.FAILED:
            reason = f"The supernet failed: {run.error}. {run.advice}".strip()
            ending.halt(search, Search.State.FAILED, reason, LogLine.Level.BAD)
        elif run.state == State.FINISHED and not search.trials.filter(state__in=Trial.OPEN).exists():
            _end(search, run)
        elif run.state == State.QUEUED and run.sent is None:
            SupernetRun.objects.filter(pk=run.pk).update(sent=clock.now())
            send = run
    if send:
        messages.train_supernet(send.pk, send.attempt)


def work_left(search: Search) -> bool:
    """Whether :func:`advance` would find something to do."""
    run = SupernetRun.objects.filter(search=search).first()
    if run is None or search.state == Search.State.QUEUED or run.state == State.FAILED:
        return True
    if run.state == State.QUEUED:
        return run.sent is None
    return run.state == State.FINISHED and not search.trials.filter(state__in=Trial.OPEN).exists()


def _end(search: Search, run: SupernetRun) -> None:
    reason = ending.hopeless(search)
    if reason:
        ending.halt(search, Search.State.FAILED, reason, LogLine.Level.BAD)
        return
    measured = search.trials.filter(state__in=Trial.MEASURED)
    trained = f"{measured.count()} of {len(run.derived)} derived cells trained by themselves"
    text = ending.closing(search, f"Its {run.epoch} epochs are done, and {trained}")
    ending.halt(search, Search.State.FINISHED, text)
