"""Latencies from a file: of whole architectures, or of the layers a network is made of.

A CSV file has the columns ``key`` and ``ms``; a JSON file is an object of the same. A key is the beginning of a cell's hash
(seven digits or more), or a layer as :func:`layer_key` writes it: "conv 3x3/1 16>32 at 32x32", with "g" and the groups
behind the channels of a depthwise convolution, "avg_pool 3x3/1 16 at 8x8", "linear 320>10". Where the file knows the whole
architecture, that counts; otherwise its convolutions, poolings and linear layers are added up. Torch-free.
"""

import csv
import functools
import io
import json
import math
import os
import re
from pathlib import Path

from nas_engine.blueprint import Blueprint, Layer
from nas_engine.cell import cells_key
from nas_engine.errors import EvaluationFailed
from nas_engine.graph_cell import AnyCell

COUNTED = ("conv", "avg_pool", "max_pool", "linear")
LARGEST = 64 * 2**20  # bytes


def table_latency(path: str, cells: tuple[AnyCell, ...], blueprint: Blueprint) -> float:
    """Seconds. Raises EvaluationFailed where the file cannot be read, or lacks a layer: it is named then."""
    times, hashes = _read(path)
    key = cells_key(cells)
    known = next((hashes[key[:digits]] for digits in range(64, 6, -1) if key[:digits] in hashes), None)
    if known is not None:
        return known / 1e3
    layers = [layer_key(layer, blueprint) for layer in blueprint.layers if layer.kind in COUNTED]
    missing = sorted({layer for layer in layers if layer not in times})
    if missing:
        raise EvaluationFailed(
            f"The latency table knows neither this cell ({key[:7]}) nor all of its layers: {len(missing)} are missing, "
            f"the first is {missing[0]!r}",
            "Add a row for each, or measure the latency instead",
        )
    return sum(times[layer] for layer in layers) / 1e3


def layer_key(layer: Layer, blueprint: Blueprint) -> str:
    """A layer as tables call it; the size is that of the map it is given."""
    if layer.kind == "linear":
        return f"linear {layer.options['in']}>{layer.options['out']}"
    channels, height, width = blueprint.layers[layer.inputs[0]].shape
    kernel = "x".join(map(str, layer.options["kernel"]))
    stride = "x".join(map(str, dict.fromkeys(layer.options["stride"])))
    if layer.kind != "conv":
        return f"{layer.kind} {kernel}/{stride} {channels} at {height}x{width}"
    groups, dilation = layer.options["groups"], layer.options["dilation"]
    more = (f" g{groups}" if groups > 1 else "") + (f" d{dilation}" if dilation > 1 else "")
    return f"conv {kernel}/{stride} {channels}>{layer.shape[0]}{more} at {height}x{width}"


def _read(path: str) -> tuple[dict[str, float], dict[str, float]]:
    try:
        return _parsed(path, os.stat(path).st_mtime_ns)
    except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise EvaluationFailed(
            f"The latency table {path} cannot be read: {error}",
            "It is a CSV file with the columns key and ms, or a JSON object of keys and milliseconds, on every worker",
        ) from None


@functools.lru_cache(maxsize=4)
def _parsed(path: str, changed: int) -> tuple[dict[str, float], dict[str, float]]:
    """(layer -> ms, beginning of a hash -> ms); read again when the file has changed."""
    if os.stat(path).st_size > LARGEST:
        raise ValueError(f"it is larger than {LARGEST // 2**20} MB")
    text = Path(path).read_text("utf-8-sig")
    if text.lstrip().startswith("{"):
        rows = json.loads(text).items()
    else:
        rows = [(row["key"], row["ms"]) for row in csv.DictReader(io.StringIO(text), skipinitialspace=True)]
    times = {" ".join(str(key).split()): float(ms) for key, ms in rows}
    if not times or not all(math.isfinite(ms) and ms >= 0 for ms in times.values()):
        raise ValueError("every row needs a key and a number of milliseconds from 0 up")
    hashes = {key.lower(): ms for key, ms in times.items() if re.fullmatch("[0-9a-fA-F]{7,64}", key)}
    return times, hashes
