"""The largest network within a limit."""

from dataclasses import replace

import pytest

from nas_engine import zoo
from nas_engine.blueprint import build_blueprint
from nas_engine.errors import ConfigError
from nas_engine.full_training import FitConfig, FullTrainingConfig, fit_skeleton, fitted
from nas_engine.protocol import SkeletonConfig

CELLS = zoo.get("nasnet-a").cells
CIFAR = ((3, 32, 32), 10)


def size(skeleton, shape=(3, 32, 32), classes=10):
    return build_blueprint(CELLS, skeleton, shape, classes)


@pytest.mark.parametrize("params", [300_000, 3_346_538, 3_346_537, 20_000_000])
def test_the_next_larger_network_would_be_too_large(params):
    skeleton = fit_skeleton(CELLS, SkeletonConfig(repeats=6), *CIFAR, params=params)
    assert skeleton.repeats == 6
    assert size(skeleton).params <= params < size(replace(skeleton, filters=skeleton.filters + 2)).params


def test_the_paper_s_limit_gives_the_paper_s_network():
    mobile = SkeletonConfig("imagenet", 4, filters=2, stem_filters=32)
    assert fit_skeleton(CELLS, mobile, (3, 224, 224), 1000, params=5.3e6, macs=600e6).filters == 44


def test_every_limit_is_kept():
    skeleton = fit_skeleton(CELLS, SkeletonConfig(repeats=3), *CIFAR, params=10**9, macs=50_000_000)
    assert size(skeleton).macs <= 50_000_000 < size(replace(skeleton, filters=skeleton.filters + 2)).macs


def test_n_falls_where_even_the_smallest_f_is_too_large():
    deep = SkeletonConfig(repeats=20)
    least = size(replace(deep, filters=2)).params
    skeleton = fit_skeleton(CELLS, deep, *CIFAR, params=least - 1)
    assert skeleton.repeats < 20 and size(skeleton).params < least
    layers = fit_skeleton(CELLS, SkeletonConfig(layers=62), *CIFAR, params=least - 1)
    assert 3 <= layers.layers < 62


def test_nothing_small_enough_is_said():
    with pytest.raises(ConfigError) as caught:
        fit_skeleton(CELLS, SkeletonConfig(), *CIFAR, params=100)
    assert list(caught.value.problems) == ["fit.most"]


def test_milliseconds_are_measured():
    def latency(blueprint):
        return blueprint.macs * 1e-9

    skeleton = fit_skeleton(CELLS, SkeletonConfig(), *CIFAR, milliseconds=50, latency=latency)
    assert size(skeleton).macs <= 50_000_000 < size(replace(skeleton, filters=skeleton.filters + 2)).macs
    with pytest.raises(ConfigError):
        fit_skeleton(CELLS, SkeletonConfig(), *CIFAR, milliseconds=50)


def test_a_fitted_request_has_nothing_left_to_fit():
    config = replace(FullTrainingConfig(), fit=FitConfig("params", 1e6))
    done = fitted(config, CELLS, *CIFAR)
    assert done.fit == FitConfig() and size(done.skeleton).params <= 1e6
    assert fitted(done, CELLS, *CIFAR) is done


def test_it_is_fitted_for_the_size_that_is_trained_on():
    config = FullTrainingConfig(fit=FitConfig("macs", 1e8))
    large = replace(config, data=replace(config.data, image_size=64))
    assert fitted(large, CELLS, *CIFAR).skeleton.filters < fitted(config, CELLS, *CIFAR).skeleton.filters
