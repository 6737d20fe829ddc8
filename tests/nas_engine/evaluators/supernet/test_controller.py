import dataclasses
import math
import random

import pytest
import torch

from nas_engine.evaluators.supernet.config import ControllerConfig
from nas_engine.evaluators.supernet.controller import MacroController, MicroController, uniform_entropy
from nas_engine.operations import ENAS_OPERATIONS
from nas_engine.search_spaces.enas import ENASConfig, ENASSpace

SETTINGS = ControllerConfig()
MACRO = ControllerConfig(tanh_constant=1.5, op_tanh_reduce=1.0, learning_rate=0.001)
GOLDEN_MICRO = [
    [
        1,
        3,
        0,
        0,
        1,
        1,
        2,
        0,
        1,
        1,
        3,
        1,
        1,
        3,
        3,
        0,
        5,
        4,
        4,
        4,
        0,
        3,
        1,
        3,
        1,
        0,
        1,
        2,
        3,
        4,
        1,
        4,
        1,
        3,
        2,
        0,
        4,
        1,
        4,
        2,
    ],
    [
        0,
        1,
        1,
        0,
        0,
        3,
        0,
        1,
        0,
        4,
        3,
        1,
        0,
        1,
        2,
        4,
        0,
        1,
        4,
        1,
        1,
        2,
        1,
        2,
        1,
        1,
        1,
        1,
        2,
        1,
        0,
        0,
        3,
        2,
        2,
        0,
        4,
        4,
        5,
        4,
    ],
]
GOLDEN_MICRO_LOG_PROBS = [-58.39847042, -56.57688387]
GOLDEN_MACRO = [[5, 4, 0, 1, 1, 0, 4, 0, 0, 1], [5, 3, 0, 4, 1, 0, 5, 1, 1, 1]]
GOLDEN_MACRO_LOG_PROBS = [-11.33066947, -11.33117761]
GOLDEN_MACRO_PENALTIES = [0.04093464, 0.04035245]


def micro(settings=SETTINGS, nodes=5, seed=0):
    return MicroController(nodes, ENAS_OPERATIONS, settings, random.Random(seed)).double()


def macro(settings=MACRO, layers=12, seed=0):
    return MacroController(layers, 6, settings, random.Random(seed)).double()


def noise(controller, count, seed=0):
    rng = random.Random(seed)
    return torch.tensor([[rng.random() for _ in controller.widths] for _ in range(count)], dtype=torch.float64)


def test_a_micro_sample_has_forty_decisions_in_the_order_of_the_space():
    controller = micro()
    assert len(controller.widths) == 40
    assert controller.widths == tuple(len(choice.options) for choice in ENASSpace(ENASConfig()).choices)
    decoded = controller.sample(noise(controller, 8))
    assert decoded.choices.shape == (8, 40)
    assert all((decoded.choices[:, at] < width).all() for at, width in enumerate(controller.widths))


def test_a_macro_sample_has_an_operation_a_layer_and_a_skip_from_every_earlier_one():
    controller = macro()
    assert len(controller.widths) == 12 + 66
    assert controller.widths[:4] == (6, 6, 2, 6)


@pytest.mark.parametrize("build", [micro, macro])
def test_the_log_probability_of_a_forced_sequence_is_the_sum_of_its_steps(build):
    controller = build()
    drawn = controller.sample(noise(controller, 6))
    forced = controller.score(drawn.choices)
    torch.testing.assert_close(forced.log_probs, drawn.log_probs)
    assert torch.equal(forced.choices, drawn.choices)
    steps = drawn.probabilities.gather(2, drawn.choices[:, :, None])[:, :, 0].log()
    torch.testing.assert_close(forced.log_probs.sum(1), steps.sum(1))
    torch.testing.assert_close(drawn.probabilities.sum(2), torch.ones(6, len(controller.widths), dtype=torch.float64))


def test_the_probabilities_of_all_sequences_of_a_small_space_add_up_to_one():
    controller = micro(nodes=1)
    options = [torch.arange(width) for width in controller.widths]
    choices = torch.cartesian_prod(*options)
    assert len(choices) == (2 * 5 * 2 * 5) ** 2
    total = controller.score(choices).log_probs.sum(1).exp().sum()
    assert total.item() == pytest.approx(1)


def test_the_sampler_draws_what_it_says():
    controller = micro(nodes=1)
    drawn = controller.sample(torch.rand(4000, 8, generator=torch.Generator().manual_seed(0)).double())
    counted = torch.nn.functional.one_hot(drawn.choices, 5).double().mean(0)
    torch.testing.assert_close(counted, drawn.probabilities.mean(0), atol=0.03, rtol=0)


def test_golden_samples():
    """Fixed weights and noise give these for ever, on every machine."""
    controller = micro()
    choices = controller.sample(noise(controller, 2)).choices.tolist()
    assert choices == GOLDEN_MICRO
    forced = controller.score(torch.tensor(GOLDEN_MICRO)).log_probs.sum(1).tolist()
    assert forced == pytest.approx(GOLDEN_MICRO_LOG_PROBS, abs=1e-6)
    whole = macro(layers=4)
    assert whole.sample(noise(whole, 2)).choices.tolist() == GOLDEN_MACRO
    scored = whole.score(torch.tensor(GOLDEN_MACRO))
    assert scored.log_probs.sum(1).tolist() == pytest.approx(GOLDEN_MACRO_LOG_PROBS, abs=1e-6)
    assert scored.penalty.tolist() == pytest.approx(GOLDEN_MACRO_PENALTIES, abs=1e-6)


