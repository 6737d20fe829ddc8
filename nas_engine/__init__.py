"""Nasturtium's engine: search spaces, strategies and performance estimation. PyTorch only; no web, queue or database."""

__version__ = "0.1.0"
