"""What workers write about supernets, by the rules of :mod:`tasks.recording`: every change holds the search's row and raises
its version; a run is claimed, reported on and ended by updates that are conditional on (state, attempt)."""

from django.db.models import F

from nas_engine import trial as engine
from nas_engine.architecture import Architecture
from nas_engine.search_config import read_search
from tasks import clock, messages, proposals
from tasks.recording import ATTEMPTS, HALTED, LOST_ADVICE, SearchGone, changing, clean, next_round, say
from tasks.wording import percent, place
from webapp.models import LogLine, Search, SupernetCheckpoint, SupernetEpoch, SupernetRun, Trial

__all__ = ["SearchGone"]

State = SupernetRun.State
PIECE = 2**20  # bytes


def current(run: SupernetRun):
    """The run's row as long as this attempt is in training: the condition under which its worker may write."""
    return SupernetRun.objects.filter(pk=run.pk, state=State.RUNNING, attempt=run.attempt)


def ensure(search: Search, epochs: int) -> SupernetRun:
    """The search's run, made if there is none. Call it inside ``changing``."""
    return SupernetRun.objects.get_or_create(search=search, defaults={"epochs": epochs})[0]


def claim(run_id: int, attempt: int, worker: str, device: dict) -> SupernetRun | None:
    """Take a queued run into training. None if it is not this worker's to train."""
    found = SupernetRun.objects.filter(pk=run_id).values_list("search_id", flat=True).first()
    if found is None:
        return None
    with changing(found) as search:
        queued = SupernetRun.objects.filter(pk=run_id, attempt=attempt, state=State.QUEUED)
        taken = {
            "worker": worker,
            "heartbeat": clock.now(),
            "device": device,
            "progress": {},
            "error": "",
            "advice": "",
        }
        if search.state in HALTED or not queued.update(state=State.RUNNING, claimed_epoch=F("epoch"), **taken):
            return None
        run = SupernetRun.objects.select_related("search__dataset").defer("search__strategy_state").get(pk=run_id)
        begins = f"goes on after epoch {run.epoch}" if run.epoch else "begins"
        say(search, f"supernet {begins} on {place(worker, device)}")
    return run


def progress(run: SupernetRun, told: dict) -> None:
    """Store how far the epoch under way is."""
    with changing(run.search_id):
        current(run).update(progress=clean(told), heartbeat=clock.now())


def epoch_done(run: SupernetRun, record: dict, checkpoint: bytes) -> bool:
    """Store an epoch with the state after it, whole. False if this attempt no longer counts."""
    with changing(run.search_id) as search:
        about = {"epoch": record["epoch"], "epochs": record["epochs"], "progress": {}, "heartbeat": clock.now()}
        if not current(run).update(**about):
            return False
        SupernetEpoch.objects.update_or_create(run=run, number=record["epoch"], defaults={"record": clean(record)})
        SupernetCheckpoint.objects.filter(run=run).delete()
        pieces = [checkpoint[at : at + PIECE] for at in range(0, len(checkpoint), PIECE)]
        SupernetCheckpoint.objects.bulk_create(
            [SupernetCheckpoint(run=run, index=index, data=piece) for index, piece in enumerate(pieces)], batch_size=8
        )
        for text, level in _told(record):
            say(search, text, level)
    return True


def _told(record: dict) -> list[tuple[str, str]]:
    accuracy = record["valid_accuracy"]
    measured = f", {percent(accuracy)} valid with shared weights" if accuracy is not None else ""
    lines = [(f"supernet epoch {record['epoch']}: loss {record['train_loss']:.3f}{measured}", LogLine.Level.INFO)]
    if record["alarm"]:
        lines.append((record["alarm"], LogLine.Level.BAD))
    if record["reason"]:
        lines.append((record["reason"], LogLine.Level.INFO))
    return lines