def test_one_cell_by_hand():
    """The released code's sampler for one node a cell, step by step, written out for one sequence."""
    controller = micro(nodes=1)
    sequence = [1, 3, 0, 0, 0, 4, 1, 2]
    decoded = controller.score(torch.tensor([sequence]))
    p = {name: value.detach() for name, value in controller.named_parameters()}
    hidden = cell = torch.zeros(64, dtype=torch.float64)

    def lstm(x):
        nonlocal hidden, cell
        gates = torch.cat([x, hidden]) @ p["lstm"]
        i, f, o, g = gates[:64], gates[64:128], gates[128:192], gates[192:]
        cell = i.sigmoid() * g.tanh() + f.sigmoid() * cell
        hidden = o.sigmoid() * cell.tanh()

    steps = []
    for at, fixed in ((0, [0.25, 0.25, -0.25, -0.25, -0.25]), (4, [0.0] * 5)):
        keys = []
        for _ in range(2):
            lstm(p["start"])
            keys.append(hidden @ p["key"])
        x = p["start"]
        for side in (0, 2):
            lstm(x)
            logits = torch.stack([p["attention"] @ (key + hidden @ p["query"]).tanh() for key in keys])
            steps.append((at + side, (1.1 * logits.tanh()).log_softmax(0)[sequence[at + side]]))
            x = torch.zeros(64, dtype=torch.float64)  # the anchors of a cell's own inputs
        for side in (1, 3):
            lstm(x)
            logits = 1.1 / 2.5 * (hidden @ p["head"] + torch.tensor([10.0, 10, 0, 0, 0])).tanh() + torch.tensor(fixed)
            steps.append((at + side, logits.log_softmax(0)[sequence[at + side]]))
            x = p["embedding"][sequence[at + side]]
        lstm(x)
    wanted = torch.stack([value for _, value in sorted(steps, key=lambda step: step[0])])
    torch.testing.assert_close(decoded.log_probs[0], wanted)


def test_logits_are_bounded_by_the_tanh_constant():
    controller = micro(dataclasses.replace(SETTINGS, fixed_bias=0.0))
    with torch.no_grad():
        for parameter in controller.parameters():
            parameter.mul_(100)
    probabilities = controller.sample(noise(controller, 16)).probabilities
    for at, width in enumerate(controller.widths):
        reach = SETTINGS.tanh_constant / (1 if at % 2 == 0 else SETTINGS.op_tanh_reduce)
        bound = math.exp(2 * reach)
        rows = probabilities[:, at, :width]
        assert float((rows.amax(1) / rows.amin(1)).max()) <= bound + 1e-9


def test_convolutions_are_preferred_at_first_and_more_so_in_the_normal_cell():
    marginals = micro().sample(noise(micro(), 64)).probabilities.mean(0)
    normal, reduction = marginals[1], marginals[21]
    assert normal[0] == pytest.approx(float(normal[1]), rel=0.05)
    assert normal[0] > 1.5 * normal[2] and reduction[0] > 1.2 * reduction[2]
    assert normal[0] > reduction[0]
    plain = micro(dataclasses.replace(SETTINGS, fixed_bias=0.0, learned_bias=0.0))
    assert plain.sample(noise(plain, 64)).probabilities.mean(0)[1, :5].tolist() == pytest.approx([0.2] * 5, abs=0.02)


def test_a_temperature_flattens():
    sharp, flat = (macro(dataclasses.replace(MACRO, temperature=value, init_range=2.0)) for value in (0.0, 50.0))
    one, other = (each.sample(noise(each, 32)).entropies.sum(1).mean() for each in (sharp, flat))
    assert one < other <= uniform_entropy(sharp.widths) + 1e-9


def test_the_entropy_bonus_is_the_full_entropy_for_cells_and_that_of_the_option_taken_for_networks():
    cells, whole = micro(), macro()
    one, other = cells.sample(noise(cells, 3)), whole.sample(noise(whole, 3))
    torch.testing.assert_close(one.bonus, one.entropies.sum(1))
    torch.testing.assert_close(other.bonus, -(other.log_probs * other.log_probs.exp()).sum(1))
    assert not one.penalty.any()


def test_the_skip_penalty_is_that_of_the_released_code():
    controller = macro(layers=3)
    decoded = controller.score(torch.tensor([[0, 1, 1, 2, 0, 1]]))
    assert decoded.penalty.shape == (1,)
    # Two-way logits are [-q, q], so each option's sigmoid is its probability's odds spread evenly: 0.5 at q = 0.
    with torch.no_grad():
        controller.attention.zero_()
    each = 0.5 * math.log(0.5 / 0.6) + 0.5 * math.log(0.5 / 0.4)
    assert controller.score(torch.tensor([[0, 1, 1, 2, 0, 1]])).penalty.item() == pytest.approx(
        each * (1 + 2) / 2, rel=1e-5
    )


def test_every_parameter_learns_in_both():
    for controller in (micro(), macro()):
        decoded = controller.score(controller.sample(noise(controller, 4)).choices)
        (decoded.log_probs.sum() + decoded.penalty.sum()).backward()
        assert all(parameter.grad is not None and parameter.grad.any() for parameter in controller.parameters())
