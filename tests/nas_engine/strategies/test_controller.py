import itertools
import math
import random

import pytest
import torch

from nas_engine.architecture import Architecture, Choice
from nas_engine.search_spaces.nasnet import NASNetConfig, NASNetSpace
from nas_engine.strategies.controller import Controller

TINY = (Choice("a", ("x", "y")), Choice("b", ("only",)), Choice("c", ("p", "q", "r")), Choice("d", ("0", "1")))
SEQUENCES = torch.tensor(list(itertools.product(*(range(len(choice.options)) for choice in TINY))))


def controller(choices=TINY, seed=0, layers=1, init_range=1.0, hidden=12) -> Controller:
    # A wide init makes the policy far from uniform, so that a mistake in a probability shows.
    return Controller(choices, random.Random(seed), hidden, layers, init_range)


def noise(count: int, decisions: int, seed: int = 0) -> torch.Tensor:
    rng = random.Random(seed)
    return torch.tensor([[rng.random() for _ in range(decisions)] for _ in range(count)])


def nasnet() -> NASNetSpace:
    return NASNetSpace(NASNetConfig())


@pytest.mark.parametrize("layers", [1, 2])
def test_probabilities_of_all_sequences_sum_to_one(layers):
    log_probs = controller(layers=layers).score(SEQUENCES).log_probs.sum(dim=1)
    assert log_probs.exp().sum().item() == pytest.approx(1, abs=1e-5)
    assert log_probs.max() - log_probs.min() > 0.5


def test_entropy_equals_brute_force():
    decoded = controller().score(SEQUENCES)
    log_probs = decoded.log_probs.sum(dim=1)
    by_steps = (log_probs.exp() * decoded.entropies.sum(dim=1)).sum()
    assert by_steps.item() == pytest.approx(-(log_probs.exp() * log_probs).sum().item(), abs=1e-5)


def test_a_forced_sequence_scores_the_sum_of_its_steps():
    """Step by step, each from the probability of its prefix: P(s) = P(s1) P(s1 s2) / P(s1) ..."""
    network = controller()
    every = network.score(SEQUENCES)
    totals = every.log_probs.sum(dim=1).exp()
    for index, sequence in enumerate(SEQUENCES.tolist()):
        for step in range(len(TINY)):
            starts_alike = (SEQUENCES[:, :step] == SEQUENCES[index, :step]).all(dim=1)
            goes_on_alike = starts_alike & (SEQUENCES[:, step] == sequence[step])
            conditional = totals[goes_on_alike].sum() / totals[starts_alike].sum()
            assert every.log_probs[index, step].exp().item() == pytest.approx(conditional.item(), abs=1e-5)


@pytest.mark.parametrize("layers", [1, 2])
def test_sampling_and_scoring_agree(layers):
    network = controller(nasnet().choices, layers=layers, init_range=0.3)
    sampled = network.sample(noise(40, 50))
    scored = network.score(sampled.choices)
    for name in ("log_probs", "entropies", "probabilities"):
        torch.testing.assert_close(getattr(sampled, name), getattr(scored, name).detach(), atol=2e-5, rtol=1e-4)


def test_samples_follow_the_probabilities():
    network = controller(seed=3)
    expected = network.score(SEQUENCES).log_probs.sum(dim=1).exp()
    drawn = network.sample(noise(20_000, len(TINY))).choices
    counts = torch.stack([(drawn == sequence).all(dim=1).float().mean() for sequence in SEQUENCES])
    # Five standard deviations of a frequency over 20,000 draws.
    assert ((counts - expected).abs() < 5 * (expected * (1 - expected) / 20_000).sqrt()).all()


def test_a_sample_depends_on_its_noise_alone():
    network = controller(nasnet().choices, init_range=0.3)
    together = noise(8, 50)
    batched = network.sample(together).choices
    alone = torch.cat([network.sample(row[None]).choices for row in together])
    assert torch.equal(batched, alone)


def test_sampling_follows_the_parameters_as_they_change():
    network = controller(nasnet().choices, init_range=0.3)
    before = network.sample(noise(4, 50))
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(-1.5)
    after = network.sample(noise(4, 50))
    scored = network.score(after.choices)
    torch.testing.assert_close(after.log_probs, scored.log_probs.detach(), atol=2e-5, rtol=1e-4)
    assert not torch.equal(before.choices, after.choices)


def test_large_weights_overflow_nowhere(recwarn):
    network = controller(nasnet().choices, init_range=200.0)
    drawn = network.sample(noise(4, 50))
    assert drawn.entropies.isfinite().all() and drawn.log_probs.isfinite().all() and not recwarn.list


@pytest.mark.parametrize("value", [0.0, 1 - 2**-53])
def test_extreme_noise_picks_an_option_that_exists(value):
    choices = nasnet().choices
    drawn = controller(choices).sample(torch.full((1, 50), value)).choices[0].tolist()
    assert all(0 <= taken < len(choice.options) for taken, choice in zip(drawn, choices, strict=True))


def test_greedy_takes_the_likeliest_option_of_every_step():
    network = controller(nasnet().choices, init_range=0.3)
    decoded = network.greedy()
    assert torch.equal(decoded.probabilities.argmax(dim=-1), decoded.choices)
    torch.testing.assert_close(network.score(decoded.choices).log_probs.detach(), decoded.log_probs)


def test_a_single_option_costs_nothing():
    decoded = controller().score(SEQUENCES)
    assert torch.equal(decoded.log_probs[:, 1], torch.zeros(len(SEQUENCES)))
    assert torch.equal(decoded.entropies[:, 1], torch.zeros(len(SEQUENCES)))
    sampled = controller().sample(noise(5, len(TINY)))
    assert not sampled.log_probs[:, 1].any() and not sampled.entropies[:, 1].any()


def test_gradients_are_finite_and_reach_every_parameter_that_matters():
    network = controller(nasnet().choices, init_range=0.1)
    decoded = network.score(network.sample(noise(60, 50)).choices)
    (decoded.log_probs.sum() + decoded.entropies.sum()).backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None and parameter.grad.isfinite().all() and parameter.grad.any(), name


def test_weights_are_uniform_in_the_range_and_drawn_from_the_seed():
    first, again, other = (controller(seed=seed, init_range=0.1) for seed in (0, 0, 1))
    weights = torch.cat([parameter.detach().flatten() for parameter in first.parameters()])
    assert weights.abs().max() <= 0.1 and weights.abs().max() > 0.099
    assert weights.std().item() == pytest.approx(0.1 / math.sqrt(3), rel=0.1)
    for left, right in zip(first.parameters(), again.parameters(), strict=True):
        assert torch.equal(left, right)
    assert not torch.equal(first.start, other.start)


def test_nasnet_takes_fifty_decisions_over_two_to_six_states():
    choices = nasnet().choices
    network = controller(choices)
    assert len(network.widths) == 50
    assert [network.widths[at] for at in (0, 1, 20, 21, 25, 45)] == [2, 2, 6, 6, 2, 6]
    probabilities = network.sample(noise(1, 50)).probabilities[0]
    for width, row in zip(network.widths, probabilities, strict=True):
        assert row[:width].sum().item() == pytest.approx(1, abs=1e-5)
        assert not row[width:].any()


def test_a_genotype_survives_forced_decoding():
    space = nasnet()
    network = controller(space.choices)
    decoded = network.sample(noise(1, 50))
    architecture = Architecture(space.name, tuple(decoded.choices[0].tolist()))
    forced = network.score(torch.tensor([space.architecture(*space.cells(architecture)).choices]))
    assert torch.equal(forced.choices, decoded.choices)
