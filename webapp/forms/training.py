"""The form of a full training: every field of a FullTrainingConfig, what was typed in it, and what is wrong with that."""

from collections.abc import Mapping
from dataclasses import fields
from functools import cached_property
from typing import get_type_hints

from django.http import QueryDict

from nas_engine.blueprint import Blueprint
from nas_engine.config import read, settings_of
from nas_engine.errors import ConfigError
from nas_engine.full_training import FullTrainingConfig, read_full_training
from nas_engine.full_training.config import FIT_UNITS
from nas_engine.protocol import SkeletonConfig
from nas_engine.search_config import skeleton_fields
from webapp.forms.fields import Field, Typed, fields_of, parse, sentence, to_typed
from webapp.forms.search import every_problem
from webapp.models import CellRecord, Dataset, FullTraining
from webapp.services.trainings import buildable, check_stackable, trainable

# The configuration's parts ("data", "skeleton", ...) and their classes, in the order of the configuration.
_HINTS = get_type_hints(FullTrainingConfig)
TOP = ("name", "seeds", "seed")
PARTS = {one.name: _HINTS[one.name] for one in fields(FullTrainingConfig) if one.name not in TOP}
NAME_LENGTH = FullTraining._meta.get_field("name").max_length


def _declare() -> list[Field]:
    return [one for one in fields_of(FullTrainingConfig, "") if one.name in TOP] + [
        one for prefix, config_class in PARTS.items() for one in fields_of(config_class, prefix)
    ]


class TrainingForm:
    """``typed`` maps input names to what stands in them; unknown names are ignored, missing ones are empty."""

    def __init__(self, typed: Mapping[str, Typed]):
        self.fields = {one.name: one for one in _declare()}
        for name, one in self.fields.items():
            one.typed = typed.get(name, "")
        self.problems: dict[str, str] = {}
        self.unparsed: dict[str, str] = {}
        self.unread: set[str] = set()

    @classmethod
    def from_post(cls, post: QueryDict) -> "TrainingForm":
        return cls({one.name: post.get(one.name, "") for one in _declare()})

    @classmethod
    def from_config(cls, config: FullTrainingConfig) -> "TrainingForm":
        """What the form shows for a configuration."""
        typed = {}
        for name in (one.name for one in _declare()):
            value = config
            for part in name.split("."):
                value = getattr(value, part)
            typed[name] = to_typed(value)
        return cls(typed)

    @property
    def typed(self) -> dict[str, Typed]:
        return {name: one.typed for name, one in self.fields.items()}

    def switched(self, old: "TrainingForm", new: "TrainingForm") -> tuple["TrainingForm", list[Field]]:
        """The form after choosing another preset: what still stands as in ``old`` is as in ``new``, the person's own changes
        stay. Returns the new form and the fields that stayed and differ from ``new``."""
        kept = [
            one
            for name, one in self.fields.items()
            if one.typed.strip() not in (old.typed[name].strip(), new.typed[name].strip())
        ]
        return TrainingForm(new.typed | {one.name: one.typed for one in kept}), kept

    @cached_property
    def data(self) -> dict:
        """Plain configuration data. What cannot be parsed is left out and noted in ``unparsed``."""
        data: dict = {}
        for name, one in self.fields.items():
            *path, last = name.split(".")
            target = data
            for part in path:
                target = target.setdefault(part, {})
            try:
                target[last] = parse(one)
            except ConfigError as error:
                self.unparsed |= error.problems
        return data

    @cached_property
    def config(self) -> FullTrainingConfig | None:
        """The configuration, or None with every problem noted in ``problems`` under its input's name."""
        data = self.data  # finds what is unparsed
        self.problems = dict(self.unparsed)
        for part, config_class in PARTS.items():
            self.add_problems(every_problem(config_class, data.get(part, {}), part))
        if self.dataset is None and "data.dataset" not in self.problems:
            self.add_problems({"data.dataset": "This data set is not ready here. Choose one that is, or add it."})
        if len(data["name"]) > NAME_LENGTH:
            self.add_problems({"name": f"is {len(data['name'])} letters long. Take {NAME_LENGTH} or fewer."})
        try:
            config = read_full_training(data)
        except ConfigError as error:
            self.add_problems(error.problems)
        return None if self.problems else config

    def add_problems(self, found: dict[str, str]) -> None:
        """Note problems at their inputs; what is noted already stays."""
        for name, text in found.items():
            self.problems.setdefault(name, sentence(text))
        for name, one in self.fields.items():
            one.error = self.problems.get(name, "")

    @cached_property
    def dataset(self) -> Dataset | None:
        """The chosen data set, if it is ready."""
        slug = self.fields["data.dataset"].typed
        return Dataset.objects.filter(slug=slug, state=Dataset.State.READY).first()

    @property
    def stray(self) -> list[str]:
        """Problems that belong to no input of this form."""
        return [f"{name}: {text}" if name else text for name, text in self.problems.items() if name not in self.fields]

    @property
    def first_problem(self) -> str:
        """The id of the first input with a problem."""
        return next((one.id for one in self.fields.values() if one.error), "")

    def read_by(self, record: CellRecord) -> None:
        """Leave out of sight what the rules of these cells do not read."""
        read = skeleton_fields(trainable(record)[0].family)
        if read is not None:
            self.unread = {f"skeleton.{name}" for name in settings_of(PARTS["skeleton"]) if name not in read}
            if "filters" not in read:
                self.unread |= {"fit.measure", "fit.most"}

    def basic(self, prefix: str) -> list[Field]:
        return [one for one in self._group(prefix) if not one.about.advanced]

    def advanced(self, prefix: str) -> list[Field]:
        return [one for one in self._group(prefix) if one.about.advanced]

    def _group(self, prefix: str) -> list[Field]:
        group = (one for name, one in self.fields.items() if name.startswith(prefix + "."))
        return [one for one in group if one.name not in self.unread]

    @property
    def fit_unit(self) -> str:
        """The unit of the limit the network is fitted to."""
        return FIT_UNITS.get(self.fields["fit.measure"].typed, "")


