"""Putting work on the queues. A message that cannot be sent is no loss: the sweeper sends it again from the database."""

import logging

from django.db import transaction
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from tasks.app import app

log = logging.getLogger(__name__)
UNREACHABLE = (OperationalError, RedisError, OSError)
QUEUES = ("search", "train")


def advance_search(search_id: int) -> bool:
    """Ask a search worker to take the search one step further. Returns whether the message was sent."""
    return send("tasks.search.advance_search", search_id)


def train_child(trial_id: int, attempt: int) -> bool:
    """Ask a train worker to train this attempt of a trial. Returns whether the message was sent."""
    return send("tasks.train.train_child", trial_id, attempt)


def train_weights(request_id: int, attempt: int) -> bool:
    """Ask a train worker to train a trial again for its weights. Returns whether the message was sent."""
    return send("tasks.weights.train_weights", request_id, attempt)


def train_fully(run_id: int, attempt: int) -> bool:
    """Ask a train worker to train this attempt of a full training's run. Returns whether the message was sent."""
    return send("tasks.full_training.train_run", run_id, attempt)


def preview_cost(preview_id: int, attempt: int) -> bool:
    """Ask a train worker what a full training would cost. Returns whether the message was sent."""
    return send("tasks.full_training.preview_cost", preview_id, attempt)


def train_supernet(run_id: int, attempt: int) -> bool:
    """Ask a train worker to train this attempt of a supernet. Returns whether the message was sent."""
    return send("tasks.supernet.train_supernet", run_id, attempt)


def study_removals(study_id: int, attempt: int) -> bool:
    """Ask a train worker what a trained network loses without each node and edge. Returns whether the message was sent."""
    return send("tasks.removals.study_removals", study_id, attempt)


def measure_nodes(wanted_id: int, attempt: int) -> bool:
    """Ask a train worker how long each node of a network takes. Returns whether the message was sent."""
    return send("tasks.node_latency.measure_nodes", wanted_id, attempt)


def prepare_dataset(dataset_id: int) -> bool:
    """Ask a search worker to prepare a data set. Returns whether the message was sent."""
    return send("tasks.datasets.prepare_dataset", dataset_id)


def send(task: str, *arguments) -> bool:
    """Put a task on its queue. Returns False, and says so in the log, when Redis cannot be reached."""
    try:
        app.send_task(task, arguments)
    except UNREACHABLE as error:
        log.warning("Redis cannot be reached (%s). The work is kept in the database and sent again later.", error)
        return False
    return True


def after_commit(message, *arguments) -> None:
    """Call one of the functions above once the current transaction is committed."""
    transaction.on_commit(lambda: message(*arguments))


def queue_lengths() -> dict[str, int] | None:
    """How many messages wait in each queue, or None when Redis cannot be reached."""
    try:
        with app.connection_for_read() as connection:
            connection.ensure_connection(max_retries=1, timeout=2)
            return {name: connection.default_channel._size(name) for name in QUEUES}
    except UNREACHABLE:
        return None
