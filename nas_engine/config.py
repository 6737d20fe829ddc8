"""Frozen, documented configuration: one declaration serves the forms, the JSON files, the command line and the docs.

A configuration is a frozen dataclass whose fields are made with :func:`setting`. :func:`read` builds one from plain JSON
data and reports *every* problem at once, each under its dotted field name.
"""

import dataclasses
import types
import typing
from dataclasses import dataclass
from typing import Any

from nas_engine.errors import ConfigError


@dataclass(frozen=True)
class Setting:
    """What a person needs to know about one field, and the bounds it must keep.

    ``labels`` say what the ``options`` are called where people choose; without them options go by their own names.
    ``where``: ("field", values), another field of the same configuration and the values of it with which this one has a
    say; with others it is not asked for.
    """

    label: str
    help: str = ""
    unit: str = ""
    minimum: float | None = None
    maximum: float | None = None
    options: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    advanced: bool = False
    where: tuple[str, tuple[str, ...]] | None = None


def setting(default: Any, label: str, **about: Any) -> Any:
    """Declare a configuration field. ``about`` holds :class:`Setting`'s other attributes."""
    metadata = {"setting": Setting(label, **about)}
    if callable(default):
        return dataclasses.field(default_factory=default, metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


def settings_of(config_class: type) -> dict[str, Setting]:
    """Field name -> Setting, in order of declaration, for the fields made with :func:`setting`."""
    return {f.name: f.metadata["setting"] for f in dataclasses.fields(config_class) if "setting" in f.metadata}


def as_dict(config: Any) -> dict:
    """Plain JSON data of a configuration; :func:`read` is its inverse."""
    return {f.name: _plain(getattr(config, f.name)) for f in dataclasses.fields(config)}


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value):
        return as_dict(value)
    return list(value) if isinstance(value, tuple) else value


def read(config_class: type, data: Any, at: str = "") -> Any:
    """Build ``config_class`` from plain data. Raises ConfigError naming every wrong field under the prefix ``at``."""
    if not isinstance(data, dict):
        raise ConfigError("must be a JSON object", at)
    hints = typing.get_type_hints(config_class)
    fields = {f.name: f for f in dataclasses.fields(config_class)}
    problems = {_join(at, name): _unknown(name, fields) for name in data if name not in fields}
    values = {}
    for name in fields.keys() & data.keys():
        try:
            values[name] = _convert(hints[name], data[name], fields[name].metadata.get("setting"), _join(at, name))
        except ConfigError as error:
            problems |= error.problems
    if problems:
        raise ConfigError(problems)
    try:
        return config_class(**values)
    except TypeError:
        missing = [n for n, f in fields.items() if n not in values and _required(f)]
        raise ConfigError({_join(at, name): "is missing" for name in missing}) from None
    except ConfigError as error:
        raise ConfigError({_join(at, name): text for name, text in error.problems.items()}) from None


def _required(field: dataclasses.Field) -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def _join(at: str, name: str) -> str:
    return ".".join(part for part in (at, name) if part)


def _unknown(name: str, fields: dict) -> str:
    return f"is not a setting. Known here: {', '.join(fields)}."


def _convert(hint: Any, value: Any, about: Setting | None, at: str) -> Any:
    if isinstance(hint, types.UnionType):
        if value is None:
            return None
        hint = next(part for part in typing.get_args(hint) if part is not type(None))
    if dataclasses.is_dataclass(hint):
        return value if isinstance(value, hint) else read(hint, value, at)
    if typing.get_origin(hint) is tuple:
        return _convert_list(typing.get_args(hint)[0], value, about, at)
    value = _convert_scalar(hint, value, at)
    _check(value, about, at)
    return value


def _convert_list(item: Any, value: Any, about: Setting | None, at: str) -> tuple:
    if not isinstance(value, (list, tuple)):
        raise ConfigError("must be a list", at)
    converted = tuple(_convert_scalar(item, one, at) for one in value)
    for one in converted:
        _check(one, about, at)
    if len(set(converted)) != len(converted):
        raise ConfigError("names something twice", at)
    return converted


def _convert_scalar(hint: Any, value: Any, at: str) -> Any:
    if hint is bool and isinstance(value, bool):
        return value
    if hint is str and isinstance(value, str):
        return value
    if hint is dict and isinstance(value, dict):
        return value
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if hint is int and number and float(value).is_integer():
        return int(value)
    if hint is float and number and abs(float(value)) < float("inf"):
        return float(value)
    names = {bool: "true or false", str: "text", dict: "a JSON object", int: "a whole number", float: "a number"}
    raise ConfigError(f"must be {names[hint]}, not {value!r}", at)


def _check(value: Any, about: Setting | None, at: str) -> None:
    if about is None:
        return
    if about.options and value not in about.options:
        raise ConfigError(f"{value!r} is not one of {', '.join(about.options)}.", at)
    if about.minimum is not None and value < about.minimum:
        raise ConfigError(f"{value:g} is too small. Take {about.minimum:g} or more.", at)
    if about.maximum is not None and value > about.maximum:
        raise ConfigError(f"{value:g} is too large. Take {about.maximum:g} or less.", at)
