"""The new-search form: made from the configuration classes, keeping what was typed, naming what is wrong where it is."""

import random
from dataclasses import dataclass

import pytest
from django.http import Http404

from nas_engine import catalog
from nas_engine.blueprint import build_blueprint
from nas_engine.config import as_dict, setting, settings_of
from nas_engine.errors import ConfigError
from nas_engine.search_config import TABLES, read_search
from nas_engine.search_presets import SEARCHES
from tests.webapp import seeding
from webapp.forms import estimate as estimates
from webapp.forms.fields import Field, parse
from webapp.forms.formula import formula
from webapp.forms.preview import Preview, scientific
from webapp.forms.search import PARTS, SearchForm
from webapp.forms.starts import config_of, starts
from webapp.models import Dataset, Trial

pytestmark = pytest.mark.django_db


@pytest.fixture
def digits():
    return seeding.dataset("digits")


def form_of(slug: str = "laptop-demo", **changes) -> SearchForm:
    """The form of a preset with some inputs changed; "__" stands for the dots of a name."""
    typed = SearchForm.from_config(config_of(slug)).typed
    return SearchForm(typed | {name.replace("__", "."): value for name, value in changes.items()})


# ---- made from the configuration classes


def test_every_setting_of_every_part_strategy_and_space_has_an_input():
    names = set(SearchForm({}).fields)
    for part, config_class in PARTS.items():
        assert {f"{part}.{name}" for name in settings_of(config_class)} <= names
    for part, table in TABLES.items():
        for name, entry in table.items():
            assert {f"{part}_config.{name}.{one}" for one in settings_of(entry.config_class())} <= names
    assert {"name", "space", "strategy", "seed"} <= names


@dataclass(frozen=True)
class DowsingConfig:
    depth: int = setting(3, "Depth", minimum=1, maximum=9, unit="m")
    rod: str = setting("hazel", "Rod", options=("hazel", "brass"), labels=("Hazel", "Brass"))


def test_a_new_strategy_gets_its_fields_by_itself(monkeypatch, digits):
    entry = catalog.Entry("Dowsing", f"{__name__}:DowsingConfig", "nowhere:Dowsing", "Walks about.")
    monkeypatch.setattr(catalog.Entry, "config_class", _config_class(catalog.Entry.config_class))
    monkeypatch.setitem(catalog.STRATEGIES, "dowsing", entry)
    form = form_of(strategy="dowsing", strategy_config__dowsing__depth="12", strategy_config__dowsing__rod="brass")
    depth, rod = form.group("strategy_config.dowsing")
    assert (depth.kind, depth.about.unit, rod.kind) == ("whole", "m", "choice")
    assert [(one.label, one.chosen) for one in rod.options] == [("Hazel", False), ("Brass", True)]
    form.config  # noqa: B018 (validates)
    assert depth.error == "12 is too large. Take 9 or less."


def _config_class(original):
    return lambda entry: DowsingConfig if entry.label == "Dowsing" else original(entry)


@pytest.mark.parametrize("slug", SEARCHES)
def test_what_the_form_shows_is_what_comes_back(slug):
    config = config_of(slug)
    seeding.dataset(config.data.dataset)
    form = SearchForm(SearchForm.from_config(config).typed)
    assert form.config == config, form.problems


def test_every_default_survives_being_typed():
    for entry in (*catalog.SPACES.values(), *catalog.STRATEGIES.values()):
        config = read_search({"strategy": "random"})
        assert as_dict(entry.config_class()()) == as_dict(entry.config_class()(**as_dict(entry.config_class()())))
        assert SearchForm.from_config(config).data["strategy"] == "random"


# ---- typed text


@pytest.mark.parametrize(
    ("kind", "typed", "value"),
    [
        ("whole", "300", 300),
        ("whole", " 20 000 ", 20000),
        ("whole", "20\u202f000", 20000),
        ("whole", "-3", -3),
        ("whole", "2.5", 2.5),  # for the engine to refuse, in its words
        ("number", "3e-4", 0.0003),
        ("number", "−0.07", -0.07),
        ("switch", "on", True),
        ("switch", "", False),
        ("several", ["add"], ["add"]),
    ],
)
def test_typed_text_becomes_a_value(kind, typed, value):
    assert parse(Field("x", setting(0, "X").metadata["setting"], kind, typed)) == value


