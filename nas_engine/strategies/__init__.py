"""Search strategies: what to try next. Each asks and tells; none runs the loop. ``settings`` and ``base`` are torch-free."""
