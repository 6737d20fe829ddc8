import random
import weakref

import pytest
import torch

from nas_engine.cell import cells_key
from nas_engine.datasets import prepare, read_info, read_split, split_indices
from nas_engine.errors import ConfigError, EvaluationFailed, SearchCancelled
from nas_engine.evaluators import standalone
from nas_engine.evaluators.settings import StandaloneConfig
from nas_engine.evaluators.standalone import StandaloneEvaluator
from nas_engine.networks import build
from nas_engine.protocol import DataConfig, Protocol, SkeletonConfig, TrainingConfig
from nas_engine.search_spaces.nasnet import NASNetConfig, NASNetSpace
from nas_engine.training.images import DeviceImages

TRAINING = TrainingConfig(epochs=2, batch_size=32, learning_rate=0.05, crop=1, flip=False)
DATA = DataConfig(train_limit=160, valid_fraction=0.25)


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    folder = tmp_path_factory.mktemp("datasets") / "digits"
    prepare("digits", "Digits", {"kind": "digits"}, folder, folder, lambda fraction, text: None)
    return folder


def evaluator(folder, training=TRAINING, data=DATA, filters=4):
    protocol = Protocol(data, read_info(folder).fingerprint, SkeletonConfig(repeats=1, filters=filters), training)
    return StandaloneEvaluator(protocol, folder, "cpu")


def cells(seed=0, blocks=2):
    space = NASNetSpace(NASNetConfig(blocks=blocks))
    return space.cells(space.sample(random.Random(seed)))


def silent(report):
    """A report that nobody reads."""


def never():
    return False


def test_a_child_is_measured(digits):
    seen = []
    outcome = evaluator(digits).evaluate(cells(), seen.append, never)
    evaluation = outcome.evaluation
    assert [one.epoch for one in seen] == [1, 2]
    assert evaluation.valid_accuracy == seen[-1].valid_accuracy == outcome.curve[-1]["valid_accuracy"]
    assert (evaluation.params, evaluation.macs) == (outcome.blueprint.params, outcome.blueprint.macs)
    assert evaluation.latency == outcome.latency["median"] > 0
    assert evaluation.protocol == evaluator(digits).protocol.fingerprint()
    assert evaluation.seconds == outcome.timings["total"]
    phases = {name: seconds for name, seconds in outcome.timings.items() if name != "total"}
    assert set(phases) == {"data", "build", "train", "evaluate", "latency"} and min(phases.values()) > 0
    assert sum(phases.values()) == pytest.approx(outcome.timings["total"], abs=0.01)
    assert phases["evaluate"] == pytest.approx(sum(one.valid_seconds for one in seen))
    assert outcome.classes == tuple("0123456789") and outcome.device["kind"] == "cpu"


def test_the_latency_comes_from_where_the_settings_say(digits, tmp_path):
    protocol = evaluator(digits, TrainingConfig(epochs=1)).protocol
    table = tmp_path / "latency.csv"
    table.write_text(f"key,ms\n{cells_key(cells())[:12]},7.5\n")
    outcomes = {}
    for source in ("measured", "table", "none"):
        config = StandaloneConfig(latency=source, latency_table=str(table), latency_batch=2, latency_runs=4)
        outcomes[source] = StandaloneEvaluator(protocol, digits, "cpu", config).evaluate(cells(), silent, never)
    assert outcomes["measured"].evaluation.latency > 0
    about = outcomes["measured"].latency
    assert (about["runs"], about["batch"], about["way"]["source"]) == (4, 2, "measured")
    assert outcomes["table"].evaluation.latency == 0.0075 and outcomes["none"].evaluation.latency is None
    seen = []
    config = StandaloneConfig(latency="table", latency_table=str(tmp_path / "gone.csv"))
    with pytest.raises(EvaluationFailed, match="gone.csv"):  # before the training, not after it
        StandaloneEvaluator(protocol, digits, "cpu", config).evaluate(cells(), seen.append, never)
    assert not seen


def test_the_weights_alone_reproduce_the_accuracy(digits):
    outcome = evaluator(digits).evaluate(cells(), silent, never)
    assert all(weight.is_contiguous() and not weight.requires_grad for weight in outcome.weights.values())
    network = build(outcome.blueprint)
    network.load_state_dict(outcome.weights)
    network.meta["normalisation"] = outcome.normalisation
    images, labels = read_split(digits, "train")
    _, valid = split_indices(labels, DATA)
    with torch.inference_mode():
        guesses = network.eval()(network.preprocess(torch.from_numpy(images[valid]))).argmax(1)
    assert (guesses.numpy() == labels[valid]).mean() == outcome.evaluation.valid_accuracy


