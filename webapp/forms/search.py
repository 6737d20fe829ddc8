"""The new-search form: every field of a :class:`SearchConfig`, what was typed in it, and what is wrong with that."""

from collections.abc import Mapping
from functools import cached_property

from django.http import QueryDict

from nas_engine import catalog
from nas_engine.config import read
from nas_engine.errors import ConfigError
from nas_engine.evaluators.supernet.config import SPACE_OF
from nas_engine.limits import LimitsConfig
from nas_engine.protocol import DataConfig, SkeletonConfig, TrainingConfig
from nas_engine.reward import RewardConfig
from nas_engine.search_config import TABLES, BudgetConfig, SearchConfig, read_search, skeleton_fields
from webapp.forms.alternatives import METHOD, Alternative, SharedSettings, sharing_groups
from webapp.forms.fields import Field, Typed, fields_of, fields_within, parse, sentence, to_typed
from webapp.models import Dataset, Search

# The parts of a search that are the same for every strategy and space.
PARTS = {
    "data": DataConfig,
    "skeleton": SkeletonConfig,
    "training": TrainingConfig,
    "reward": RewardConfig,
    "limits": LimitsConfig,
    "budget": BudgetConfig,
}
# What a search of a table does not have: all of it follows from the table.
OF_IMAGES = ("data", "skeleton", "training", "space", "space_config")
NAME_LENGTH = Search._meta.get_field("name").max_length
TOP = ("name", *TABLES, "seed")
# The order in which the page shows them.
PAGE = (
    "name", "evaluator", "evaluator_config", "data", "space", "space_config", "skeleton", "training",
    "strategy", "strategy_config", "reward", "limits", "budget", "seed",
)  # fmt: skip


def _declare() -> list[Field]:
    """Every field there is. The settings of a strategy or space carry its name, so that all can stand in one form."""
    fields = [one for one in fields_of(SearchConfig, "") if one.name in TOP]
    for prefix, config_class in PARTS.items():
        fields += fields_of(config_class, prefix)
    for one in fields:
        if one.name.startswith("skeleton."):
            one.where = "space", _spaces_that_read(one.name.removeprefix("skeleton."))
    for part, table in TABLES.items():
        for name, entry in table.items():
            fields += fields_within(entry.config_class(), f"{part}_config.{name}")
    return fields


def _spaces_that_read(name: str) -> tuple[str, ...]:
    """The spaces for which a field of the skeleton means something."""
    read_by = {space: skeleton_fields(space) for space in catalog.SPACES}
    return tuple(space for space, fields in read_by.items() if fields is None or name in fields)


