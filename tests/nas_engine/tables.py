"""Small tables laid out as the published ones, made up from a formula."""

import itertools
from pathlib import Path

import numpy

NAMES_201 = numpy.array(["none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3"])


def write_201(path: Path, operations: int = 3, gaps: bool = False) -> Path:
    """A row for every cell; the more edges take a late operation, the better. Row order is shuffled, as files may."""
    ops = numpy.array(list(itertools.product(range(operations), repeat=6)), dtype=numpy.uint8)
    ops = ops[numpy.random.default_rng(0).permutation(len(ops))]
    quality = 60 + 3.0 * ops.sum(axis=1) / (operations - 1)
    noise = numpy.random.default_rng(1).normal(0, 0.5, len(ops))
    seconds = (1000 + 100.0 * (ops == operations - 1).sum(axis=1)).astype(numpy.float32)
    measured = seconds.copy()
    measured[::2] = numpy.nan
    arrays = {
        "op_names": NAMES_201[:operations], "ops": ops, "params": ops.sum(axis=1) * 1000, "flops": ops.sum(axis=1) * 10**6,
        "cifar10_val_e12": (quality + noise).astype(numpy.float32), "cifar10_val_e200": (quality + 10).astype(numpy.float32),
        "cifar10_test_e12": quality.astype(numpy.float32), "cifar10_test_e200": (quality + 20).astype(numpy.float32),
        "cifar10_test_e200_one": quality.astype(numpy.float32), "other_val_e12": quality.astype(numpy.float32) - 30,
        "other_test_e200": quality.astype(numpy.float32) - 20, "train_s_e200": measured, "train_s_e200_est": seconds,
    }  # fmt: skip
    if gaps:
        arrays["cifar10_val_e12"][::3] = numpy.nan
    return _write(path, arrays)


def write_macro(path: Path) -> Path:
    blocks = numpy.array(list(itertools.product(range(3), repeat=4)), dtype=numpy.uint8)
    first = 80 + blocks.sum(axis=1).astype(numpy.float32)
    return _write(
        path,
        {
            "block_names": numpy.array(["identity", "mb3_k3", "mb6_k5"]), "blocks": blocks,
            "test_acc": numpy.stack([first, first + 1, first + 3], axis=1),
            "params": blocks.sum(axis=1) * 1000, "flops": blocks.sum(axis=1) * 10**6,
        },
    )  # fmt: skip


def write_101(path: Path, rows: int = 60) -> Path:
    """Chains and skips over at most two inner vertices of four places: far fewer rows than sequences of decisions."""
    rng = numpy.random.default_rng(2)
    adjacency, ops = numpy.zeros((rows, 4, 4), numpy.uint8), numpy.zeros((rows, 2), numpy.uint8)
    for row in range(rows):
        adjacency[row, 0, 1] = adjacency[row, 1, 2] = adjacency[row, 2, 3] = 1
        adjacency[row, 0, 2], adjacency[row, 0, 3], adjacency[row, 1, 3] = rng.integers(0, 2, 3)
        ops[row] = rng.integers(1, 4, 2)
    quality = 0.7 + 0.05 * ops.sum(axis=1)
    return _write(
        path,
        {
            "op_names": numpy.array(["absent", "conv3x3-bn-relu", "conv1x1-bn-relu", "maxpool3x3"]),
            "vertices": numpy.full(rows, 4, numpy.uint8), "adjacency": adjacency, "ops": ops,
            "val_acc": numpy.stack([quality - 0.3, quality - 0.2, quality - 0.1, quality], axis=1).astype(numpy.float32),
            "train_s_e108": numpy.full(rows, 900, numpy.float32), "params": ops.sum(axis=1) * 1000,
        },
    )  # fmt: skip


def write_301(path: Path, rows: int = 40) -> Path:
    """DARTS cells with a predicted accuracy, parameters in millions."""
    rng = numpy.random.default_rng(3)
    inputs = numpy.stack([rng.integers(0, 2 + edge // 2, (rows, 2)) for edge in range(8)], axis=2)
    operations = rng.integers(0, 3, (rows, 2, 8))
    return _write(
        path,
        {
            "op_names": numpy.array(["max_pool_3x3", "skip_connect", "sep_conv_3x3"]),
            "cells": numpy.stack([inputs, operations], axis=3).astype(numpy.uint8),
            "nb301_val_acc": 90 + operations.mean(axis=(1, 2)), "params": 1 + operations.mean(axis=(1, 2)),
        },
    )  # fmt: skip


def _write(path: Path, arrays: dict) -> Path:
    numpy.savez(path, **arrays)
    return path
