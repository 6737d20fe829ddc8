"""Weight sharing: one supernet is trained, and architectures are measured as paths through it.

``config`` and ``records`` are torch-free: what a form, a database row and a page need. ``search`` runs a method.
"""
