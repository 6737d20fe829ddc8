"""Measured cells as the pages read them: ranked under one protocol, and one cell in all its trials. Nothing here writes."""
