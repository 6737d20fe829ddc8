"""Nasturtium's engine: search spaces, strategies and performance estimation. PyTorch only; no web, queue or database."""
