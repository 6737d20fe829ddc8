import random

import pytest

from nas_engine.errors import ConfigError, EvaluationFailed
from nas_engine.evaluators.settings import TabularConfig
from nas_engine.evaluators.tabular import TabularEvaluator, measures, open_table
from nas_engine.search_spaces.tables import read_table
from nas_engine.search_spaces.tabular import tabular_space
from tests.nas_engine.tables import write_101, write_201, write_301, write_macro


def evaluator(path, **chosen) -> TabularEvaluator:
    table = read_table(path)
    return TabularEvaluator(tabular_space(table), measures(table, **chosen))


def test_201_searches_the_short_training_and_is_judged_by_the_test_of_the_long_one(tmp_path):
    looked_up = evaluator(write_201(tmp_path / "t.npz"))
    arrays = looked_up.space.table.arrays
    for seed in range(5):
        architecture = looked_up.space.sample(random.Random(seed))
        row = looked_up.space.row(architecture)
        evaluation = looked_up.evaluate(architecture)
        assert evaluation.valid_accuracy == pytest.approx(arrays["cifar10_val_e12"][row] / 100)
        assert looked_up.final(architecture) == pytest.approx(arrays["cifar10_test_e200"][row] / 100)
        assert evaluation.seconds == pytest.approx(arrays["train_s_e200_est"][row] * 12 / 200)
        assert (evaluation.params, evaluation.macs) == (arrays["params"][row], arrays["flops"][row])


def test_another_data_set_or_training_can_be_chosen(tmp_path):
    path = write_201(tmp_path / "t.npz")
    arrays = read_table(path).arrays
    other = evaluator(path, dataset="other")
    assert other.columns.valid[3] == pytest.approx(arrays["other_val_e12"][3] / 100)
    longer = evaluator(path, epochs=200)
    assert longer.columns.valid[3] == pytest.approx(arrays["cifar10_val_e200"][3] / 100)
    assert longer.columns.seconds[3] == pytest.approx(arrays["train_s_e200_est"][3])
    for chosen in ({"dataset": "svhn"}, {"epochs": 13}):
        with pytest.raises(ConfigError) as caught:
            evaluator(path, **chosen)
        assert list(caught.value.problems) == list(chosen)


def test_what_was_not_measured_fails_its_trial(tmp_path):
    looked_up = evaluator(write_201(tmp_path / "t.npz", gaps=True))
    outcomes = set()
    for seed in range(40):
        try:
            outcomes.add(looked_up.evaluate(looked_up.space.sample(random.Random(seed))).valid_accuracy > 0)
        except EvaluationFailed as error:
            outcomes.add(str(error).endswith("was not measured"))
    assert outcomes == {True}


def test_macro_searches_one_run_and_is_judged_by_the_others(tmp_path):
    looked_up = evaluator(write_macro(tmp_path / "t.npz"))
    assert looked_up.columns.seconds is None
    assert looked_up.columns.valid[0] == pytest.approx(0.80)
    assert looked_up.columns.final[0] == pytest.approx(0.82)
    with pytest.raises(ConfigError, match="leave this empty"):
        evaluator(tmp_path / "t.npz", epochs=50)


def test_101_searches_twelve_epochs_unless_told_otherwise(tmp_path):
    path = write_101(tmp_path / "t.npz")
    usual, longest = evaluator(path), evaluator(path, epochs=108)
    assert usual.columns.seconds[0] == pytest.approx(100) and longest.columns.seconds[0] == pytest.approx(900)
    assert (usual.columns.final == longest.columns.valid).all()
    assert usual.columns.valid[0] == pytest.approx(usual.columns.final[0] - 0.2, abs=1e-6)
    with pytest.raises(ConfigError, match="4, 12, 36, 108"):
        evaluator(path, epochs=10)


def test_301_counts_in_millions(tmp_path):
    looked_up = evaluator(write_301(tmp_path / "t.npz"))
    architecture = looked_up.space.sample(random.Random(0))
    row = looked_up.space.row(architecture)
    params = looked_up.space.table.arrays["params"][row]
    assert looked_up.evaluate(architecture).params == pytest.approx(1e6 * params, abs=1)


def test_the_fingerprint_follows_the_bytes_and_the_columns(tmp_path):
    path = write_201(tmp_path / "t.npz")
    first = open_table(TabularConfig(str(path)))
    assert open_table(TabularConfig(str(path))) is first
    assert first.protocol.fingerprint() == first.evaluate(first.space.sample(random.Random(0))).protocol
    longer = open_table(TabularConfig(str(path), epochs=200)).protocol
    assert (
        longer.fingerprint() != first.protocol.fingerprint()
        and longer.summary() == "NAS-Bench-201 table, cifar10_val_e200"
    )
    assert (
        open_table(TabularConfig(str(write_201(path, gaps=True)))).protocol.fingerprint()
        != first.protocol.fingerprint()
    )


def test_a_table_that_cannot_be_opened_names_the_setting(tmp_path):
    for settings, field in (
        (TabularConfig(""), "path"),
        (TabularConfig(str(tmp_path / "no.npz")), "path"),
        (TabularConfig("bad\0path"), "path"),
        (TabularConfig(str(write_macro(tmp_path / "m.npz")), seconds=5.0), "seconds"),
        (TabularConfig(str(write_201(tmp_path / "t.npz")), dataset="mars"), "dataset"),
    ):
        with pytest.raises(ConfigError) as caught:
            open_table(settings)
        assert list(caught.value.problems) == [field]
