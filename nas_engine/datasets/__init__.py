"""Data sets: prepared once into plain arrays, then memory-mapped by every training. Torch-free.

``prepare`` turns a source into a prepared folder; ``read_info`` and ``read_split`` open it; ``split_indices`` says which
of its train images a protocol trains on and which it holds out; ``export_split`` writes a part as PNG files.
"""

from nas_engine.datasets.export import export_split
from nas_engine.datasets.prepare import prepare
from nas_engine.datasets.splits import split_indices
from nas_engine.datasets.store import DatasetInfo, read_info, read_split
from nas_engine.datasets.torchvision_sets import TORCHVISION_SETS

__all__ = ["TORCHVISION_SETS", "DatasetInfo", "export_split", "prepare", "read_info", "read_split", "split_indices"]
