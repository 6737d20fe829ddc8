"""The bundle of a full training: everything needed to use, check and repeat it, and nothing of ours to install."""

import json
import platform
from typing import BinaryIO

import torch

import nas_engine
from nas_engine import notation
from nas_engine.cell import cells_key
from nas_engine.config import as_dict
from nas_engine.errors import ConfigError, EvaluationFailed
from nas_engine.export.bundle import architecture_json
from nas_engine.export.bundle_zip import MODEL_FILE, write_zip
from nas_engine.export.model_card import model_card
from nas_engine.export.onnx_file import export_onnx
from nas_engine.export.weights import pack
from nas_engine.graph_cell import AnyCell
from nas_engine.networks import build
from nas_engine.training.outcome import FullOutcome
from nas_engine.training.progress import Log

FILES = (
    "weights.safetensors", "model.onnx", "model.py", "architecture.json", "training.json", "labels.txt",
    "MODEL_CARD.md", "SHA256SUMS",
)  # fmt: skip


def write_full_bundle(
    outcome: FullOutcome,
    cells: tuple[AnyCell, ...],
    out: BinaryIO,
    *,
    title: str = "",
    cell_name: str = "",
    dataset_title: str = "",
    log: Log = lambda text: None,
) -> None:
    """Write the zip of a finished training to ``out``; takes seconds, for the ONNX file is exported and run.

    ``title``, ``cell_name`` and ``dataset_title`` are what people call the training, its cell and its images. Where ONNX
    cannot express the network the rest is written without it, which is said through ``log`` and in the model card.
    """
    files = full_bundle_files(outcome, cells, title=title, cell_name=cell_name, dataset_title=dataset_title, log=log)
    write_zip(files, out)


def full_bundle_files(
    outcome: FullOutcome,
    cells: tuple[AnyCell, ...],
    *,
    title: str = "",
    cell_name: str = "",
    dataset_title: str = "",
    log: Log = lambda text: None,
) -> dict[str, bytes]:
    """Name -> content of what :func:`write_full_bundle` writes, but for the checksums."""
    names = {"title": title, "cell": cell_name, "dataset": dataset_title}
    training = training_json(outcome, cells, names)
    meta = weights_meta(outcome, cells, training)
    try:
        onnx = {
            "model.onnx": export_onnx(_network(outcome), outcome.blueprint.image_shape, _onnx_about(meta, training))
        }
    except EvaluationFailed as error:
        onnx = {}
        log(f"The bundle has no ONNX file: {error}")
    card = model_card(training, meta["blueprint"], has_onnx=bool(onnx))
    return {
        "weights.safetensors": pack(outcome.weights, meta),
        **onnx,
        "model.py": MODEL_FILE.read_bytes(),
        "architecture.json": architecture_json(meta),
        "training.json": (json.dumps(training, indent=1, ensure_ascii=False) + "\n").encode(),
        "labels.txt": labels_text(outcome.classes).encode(),
        "MODEL_CARD.md": card.encode(),
    }


def _network(outcome: FullOutcome):
    network = build(outcome.blueprint)
    network.load_state_dict(outcome.weights)
    return network.eval()


def weights_meta(outcome: FullOutcome, cells: tuple[AnyCell, ...], training: dict) -> dict:
    """What the weights file says of itself: enough to rebuild the network and feed it images."""
    summary = {name: training[name] for name in ("names", "protocol", "summary", "seed", "config", "dataset")}
    return {
        "blueprint": outcome.blueprint.as_json(),
        "cells": [cell.as_json() for cell in cells],
        "classes": list(outcome.classes),
        "normalisation": outcome.normalisation,
        "preprocessing": training["preprocessing"],
        "evaluation": training["evaluation"],
        "training": summary,
    }


def training_json(outcome: FullOutcome, cells: tuple[AnyCell, ...], names: dict) -> dict:
    """Everything about how the numbers were obtained, as plain JSON data."""
    config = outcome.config
    return {
        "names": names,
        "cell_key": cells_key(cells),
        "cell_notation": _notation(cells),
        "protocol": outcome.protocol,
        "summary": config.summary(),
        "seed": outcome.seed,
        "config": as_dict(config),
        "dataset": {"name": config.data.dataset, "classes": len(outcome.classes), "test_images": outcome.test_images},
        "evaluation": {
            "test_accuracy": outcome.test_accuracy,
            "test_top5": outcome.test_top5,
            "valid_accuracy": outcome.valid_accuracy,
            "params": outcome.blueprint.params,
            "macs": outcome.blueprint.macs,
            "aux_params": outcome.aux_params,
            "latency": outcome.latency,
        },
        "preprocessing": {
            "stored": list(outcome.stored_size or outcome.blueprint.image_shape[1:]),
            "central_crop": config.data.central_crop,
            "normalisation": outcome.normalisation,
        },
        "device": outcome.device,
        "devices": outcome.devices,
        "precision": outcome.precision,
        "batch_at_once": outcome.batch,
        "peak_memory": outcome.peak_memory,
        "timings": outcome.timings,
        "seconds": outcome.seconds,
        "versions": {
            "nasturtium": nas_engine.__version__,
            "torch": torch.__version__,
            "python": platform.python_version(),
        },
        "curve": outcome.curve,
    }


def labels_text(classes: tuple[str, ...]) -> str:
    """One class a line, in the order of the logits."""
    return "".join(" ".join(name.split()) + "\n" for name in classes)


def _notation(cells: tuple[AnyCell, ...]) -> str:
    for write in (notation.to_darts, notation.to_nasnet):
        try:
            return write(cells)
        except ConfigError:
            continue  # that notation has no word for one of the cell's parts
    return notation.to_json(cells)


def _onnx_about(meta: dict, training: dict) -> dict:
    kept = {name: meta[name] for name in ("cells", "classes", "normalisation", "preprocessing", "evaluation")}
    return {**kept, "protocol": training["protocol"], "seed": training["seed"]}
