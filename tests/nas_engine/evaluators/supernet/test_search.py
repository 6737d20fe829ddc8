"""Whole searches on a handful of digits."""

import json
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load, save

from nas_engine.blueprint import build_blueprint
from nas_engine.cell import Cell
from nas_engine.datasets import prepare
from nas_engine.errors import ConfigError, EvaluationFailed, SearchCancelled
from nas_engine.evaluators.supernet import search as search_module
from nas_engine.evaluators.supernet.config import CONTROLLED, DIFFERENTIABLE, METHODS
from nas_engine.evaluators.supernet.estimate import estimate_search
from nas_engine.evaluators.supernet.presets import read_supernet
from nas_engine.evaluators.supernet.search import SupernetSearch
from nas_engine.protocol import DataConfig, SkeletonConfig

DATA = DataConfig(train_limit=120, valid_fraction=0.4)
SMALL = {
    "nodes": 2,
    "operations": ["identity", "max_pool_3x3", "sep_conv_3x3"],
    "derive_samples": 3,
    "weights": {"epochs": 3, "batch_size": 24, "crop": 1, "flip": False, "precision": "float32"},
    "alphas": {"frozen_epochs": 0},
    "controller": {"updates": 2, "samples": 2},
    "one_shot": {"candidates": 5, "population": 4, "generations": 2, "parents": 2, "score_batches": 2},
}


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    folder = tmp_path_factory.mktemp("datasets") / "digits"
    prepare("digits", "Digits", {"kind": "digits"}, folder, folder, lambda fraction, text: None)
    return folder


def make(folder, method, seed=0, **changes):
    data = {**SMALL, "method": method}
    if method == "enas-macro":
        data = {**data, "operations": [], "layers": 4}
    config = read_supernet({**data, **changes})
    dialect = "enas" if method in CONTROLLED else "darts"
    skeleton = SkeletonConfig(dialect=dialect, layers=3, filters=8, dropout=0.1)
    return SupernetSearch(config, skeleton, DATA, folder, "cpu", seed)


def silent(progress):
    """Progress that nobody reads."""


def never():
    return False


def run(search, epochs=1):
    return [search.run_epoch(silent, never) for _ in range(epochs)]


def comparable(record):
    """A record without what depends on the clock and the machine."""
    return {k: v for k, v in record.as_json().items() if k not in ("seconds", "images_per_second", "memory")}


@pytest.mark.parametrize("method", list(search_module.TARGETS))
def test_interrupted_and_resumed_equals_uninterrupted_bit_for_bit(method, digits):
    changes = {"alphas": {"order": "second"}} if method == "darts" else {}
    whole = make(digits, method, **changes)
    records = run(whole, 3)
    assert whole.finished and records[-1].finished and not records[0].finished
    broken = make(digits, method, **changes)
    run(broken)
    tensors, data = broken.state()
    tensors, data = load(save(tensors)), json.loads(json.dumps(data, allow_nan=False))
    with pytest.raises(SearchCancelled):
        broken.run_epoch(silent, lambda: True)
    torch.manual_seed(77)
    resumed = make(digits, method, **changes)
    resumed.load_state(tensors, data)
    rest = run(resumed, 2)
    assert [comparable(one) for one in rest] == [comparable(one) for one in records[1:]]
    ours, theirs = resumed.state(), whole.state()
    assert ours[1] == theirs[1] and ours[0].keys() == theirs[0].keys()
    assert all(torch.equal(ours[0][name], theirs[0][name]) for name in ours[0])
    derived = [[one.as_json() for one in each.derive(2, silent, never)] for each in (resumed, whole)]
    assert derived[0] == derived[1]


@pytest.mark.parametrize("method", list(search_module.TARGETS))
def test_an_epoch_is_recorded_as_json_and_its_architecture_can_be_trained(method, digits):
    search = make(digits, method, nodes=2)
    seen = []
    record = search.run_epoch(seen.append, never)
    data = record.as_json()
    assert json.loads(json.dumps(data, allow_nan=False)) == data
    assert {one.phase for one in seen} >= {"weights"} and all(one.epoch == 1 and one.epochs == 3 for one in seen)
    assert 0 <= record.train_accuracy <= 1 and record.train_loss > 0 and record.memory > 0
    assert 0 <= record.valid_accuracy <= 1
    derived = search.derive(2, silent, never)
    assert 1 <= len(derived) <= 2 and all(0 <= one.supernet_score <= 1 for one in derived)
    keys = [search.space.key(one.architecture) for one in derived]
    assert len(set(keys)) == len(keys)
    for one in derived:
        search.space.check(one.architecture)
        assert search.space.cells(one.architecture) == one.cells
        blueprint = build_blueprint(one.cells, search.skeleton, search.info.image_shape, 10)
        assert blueprint.params > 0


