"""The controller's anchor points, and decisions that are given."""

import random

import pytest
import torch

from nas_engine.architecture import ANCHOR, GIVEN, Choice
from nas_engine.search_spaces.nas import NASConfig, NASSpace
from nas_engine.strategies.attention import Attention
from nas_engine.strategies.checkpoint import pack_state, unpack_state
from nas_engine.strategies.controller import Controller
from tests.nas_engine.contracts import build, ended

CHOICES = NASSpace(NASConfig(layers=4, start=2, filters=("4", "8", "16"))).choices
GIVEN_AT = [index for index, choice in enumerate(CHOICES) if choice.kind == GIVEN]
ANCHORS = [index for index, choice in enumerate(CHOICES) if choice.kind == ANCHOR]


@pytest.fixture
def controller():
    return Controller(CHOICES, random.Random(0), hidden=12, layers=2, init_range=0.8)


def noise(count, seed=0):
    return torch.rand(count, len(CHOICES), generator=torch.Generator().manual_seed(seed))


def test_an_anchor_point_is_one_step_and_what_is_given_is_none(controller):
    sizes = [len(step) for step in controller.steps]
    assert sizes == [1] * 4 + [1] * 4 + [1] + [1] * 4 + [2] + [1] * 4 + [3]
    assert sum(sizes) == len(CHOICES) - 1


def test_sampled_and_forced_decoding_agree(controller):
    sampled = controller.sample(noise(20))
    scored = controller.score(sampled.choices)
    for name in ("log_probs", "entropies", "probabilities"):
        assert torch.allclose(getattr(sampled, name), getattr(scored, name), atol=1e-5), name
    assert torch.equal(controller.greedy().choices, controller.greedy().choices)
    assert scored.probabilities.sum(-1).allclose(torch.ones(20, len(CHOICES)))


def test_the_attention_is_the_papers_formula(controller):
    choices = controller.sample(noise(3)).choices
    states = []
    inputs = controller.start.expand(3, -1)
    carried = None
    for step in controller.steps:
        output, carried = controller.lstm(inputs[:, None], carried)
        states.append(output[:, 0])
        rows = [controller.embedding[controller.starts[index] + choices[:, index]] for index in step]
        inputs = torch.stack(rows).mean(0)
    points = [at for at, step in enumerate(controller.steps) if step[0] in ANCHORS]
    memory = [states[points[0] - 1], *(states[at] for at in points)]
    attention, found = controller.attention, controller.score(choices)
    for at in points:
        for j, index in enumerate(controller.steps[at]):
            mixed = torch.tanh(memory[j] @ attention.previous.T + states[at] @ attention.current.T)
            yes = torch.sigmoid(mixed @ attention.value)
            assert torch.allclose(found.probabilities[:, index, 1], yes, atol=1e-5)


def test_what_is_given_is_certain_whatever_it_is(controller):
    choices = controller.sample(noise(2)).choices
    before = controller.score(choices)
    (at,) = GIVEN_AT
    choices[:, at] = 2
    after = controller.score(choices)
    assert torch.equal(after.log_probs[:, at], torch.zeros(2)) and torch.equal(after.entropies[:, at], torch.zeros(2))
    assert after.probabilities[:, at, 2].allclose(torch.ones(2))
    assert torch.allclose(before.log_probs, after.log_probs)


def test_log_probabilities_have_exact_gradients():
    controller = Controller(CHOICES, random.Random(1), hidden=4, init_range=0.5).double()
    choices = controller.sample(noise(2).double()).choices
    controller.score(choices).log_probs.sum().backward()
    parameter = controller.attention.previous
    step = torch.zeros_like(parameter)
    step[1, 2] = 1e-6
    with torch.no_grad():
        values = []
        for sign in (1, -1):
            parameter += sign * step
            values.append(controller.score(choices).log_probs.sum().item())
            parameter -= sign * step
    assert parameter.grad[1, 2].item() == pytest.approx((values[0] - values[1]) / 2e-6, rel=1e-5)


def test_sampled_frequencies_follow_the_probabilities(controller):
    drawn = controller.sample(noise(4000, seed=3))
    first = ANCHORS[0]
    expected = drawn.probabilities[:, first, 1].mean().item()
    assert drawn.choices[:, first].double().mean().item() == pytest.approx(expected, abs=0.03)


def test_anchor_points_must_count_up():
    anchors = (Choice(f"b.from {earlier}", ("no", "yes"), ANCHOR) for earlier in (1, 2))
    choices = (Choice("a.x", ("1", "2")), *anchors)
    with pytest.raises(ValueError, match="one earlier part"):
        Attention(4, [1, 2], [(0,), (1, 2)])
    with pytest.raises(ValueError, match="one earlier part"):
        Controller(choices, random.Random(0), hidden=4)


@pytest.mark.parametrize("name", ["ppo", "reinforce"])
def test_policies_over_anchor_points_resume_to_the_same_proposals(name):
    space = NASSpace(NASConfig(layers=4, start=2, grow_every=10))

    def run(strategy, first, last):
        proposed = []
        for number in range(first, last):
            proposed.append(strategy.propose(number))
            strategy.tell(ended(space, proposed[-1]))
        return [trial.architecture for trial in proposed]

    whole = build(name, space, 3)
    history = run(whole, 0, 40)
    assert {architecture.choices[0] for architecture in history} == {0, 1}
    broken = build(name, space, 3)
    run(broken, 0, 17)
    again = build(name, space, 3)
    again.load_state_dict(unpack_state(pack_state(broken.state_dict())))
    assert run(again, 17, 40) == history[17:]
    assert pack_state(again.state_dict()) == pack_state(whole.state_dict())
