"""Searches without Redis and without training: messages go into a list, and a child's accuracy is computed from its key."""

import threading
from collections import deque
from types import SimpleNamespace

import pytest

from nas_engine.errors import SearchCancelled
from nas_engine.search_config import read_search
from nas_engine.trial import Evaluation
from tasks import full_training, live, messages, node_latency, removals, search, supernet, train, weights, workers
from tests.webapp import seeding
from webapp.services.owner import local_owner
from webapp.services.searches import create_search

TINY = {
    "name": "Tiny",
    "strategy": "random",
    "space_config": {"blocks": 2, "operations": ["identity", "sep_conv_3x3", "max_pool_3x3"]},
    "skeleton": {"repeats": 1, "filters": 4},
    "training": {"epochs": 2, "crop": 0, "flip": False},
    "budget": {"trials": 6, "parallelism": 2, "keep_weights": 2},
}


class Queue:
    """Stands in for Redis: what was sent, in order, and the functions that take it."""

    def __init__(self):
        self.messages = deque()
        self.up = True

    def send(self, task: str, *arguments) -> bool:
        if self.up:
            self.messages.append((task.rpartition(".")[2], *arguments))
        return self.up

    def take(self, kind: str) -> list[tuple]:
        """Remove and return the arguments of all messages of this kind."""
        found = [message[1:] for message in self.messages if message[0] == kind]
        self.messages = deque(message for message in self.messages if message[0] != kind)
        return found

    def deliver(self, limit: int = 10_000) -> None:
        """Let workers take message after message until there are no more."""
        for _ in range(limit):
            if not self.messages:
                return
            self.deliver_next()
        raise AssertionError("the messages never end")

    def deliver_next(self) -> None:
        handlers = {
            "advance_search": search.advance_search,
            "train_child": train.train_child,
            "train_weights": weights.train_weights,
            "study_removals": removals.study_removals,
            "measure_nodes": node_latency.measure_nodes,
            "train_run": full_training.train_run,
            "preview_cost": full_training.preview_cost,
            "train_supernet": supernet.train_supernet,
        }
        name, *arguments = self.messages.popleft()
        handlers[name](*arguments)


class Evaluator:
    """Stands in for training. ``before`` is called with the trial before each epoch and may raise."""

    def __init__(self):
        self.trained = []
        self.before = lambda trial, epoch: None

    def evaluate(self, trial, config, report, cancelled):
        self.trained.append((trial.search_id, trial.number))
        accuracy = int(trial.cell.key[:6], 16) / 0xFFFFFF
        curve = []
        for epoch in range(1, config.training.epochs + 1):
            self.before(trial, epoch)
            if cancelled():
                raise SearchCancelled
            numbers = {"epoch": epoch, "train_loss": 1.0, "train_accuracy": accuracy, "valid_accuracy": accuracy}
            curve.append(numbers | {"seconds": 0.1, "images_per_second": 10.0, "valid_seconds": 0.02})
            report(SimpleNamespace(**curve[-1], epochs=config.training.epochs))
        evaluation = Evaluation(accuracy, 1000, 20_000, None, 0.2, trial.protocol)
        return SimpleNamespace(
            evaluation=evaluation, curve=curve, weights={}, blueprint=None, timings={"train": 0.1}, latency={}
        )


@pytest.fixture
def queue(monkeypatch):
    queue = Queue()
    monkeypatch.setattr(messages, "send", queue.send)
    monkeypatch.setattr(messages, "queue_lengths", lambda: queue.up and {"search": 0, "train": 0} or None)
    return queue


@pytest.fixture
def evaluator(monkeypatch):
    evaluator = Evaluator()
    monkeypatch.setattr(train, "evaluate", evaluator.evaluate)
    monkeypatch.setattr(train, "pack", lambda trial, config, outcome: f"weights of {trial.pk}".encode())
    return evaluator


@pytest.fixture
def stop(monkeypatch):
    """The flag that ends a worker, for this test alone."""
    flag = threading.Event()
    monkeypatch.setattr(workers, "STOP", flag)
    monkeypatch.setattr(train, "STOP", flag)
    monkeypatch.setattr(full_training, "STOP", flag)
    monkeypatch.setattr(supernet, "STOP", flag)
    return flag


@pytest.fixture
def start(transactional_db, queue, evaluator, stop):
    """start(**changes) -> a search; changes replace parts of TINY."""
    live.forget()
    seeding.dataset()

    def start(**changes):
        config = {
            key: {**value, **changes.pop(key, {})} if isinstance(value, dict) else value for key, value in TINY.items()
        }
        return create_search(read_search(config | changes), local_owner())

    yield start
    live.forget()
