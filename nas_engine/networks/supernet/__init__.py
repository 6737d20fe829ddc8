"""Supernets: all operations on all edges with shared weights, and forward passes along paths or through mixtures."""

from nas_engine.networks.supernet.cell import Choice, Path
from nas_engine.networks.supernet.macro import MacroSupernet
from nas_engine.networks.supernet.network import Supernet

__all__ = ["Choice", "MacroSupernet", "Path", "Supernet"]
