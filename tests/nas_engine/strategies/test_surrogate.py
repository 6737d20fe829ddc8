import random

import pytest
import torch

from nas_engine.strategies.surrogate import Ensemble, scores


def data(count: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """One-hot decisions whose effects add up."""
    rng = random.Random(seed)
    rows = [[float(rng.random() < 0.5) for _ in range(12)] for _ in range(count)]
    features = torch.tensor(rows)
    return features, features @ torch.linspace(-1, 1, 12)


def correlation(left: torch.Tensor, right: torch.Tensor) -> float:
    return torch.corrcoef(torch.stack([left, right]))[0, 1].item()


def test_it_predicts_what_it_has_not_seen():
    ensemble = Ensemble(12, 5, seed=1)
    ensemble.fit(*data(100))
    features, targets = data(200, seed=1)
    mean, deviation = ensemble.predict(features)
    assert correlation(mean, targets) > 0.9
    assert mean.shape == deviation.shape == (200,) and (deviation > 0).all()


def test_it_is_less_sure_far_from_what_it_has_seen():
    features, targets = data(100)
    features[:, 6:] = 0
    ensemble = Ensemble(12, 5, seed=1)
    ensemble.fit(features, targets)
    near, far = features[:50], torch.ones(50, 12)
    assert ensemble.predict(far)[1].mean() > 2 * ensemble.predict(near)[1].mean()


def test_the_seed_decides_the_fit():
    def predictions(seed: int) -> torch.Tensor:
        ensemble = Ensemble(12, 3, seed)
        ensemble.fit(*data(40))
        return ensemble.predict(data(10, seed=2)[0])[0]

    assert torch.equal(predictions(1), predictions(1))
    assert not torch.equal(predictions(1), predictions(2))


def test_members_differ():
    ensemble = Ensemble(12, 4, seed=0)
    ensemble.fit(*data(40))
    with torch.no_grad():
        features = torch.nn.functional.pad(data(10)[0], (0, 1), value=1.0)
        predictions = ensemble(features.expand(4, -1, -1))
    assert len({tuple(row) for row in predictions.tolist()}) == 4


def test_scores_keep_the_order_and_ignore_the_scale():
    rewards = [0.1, 0.9, 0.5, 0.91]
    assert scores(rewards).argsort().tolist() == [0, 2, 1, 3]
    assert torch.equal(scores(rewards), scores([reward**3 * 100 for reward in rewards]))
    assert scores(rewards).sum().item() == pytest.approx(0, abs=1e-5)


def test_equal_rewards_have_equal_scores():
    assert scores([0.5] * 7).tolist() == pytest.approx([0] * 7, abs=1e-6)
    low, high, same = scores([0.1, 0.7, 0.7]).tolist()
    assert high == same > low
