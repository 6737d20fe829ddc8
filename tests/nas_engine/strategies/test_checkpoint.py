import pytest
import torch

from nas_engine.strategies.checkpoint import pack_state, unpack_state


def state() -> dict:
    return {"b": torch.arange(6.0).view(2, 3), "a": torch.tensor(3), "plain": {"x": [1, 0.1, None, "ü"]}, "n": 7}


def test_a_state_survives():
    back = unpack_state(pack_state(state()))
    assert back.keys() == state().keys()
    assert torch.equal(back["b"], state()["b"]) and torch.equal(back["a"], state()["a"])
    assert back["plain"] == state()["plain"] and back["n"] == 7


def test_an_empty_state_survives():
    assert unpack_state(pack_state({})) == {}


def test_equal_states_give_equal_bytes_whatever_their_order():
    assert pack_state(state()) == pack_state(dict(reversed(state().items())))


def test_tensors_of_any_layout_are_kept():
    turned = torch.arange(6.0).view(2, 3).T
    assert torch.equal(unpack_state(pack_state({"t": turned}))["t"], turned)


@pytest.mark.parametrize("data", [b"", b"\x80\x04K\x01.", b"\0" * 40, pack_state(state())[:-4]])
def test_anything_else_is_refused(data):
    with pytest.raises(ValueError, match="not a strategy"):
        unpack_state(data)


@pytest.mark.parametrize(("value", "error"), [(object(), TypeError), (float("nan"), ValueError)])
def test_what_json_cannot_hold_is_refused(value, error):
    with pytest.raises(error):
        pack_state({"x": value})