@pytest.mark.parametrize("method", DIFFERENTIABLE)
def test_alphas_are_recorded_and_learn(method, digits):
    first, second = run(make(digits, method, alphas={"learning_rate": 0.05, "frozen_epochs": 0}), 2)
    assert set(first.alphas) == set(first.mixture) == {"normal", "reduction"}
    assert first.operations == ["none", "identity", "max_pool_3x3", "sep_conv_3x3"]
    assert first.edges == [[0, 2], [1, 2], [0, 3], [1, 3], [2, 3]]
    for rows in first.mixture.values():
        assert all(sum(row) == pytest.approx(1, abs=1e-5) for row in rows) and len(rows) == 5
    assert first.alphas != second.alphas
    assert (first.temperature is not None) == (method == "gdas")
    assert bool(first.edge_weights) == (method == "pc-darts")
    cell = Cell.from_json(second.derived["cells"][0])
    assert all(block.left_input != block.right_input for block in cell.blocks)


def test_frozen_alphas_wait(digits):
    first, second = run(make(digits, "darts", alphas={"frozen_epochs": 1, "learning_rate": 0.05}), 2)
    fresh = make(digits, "darts").method.alphas.normal.tolist()
    for now, then in zip(first.alphas["normal"], fresh, strict=True):
        assert now == pytest.approx(then, abs=1e-6)
    assert first.alphas != second.alphas
    assert first.valid_accuracy is None and second.valid_accuracy is not None


def test_second_order_goes_another_way_than_first(digits):
    first, second = (
        run(make(digits, "darts", alphas={"order": order, "learning_rate": 0.05}), 1)[0]
        for order in ("first", "second")
    )
    assert first.alphas != second.alphas


def test_the_temperature_of_gdas_falls_to_its_end(digits):
    records = run(make(digits, "gdas"), 3)
    assert [one.temperature for one in records] == [10.0, 5.05, 0.1]


@pytest.mark.parametrize("method", [name for name in search_module.TARGETS if name in CONTROLLED])
def test_the_controller_is_recorded(method, digits):
    search = make(digits, method)
    (record,) = run(search)
    controller = record.controller
    assert 0 < controller["entropy"] <= controller["entropy_uniform"] + 1e-6
    assert set(controller["probabilities"]) == {choice.name for choice in search.space.choices}
    assert all(sum(row) == pytest.approx(1, abs=1e-3) for row in controller["probabilities"].values())
    assert controller["reward"] >= controller["accuracy"]  # plus the entropy
    assert 0 < controller["baseline"] < controller["reward"]


def test_the_baseline_learns_before_it_is_subtracted(digits, monkeypatch):
    search = make(digits, "enas-micro", controller={"updates": 1, "samples": 3, "entropy_weight": 0.0})
    accuracies, advantages = iter([0.5, 0.2, 0.8]), []
    monkeypatch.setattr(search.method, "_measure", lambda architecture: (next(accuracies), 1.0))
    monkeypatch.setattr(search.method, "_improve", lambda drawn, each: advantages.extend(each.tolist()))
    run(search)
    baseline, wanted = 0.0, []
    for reward in (0.5, 0.2, 0.8):
        baseline += 0.01 * (reward - baseline)
        wanted.append(reward - baseline)
    assert advantages == pytest.approx(wanted, abs=1e-6)
    assert search.method.baseline == pytest.approx(baseline)


def test_reinforce_makes_what_was_rewarded_likelier(digits):
    search = make(digits, "enas-micro", controller={"learning_rate": 0.05})
    controller = search.method.controller
    for step in range(60):
        drawn = controller.sample(torch.rand(10, len(controller.widths), generator=torch.Generator().manual_seed(step)))
        rewards = (drawn.choices[:, 1] == 2).float()  # the first operation is a separable convolution
        search.method._improve(drawn, rewards - rewards.mean())
    drawn = controller.sample(torch.rand(50, len(controller.widths), generator=torch.Generator().manual_seed(99)))
    assert float(drawn.probabilities[:, 1, 2].mean()) > 0.6


