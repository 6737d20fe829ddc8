"""Latency by node: asking a train worker to measure how long each node of a network takes."""

import hashlib
import json

from django.db import IntegrityError, transaction

from nas_engine.blueprint import Blueprint
from nas_engine.config import as_dict, read
from nas_engine.errors import ConfigError
from nas_engine.evaluators.settings import StandaloneConfig
from nas_engine.latency import LatencyConfig
from nas_engine.protocol import ENGINE_PROTOCOL, SkeletonConfig
from tasks import clock, messages
from webapp.models import CellRecord, NodeLatency, Search

State = NodeLatency.State


def measured_thing(network: Blueprint, skeleton: SkeletonConfig, search: Search | None) -> dict:
    """What is to be measured: this network, in the way its search measures latencies, or the usual one."""
    return {
        "skeleton": as_dict(skeleton),
        "image_shape": list(network.image_shape),
        "classes": network.classes,
        "way": as_dict(_way(search)),
        "engine": ENGINE_PROTOCOL,
    }


def _way(search: Search | None) -> LatencyConfig:
    if search is None or search.config.get("evaluator") != "standalone":
        return LatencyConfig()
    try:
        config = as_dict(read(StandaloneConfig, search.config["evaluator_config"]))
    except ConfigError:
        return LatencyConfig()
    names = (
        "latency_device",
        "latency_batch",
        "latency_threads",
        "latency_precision",
        "latency_warm_up",
        "latency_runs",
    )
    return LatencyConfig(**{name: config[name] for name in names})


def fingerprint(what: dict) -> str:
    """12 hex digits; equal ones mean the same network measured in the same way."""
    return hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()[:12]


def measurements_of(record: CellRecord, what: dict) -> list[NodeLatency]:
    """All that is known or under way, the newest first: one result a device."""
    return list(NodeLatency.objects.filter(cell=record.pk, network=fingerprint(what)))


def request_measurement(record: CellRecord, what: dict) -> NodeLatency:
    """Have a worker measure it. What is under way is not doubled."""
    network = fingerprint(what)
    try:
        with transaction.atomic():
            wanted = NodeLatency.objects.create(cell=record, network=network, what=what, sent=clock.now())
            messages.after_commit(messages.measure_nodes, wanted.pk, wanted.attempt)
            return wanted
    except IntegrityError:
        return NodeLatency.objects.get(cell=record, network=network, state__in=NodeLatency.OPEN)