class Network:
    """What the form's network costs, exactly, worked out on paper. ``problem`` says why there is none."""

    def __init__(self, form: TrainingForm, record: CellRecord):
        self.config, self.blueprint, self.problem = form.config, None, ""
        self._check_stackable(form, record)
        if self.config is None or form.dataset is None:
            return
        try:
            self.config, self.blueprint = buildable(record, self.config, form.dataset)
        except ConfigError as error:
            form.add_problems(error.problems)
            self.problem = " ".join(error.problems.values())
        self._images = _images(self.config, form.dataset)

    blueprint: Blueprint | None

    @staticmethod
    def _check_stackable(form: TrainingForm, record: CellRecord) -> None:
        """Whether the skeleton suits the cell, whatever else is wrong with the form."""
        try:
            check_stackable(record, read(SkeletonConfig, form.data.get("skeleton", {}), "skeleton"))
        except ConfigError as error:
            form.add_problems(error.problems)

    @property
    def measured_later(self) -> bool:
        """N and F are chosen by a worker, who can time the network."""
        return self.config is not None and self.config.fit.measure == "latency"

    @property
    def fitted(self) -> bool:
        """N and F were chosen to fit a limit."""
        return self.blueprint is not None and self.config.fit.measure == "none"

    @property
    def images(self) -> int:
        """Trained on in an epoch."""
        return self._images

    @property
    def steps(self) -> int:
        """Of the optimizer, in an epoch."""
        return -(-self._images // self.config.optimizer.batch_size)

    @property
    def epochs(self) -> int:
        """Over all seeds."""
        return self.config.schedule.epochs * self.config.seeds

    @property
    def weights_bytes(self) -> int:
        return 4 * self.blueprint.params


def _images(config: FullTrainingConfig, dataset: Dataset) -> int:
    taken = min(config.data.train_limit, dataset.train_images) if config.data.train_limit else dataset.train_images
    return max(1, round(taken * (1 - config.data.valid_fraction)))
