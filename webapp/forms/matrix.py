"""The form that starts a comparison: strategies x seeds over one base, at equal budget."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from django.http import Http404, QueryDict

from nas_engine import catalog
from nas_engine.comparison import settings_for
from nas_engine.config import as_dict, read, setting
from nas_engine.errors import ConfigError
from nas_engine.search_config import SearchConfig, read_search
from webapp.forms.fields import Field, Typed, fields_of, parse, sentence, to_typed
from webapp.forms.starts import config_of
from webapp.models import Search
from webapp.results.comparison import MOST

TABLE = "table"  # the base that is a table
FIRST = ("random", "regularized_evolution", "ppo")


@dataclass(frozen=True)
class MatrixConfig:
    """What is to be compared."""

    name: str = setting("", "Name", help="Empty: named after what is searched.")
    base: str = setting(TABLE, "On")
    path: str = setting("", "Table", help="Path of an .npz file on this machine.")
    strategies: tuple[str, ...] = setting(
        lambda: FIRST,
        "Strategies",
        options=tuple(catalog.STRATEGIES),
        labels=tuple(entry.label for entry in catalog.STRATEGIES.values()),
    )
    seeds: int = setting(
        10, "Seeds", minimum=1, maximum=200, help="Searches a strategy. Fewer than 6 cannot tell two strategies apart."
    )
    trials: int = setting(100, "Trials a search", minimum=1, maximum=100_000)
    seconds: float = setting(
        0.0, "Training time", minimum=0, maximum=10**12, unit="s", help="A search, simulated; 0: no limit. Tables only."
    )
    short: bool = setting(
        True, "Settings for short searches", help="Made for about a hundred trials. Off: the papers’."
    )


class MatrixForm:
    """``typed`` maps input names to what stands in them."""

    def __init__(self, typed: Mapping[str, Typed] | None = None):
        self.fields = {one.name: one for one in fields_of(MatrixConfig, "")}
        shown = as_dict(MatrixConfig()) if typed is None else {}
        for name, one in self.fields.items():
            one.typed = to_typed(shown[name]) if typed is None else typed.get(name, [] if one.kind == "several" else "")
        self.problems: dict[str, str] = {}

    @classmethod
    def from_post(cls, post: QueryDict) -> "MatrixForm":
        kinds = {one.name: one.kind for one in fields_of(MatrixConfig, "")}
        return cls({n: post.getlist(n) if kind == "several" else post.get(n, "") for n, kind in kinds.items()})

    @cached_property
    def config(self) -> MatrixConfig | None:
        """None with every problem noted at its field."""
        data = {}
        for name, one in self.fields.items():
            try:
                data[name] = parse(one)
            except ConfigError as error:
                self.problems |= error.problems
        try:
            config = read(MatrixConfig, data)
            if not config.strategies:
                raise ConfigError("Choose one strategy at least.", "strategies")
            if len(config.strategies) * config.seeds > MOST:
                raise ConfigError(f"makes more than {MOST} searches in all. Take fewer.", "seeds")
        except ConfigError as error:
            config = None
            self.add_problems(error.problems)
        self._mark()
        return None if self.problems else config

    @cached_property
    def searches(self) -> list[SearchConfig]:
        """The configuration of every search; none with every problem noted."""
        config = self.config
        if config is None:
            return []
        found: list[SearchConfig] = []
        try:
            base = _base(config)
            for strategy in config.strategies:
                label = catalog.STRATEGIES[strategy].label
                own = settings_for(strategy) if config.short else {}
                for seed in range(config.seeds):
                    change = {
                        "strategy": strategy,
                        "strategy_config": own,
                        "seed": seed,
                        "name": f"{label}, seed {seed}",
                    }
                    found.append(read_search(base | change))
        except ConfigError as error:
            self.add_problems(error.problems)
            self._mark()
            return []
        return found

    def add_problems(self, found: dict[str, str]) -> None:
        """Note problems under this form's names, or under what they come from."""
        places = {"evaluator_config.path": "path", "evaluator_config.seconds": "seconds"}
        for name, text in found.items():
            place = places.get(name, name)
            self.problems.setdefault(place if place in self.fields else "base", sentence(text))
        self._mark()

    def _mark(self) -> None:
        for name, one in self.fields.items():
            one.error = self.problems.get(name, "")

    @property
    def several(self) -> list[Field]:
        return [self.fields[name] for name in ("seeds", "trials", "seconds", "short")]


def _base(config: MatrixConfig) -> dict:
    """Plain configuration data of every search but its strategy and seed. Raises ConfigError."""
    if config.base == TABLE:
        data = {"evaluator": "tabular", "evaluator_config": {"path": config.path}, "budget": {"parallelism": 1}}
    else:
        try:
            data = as_dict(config_of(config.base))
        except Http404 as error:
            raise ConfigError(str(error), "base") from None
    data["budget"] = data["budget"] | {"trials": config.trials}
    if data["evaluator"] == "tabular":
        data["evaluator_config"] = data["evaluator_config"] | {"seconds": config.seconds}
        read_search(data).open_table()
    elif config.seconds:
        raise ConfigError("Only tables have simulated time. Take 0 and limit the trials.", "seconds")
    return data


def bases(user) -> list[tuple[str, str]]:
    """(slug, label) of what may be compared on: a table, the presets, the user's latest searches."""
    from nas_engine.presets import PRESETS

    latest = Search.objects.filter(owner=user, comparison=None).order_by("-id").values_list("pk", "name")[:12]
    return [
        (TABLE, "a published table"),
        *((slug, preset.label) for slug, preset in PRESETS.items()),
        *((f"search-{pk}", f"as search {pk}, {name}") for pk, name in latest),
    ]
