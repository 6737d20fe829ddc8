"""Rows for tests and for looking at pages: searches with measured trials, made without training anything.

Accuracies and costs are drawn at random here and mean nothing. Run as a program it fills the database of the environment's
``NASTURTIUM_DATA``: ``python -m tests.webapp.seeding few``, or a number of trials.
"""

import json
import random
import sys
import time
from datetime import UTC, datetime, timedelta

from nas_engine import zoo
from nas_engine.architecture import Architecture
from nas_engine.cell import Block, Cell
from nas_engine.config import as_dict, read
from nas_engine.evaluators.settings import StandaloneConfig
from nas_engine.graph_cell import read_cells
from nas_engine.search_config import SearchConfig, read_search
from nas_engine.successive_halving import decide

START = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
DEVICE = {"kind": "cpu", "name": "Test CPU", "threads": 1}
HALVING = {
    "name": "Digits, halved",
    "strategy": "random",
    "evaluator_config": {"early_stopping": "asha", "minimum_epochs": 1, "reduction_factor": 3},
    "skeleton": {"repeats": 1, "filters": 8},
    "training": {"epochs": 10, "batch_size": 64, "crop": 1, "flip": False},
}
SMALL = {
    "name": "Digits, a first look",
    "strategy": "random",
    "skeleton": {"repeats": 1, "filters": 8},
    "training": {"epochs": 8, "batch_size": 64, "crop": 1, "flip": False},
}


def dataset(slug: str = "digits", shape: tuple = (1, 8, 8), classes: int = 10):
    """A data set's row, without its images; beside a running product its own, once it is prepared."""
    from webapp.models import Dataset

    fields = {
        "title": slug.title(),
        "source": {"kind": "digits"},
        "state": Dataset.State.READY,
        "channels": shape[0],
        "height": shape[1],
        "width": shape[2],
        "classes": [str(label) for label in range(classes)],
        "train_images": 1437,
        "test_images": 360,
        "fingerprint": "0" * 64,
    }
    row, _ = Dataset.objects.get_or_create(slug=slug, defaults=fields)
    end = time.monotonic() + 90
    while row.state == Dataset.State.PREPARING and time.monotonic() < end:
        time.sleep(0.2)
        row.refresh_from_db()
    return row


def search(config: SearchConfig | dict | None = None, **fields):
    """A finished search with this configuration and no trials."""
    from webapp.models import Search
    from webapp.services.owner import local_owner

    config = config if isinstance(config, SearchConfig) else read_search(config or SMALL)
    data = dataset(config.data.dataset)
    protocol = config.protocol(data.fingerprint)
    return Search.objects.create(
        **{
            "name": config.name,
            "owner": local_owner(),
            "state": Search.State.FINISHED,
            "config": as_dict(config),
            "strategy": config.strategy,
            "dataset": data,
            "protocol": protocol.fingerprint(),
            "protocol_summary": protocol.summary(),
            "started": START,
            "ended": START + timedelta(hours=1),
        }
        | fields
    )


def record(cells: tuple[Cell, ...], name: str = ""):
    """The row of an architecture."""
    from webapp.models import CellRecord

    made = CellRecord.objects.of(cells)
    if name and made.name != name:
        made.name = name
        made.save(update_fields=["name"])
    return made


def trial(of, number: int, architecture: Architecture, cell=None, **fields):
    """A trial of search ``of``; measured unless ``fields`` say otherwise."""
    from webapp.models import Trial

    cell = cell or record(read_search(of.config).build_space().cells(architecture))
    _changed(of)
    return Trial.objects.create(search=of, number=number, cell=cell, **_fields(of, number, architecture) | fields)


def _changed(of) -> None:
    """Whoever writes a search's trials raises its version."""
    from django.db.models import F

    type(of).objects.filter(pk=of.pk).update(version=F("version") + 1)


