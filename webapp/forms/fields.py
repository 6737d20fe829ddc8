"""One input for one :class:`nas_engine.config.Setting`: from a configuration value to typed text, and back."""

import dataclasses
import types
import typing
from dataclasses import dataclass

from nas_engine.config import Setting, settings_of
from nas_engine.errors import ConfigError
from nas_engine.operations import FAMILIES, OPERATIONS

Typed = str | list[str]

# int before bool would swallow it: the order matters.
KINDS = {bool: "switch", int: "whole", float: "number", str: "text"}
SPACES = dict.fromkeys(map(ord, " \u00a0\u202f\u2009_"))


@dataclass(frozen=True)
class Option:
    value: str
    label: str
    chosen: bool


@dataclass
class Field:
    """An input as the template shows it. ``name`` is its dotted name; ``typed`` what the person typed, kept as it is.
    ``error`` says what is wrong with it, else ``hint`` what to heed, else ``follows`` what comes of it.
    ``away``: it means nothing for what is chosen elsewhere, is not shown and not read; ``where`` says for what it does: the
    name of another input and its values."""

    name: str
    about: Setting
    kind: str
    typed: Typed = ""
    error: str = ""
    hint: str = ""
    follows: str = ""
    away: bool = False
    where: tuple[str, tuple[str, ...]] | None = None

    @property
    def id(self) -> str:
        return "f-" + self.name.replace(".", "-")

    @property
    def checked(self) -> bool:
        return bool(self.typed)

    @property
    def options(self) -> list[Option]:
        labels = self.about.labels or self.about.options
        chosen = self.typed if isinstance(self.typed, list) else [self.typed]
        return [Option(v, label, v in chosen) for v, label in zip(self.about.options, labels, strict=True)]

    @property
    def families(self) -> list[tuple[str, list[Option]]]:
        """The options of an operation list, grouped by operation family, in the families' order."""
        groups = {family: [] for family in FAMILIES}
        for value in self.about.options:
            row = OPERATIONS[value]
            groups[row.family].append(Option(value, row.label, value in self.typed))
        return [(family, options) for family, options in groups.items() if options]


def kind_of(hint: typing.Any, about: Setting) -> str:
    """whole, number, switch, text, choice, several or operations."""
    if isinstance(hint, types.UnionType):
        hint = next(part for part in typing.get_args(hint) if part is not type(None))
    if typing.get_origin(hint) is tuple:
        return "operations" if about.options and set(about.options) <= OPERATIONS.keys() else "several"
    return "choice" if about.options else KINDS[hint]


def fields_of(config_class: type, prefix: str) -> list[Field]:
    """A field for each setting of a configuration class, in order of declaration."""
    hints = typing.get_type_hints(config_class)
    at = f"{prefix}." if prefix else ""
    return [
        Field(
            at + name,
            about,
            kind_of(hints[name], about),
            where=about.where and (at + about.where[0], about.where[1]),
        )
        for name, about in settings_of(config_class).items()
    ]


def fields_within(config_class: type, prefix: str) -> list[Field]:
    """A field for each setting, and behind them those of the configurations it holds: "prefix.weights.epochs"."""
    fields = fields_of(config_class, prefix)
    for name, hint in typing.get_type_hints(config_class).items():
        if dataclasses.is_dataclass(hint):
            fields += fields_within(hint, f"{prefix}.{name}")
    return fields


def to_typed(value: typing.Any) -> Typed:
    """What stands in the input for a configuration value."""
    if isinstance(value, (list, tuple)):
        return [str(item) for item in value]
    if isinstance(value, bool):
        return "on" if value else ""
    if isinstance(value, float):
        return _number_text(value)
    return "" if value is None else str(value)


def _number_text(value: float) -> str:
    text = f"{value:.9f}".rstrip("0").rstrip(".")
    return text if float(text or "nan") == value else repr(value)


def parse(one: Field) -> typing.Any:
    """The configuration value that was typed. Raises ConfigError where there is none; bounds are the engine's to check."""
    if one.kind == "switch":
        return bool(one.typed)
    if one.kind in ("several", "operations"):
        return list(one.typed)
    if one.kind in ("text", "choice"):
        return one.typed.strip()
    text = one.typed.translate(SPACES).replace("\u2212", "-")
    if not text:
        raise ConfigError("Give a whole number." if one.kind == "whole" else "Give a number.", one.name)
    try:
        return int(text) if text.lstrip("-").isdigit() else float(text)
    except ValueError:
        what = "a whole number" if one.kind == "whole" else "a number, with a point: 0.5"
        raise ConfigError(f"‘{one.typed.strip()}’ is not {what}.", one.name) from None


def sentence(text: str) -> str:
    """An engine's message as a sentence to stand alone under its field."""
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "?", ":")) else text + "."