class SearchForm:
    """``typed`` maps input names to what stands in them; unknown names are ignored, missing ones are empty."""

    def __init__(self, typed: Mapping[str, Typed]):
        self.fields = {one.name: one for one in _declare()}
        for name, one in self.fields.items():
            one.typed = typed.get(name, [] if one.kind in ("several", "operations") else "")
        for one in self.fields.values():
            one.away = one.where is not None and self._stands(one.where[0]) not in one.where[1]
        self.problems: dict[str, str] = {}
        self.unparsed: dict[str, str] = {}

    @classmethod
    def from_post(cls, post: QueryDict) -> "SearchForm":
        names = {one.name: one.kind for one in _declare()}
        lists = ("several", "operations")
        return cls({n: post.getlist(n) if kind in lists else post.get(n, "") for n, kind in names.items()})

    @classmethod
    def from_config(cls, config: SearchConfig) -> "SearchForm":
        """What the form shows for a configuration; the strategies and spaces it does not use show their defaults."""
        typed = {name: to_typed(getattr(config, name)) for name in TOP}
        for prefix, config_class in PARTS.items():
            for one in fields_of(config_class, prefix):
                typed[one.name] = to_typed(getattr(getattr(config, prefix), one.name.split(".")[-1]))
        for part, table in TABLES.items():
            for name, entry in table.items():
                chosen = getattr(config, f"{part}_config") if getattr(config, part) == name else {}
                settings = read(entry.config_class(), chosen)
                for one in fields_within(entry.config_class(), f"{part}_config.{name}"):
                    value = settings
                    for step in one.name.removeprefix(f"{part}_config.{name}.").split("."):
                        value = getattr(value, step)
                    typed[one.name] = to_typed(value)
        return cls(typed)

    @property
    def typed(self) -> dict[str, Typed]:
        return {name: one.typed for name, one in self.fields.items()}

    def switched(self, old: "SearchForm", new: "SearchForm") -> tuple["SearchForm", list[Field]]:
        """The form after choosing another start: fields that still stand as in ``old`` take their value from ``new``; what
        the person changed stays. Returns the new form and the fields that stayed and differ from ``new``."""
        kept = [
            one
            for name, one in self.fields.items()
            if _plain(one.typed) != _plain(old.typed[name]) and _plain(one.typed) != _plain(new.typed[name])
        ]
        mine = {one.name: one.typed for one in kept}
        return SearchForm(new.typed | mine), kept

    def chosen(self, part: str) -> str:
        """The name of the chosen "space", "strategy" or "evaluator"; the first there is while the choice is unknown."""
        if part == "space" and self.shares_weights:
            space = SPACE_OF.get(self.fields[METHOD].typed)
            return space if space in catalog.SPACES else "darts"
        name = self.fields[part].typed
        return name if name in TABLES[part] else next(iter(TABLES[part]))

    def _stands(self, name: str) -> Typed:
        """What decides whether other fields are shown: a chosen part, or what stands in an input."""
        return self.chosen(name) if name in TABLES else self.fields[name].typed

    @property
    def of_table(self) -> bool:
        """Whether a table is searched: then there are no images, no space to choose and no network."""
        return catalog.EVALUATORS[self.chosen("evaluator")].own_space

    @property
    def shares_weights(self) -> bool:
        """Whether a supernet is trained: then its method stands for space and strategy."""
        return catalog.EVALUATORS[self.chosen("evaluator")].shares_weights

    @property
    def searches(self) -> str:
        """The evaluators with which a strategy searches, as the page's script wants them."""
        return " ".join(name for name, entry in catalog.EVALUATORS.items() if not entry.shares_weights)

    @property
    def spacious(self) -> str:
        """The evaluators with which a space is chosen, as the page's script wants them."""
        entries = catalog.EVALUATORS.items()
        return " ".join(name for name, entry in entries if not entry.shares_weights and not entry.own_space)

    @property
    def sharing(self) -> list[SharedSettings]:
        """The groups of a supernet's settings."""
        return sharing_groups(self.fields)

    @property
    def trains(self) -> str:
        """The evaluators that train networks, as the page's script wants them."""
        return " ".join(name for name, entry in catalog.EVALUATORS.items() if not entry.own_space)

    @cached_property
    def data(self) -> dict:
        """Plain configuration data for :func:`read_search`. What cannot be parsed is left out and noted in ``unparsed``."""
        data: dict = {f"{part}_config": {} for part in TABLES}
        for name, one in self.fields.items():
            dotted = self._dotted(name)
            if dotted is None or one.away or (self.of_table and dotted.split(".")[0] in OF_IMAGES):
                continue
            try:
                value = parse(one)
            except ConfigError as error:
                self.unparsed |= error.problems
                continue
            *path, last = dotted.split(".")
            target = data
            for part in path:
                target = target.setdefault(part, {})
            target[last] = value
        return data

    def _dotted(self, name: str) -> str | None:
        """The configuration field of an input: "strategy_config.ppo.batch" is "strategy_config.batch" while PPO is chosen,
        and nothing while it is not."""
        for part in TABLES:
            prefix = f"{part}_config."
            if name.startswith(prefix):
                owner, last = name.removeprefix(prefix).split(".", 1)
                return prefix + last if owner == self.chosen(part) else None
        return name

    def _input(self, dotted: str) -> str:
        """The input where a configuration field's message belongs: the inverse of :meth:`_dotted`."""
        for part in TABLES:
            prefix = f"{part}_config."
            if dotted.startswith(prefix):
                return f"{prefix}{self.chosen(part)}.{dotted.removeprefix(prefix)}"
        return dotted

    @cached_property
    def config(self) -> SearchConfig | None:
        """The configuration, or None with every problem noted in ``problems`` under its input's name."""
        data = self.data  # finds what is unparsed
        self.problems = dict(self.unparsed)
        for part in (*PARTS, *TABLES):
            if not (self.of_table and part in OF_IMAGES):
                self.add_problems(self._problems_of(part))
        if not self.of_table:
            self._check_dataset()
        if len(data["name"]) > NAME_LENGTH:
            self.add_problems({"name": f"is {len(data['name'])} letters long. Take {NAME_LENGTH} or fewer."})
        try:
            config = read_search(data)
            if self.of_table and not self.problems:
                config.open_table()
        except ConfigError as error:
            self.add_problems(error.problems)
        return None if self.problems else config

    def _problems_of(self, part: str) -> dict[str, str]:
        """What is wrong with one part of the configuration, or with the settings of the chosen space or strategy."""
        if part in PARTS:
            found = every_problem(PARTS[part], self.data.get(part, {}), part)
            return found or self._stacking_problems() if part == "skeleton" else found
        try:
            entry = catalog.entry(TABLES[part], self.data[part], part)
        except ConfigError as error:
            return error.problems
        return every_problem(entry.config_class(), self.data[f"{part}_config"], f"{part}_config")

    def _stacking_problems(self) -> dict[str, str]:
        """What a right skeleton lacks for the chosen space."""
        try:
            if skeleton_fields(self.chosen("space")) is None:
                read(SkeletonConfig, self.data.get("skeleton", {})).check_stackable()
        except ConfigError as error:
            return error.problems
        return {}

    def add_problems(self, found: dict[str, str]) -> None:
        """Note problems under configuration names, each at its input; what is noted already stays."""
        for dotted, text in found.items():
            self.problems.setdefault(self._input(dotted), sentence(text))
        for name, one in self.fields.items():
            one.error = self.problems.get(name, "")

    def _check_dataset(self) -> None:
        slug = self.fields["data.dataset"].typed
        if self.dataset is None and "data.dataset" not in self.problems:
            known = Dataset.objects.filter(slug=slug).first()
            what = f"{known.title} is not ready yet" if known else "There is no such data set here"
            self.add_problems({"data.dataset": f"{what}. Choose one that is, or add it under Data sets."})

    @cached_property
    def dataset(self) -> Dataset | None:
        """The chosen data set, if it is ready; None where a table is searched."""
        if self.of_table:
            return None
        slug = self.fields["data.dataset"].typed
        return Dataset.objects.filter(slug=slug, state=Dataset.State.READY).first()

    @property
    def stray(self) -> list[str]:
        """Problems that belong to no input of this form."""
        return [f"{name}: {text}" if name else text for name, text in self.problems.items() if name not in self.fields]

    @property
    def first_problem(self) -> str:
        """The id of the first input with a problem, in the page's order."""
        wrong = [one for one in self.fields.values() if one.error]
        return min(wrong, key=lambda one: PAGE.index(one.name.split(".")[0])).id if wrong else ""

    def group(self, prefix: str) -> list[Field]:
        """The fields under a dotted prefix."""
        return [one for name, one in self.fields.items() if name.startswith(prefix + ".")]

    @property
    def spaces(self) -> list[Alternative]:
        return self._alternatives("space")

    @property
    def strategies(self) -> list[Alternative]:
        return self._alternatives("strategy")

    @property
    def evaluators(self) -> list[Alternative]:
        return self._alternatives("evaluator")

    def _alternatives(self, part: str) -> list[Alternative]:
        chosen = self.chosen(part)
        return [
            Alternative(name, entry.label, entry.about, name == chosen, self._own(f"{part}_config.{name}"))
            for name, entry in TABLES[part].items()
        ]

    def _own(self, prefix: str) -> list[Field]:
        """The fields right under a prefix, those of nested configurations left out."""
        return [one for one in self.group(prefix) if "." not in one.name.removeprefix(f"{prefix}.")]

    @property
    def limits(self) -> list[Field]:
        return self.group("limits")

    @property
    def budget(self) -> list[Field]:
        return self.group("budget")

    @property
    def reward_more(self) -> list[Field]:
        return [one for one in self.group("reward") if one.about.advanced]

    @property
    def network(self) -> Alternative:
        """The child network and its training as one group of fields; the skeleton's advanced ones last."""
        both = self.group("skeleton")
        skeleton, rare = ([one for one in both if one.about.advanced == advanced] for advanced in (False, True))
        return Alternative("", "", "", True, [*skeleton, *self.group("training"), *rare])


def every_problem(config_class: type, data: dict, at: str) -> dict[str, str]:
    """All that is wrong with plain configuration data, under dotted names. The engine judges fields together only once each
    is right by itself; so those that are wrong are set aside and the rest is read again."""
    found: dict[str, str] = {}
    left = dict(data)
    while True:
        try:
            read(config_class, left, at)
            return found
        except ConfigError as error:
            found |= {name: text for name, text in error.problems.items() if name not in found}
        rest = {name: value for name, value in left.items() if f"{at}.{name}" not in found}
        if len(rest) == len(left):
            return found
        left = rest


def _plain(typed: Typed) -> Typed:
    return typed.strip() if isinstance(typed, str) else sorted(typed)
