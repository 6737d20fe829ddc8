"""Seconds by name."""

import time


class Clock:
    """``lap`` books what passed since the last lap; the same name adds up."""

    def __init__(self):
        self.started = self.last = time.perf_counter()
        self.laps: dict[str, float] = {}

    def lap(self, name: str) -> None:
        now = time.perf_counter()
        self.laps[name] = self.laps.get(name, 0.0) + now - self.last
        self.last = now

    def move(self, seconds: float, source: str, target: str) -> None:
        """Book ``seconds`` of one lap under another name."""
        self.laps[source] -= seconds
        self.laps[target] = self.laps.get(target, 0.0) + seconds

    def total(self) -> dict[str, float]:
        return {**self.laps, "total": time.perf_counter() - self.started}
