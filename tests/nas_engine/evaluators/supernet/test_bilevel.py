"""The gradient through one step of the weights, against autograd through that very step."""

import pytest
import torch
from torch import nn
from torch.func import functional_call

from nas_engine.evaluators.supernet.bilevel import first_order, frozen, second_order
from nas_engine.training.sgd import FlatSGD

RATE, MOMENTUM, DECAY = 0.05, 0.9, 0.3


class Tiny(nn.Module):
    """Two layers whose operations are mixed by alphas: small, smooth and not linear in anything."""

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(5, 7), nn.Linear(5, 7)
        self.out = nn.Linear(7, 3)

    def forward(self, x, alphas):
        share = alphas.softmax(0)
        return self.out(share[0] * self.first(x).tanh() + share[1] * self.second(x).sin() + share[2] * x.sum(1, True))


@pytest.fixture
def problem():
    generator = torch.Generator().manual_seed(3)
    torch.manual_seed(4)
    model = Tiny().double()
    alphas = torch.randn(3, dtype=torch.float64, generator=generator).requires_grad_()
    batches = [
        (torch.randn(16, 5, dtype=torch.float64, generator=generator), torch.randint(3, (16,), generator=generator))
        for _ in range(2)
    ]
    sgd = FlatSGD(model, MOMENTUM, DECAY, 0.0)
    sgd.velocity.copy_(0.3 * torch.randn(sgd.velocity.shape, dtype=torch.float64, generator=generator))
    return model, alphas, batches, sgd


def exact(model, alphas, batches, velocity):
    """d/d alpha of L_valid(w - xi (mu v + dL_train/dw + lambda w), alpha), all of it by autograd."""
    (train, train_labels), (valid, valid_labels) = batches
    weights = {name: value.detach().clone().requires_grad_() for name, value in model.named_parameters()}
    loss = nn.functional.cross_entropy(functional_call(model, weights, (train, alphas)), train_labels)
    gradients = torch.autograd.grad(loss, list(weights.values()), create_graph=True)
    stepped, start = {}, 0
    for (name, weight), gradient in zip(weights.items(), gradients, strict=True):
        momentum = velocity[start : start + weight.numel()].view_as(weight)
        stepped[name] = weight - RATE * (MOMENTUM * momentum + gradient + DECAY * weight)
        start += weight.numel()
    valid_loss = nn.functional.cross_entropy(functional_call(model, stepped, (valid, alphas)), valid_labels)
    return torch.autograd.grad(valid_loss, alphas)[0]


def losses(model, alphas, batches):
    return [
        lambda images=images, labels=labels: nn.functional.cross_entropy(model(images, alphas), labels)
        for images, labels in batches
    ]


def test_second_order_equals_the_exact_bilevel_gradient(problem):
    model, alphas, batches, sgd = problem
    train_loss, valid_loss = losses(model, alphas, batches)
    wanted = exact(model, alphas, batches, sgd.velocity)
    (ours,) = second_order(train_loss, valid_loss, [alphas], list(model.parameters()), sgd, RATE)
    assert float((ours - wanted).norm() / wanted.norm()) < 1e-4
    (plain,) = first_order(valid_loss, [alphas], list(model.parameters()))
    assert float((plain - wanted).norm() / wanted.norm()) > 1e-2  # the second order is there to be missed


def test_momentum_and_weight_decay_are_in_the_step(problem):
    model, alphas, batches, sgd = problem
    train_loss, valid_loss = losses(model, alphas, batches)
    wanted = exact(model, alphas, batches, sgd.velocity)
    for forget in ("velocity", "weight_decay"):
        kept = getattr(sgd, forget)
        setattr(sgd, forget, torch.zeros_like(kept) if forget == "velocity" else 0.0)
        (ours,) = second_order(train_loss, valid_loss, [alphas], list(model.parameters()), sgd, RATE)
        setattr(sgd, forget, kept)
        assert float((ours - wanted).norm() / wanted.norm()) > 1e-3


def test_weights_momentum_and_alphas_are_left_as_they_were(problem):
    model, alphas, batches, sgd = problem
    before = [value.clone() for value in (sgd.weights, sgd.velocity, alphas)]
    second_order(*losses(model, alphas, batches), [alphas], list(model.parameters()), sgd, RATE)
    assert all(torch.equal(*pair) for pair in zip(before, (sgd.weights, sgd.velocity, alphas), strict=True))
    assert alphas.grad is None and all(parameter.requires_grad for parameter in model.parameters())


def test_first_order_is_the_gradient_at_the_weights_as_they_are(problem):
    model, alphas, batches, sgd = problem
    _, valid_loss = losses(model, alphas, batches)
    (ours,) = first_order(valid_loss, [alphas], list(model.parameters()))
    torch.testing.assert_close(ours, torch.autograd.grad(valid_loss(), alphas)[0])


def test_what_was_frozen_needs_gradients_again_even_after_an_error():
    weight = torch.ones(1, requires_grad=True)
    with pytest.raises(RuntimeError), frozen([weight]):
        assert not weight.requires_grad
        raise RuntimeError
    assert weight.requires_grad
