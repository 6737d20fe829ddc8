"""What one can choose among in a form, each with settings of its own."""

from collections.abc import Mapping
from dataclasses import dataclass

from nas_engine.evaluators.supernet.config import CONTROLLED, DIFFERENTIABLE, METHODS, SINGLE_PATH
from webapp.forms.fields import Field

SUPERNET = "evaluator_config.supernet"
METHOD = f"{SUPERNET}.method"
# The parts of a supernet's settings: title, and the methods that use it.
GROUPS = {
    "weights": ("Weights of the supernet", tuple(METHODS)),
    "alphas": ("Alphas", DIFFERENTIABLE),
    "controller": ("Controller", CONTROLLED),
    "one_shot": ("Scoring", SINGLE_PATH),
}


@dataclass(frozen=True)
class Alternative:
    """A strategy, space or evaluator one can choose, with its own settings."""

    name: str
    label: str
    about: str
    chosen: bool
    fields: list[Field]

    @property
    def basic(self) -> list[Field]:
        return [one for one in self.fields if not one.about.advanced]

    @property
    def advanced(self) -> list[Field]:
        return [one for one in self.fields if one.about.advanced]


@dataclass(frozen=True)
class SharedSettings:
    """A group of a supernet’s settings. ``methods`` that use it, apart by spaces; ``used``: the chosen one does."""

    title: str
    methods: str
    settings: Alternative
    used: bool


def sharing_groups(fields: Mapping[str, Field]) -> list[SharedSettings]:
    """The settings of a supernet by their parts, out of all fields of the form."""
    found = []
    for name, (title, methods) in GROUPS.items():
        own = [one for key, one in fields.items() if key.startswith(f"{SUPERNET}.{name}.")]
        used = fields[METHOD].typed in methods
        found.append(SharedSettings(title, " ".join(methods), Alternative(name, title, "", True, own), used))
    return found
