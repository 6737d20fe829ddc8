import pytest
import torch
from torch import nn

from nas_engine.errors import ConfigError, EvaluationFailed, SearchCancelled
from nas_engine.latency import LatencyConfig
from nas_engine.training import accuracy as accuracy_module
from nas_engine.training import devices
from nas_engine.training.accuracy import accuracy
from nas_engine.training.devices import autocast_dtype, describe_device, open_device
from nas_engine.training.latency import measure_latency
from tests.nas_engine.training.fixtures import CPU, device_images, network


class Oracle(nn.Module):
    """Knows which corner is bright."""

    def forward(self, x):
        return nn.functional.avg_pool2d(x, 4).flatten(1)


def test_accuracy_counts_every_image_once(monkeypatch):
    monkeypatch.setitem(accuracy_module._PIXELS, "cpu", 64 * 7)
    images, sizes = device_images(50), []
    oracle = Oracle()
    oracle.register_forward_pre_hook(lambda module, inputs: sizes.append(len(inputs[0])))
    assert accuracy(oracle, images) == 1.0
    assert sum(sizes) == 50 and max(sizes) <= 7 and max(sizes) - min(sizes) <= 1
    images.labels[:10] = (images.labels[:10] + 1) % 4
    assert accuracy(oracle, images) == 0.8


def test_accuracy_uses_evaluation_mode_and_leaves_the_mode():
    model = network().train()
    before = model[1].running_mean.clone()
    accuracy(model, device_images())
    assert model.training and torch.equal(model[1].running_mean, before)


def test_accuracy_refuses_outputs_that_are_no_numbers():
    class Broken(Oracle):
        def forward(self, x):
            return super().forward(x) * float("inf")

    with pytest.raises(EvaluationFailed, match="on valid"):
        accuracy(Broken(), device_images())


def test_accuracy_can_be_cancelled():
    with pytest.raises(SearchCancelled):
        accuracy(network(), device_images(), lambda: True)


def test_latency_is_of_one_image_in_evaluation_mode():
    model, seen = network().train(), []
    model.register_forward_pre_hook(lambda module, inputs: seen.append((len(inputs[0]), module.training)))
    measured = measure_latency(model, (1, 8, 8), CPU)
    assert set(seen) == {(1, False)} and model.training
    assert 0 < measured["median"] <= measured["p95"] and 10 <= measured["runs"] <= 100


def test_a_device_is_described():
    about = describe_device("cpu")
    assert about["kind"] == "cpu" and about["name"] and about["memory"] > 1 << 28
    assert about["threads"] == torch.get_num_threads()


@pytest.mark.parametrize("name", ["gpu", "cuda:x", "cpu:1", "", f"cuda:{torch.cuda.device_count()}"])
def test_an_unknown_device_is_refused(name):
    with pytest.raises(ConfigError) as caught:
        open_device(name)
    assert "device" in caught.value.problems


def test_auto_takes_a_gpu_where_there_is_one():
    assert open_device("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")


@pytest.mark.parametrize(
    ("supported", "speedup", "expected"),
    [(False, 9.0, None), (True, 1.1, None), (True, 2.0, torch.bfloat16)],
)
def test_auto_takes_bfloat16_on_a_processor_only_where_it_pays(monkeypatch, supported, speedup, expected):
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: supported, raising=False)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False, raising=False)
    monkeypatch.setattr(devices, "_bfloat16_speedup", lambda: speedup)
    assert autocast_dtype("auto", CPU) is expected
    assert autocast_dtype("auto", CPU, pixels=64 * 8 * 8) is None
    assert autocast_dtype("float32", CPU) is None
    assert autocast_dtype("bfloat16", CPU) is torch.bfloat16


def test_the_trial_run_of_bfloat16_gives_a_ratio():
    assert 0 < devices._bfloat16_speedup() < 1000


def test_latency_is_measured_as_it_is_asked_for():
    seen = []

    class Probe(torch.nn.Module):
        def forward(self, x):
            seen.append((tuple(x.shape), torch.get_num_threads(), torch.is_autocast_enabled("cpu")))
            return x

    before = torch.get_num_threads()
    config = LatencyConfig(
        latency_batch=4, latency_threads=2, latency_precision="bfloat16", latency_warm_up=5, latency_runs=7
    )
    measured = measure_latency(Probe(), (1, 8, 8), CPU, config)
    assert seen == [((4, 1, 8, 8), 2, True)] * 12
    assert torch.get_num_threads() == before
    assert {name: measured[name] for name in ("runs", "batch", "threads", "precision", "warm_up")} == {
        "runs": 7, "batch": 4, "threads": 2, "precision": "bfloat16", "warm_up": 5,
    }  # fmt: skip
    assert measured["device"]["kind"] == "cpu" and 0 < measured["median"] <= measured["p95"]
