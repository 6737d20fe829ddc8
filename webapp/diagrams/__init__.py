"""Drawings of cells: layered layouts for the browser, thumbnails and mix bars for tables, and SVG files. Torch-free."""

from webapp.diagrams.layout import layout
from webapp.diagrams.mix import mix_bar
from webapp.diagrams.summary import summary
from webapp.diagrams.thumbnail import thumbnail

__all__ = ["layout", "mix_bar", "summary", "thumbnail"]