def test_learning_rates_follow_the_schedule(digits):
    restarts = make(digits, "enas-micro", weights={**SMALL["weights"], "epochs": 70})
    rates = {}
    for epoch in (1, 10, 11, 30, 31, 70):
        restarts.session.epoch = epoch
        rates[epoch] = restarts.session.learning_rate()
    assert rates[1] == rates[11] == rates[31] == 0.05
    assert 0.0005 < rates[70] < rates[30] < rates[10] < 0.003
    cosine = make(digits, "darts")
    cosine.session.epoch = 1
    assert cosine.session.learning_rate() == 0.025


def test_a_search_ends_when_skips_take_over(digits):
    search = make(digits, "darts", alphas={"most_skips": 2, "learning_rate": 0.01})
    with torch.no_grad():
        search.method.alphas.normal[:, 1] += 2.0
    first, second = run(search, 2)
    assert not first.finished and first.skips == first.skip_places == 4
    assert second.finished and search.finished and "skip" in second.reason
    with pytest.raises(ConfigError):
        search.run_epoch(silent, never)


def test_the_alarm_rings_when_skips_are_many_and_rising(digits):
    search = make(digits, "darts", alphas={"learning_rate": 1e-6})
    alarms = []
    for push in (0.0, 3.0, -0.5):
        with torch.no_grad():
            search.method.alphas.normal[:, 1] += push
        alarms.append(bool(run(search)[0].alarm))
    assert alarms == [False, True, False]


def test_a_loss_that_is_no_number_ends_the_epoch(digits):
    search = make(digits, "rs-ws")
    with torch.no_grad():
        search.session.net.classifier.weight.fill_(float("nan"))
    with pytest.raises(EvaluationFailed, match="NaN"):
        search.run_epoch(silent, never)


def test_running_out_of_memory_is_told_with_what_to_do(digits, monkeypatch):
    search = make(digits, "darts")

    def too_much():
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(search.method, "epoch", too_much)
    with pytest.raises(EvaluationFailed, match="Out of memory") as caught:
        search.run_epoch(silent, never)
    assert "smaller batch" in caught.value.advice


def test_a_checkpoint_of_another_search_is_refused(digits):
    tensors, data = make(digits, "darts").state()
    with pytest.raises(ConfigError, match="other settings"):
        make(digits, "darts", seed=1).load_state(tensors, data)
    tensors.pop("velocity")
    with pytest.raises(ConfigError, match="incomplete"):
        make(digits, "darts").load_state(tensors, data)


def test_scores_depend_on_the_architecture_alone(digits):
    search = make(digits, "spos")
    run(search)
    architecture = search.derive(1, silent, never)[0].architecture
    with search.session.open(1, silent, never):
        scores = {search.method.scored(architecture).supernet_score for _ in range(3)}
    assert len(scores) == 1


@pytest.mark.parametrize("method", ["darts", "enas-micro", "enas-macro"])
def test_an_estimate_says_what_an_epoch_takes(method, digits):
    search = make(digits, method)
    estimate = estimate_search(search.config, search.skeleton, DATA, digits, "cpu")
    assert estimate.fits and not estimate.advice
    assert estimate.seconds == pytest.approx(3 * estimate.seconds_per_epoch) and estimate.seconds > 0
    assert estimate.params == search.session.net.plan.params
    assert 3 * 4 * estimate.params < estimate.memory < estimate.device_memory
    assert json.loads(json.dumps(estimate.as_json())) == estimate.as_json()


def test_what_does_not_fit_is_told_what_to_change(digits, monkeypatch):
    config, skeleton = make(digits, "darts").config, make(digits, "darts").skeleton
    big = replace(config, weights=replace(config.weights, batch_size=64))
    whole = estimate_search(big, skeleton, DATA, digits, "cpu").memory
    for room, field in ((whole * 0.6, "weights.batch_size"), (whole * 0.01, "method")):
        monkeypatch.setattr("nas_engine.evaluators.supernet.estimate.free_memory", lambda device, room=room: int(room))
        estimate = estimate_search(big, skeleton, DATA, digits, "cpu")
        assert not estimate.fits and field in estimate.advice and estimate.message.startswith("It does not fit")


def test_every_method_has_a_class():
    assert set(search_module.TARGETS) == set(METHODS)


def test_the_skip_rate_of_whole_networks_goes_where_it_is_wanted(digits):
    search = make(digits, "enas-macro", controller={"learning_rate": 0.1, "skip_weight": 5.0, "skip_target": 0.2})
    method = search.method
    for step in range(40):
        drawn = method.controller.sample(
            torch.rand(5, len(method.controller.widths), generator=torch.Generator().manual_seed(step))
        )
        method._improve(drawn, torch.zeros(5))
    (record,) = run(search)
    assert record.controller["skip_rate"] < 0.42