@pytest.mark.parametrize(
    ("kind", "typed", "message"),
    [
        ("whole", "", "Give a whole number."),
        ("number", " ", "Give a number."),
        ("whole", "abc", "‘abc’ is not a whole number."),
        ("number", "0,5", "‘0,5’ is not a number, with a point: 0.5."),
    ],
)
def test_what_cannot_be_a_number_says_so(kind, typed, message):
    with pytest.raises(ConfigError) as caught:
        parse(Field("x", setting(0, "X").metadata["setting"], kind, typed))
    assert caught.value.problems == {"x": message}


# ---- problems


def test_every_problem_lands_at_its_input_and_everything_typed_stays(digits):
    wrong = {
        "training.epochs": "many",
        "training.batch_size": "1",
        "skeleton.filters": "13",
        "data.valid_fraction": "1.5",
        "space_config.nasnet.blocks": "40",
        "space_config.nasnet.operations": [],
        "strategy_config.ppo.batch": "0",
        "reward.target": "",
        "budget.trials": "0",
        "budget.hours": "nan",
        "seed": "-1",
        "name": "x" * 121,
    }
    typed = SearchForm.from_config(config_of("small-cifar-10")).typed | wrong | {"data.dataset": "digits"}
    form = SearchForm(typed)
    assert form.config is None
    assert set(form.problems) == set(wrong)
    assert all(form.fields[name].error for name in wrong)
    assert form.typed == typed
    assert form.fields["space_config.nasnet.blocks"].error == "40 is too large. Take 12 or less."
    assert form.fields["space_config.nasnet.operations"].error == "Choose at least one operation."
    assert form.fields["name"].error == "Is 121 letters long. Take 120 or fewer."
    assert form.first_problem == "f-name"
    assert form.stray == []


def test_only_the_chosen_strategy_is_judged(digits):
    assert form_of(strategy="random", strategy_config__ppo__batch="none").config is not None
    form = form_of(strategy="ppo", strategy_config__ppo__batch="none")
    assert form.config is None and set(form.problems) == {"strategy_config.ppo.batch"}


def test_an_unknown_strategy_is_named_and_shows_another_ones_settings(digits):
    form = form_of(strategy="alchemy")
    assert form.config is None
    assert "alchemy" in form.fields["strategy"].error
    assert form.chosen("strategy") in catalog.STRATEGIES


def test_a_data_set_must_be_ready(digits):
    assert form_of(data__dataset="moons").config is None
    Dataset.objects.update(state="preparing")
    form = form_of()
    assert form.config is None
    assert form.fields["data.dataset"].error.startswith("Digits is not ready yet.")


def test_a_problem_without_an_input_is_told_apart(digits):
    form = form_of()
    form.add_problems({"": "The moon is wrong", "budget.trials": "too many"})
    assert form.stray == ["The moon is wrong."]
    assert form.fields["budget.trials"].error == "Too many."


# ---- starting points


def test_switching_keeps_exactly_what_was_changed():
    old, new = (SearchForm.from_config(config_of(slug)) for slug in ("laptop-demo", "nasnet-paper"))
    mine = SearchForm(old.typed | {"training.epochs": "3", "space_config.nasnet.combinations": ["concat"]})
    form, kept = mine.switched(old, new)
    assert {field.name for field in kept} == {"training.epochs", "space_config.nasnet.combinations"}
    expected = new.typed | {"training.epochs": "3", "space_config.nasnet.combinations": ["concat"]}
    assert form.typed == expected


def test_switching_back_and_forth_loses_nothing():
    old, new = (SearchForm.from_config(config_of(slug)) for slug in ("laptop-demo", "small-cifar-10"))
    mine = SearchForm(old.typed | {"skeleton.filters": "10"})
    there, _ = mine.switched(old, new)
    back, _ = there.switched(new, old)
    assert back.typed == mine.typed


def test_starts_are_the_presets_the_last_search_and_the_one_copied(owner, digits):
    assert [one.slug for one in starts(owner, "laptop-demo")] == list(SEARCHES)
    first, last = seeding.search(), seeding.search(seeding.SMALL | {"name": "Later"})
    assert [one.label for one in starts(owner, "laptop-demo")][-1:] == ["My last search"]
    offered = starts(owner, f"search-{first.pk}")
    assert [one.slug for one in offered][-2:] == [f"search-{last.pk}", f"search-{first.pk}"]
    assert config_of(f"search-{first.pk}") == read_search(seeding.SMALL)


