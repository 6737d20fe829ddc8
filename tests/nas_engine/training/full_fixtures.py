"""A prepared data set of corners, and full trainings on it that take a second."""

from pathlib import Path

from nas_engine.cell import Block, Cell
from nas_engine.datasets.store import write_info, write_split
from nas_engine.full_training import read_full_training
from nas_engine.training.full import train_fully
from tests.nas_engine.training.fixtures import corners

CLASSES = ("north-west", "north-east", "south-west", "south-east")
_BLOCKS = (Block(1, "sep_conv_3x3", 0, "identity"), Block(2, "avg_pool_3x3", 1, "conv_1x1"))
CELLS = (Cell("normal", _BLOCKS, (2, 3)), Cell("reduction", _BLOCKS, (2, 3)))
PLAIN = {
    "data": {"dataset": "corners"},
    "skeleton": {"repeats": 1, "filters": 4},
    "schedule": {"epochs": 3},
    "optimizer": {"learning_rate": 0.1, "batch_size": 16},
    "augmentation": {"crop": 0, "flip": False},
    "hardware": {"precision": "float32"},
}


def write_corners(folder: Path, side=8, channels=3, train=64, test=40):
    """A prepared folder, as :mod:`nas_engine.datasets` writes it."""
    folder.mkdir(parents=True, exist_ok=True)
    write_split(folder, "train", *corners(train, channels, side))
    write_split(folder, "test", *corners(test, channels, side, seed=1))
    write_info(folder, "corners", "Corners", CLASSES)
    return folder


def config(**changes):
    """PLAIN with dotted or whole parts changed: config(schedule={"epochs": 1})."""
    data = {part: {**PLAIN.get(part, {}), **values} for part, values in changes.items()}
    return read_full_training({**PLAIN, **data})


def go(folder, path, settings=None, *, seed=0, report=None, cancelled=lambda: False, log=None, progress=None):
    listeners = [report or (lambda one: None), cancelled, log or (lambda text: None), progress or (lambda one: None)]
    return train_fully(CELLS, settings or config(), folder, "cpu", seed, path, *listeners)
