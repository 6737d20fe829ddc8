import pytest


@pytest.fixture(autouse=True, scope="session")
def one_thread():
    """The controllers' matrices are small: threads only wait for each other."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