@pytest.mark.parametrize("slug", ["none", "search-", "search-99", "search-x", "search-" + "9" * 30])
def test_an_unknown_start_is_not_found(slug):
    with pytest.raises(Http404):
        config_of(slug)


# ---- what the side panel tells


def test_the_size_is_the_product_of_all_decisions(digits):
    form = form_of(
        space_config__nasnet__blocks="2",
        space_config__nasnet__operations=["identity", "conv_3x3", "sep_conv_3x3"],
        space_config__nasnet__combinations=["add"],
    )
    preview = Preview(form)
    one = (2 * 2 * 3 * 3) * (3 * 3 * 3 * 3)
    assert preview.size_of_one == scientific(one) == "2\u202f916"
    assert preview.size_of_all == scientific(one**2) == "8.5\u00a0×\u00a010⁶"


@pytest.mark.parametrize(
    ("number", "text"), [(999_999, "999\u202f999"), (10**6, "1.0\u00a0×\u00a010⁶"), (99_999_999, "1.0\u00a0×\u00a010⁸")]
)
def test_large_numbers_in_scientific_notation(number, text):
    assert scientific(number) == text


def test_the_sample_and_its_cost_are_those_of_the_engine(digits):
    form = form_of()
    preview = Preview(form, draw=3)
    config = form.config
    space = config.build_space()
    cells = space.cells(space.sample(random.Random("preview/3")))
    blueprint = build_blueprint(cells, config.skeleton, (1, 8, 8), 10)
    assert preview.cells == cells
    assert (preview.cost.params, preview.cost.macs) == (blueprint.params, blueprint.macs)
    assert Preview(form_of(), draw=3).cells == cells != Preview(form_of(), draw=4).cells
    lighter = sum(one.macs < blueprint.macs for one in preview.costs)
    assert len(preview.costs) == 200 and preview.heavier_than == round(lighter / 2)


def test_operations_cost_what_they_cost_in_a_first_cell(digits):
    macs = Preview(form_of(skeleton__filters="8")).operation_macs
    assert macs["conv_3x3"] == 8 * 8 * 9 * 64
    assert macs["conv_1x3_3x1"] == 2 * 8 * 8 * 3 * 64
    assert macs["sep_conv_3x3"] == 2 * (8 * 9 + 8 * 8) * 64
    assert macs["identity"] == macs["max_pool_3x3"] == 0


def test_a_half_filled_form_tells_what_it_can(digits):
    preview = Preview(form_of(space_config__nasnet__blocks="", training__epochs="x"))
    assert preview.space is None and preview.frame is not None and preview.costs == ()
    preview = Preview(form_of(skeleton__filters="9"))
    assert preview.space is not None and preview.frame is None and preview.cost is None
    assert len(preview.cells) == 2
    assert Preview(form_of(data__dataset="")).operation_macs == {}


def test_kept_weights_take_four_bytes_a_parameter(digits):
    preview = Preview(form_of(budget__keep_weights="50", budget__trials="10"))
    assert preview.kept_weights == 10
    assert preview.weights_bytes == pytest.approx(40 * sum(one.params for one in preview.costs) / 200)
    assert Preview(form_of(budget__keep_weights="?")).weights_bytes is None


def test_the_reward_in_symbols():
    assert formula({"goal": "accuracy"}).cost == ""
    steered = formula({"goal": "macs", "target": 150.0, "below": -0.07, "above": -0.07})
    assert (steered.cost, steered.target, steered.below) == ("MACs", "150\u00a0M", "−0.07")
    assert steered.note == "twice the target costs 4.7\u00a0% of the reward"
    hard = formula({"goal": "latency", "target": 2.0, "below": 0.0, "above": -1.0})
    assert not hard.one_exponent and "50.0" in hard.note
    assert formula({"goal": "macs", "target": 0}) is None


# ---- how long it will take


def test_no_estimate_before_anything_was_measured(digits):
    form = form_of()
    assert estimates.estimate(form.config, digits, 1e6) is None


