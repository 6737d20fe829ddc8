"""Performance estimation: how good an architecture is."""
