"""Who works: every worker that reported itself lately, what it does, and what waits for it."""

import sys

from django.conf import settings
from django.shortcuts import render

from tasks.messages import queue_lengths
from webapp.forms.workers import alive_since
from webapp.models import Worker
from webapp.results.work import in_hand, waiting_work
from webapp.templatetags.parts import byte_count
from webapp.views.polling import fragment, version_of


def workers(request):
    return render(request, "workers/workers.html", {**_page(), **_commands()})


def _commands() -> dict:
    """What the commands on the page depend on: where this server keeps its state, and who can reach that."""
    sqlite = settings.DATABASES["default"]["ENGINE"].endswith("sqlite3")
    return {
        "sqlite": sqlite,
        "embedded": embedded_redis(),
        "remote_ready": not sqlite and not embedded_redis(),
        "base_dir": settings.BASE_DIR,
        "data_dir": settings.DATA_DIR,
        "datasets_dir": settings.DATASETS_DIR,
        "moved": settings.DATA_DIR != settings.BASE_DIR / "var",
        "python": _short(sys.executable),
    }


def _short(python: str) -> str:
    """The interpreter as one would type it in the project's folder."""
    inside = str(settings.BASE_DIR) + "/"
    return python.removeprefix(inside) if python.startswith(inside) else python


def embedded_redis() -> bool:
    return settings.BROKER_URL.startswith("redis+socket")


def workers_live(request):
    return fragment(request, "workers/_workers.html", _page())


def _page() -> dict:
    """What is shown of the workers and the queues, with what each has in hand, machine by machine, and what waits."""
    context = shown()
    rows, work = context["workers"], waiting_work()
    hands = in_hand([row for row in rows if row.alive])
    by_host: dict[str, list[Worker]] = {}
    for row in sorted(rows, key=lambda row: row.host):
        row.hand = hands.get(row.name)
        by_host.setdefault(row.host, []).append(row)
    progress = [[name, hand.epoch] for name, hand in sorted(hands.items())]
    return context | {
        "hosts": [(host, members, sum(_at_work(row) for row in members)) for host, members in by_host.items()],
        "work": [words for _, words in work],
        "waiting_for_train": sum(number for number, _ in work),
        "idle": context["trainers"] - context["busy"],
        "searchers": context["alive"] - context["trainers"],
        "silent": len(rows) - context["alive"],
        "version": version_of([context["version"], work, progress]),
    }


def _at_work(row: Worker) -> bool:
    return row.alive and bool(row.trial_id or row.doing)


def shown() -> dict:
    """The workers, alive or lately lost, and the queues. ``version`` changes with every heartbeat, ``standing`` does not."""
    since = alive_since()
    rows = list(Worker.objects.select_related("trial__search"))
    for row in rows:
        row.alive = row.heartbeat > since
        row.device_words = device_words(row.device)
    rows.sort(key=lambda row: (not row.alive, row.queue != "train", row.host, row.name))
    queues = queue_lengths()
    alive = [row for row in rows if row.alive]
    standing = [[row.name, row.alive, row.trial_id, row.doing] for row in rows]
    return {
        "section": "workers",
        "workers": rows,
        "alive": len(alive),
        "trainers": sum(row.queue == "train" for row in alive),
        "busy": sum(_at_work(row) for row in alive if row.queue == "train"),
        "queues": queues,
        "waiting": None if queues is None else sum(queues.values()),
        "embedded": embedded_redis(),
        "standing": version_of([standing, queues]),
        "version": version_of([standing, queues, [row.heartbeat for row in rows]]),
    }


def device_words(device: dict) -> str:
    """What it computes on: "NVIDIA H200, 141 GB" or "CPU, 2 threads"."""
    if not device:
        return ""
    if device.get("kind") == "cpu":
        threads = device.get("threads")
        return f"CPU, {threads} thread{'s' if threads != 1 else ''}" if threads else "CPU"
    memory = device.get("memory")
    return f"{device.get('name', device.get('kind', ''))}{f', {byte_count(memory)}' if memory else ''}"
