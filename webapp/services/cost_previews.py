"""Asking a worker what something would cost before it is started."""

import hashlib
import json

from django.db import transaction

from nas_engine.config import as_dict
from nas_engine.search_config import SearchConfig
from tasks import clock, messages
from tasks.recording import next_round
from webapp.models import CellRecord, CostPreview, Dataset


def ask(key: str, cell: CellRecord | None, dataset: Dataset, config: dict) -> CostPreview:
    """Have a worker time a few steps; what was timed today under this key is returned as it is, a failure is tried again."""
    fields = {"cell": cell, "dataset": dataset, "config": config, "sent": clock.now()}
    with transaction.atomic():
        preview, created = CostPreview.objects.get_or_create(key=key, defaults=fields)
        if not created and preview.state == CostPreview.State.FAILED:
            preview.attempt = next_round(preview.attempt)
            preview.state, preview.error, preview.sent = CostPreview.State.QUEUED, "", clock.now()
            preview.save(update_fields=["attempt", "state", "error", "sent"])
            created = True
        if created:
            messages.after_commit(messages.preview_cost, preview.pk, preview.attempt)
    return preview


def ask_supernet(config: SearchConfig, dataset: Dataset) -> CostPreview:
    """Have a worker time a few steps of a search's supernet."""
    key, plain = _supernet(config, dataset)
    return ask(key, None, dataset, plain)


def known_supernet(config: SearchConfig, dataset: Dataset) -> CostPreview | None:
    """What was timed today, or is being timed, of a search's supernet."""
    return CostPreview.objects.filter(key=_supernet(config, dataset)[0]).first()


def _supernet(config: SearchConfig, dataset: Dataset) -> tuple[str, dict]:
    """(what equal questions have in common, the configuration to time)."""
    plain = as_dict(config)
    parts = [plain[name] for name in ("evaluator_config", "skeleton", "data")]
    text = json.dumps(["supernet", *parts, dataset.fingerprint], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest(), plain
