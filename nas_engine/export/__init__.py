"""What leaves the house: weights files and bundles. Torch-free but for packing and unpacking tensors."""
