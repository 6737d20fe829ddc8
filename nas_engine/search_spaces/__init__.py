"""Search spaces: what can be built. Torch-free."""