def test_trials_of_the_same_protocol_are_the_judge(digits):
    config = form_of().config
    search = seeding.search(config)
    seeding.measured(search, 5)
    for trial, seconds in zip(Trial.objects.order_by("pk"), (10, 12, 14, 16, 90), strict=True):
        Trial.objects.filter(pk=trial.pk).update(seconds=seconds)
    found = estimates.estimate(config, digits, 1e6)
    assert (found.seconds, found.low, found.high, found.device) == (14, 12, 16, "Test CPU")
    assert found.basis == "5 trials of this protocol"
    assert found.total(24, 2) == 14 * 12


def test_other_protocols_are_scaled_by_macs_images_and_epochs(digits):
    other = read_search(seeding.SMALL | {"data": {"dataset": "digits", "valid_fraction": 0.5}})
    seeding.measured(seeding.search(other), 1)
    Trial.objects.update(seconds=10, macs=1_000_000, epochs=5)
    config = form_of(training__epochs="20", data__valid_fraction="0.25").config
    found = estimates.estimate(config, digits, 3e6)
    images, before = estimates.images(0, 0.25, digits), estimates.images(0, 0.5, digits)
    assert found.seconds == pytest.approx(10 * 3 * (20 / 5) * images / before)
    assert found.basis == "scaled by MACs, images and epochs from 1 trial of other protocols"


def test_images_in_an_epoch(digits):
    assert estimates.images(0, 0.2, digits) == round(0.8 * 1437)
    assert estimates.images(100, 0.2, digits) == 80
    assert estimates.images(10**6, 0.2, digits) == round(0.8 * 1437)


def test_fields_of_the_skeleton_that_mean_nothing_for_the_space_are_neither_shown_nor_read(db):
    seeding.dataset()
    typed = SearchForm.from_config(read_search({})).typed | {"space": "mnasnet", "skeleton.filters": "31"}
    form = SearchForm(typed)
    assert form.config is not None and form.config.skeleton.whole
    shown = {one.name for one in form.group("skeleton") if not one.away}
    assert shown == {"skeleton.dropout", "skeleton.norm_decay"}
    assert not any(one.away for one in SearchForm(typed | {"space": "darts"}).group("skeleton"))
    assert SearchForm(typed | {"space": "nasnet"}).config is None


# ---- settings that depend on another


def stopping(**changes) -> SearchForm:
    return form_of(**{f"evaluator_config__standalone__{name}": value for name, value in changes.items()})


def test_the_settings_of_a_stopping_rule_are_asked_for_with_that_rule_alone(digits):
    prefix = "evaluator_config.standalone."
    rules = {"none": set(), "median": {"grace"}, "extrapolation": {"grace", "least_chance"}}
    rules |= {"asha": {"minimum_epochs", "reduction_factor", "early_stopping_rate"}}
    for rule, expected in rules.items():
        form = stopping(early_stopping=rule)
        dependent = [one for one in form.group(prefix.rstrip(".")) if one.where]
        assert {one.name.removeprefix(prefix) for one in dependent if not one.away} == expected, rule
        assert {one.where[0] for one in dependent} == {f"{prefix}early_stopping"}


def test_what_is_hidden_is_neither_read_nor_wrong_and_shown_it_is_wrong_at_its_field(digits):
    typed = {"minimum_epochs": "two", "reduction_factor": "1"}
    hidden = stopping(early_stopping="median", **typed)
    assert hidden.config.evaluator_config["minimum_epochs"] == 1 and not hidden.problems
    shown = stopping(early_stopping="asha", **typed)
    assert shown.config is None and shown.problems == {
        "evaluator_config.standalone.minimum_epochs": "‘two’ is not a whole number.",
        "evaluator_config.standalone.reduction_factor": "1 is too small. Take 2 or more.",
    }


def test_rungs_beyond_the_training_are_wrong_at_the_field_that_puts_them_there(digits):
    late = stopping(early_stopping="asha", minimum_epochs="8")
    assert late.config is None and late.problems == {
        "evaluator_config.standalone.minimum_epochs": "The first rung, after 8 epochs, must come before the end of a "
        "training of 8 epochs."
    }
    skipped = stopping(early_stopping="asha", early_stopping_rate="2")
    assert skipped.config is None and list(skipped.problems) == ["evaluator_config.standalone.early_stopping_rate"]
    good = stopping(early_stopping="asha", reduction_factor="3", minimum_epochs="2").config
    assert good.evaluator_config["reduction_factor"] == 3 and good.evaluator_config["minimum_epochs"] == 2
