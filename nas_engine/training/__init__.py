"""Training a network: the only training loop, whatever asks for it."""
