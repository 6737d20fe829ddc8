"""Grid search: every architecture of the space in turn, for sweeps over a few decisions."""

import random
from collections.abc import Iterator

from nas_engine.architecture import Architecture
from nas_engine.strategies.base import Strategy
from nas_engine.trial import Trial


class Grid(Strategy):
    """Counts through the decisions like an odometer. The decision that moves slowest is the space's last, so that a space
    whose last decisions are seeds has all its settings tried once before any is tried again. Options are visited in an order
    drawn from the seed. Decisions that do not matter stay at their first option. After the last architecture the first
    comes again. With ``config.only`` it goes through the architectures given instead. Torch-free."""

    def __init__(self, space, config, seed):
        super().__init__(space, config, seed)
        self._visited: list[Architecture] = []
        given = [space.from_line(line) for line in config.only.split()]
        self._coming = iter(given) if given else self._architectures()

    def _architectures(self) -> Iterator[Architecture]:
        slowest_first = range(len(self.space.choices))
        if self.config.slowest == "last":
            slowest_first = reversed(slowest_first)
        order = list(slowest_first)
        options = {}
        for at in order:
            options[at] = list(range(len(self.space.choices[at].options)))
            random.Random(f"{self.seed}/{self.space.choices[at].name}").shuffle(options[at])
        turns = dict.fromkeys(order, 0)
        while True:
            choices = tuple(options[at][turns[at]] for at in range(len(order)))
            architecture = Architecture(self.space.name, choices)
            pairs = zip(choices, self.space.matters(architecture), strict=True)
            if all(matters or taken == 0 for taken, matters in pairs):
                yield architecture
            for at in reversed(order):
                turns[at] = (turns[at] + 1) % len(options[at])
                if turns[at]:
                    break
            else:
                return

    def ask(self, number: int) -> Trial:
        while self._coming is not None and len(self._visited) <= number:
            coming = next(self._coming, None)
            if coming is None:
                self._coming = None
            else:
                self._visited.append(coming)
        return Trial(number, self._visited[number % len(self._visited)])

    def tell(self, trial: Trial) -> None:
        return None
