"""A small network, packed."""

import pytest
import torch

from nas_engine import zoo
from nas_engine.blueprint import build_blueprint
from nas_engine.config import as_dict
from nas_engine.networks import build
from nas_engine.protocol import DataConfig, Protocol, SkeletonConfig, TrainingConfig
from nas_engine.trial import Evaluation

CLASSES = ["cat", "dog", "T-shirt/top"]


@pytest.fixture(scope="session")
def network():
    torch.manual_seed(0)
    skeleton = SkeletonConfig(repeats=1, filters=4)
    made = build_blueprint(zoo.get("nasnet-a").cells, skeleton, (3, 9, 12), len(CLASSES))
    network = build(made)
    with torch.no_grad():  # running statistics of something, so that evaluation differs from a fresh network
        network(torch.randn(32, 3, 9, 12))
    return network.to(memory_format=torch.channels_last).eval()


@pytest.fixture(scope="session")
def meta(network):
    protocol = Protocol(DataConfig("pets"), "f" * 64, SkeletonConfig(repeats=1, filters=4), TrainingConfig(epochs=3))
    return {
        "blueprint": network.blueprint,
        "cells": [cell.as_json() for cell in zoo.get("nasnet-a").cells],
        "protocol": as_dict(protocol),
        "classes": CLASSES,
        "normalisation": {"mean": [0.5, 0.4, 0.3], "std": [0.2, 0.25, 0.3]},
        "evaluation": as_dict(Evaluation(0.875, network.blueprint["params"], network.blueprint["macs"])),
    }
