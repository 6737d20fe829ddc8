"""What the API answers with."""

from datetime import datetime
from typing import Any, Literal

from ninja import Field, Schema

LINES = 500  # of a log in one answer
State = Literal["queued", "running", "paused", "stopped", "finished", "failed"]  # of a search, and of a full training


class Problems(Schema):
    """Why a request was refused: what to change, by field."""

    problems: dict[str, str]


class SearchOut(Schema):
    id: int
    name: str
    state: str = Field(description="queued, running, paused, stopped, finished or failed")
    reason: str = Field(description="Why it ended, or failed and what to do")
    strategy: str
    dataset: str | None = Field(None, alias="dataset.slug")
    protocol: str = Field(description="Fingerprint; only accuracies of one protocol may be ranked together")
    protocol_summary: str
    owner: str = Field(alias="owner.username")
    trials_ended: int = Field(alias="done")
    active_seconds: float
    created: datetime
    started: datetime | None
    ended: datetime | None


class SearchDetail(SearchOut):
    trials_wanted: int = Field(alias="wanted")
    config: dict[str, Any] = Field(description="As manage.py search takes it")


class TrialOut(Schema):
    number: int
    state: str
    valid_accuracy: float | None = Field(description="Share between 0 and 1")
    reward: float | None
    params: int | None
    macs: int | None = Field(description="Multiply-accumulates for one image")
    latency: float | None = Field(description="Seconds, median of one batch")
    seconds: float | None
    cell: str = Field(alias="cell_id", description="The cell's key")
    error: str
    advice: str
    created: datetime
    started: datetime | None
    ended: datetime | None


class RungOut(Schema):
    """What was decided when a trial reached a rung of successive halving."""

    epoch: int
    accuracy: float = Field(description="Valid, after that epoch")
    rank: int = Field(description="Among the trials that had got there; equal ones share a rank")
    of: int
    places: int = Field(description="How many of them went on")
    cutoff: float = Field(description="The lowest accuracy among those")
    goes_on: bool


class TrialDetail(TrialOut):
    choices: list[Any] = Field(description="The architecture's decisions, as indices of options")
    curve: list[dict[str, Any]] = Field(description="One object an epoch")
    latency_about: dict[str, Any]
    timings: dict[str, float] = Field(
        description="Seconds by phase: queue, data, build, train, evaluate, latency, store"
    )
    device: dict[str, Any]
    rungs: list[RungOut] = Field(description="Of successive halving, lowest first; empty with other rules")

    @staticmethod
    def resolve_rungs(row) -> list:
        return list(row.rungs.order_by("epoch"))


class LineOut(Schema):
    id: int = Field(description="Rises; ask for those after it")
    time: datetime
    level: str = Field(description="info, good or bad")
    text: str


class CellOut(Schema):
    key: str
    name: str
    cells: list[dict[str, Any]]
    notations: dict[str, str] = Field(description="darts, nasnet, nas-bench-101 ...: those this cell can be written in")


class DatasetOut(Schema):
    slug: str
    title: str
    state: str
    message: str
    channels: int
    height: int
    width: int
    classes: int
    train_images: int
    test_images: int
    fingerprint: str

    @staticmethod
    def resolve_classes(row) -> int:
        return len(row.classes)


class WorkerOut(Schema):
    name: str
    queue: str
    device: dict[str, Any]
    doing: str
    alive: bool
    started: datetime
    heartbeat: datetime