def _fields(of, number: int, architecture: Architecture) -> dict:
    rng = random.Random(f"{of.pk} {number}")
    accuracy = min(0.999, max(0.1, rng.gauss(0.86, 0.04)))
    epochs = of.config["training"]["epochs"]
    macs = int(1e5 * rng.uniform(4, 40))
    return {
        "choices": list(architecture.choices),
        "protocol": of.protocol,
        "state": "finished",
        "attempt": 1,
        "epoch": epochs,
        "epochs": epochs,
        "curve": [_epoch(at, epochs, accuracy) for at in range(1, epochs + 1)],
        "valid_accuracy": accuracy,
        "reward": accuracy,
        "params": macs // 40,
        "macs": macs,
        "latency": macs * 3e-9,
        "seconds": rng.uniform(4, 20),
        "device": DEVICE,
        "started": START + timedelta(seconds=10 * number),
        "ended": START + timedelta(seconds=10 * number + 9),
    }


def _epoch(at: int, epochs: int, accuracy: float) -> dict:
    reached = accuracy * (1 - 0.8 * (1 - at / epochs) ** 2)
    return {
        "epoch": at,
        "train_loss": 2.3 * (1 - reached),
        "train_accuracy": min(1.0, reached + 0.02),
        "valid_accuracy": reached,
        "seconds": 0.8,
    }


def measured(of, count: int, seed: int = 0) -> list:
    """``count`` measured trials of distinct cells, drawn from the search's space."""
    from webapp.models import CellRecord, Trial, operations_of

    space, rng, found = read_search(of.config).build_space(), random.Random(seed), {}
    while len(found) < count:
        architecture = space.sample(rng)
        found.setdefault(space.key(architecture), architecture)
    records = [
        CellRecord(key=key, cells=[cell.as_json() for cell in cells], operations=operations_of(cells))
        for key, cells in ((key, space.cells(architecture)) for key, architecture in found.items())
    ]
    CellRecord.objects.bulk_create(records, ignore_conflicts=True, batch_size=500)
    first = of.trials.count()
    _changed(of)
    rows = [
        Trial(search=of, number=number, cell_id=key, **_fields(of, number, architecture))
        for number, (key, architecture) in enumerate(found.items(), start=first + 1)
    ]
    return Trial.objects.bulk_create(rows, batch_size=500)


def weights(of) -> bytes:
    """Store an untrained network's weights for a trial, with the blueprint and description a worker would write."""
    import torch

    from nas_engine.blueprint import build_blueprint
    from nas_engine.export.weights import pack
    from nas_engine.networks import build
    from tasks import retention

    config, data = read_search(of.search.config), of.search.dataset
    cells = read_cells(of.cell.cells)
    network = build_blueprint(cells, config.skeleton, data.image_shape, len(data.classes))
    torch.manual_seed(0)
    packed = pack(
        build(network).state_dict(),
        {
            "blueprint": network.as_json(),
            "cells": of.cell.cells,
            "classes": data.classes,
            "normalisation": {"mean": [0.5] * data.channels, "std": [0.25] * data.channels},
            "protocol": as_dict(config.protocol(data.fingerprint)),
            "evaluation": {"valid_accuracy": of.valid_accuracy},
        },
    )
    retention.store(of, packed)
    return packed


