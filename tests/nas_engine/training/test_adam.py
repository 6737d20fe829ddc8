import pytest
import torch

from nas_engine.training.adam import Adam


def _module() -> torch.nn.Module:
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(5, 7), torch.nn.Tanh(), torch.nn.Linear(7, 1))


def _loss(module: torch.nn.Module, step: int) -> torch.Tensor:
    inputs = torch.linspace(-1, 1, 20).view(4, 5) * (step + 1)
    return module(inputs).square().sum()


@pytest.mark.parametrize(
    ("settings", "theirs"),
    [
        ({}, {}),
        (
            {"mean_decay": 0.5, "weight_decay": 1e-3},
            {"betas": (0.5, 0.999), "weight_decay": 1e-3},
        ),
        ({"mean_decay": 0.0, "epsilon": 1e-3}, {"betas": (0.0, 0.999), "eps": 1e-3}),
    ],
    ids=["plain", "alphas of DARTS", "controller of ENAS"],
)
def test_it_equals_torchs_adam(settings, theirs):
    ours, other = _module(), _module()
    mine, reference = Adam(ours, 0.01, **settings), torch.optim.Adam(other.parameters(), lr=0.01, **theirs)
    for step in range(30):
        mine.descend(_loss(ours, step))
        reference.zero_grad()
        _loss(other, step).backward()
        reference.step()
    for left, right in zip(ours.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(left, right, rtol=1e-5, atol=1e-7)


def test_restored_it_goes_on_as_before():
    whole, broken = _module(), _module()
    first, second = Adam(whole, 0.01), Adam(broken, 0.01)
    for step in range(3):
        first.descend(_loss(whole, step))
        second.descend(_loss(broken, step))
    restored = Adam(broken, 0.01)
    restored.load_state_dict(second.state_dict())
    first.descend(_loss(whole, 3))
    restored.descend(_loss(broken, 3))
    for left, right in zip(whole.parameters(), broken.parameters(), strict=True):
        assert torch.equal(left, right)


def test_what_the_loss_does_not_reach_stays():
    module = _module()
    before = module[0].weight.clone()
    Adam(module, 0.01).descend(module[2].weight.square().sum())
    assert torch.equal(module[0].weight, before)
