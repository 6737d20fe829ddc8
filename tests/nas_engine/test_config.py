import json
from dataclasses import dataclass, field

import pytest

from nas_engine.config import as_dict, read, setting, settings_of
from nas_engine.errors import ConfigError


@dataclass(frozen=True)
class Inner:
    size: int = setting(3, "Size", minimum=1, maximum=9)
    rate: float = setting(0.5, "Rate", minimum=0)
    free: dict = field(default_factory=dict)


@dataclass(frozen=True)
class Outer:
    name: str = setting("x", "Name", options=("x", "y"), help="One of two.")
    flag: bool = setting(True, "Flag", advanced=True)
    inner: Inner = field(default_factory=Inner)
    names: tuple[str, ...] = setting(("a",), "Names", options=("a", "b", "c"))
    limit: int | None = setting(None, "Limit", minimum=2)


@dataclass(frozen=True)
class Even:
    number: int
    other: int = 0

    def __post_init__(self):
        if self.number % 2:
            raise ConfigError("must be even", "number")


def problems(config_class, data, at="") -> dict:
    with pytest.raises(ConfigError) as caught:
        read(config_class, data, at)
    return caught.value.problems


def test_defaults_and_back():
    assert read(Outer, {}) == Outer()
    assert read(Outer, json.loads(json.dumps(as_dict(Outer())))) == Outer()
    changed = Outer("y", False, Inner(9, 2.0, {"k": [1]}), ("c", "a"), 7)
    assert read(Outer, json.loads(json.dumps(as_dict(changed)))) == changed


def test_every_problem_is_reported_at_once_under_its_dotted_name():
    found = problems(Outer, {"name": "z", "flag": 1, "inner": {"size": 10, "rate": "fast", "colour": 1}, "limit": 1})
    assert sorted(found) == ["flag", "inner.colour", "inner.rate", "inner.size", "limit", "name"]
    assert "9 or less" in found["inner.size"] and "Known here: size, rate, free" in found["inner.colour"]
    assert found["flag"] == "must be true or false, not 1" and "x, y" in found["name"]


def test_the_prefix_stands_before_every_name():
    assert list(problems(Inner, {"size": 0}, "training")) == ["training.size"]


@pytest.mark.parametrize(
    ("data", "value"),
    [({"size": 4.0}, 4), ({"rate": 1}, 1.0), ({"rate": 1e300}, 1e300), ({"free": {"a": 1}}, {"a": 1})],
)
def test_numbers_are_converted_where_nothing_is_lost(data, value):
    (name,) = data
    got = getattr(read(Inner, data), name)
    assert got == value and type(got) is type(value)


@pytest.mark.parametrize(
    "data",
    [
        {"size": 4.5}, {"size": "4"}, {"size": True}, {"size": None}, {"size": float("nan")}, {"size": float("inf")},
        {"rate": float("nan")}, {"rate": float("inf")}, {"rate": False}, {"rate": [1]}, {"free": []},
    ],
)  # fmt: skip
def test_what_is_of_another_kind_is_refused(data):
    assert list(problems(Inner, data)) == list(data)


@pytest.mark.parametrize("data", [None, [], "text", 3])
def test_a_configuration_is_an_object(data):
    assert problems(Inner, data, "inner") == {"inner": "must be a JSON object"}


@pytest.mark.parametrize("names", ["a", ["a", "a"], ["a", "d"], [1], None])
def test_lists_hold_known_names_once(names):
    assert list(problems(Outer, {"names": names})) == ["names"]


def test_an_optional_number_may_be_none_and_keeps_its_bounds():
    assert read(Outer, {"limit": None}).limit is None
    assert read(Outer, {"limit": 2}).limit == 2
    assert list(problems(Outer, {"limit": 1.5})) == ["limit"]


def test_what_is_missing_is_named():
    assert problems(Even, {"other": 1}, "e") == {"e.number": "is missing"}


def test_the_class_own_checks_get_the_prefix():
    assert problems(Even, {"number": 3}, "e") == {"e.number": "must be even"}
    assert read(Even, {"number": 4}) == Even(4)


def test_settings_are_listed_in_order_of_declaration():
    assert list(settings_of(Outer)) == ["name", "flag", "names", "limit"]
    assert settings_of(Outer)["flag"].advanced and settings_of(Outer)["name"].help == "One of two."


def test_an_error_reads_as_a_sentence_per_field():
    assert str(ConfigError({"a.b": "is wrong", "": "Nothing works"})) == "a.b: is wrong; Nothing works"
