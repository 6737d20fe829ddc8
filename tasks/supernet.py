"""Training a supernet: one long task that goes on from its last epoch wherever it is taken up again."""

import logging
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from django.db import DatabaseError

from nas_engine.errors import ConfigError, EvaluationFailed, SearchCancelled
from nas_engine.search_config import SearchConfig, read_search
from tasks import supernet_recording, workers
from tasks.app import STOP, app
from tasks.datasets import local_folder
from tasks.patience import patiently
from tasks.train import REPORT_SECONDS, torch_device
from tasks.workers import Job
from webapp.models import CostPreview, SupernetRun

log = logging.getLogger(__name__)


@app.task(name="tasks.supernet.train_supernet")
def train_supernet(run_id: int, attempt: int) -> None:
    """Train one attempt of a supernet. Does nothing if the attempt is not (or no longer) to be trained."""
    run = supernet_recording.claim(run_id, attempt, workers.name(), workers.device())
    if run is None:
        return
    with Job(run, f"supernet of {run.search.name}", search_id=run.search_id) as job:
        try:
            _train(run, job)
        except SearchCancelled:
            run.refresh_from_db(fields=["epoch"])
            why = "its worker is ending" if STOP.is_set() else "its search was paused"
            patiently(supernet_recording.put_back, run, why)
        except EvaluationFailed as error:
            patiently(supernet_recording.fail, run, error.reason, error.advice)
        except ConfigError as error:
            patiently(supernet_recording.fail, run, str(error), "Correct it in a clone of this search.")
        except DatabaseError:
            raise  # the run’s heartbeat runs out and the sweeper queues it again
        except Exception as error:
            log.exception("%s broke down", run)
            text, advice = _in_words(error)
            patiently(supernet_recording.fail, run, text, advice)


def _in_words(error: Exception) -> tuple[str, str]:
    from nas_engine.training.memory import out_of_memory

    if isinstance(error, RuntimeError | MemoryError) and out_of_memory(error):
        return "out of memory", "Take a smaller batch, fewer filters, or PC-DARTS, which mixes one channel in four."
    return f"{type(error).__name__}: {error}", "The worker’s log holds the full trace."


def _train(run: SupernetRun, job: Job) -> None:
    from nas_engine.strategies.checkpoint import pack_state

    config, telling = read_search(run.search.config), Telling(run)
    search = opened(run, config)
    while not search.finished:
        record = search.run_epoch(telling.progress, job.cancelled).as_json()
        tensors, data = search.state()
        checkpoint = pack_state({**tensors, STATE: data})
        if not patiently(supernet_recording.epoch_done, run, record, checkpoint):
            raise SearchCancelled
    derived = search.derive(config.budget.trials, telling.progress, job.cancelled)
    patiently(supernet_recording.finish, run, [one.as_json() for one in derived])


STATE = "state"  # the name of what is not a tensor in a checkpoint


def opened(run: SupernetRun, config: SearchConfig):
    """The search where it stands: new, or as it was after the last stored epoch."""
    from nas_engine.evaluators.supernet.search import SupernetSearch
    from nas_engine.strategies.checkpoint import unpack_state

    folder = local_folder(run.search.dataset)
    protocol = config.protocol(run.search.dataset.fingerprint)
    if protocol.fingerprint() != run.search.protocol:
        raise EvaluationFailed(
            "the data set or the training code changed since this search began",
            "Clone the search: its numbers would not be comparable.",
        )
    search = SupernetSearch(config.supernet, config.skeleton, config.data, folder, torch_device(), config.seed)
    stored = supernet_recording.stored_checkpoint(run)
    if stored:
        state = unpack_state(stored)
        search.load_state(state, state.pop(STATE))
    return search


def supernet_cost(preview: CostPreview, folder: Path, cancelled: Callable[[], bool]) -> dict:
    """What a supernet costs on this worker, from a few timed steps, as a cost preview keeps it."""
    from nas_engine.evaluators.supernet.estimate import estimate_search

    config = read_search(preview.config)
    found = estimate_search(config.supernet, config.skeleton, config.data, folder, torch_device(), cancelled)
    advice = [f"Take {name.replace('_', ' ')} {value}." for name, value in found.advice.items()]
    return {
        **found.as_json(),
        "peak_memory": found.memory,
        "notes": [text for text in (found.message, *advice) if text],
    }


class Telling:
    """What is told inside an epoch, stored at most every second."""

    def __init__(self, run: SupernetRun):
        self.run, self._stored = run, 0.0

    def progress(self, told) -> None:
        """Take a Progress."""
        if time.monotonic() - self._stored < REPORT_SECONDS:
            return
        self._stored = time.monotonic()
        try:
            supernet_recording.progress(self.run, asdict(told))
        except supernet_recording.SearchGone:
            raise SearchCancelled from None
        except DatabaseError as error:  # the next one tries again
            log.warning("Progress could not be stored: %s", error)
