"""Torch with one thread, whose threads wait for each other; a user's own networks."""

import importlib.util
import sys
import textwrap

import pytest


@pytest.fixture(autouse=True)
def one_thread():
    if importlib.util.find_spec("torch") is None:
        yield
        return
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


SOURCE = """
import torch

class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.conv = torch.nn.Conv2d(1, 4, 3, stride=2, padding=1)
        self.out = torch.nn.Linear(64, 10)

    def forward(self, x):
        return self.out(torch.nn.functional.gelu(self.conv(x)).flatten(1))

class Blur(torch.nn.Module):
    def forward(self, x):
        return torch.nn.functional.avg_pool2d(x, 3, 1, 1)

def build():
    return Net().eval()

def trained():
    found = build()
    found.load_state_dict(torch.load("trained.pt"))
    return found

def blur():
    return Blur().eval()

def training():
    return Net()
"""


@pytest.fixture
def theirs(tmp_path, monkeypatch):
    """A user's own module of networks."""
    (tmp_path / "theirs.py").write_text(textwrap.dedent(SOURCE))
    monkeypatch.syspath_prepend(str(tmp_path))
    import theirs

    yield theirs
    del sys.modules["theirs"]
