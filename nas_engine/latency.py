"""Where a network's latency comes from: a measurement and how it is made, or a table. Torch-free."""

from dataclasses import dataclass

from nas_engine.config import setting
from nas_engine.errors import ConfigError

SOURCES = ("measured", "table", "none")


@dataclass(frozen=True)
class LatencyConfig:
    """The paper's way (Tan et al. 2019, section 3) is batch 1 and one thread on the device the network is for; a worker's
    own device stands in for it, or a table of times measured elsewhere."""

    latency: str = setting(
        "measured", "Latency", options=SOURCES, labels=("measured by the worker", "from a table", "not measured"),
        advanced=True,
    )  # fmt: skip
    latency_device: str = setting(
        "worker",
        "Latency on",
        options=("worker", "cpu"),
        labels=("the device it trains on", "its processor"),
        advanced=True,
    )
    latency_batch: int = setting(1, "Latency batch", minimum=1, maximum=1024, unit="images", advanced=True)
    latency_threads: int = setting(
        0, "Latency threads", minimum=0, maximum=1024, advanced=True, help="Of the processor; 0: as in training."
    )
    latency_precision: str = setting("float32", "Latency precision", options=("float32", "bfloat16"), advanced=True)
    latency_warm_up: int = setting(3, "Warm-up", minimum=0, maximum=10_000, unit="runs", advanced=True)
    latency_runs: int = setting(
        100, "Runs at most", minimum=1, maximum=100_000, advanced=True, help="Fewer after a quarter of a second."
    )
    latency_table: str = setting(
        "", "Latency table", advanced=True, help="Path of a CSV or JSON file on the workers; see the documentation."
    )

    def __post_init__(self):
        if self.latency == "table" and not self.latency_table:
            raise ConfigError("Give the path of the table.", "latency_table")

    def way(self) -> dict:
        """What decides a latency apart from network and hardware, as plain data: two latencies obtained in different ways
        do not compare."""
        if self.latency == "table":
            return {"source": "table", "table": self.latency_table}
        names = ("device", "batch", "threads", "precision")
        return {"source": self.latency, **{name: getattr(self, f"latency_{name}") for name in names}}


def same_way(config: LatencyConfig, about: dict) -> bool:
    """Whether a stored latency, with what is known ``about`` it, was obtained as ``config`` wants it. Latencies from before
    there was a choice were measured as the defaults say."""
    return (about.get("way") or LatencyConfig().way()) == config.way()
