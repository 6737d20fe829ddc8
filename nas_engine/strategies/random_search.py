"""Random search: every decision drawn uniformly (Zoph et al. 2018, section 4.4). The baseline for all others."""

from nas_engine.strategies.base import Strategy
from nas_engine.trial import Trial


class RandomSearch(Strategy):
    """Learns nothing and keeps nothing. Torch-free."""

    def ask(self, number: int) -> Trial:
        return Trial(number, self.space.sample(self.rng(number)))

    def tell(self, trial: Trial) -> None:
        return None