def test_cells_and_protocol_decide_the_weights_bit_for_bit(digits):
    first = evaluator(digits).evaluate(cells(), silent, never)
    evaluator(digits, TrainingConfig(epochs=1, seed=3)).evaluate(cells(1), silent, never)
    torch.manual_seed(99)
    again = evaluator(digits).evaluate(cells(), silent, never)
    other = evaluator(digits, TrainingConfig(**{**vars(TRAINING), "seed": 1})).evaluate(cells(), silent, never)
    assert all(torch.equal(first.weights[name], again.weights[name]) for name in first.weights)
    assert not all(torch.equal(first.weights[name], other.weights[name]) for name in first.weights)


def test_the_process_keeps_its_own_random_numbers(digits):
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    evaluator(digits).evaluate(cells(), silent, never)
    assert torch.equal(torch.rand(3), expected)


def test_every_option_of_the_protocol_changes_the_outcome(digits):
    # "auto" is bfloat16 on some machines
    plain = {**vars(TRAINING), "precision": "float32"}
    base = evaluator(digits, TrainingConfig(**plain)).evaluate(cells(), silent, never).weights
    changes = {
        "learning_rate": 0.1, "momentum": 0.5, "weight_decay": 0.1, "clip": 0.01, "crop": 2, "flip": True, "cutout": 3,
        "drop_path": 0.5, "label_smoothing": 0.2, "precision": "bfloat16", "seed": 4, "batch_size": 16, "epochs": 1,
    }  # fmt: skip
    for name, value in changes.items():
        training = TrainingConfig(**{**plain, name: value})
        weights = evaluator(digits, training).evaluate(cells(), silent, never).weights
        assert any(not torch.equal(base[key], weights[key]) for key in base), name


def test_other_images_than_the_protocols_are_refused(digits):
    protocol = Protocol(DATA, "0" * 64, SkeletonConfig(filters=4), TRAINING)
    with pytest.raises(ConfigError, match="not those the protocol names"):
        StandaloneEvaluator(protocol, digits, "cpu")


def test_cancelling_leaves_the_evaluator_usable(digits):
    with pytest.raises(SearchCancelled):
        evaluator(digits).evaluate(cells(), silent, lambda: True)
    assert evaluator(digits).evaluate(cells(), silent, never).curve


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (torch.OutOfMemoryError, "CUDA out of memory. Tried to allocate 2.00 GiB"),
        (MemoryError, ""),
        (RuntimeError, "[enforce fail at alloc_cpu.cpp:117] . DefaultCPUAllocator: can't allocate memory: you tried"),
    ],
)
def test_a_child_too_large_for_the_memory_fails_with_advice_and_is_let_go(digits, monkeypatch, kind, text):
    held = []

    def too_large(model, *arguments):
        held.append(weakref.ref(model))
        raise kind(text)

    monkeypatch.setattr(standalone, "train", too_large)
    with pytest.raises(EvaluationFailed) as caught:
        evaluator(digits).evaluate(cells(), silent, never)
    assert "Out of memory" in caught.value.reason and "batches of 32" in caught.value.reason
    assert "smaller batch" in caught.value.advice
    assert held[0]() is None


def test_other_errors_are_not_hidden(digits, monkeypatch):
    def broken(*arguments):
        raise RuntimeError("shape mismatch")

    monkeypatch.setattr(standalone, "train", broken)
    with pytest.raises(RuntimeError, match="shape mismatch"):
        evaluator(digits).evaluate(cells(), silent, never)


def test_images_are_loaded_once_for_children_of_one_protocol(digits, monkeypatch):
    standalone._parts.cache_clear()
    made = []

    class Counted(DeviceImages):
        def __init__(self, *arguments):
            made.append(len(arguments[1]))
            super().__init__(*arguments)

    monkeypatch.setattr(standalone, "DeviceImages", Counted)
    for seed in (0, 1):
        evaluator(digits).evaluate(cells(seed), silent, never)
    assert made == [120, 40]
    standalone._parts.cache_clear()