def many(count: int) -> None:
    """Three searches under two protocols, ``count`` trials in all; and a tenth as many more, cells of the first search from
    another seed."""
    half = count // 2
    measured(search(SMALL), half - half // 4, seed=1)
    measured(search(SMALL | {"name": "Digits by PPO", "strategy": "ppo"}), half // 4, seed=2)
    again = SMALL | {"name": "Digits, seed 1", "training": SMALL["training"] | {"seed": 1}}
    measured(search(again), count // 10, seed=1)
    other = SMALL | {"name": "Digits, longer", "training": SMALL["training"] | {"epochs": 20}}
    measured(search(other), count - half, seed=3)


def few() -> dict:
    """Forty cells; NASNet-A under two protocols, its weights kept once; one cell with a neighbour. Returns their keys."""
    first = search(SMALL)
    rows = measured(first, 40)
    space, published = read_search(SMALL).build_space(), record(zoo.get("nasnet-a").cells, "NASNet-A")
    architecture = Architecture(space.name, tuple(rows[0].choices))
    best = trial(first, 41, architecture, cell=published, valid_accuracy=0.9931)
    weights(best)
    second = search(SMALL | {"name": "Digits by PPO", "strategy": "ppo"})
    reused = {"state": "reused", "same_as": best, "curve": []}
    trial(
        second, 1, architecture, cell=published, **{name: getattr(best, name) for name in ("macs", "params")}, **reused
    )
    longer = search(SMALL | {"name": "Digits, longer", "training": SMALL["training"] | {"epochs": 20}})
    trial(longer, 1, architecture, cell=published)
    changed = list(rows[0].choices)
    changed[2] = (changed[2] + 1) % len(space.choices[2].options)
    trial(first, 42, Architecture(space.name, tuple(changed)))
    deep = trial(first, 43, architecture, cell=record(deep_cells()))
    return {"published": published.key, "plain": rows[0].cell_id, "deep": deep.cell_id}


def deep_cells() -> tuple[Cell, Cell]:
    """Twelve blocks in a row that join by concatenation: the longest and the widest that is drawn."""
    blocks = tuple(Block(i + 1, "sep_conv_3x3", i, "max_pool_3x3", "concat") for i in range(12))
    return Cell("normal", blocks, (13,)), Cell("reduction", blocks[:7], (8,))


EVOLUTION = SMALL | {"name": "Evolving", "strategy": "regularized_evolution"}


def bred(parents: dict[int, dict], config: dict = EVOLUTION) -> dict:
    """Trials of one search by number, each a mutation of its first parent."""
    of = search(config)
    space, rng = read_search(of.config).build_space(), random.Random(0)
    made, trials = {}, {}
    for number, info in parents.items():
        first = info.get("parent") or (info.get("parents") or [None])[0]
        made[number] = space.mutate(made[first], rng) if first in made else space.sample(rng)
        trials[number] = trial(of, number, made[number], info=info, valid_accuracy=0.5 + number / 100)
    return trials


def family() -> dict:
    """A cell with ancestors and children in a search of its own, in which one trial was known already and one failed; the
    search, its protocol, the cell and its trial."""
    line = {1: {}} | {number: {"parent": number - 1} for number in range(2, 8)}
    config = EVOLUTION | {"name": "Family", "training": SMALL["training"] | {"epochs": 7}}
    trials = bred(line | {number: {"parent": 4} for number in range(8, 12)}, config)
    own = trials[4]
    again = {"state": "reused", "same_as": own, "curve": [], "macs": own.macs, "params": own.params}
    trial(own.search, 12, Architecture("nasnet", tuple(own.choices)), own.cell, **again)
    nothing = dict.fromkeys(("valid_accuracy", "reward", "params", "macs", "latency", "seconds"))
    error = {"error": "The loss became NaN at epoch 3.", "advice": "Take a smaller learning rate."}
    other = read_search(own.search.config).build_space().sample(random.Random(1))
    trial(own.search, 13, other, state="failed", epoch=2, **nothing | error)
    return {"search": own.search_id, "protocol": own.protocol, "cell": own.cell_id, "trial": own.number, "failed": 13}


def results() -> str:
    """Forty cells under a protocol of their own; returns the search and the protocol."""
    alone = search(SMALL | {"name": "Results", "training": SMALL["training"] | {"epochs": 9}})
    measured(alone, 40, seed=5)
    return f"{alone.pk} {alone.protocol}"


def states() -> str:
    """A search in each of four states that no worker touches, and workers of a machine that is not there."""
    from webapp.models import Worker

    now = datetime.now(UTC)
    for state in ("paused", "stopped", "failed", "finished"):
        reason = "Its first 8 trials all failed: Out of memory." if state == "failed" else ""
        found = search(SMALL | {"name": f"Listed {state}", "budget": {"trials": 12}}, state=state, reason=reason)
        measured(found, 0 if state == "failed" else 5)
    gpu = {"kind": "cuda", "name": "NVIDIA H200", "memory": 141 * 10**9}
    for number, (queue, device, silent) in enumerate(
        (("train", gpu, -3600), ("train", gpu, 300), ("search", {}, -3600))
    ):
        about = {"host": "elm", "queue": queue, "pid": 1, "device": device, "started": now}
        name, heartbeat = f"{queue}-{number}@elm", now - timedelta(seconds=silent)
        Worker.objects.update_or_create(name=name, defaults={**about, "heartbeat": heartbeat})
    return ""


def without_elm() -> str:
    """The workers of the machine that is not there are gone, as other pages count those alive."""
    from webapp.models import Worker

    Worker.objects.filter(host="elm").delete()
    return ""


HALVED = (0.60, 0.50, 0.40, 0.30, 0.70, 0.20, 0.45, 0.65, 0.42)  # accuracies at the first rung, as they arrived


def halved(config: dict, accuracies: tuple = HALVED):
    """A finished search by successive halving: each trial was judged, in order, by those before it."""
    from tasks.pruning import rung_reason
    from webapp.models import RungResult

    of = search(config)
    settings, epochs = read(StandaloneConfig, of.config["evaluator_config"]), of.config["training"]["epochs"]
    recorded: dict[int, list[float]] = {level: [] for level in settings.rungs(epochs)}
    for row, start in zip(measured(of, len(accuracies), seed=7), accuracies, strict=True):
        row.curve = [_epoch(at, epochs, 1) | {"valid_accuracy": start + 0.02 * (at - 1)} for at in range(1, epochs + 1)]
        row.valid_accuracy = row.reward = row.curve[-1]["valid_accuracy"]
        for level, before in recorded.items():
            accuracy = row.curve[level - 1]["valid_accuracy"]
            found = decide(accuracy, before, settings.reduction_factor)
            before.append(accuracy)
            result = RungResult.objects.create(
                search=of, trial=row, epoch=level, accuracy=accuracy, decided=row.started, goes_on=found.goes_on,
                rank=found.rank, of=found.of, places=found.places, cutoff=found.cutoff,
            )  # fmt: skip
            if not found.goes_on:
                row.state, row.valid_accuracy, row.epoch, row.curve = "pruned", None, level, row.curve[:level]
                row.error, row.info = rung_reason(result), {"expected": row.reward}
                break
        row.save()
    return of


def supernet() -> int:
    """A finished weight-sharing search of three epochs, whose derived cell changes in the last; returns its number."""
    from nas_engine.evaluators.supernet.presets import read_supernet
    from webapp.models import SupernetEpoch, SupernetRun

    sharing = {
        "name": "Shared",
        "evaluator": "supernet",
        "evaluator_config": as_dict(read_supernet({"method": "darts"})),
        "skeleton": {"dialect": "darts", "layers": 3, "filters": 8},
    }
    shared = search(SMALL | sharing, strategy="darts")
    run = SupernetRun.objects.create(search=shared, state="finished", epoch=3, epochs=3)
    for epoch, cells in ((1, "pc-darts-cifar"), (2, "pc-darts-cifar"), (3, "darts-v1")):
        weights = [[0.1, 0.2, 0.3, 0.4]] * 5
        record = {
            "epoch": epoch, "epochs": 3, "train_loss": 2 / epoch, "valid_loss": 2 / epoch, "train_accuracy": 0.5,
            "valid_accuracy": 0.5, "seconds": 2.0, "skips": 1, "skip_places": 8, "alarm": "", "controller": {},
            "mixture": {"normal": weights, "reduction": weights}, "edges": [[0, 2], [1, 2], [0, 3], [1, 3], [2, 3]],
            "operations": ["none", "max_pool_3x3", "identity", "sep_conv_3x3"],
            "derived": {"cells": [cell.as_json() for cell in zoo.get(cells).cells], "supernet_score": 0.5},
        }  # fmt: skip
        SupernetEpoch.objects.create(run=run, number=epoch, record=record)
    return shared.pk


if __name__ == "__main__":
    import django

    django.setup()
    makers = {"few": few, "family": family, "results": results, "states": states, "without_elm": without_elm}
    makers |= {"supernet": supernet, "halved": lambda: halved(HALVING).pk}
    asked = sys.argv[1]
    made = makers[asked]() if asked in makers else many(int(asked))
    print(made if isinstance(made, str | int) else json.dumps(made))