def stored_checkpoint(run: SupernetRun) -> bytes:
    """The newest state; empty before the first epoch is done."""
    return b"".join(bytes(piece) for piece in run.checkpoint.values_list("data", flat=True))


def finish(run: SupernetRun, derived: list[dict]) -> bool:
    """Store what was derived, once, and have each trained by itself as a trial. False if this attempt no longer counts."""
    with changing(run.search_id) as search:
        ended = {"state": State.FINISHED, "derived": clean(derived), "progress": {}}
        if not current(run).update(**ended):
            return False
        SupernetCheckpoint.objects.filter(run=run).delete()
        say(search, f"supernet done: {len(derived)} cells derived, now trained by themselves", LogLine.Level.GOOD)
        to_train = _propose(search, derived)
    for trial in to_train:
        if not messages.train_child(trial.pk, trial.attempt):
            break
    messages.advance_search(run.search_id)
    return True


def _propose(search: Search, derived: list[dict]) -> list[Trial]:
    space = read_search(search.config).build_space()
    proposed = [
        engine.Trial(
            number,
            Architecture.from_json(one["architecture"]),
            {"supernet_score": one["supernet_score"], "derived": number},
        )
        for number, one in enumerate(derived, start=proposals.next_number(search))
    ]
    to_train = proposals.store(search, proposed, [None] * len(proposed), space)
    for trial in proposed:  # nobody learns from them any more
        Trial.objects.filter(search=search, number=trial.number).update(told_as=trial.number)
    Search.objects.filter(pk=search.pk).update(told=search.told + len(proposed))
    return to_train


def fail(run: SupernetRun, error: str, advice: str = "") -> bool:
    """Store why there is no supernet; the search ends with it. False if this attempt no longer counts."""
    with changing(run.search_id) as search:
        if not current(run).update(state=State.FAILED, error=error, advice=advice, progress={}):
            return False
        say(search, f"supernet failed: {error}", LogLine.Level.BAD)
    messages.advance_search(run.search_id)
    return True


def put_back(run: SupernetRun, why: str) -> bool:
    """Queue a run again that its worker gave up on purpose; it is sent at once unless its search is halted."""
    with changing(run.search_id) as search:
        halted = search.state in HALTED  # then it is sent when the search goes on
        sent = None if halted else clock.now()
        if not current(run).update(state=State.QUEUED, worker="", heartbeat=None, sent=sent, progress={}):
            return False
        say(search, f"supernet put back after epoch {run.epoch}: {why}")
    if not halted:
        messages.train_supernet(run.pk, run.attempt)
    return True


def requeue_lost(run: SupernetRun) -> None:
    """The worker of a run was lost: queue it again, or fail it when three in a row have been lost without an epoch."""
    progressed = run.epoch > run.claimed_epoch
    attempt = next_round(run.attempt) if progressed else run.attempt + 1
    if not progressed and run.attempt % ATTEMPTS == ATTEMPTS - 1:
        fail(run, f"its worker was lost {ATTEMPTS} times without an epoch between", LOST_ADVICE)
        return
    with changing(run.search_id) as search:
        lost = current(run).filter(heartbeat=run.heartbeat)
        again = {"state": State.QUEUED, "attempt": attempt, "worker": "", "heartbeat": None, "sent": clock.now()}
        if not lost.update(**again, progress={}):
            return
        say(search, f"supernet lost its worker, {run.worker}; it goes on after epoch {run.epoch}", LogLine.Level.BAD)
    messages.train_supernet(run.pk, attempt)


def go_on(search: Search) -> None:
    """The search goes on: have its run sent, and a failed one tried again. Call it inside ``changing``."""
    SupernetRun.objects.filter(search=search, state=State.QUEUED).update(sent=None)
    failed = SupernetRun.objects.filter(search=search, state=State.FAILED).first()
    if failed:
        again = {"state": State.QUEUED, "attempt": next_round(failed.attempt), "error": "", "advice": "", "sent": None}
        SupernetRun.objects.filter(pk=failed.pk).update(**again)
