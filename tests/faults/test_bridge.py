"""Torch modules, and what goes into and comes out of them, that the bridge refuses."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from bad_input import Fault

import purifax
from purifax import attack, bridge

X, KEY = jnp.full((6, 5, 3), 0.5), jax.random.key(0)
PAIR = np.full((2, 6, 5, 3), 0.5, np.float32)


def module(forward=None, *layers, **state):
    """A module in evaluation mode: of layers by name, or of a function of a batch."""
    import torch

    class Made(torch.nn.Module):
        def forward(self, x, *more):
            return forward(x, *more)

    made = [getattr(torch.nn, name)(*given) for name, *given in layers]
    found = Made() if forward else torch.nn.Sequential(*made)
    return found.eval()


def linear():
    return module(None, ("Flatten",), ("Linear", 90, 5))


def training():
    """One part of the module was left in training mode."""
    found = module(None, ("Flatten",), ("Dropout",), ("Linear", 90, 5))
    found[1].train()
    return found


def flat(x):
    return x.flatten(1)


def called(make, role="classifier", *more, **options):
    """One call of a module through the callback."""
    return lambda f: bridge.from_torch(make(), role=role, **options)(X, *more)


def slope(make):
    """The gradient of the logits' sum."""

    def run(f):
        network = bridge.from_torch(make())
        return jax.grad(lambda x: network(x).sum())(X)

    return run


def translated(make, shape=(6, 5, 3), **options):
    return lambda f: bridge.from_torch_fx(make(), shape, **options)


def evaluated(make, **more):
    """An evaluation of a torch classifier."""
    exact = {"exact": attack.PGD(steps=1, eot=1)}
    given = {"attacks": exact, "samples": 1, "keys": 1, "probed": 0}
    return lambda f: purifax.evaluate(make(), PAIR, [0, 1], **given | more)


def outward(x, **options):
    """A call of a purifier of purifax as a torch module."""
    import torch

    torch_module = bridge.as_torch(lambda key, x: x, **options)
    return torch_module(torch.tensor(x))


def drawing(x):
    import torch

    return x + torch.randn_like(x)


def normalised():
    """Batch statistics at test time."""
    import torch

    batch = torch.nn.BatchNorm2d(3, track_running_stats=False)
    return torch.nn.Sequential(batch, torch.nn.Flatten()).eval()


def frozen(x):
    import torch

    with torch.no_grad():
        return flat(x)


MODES = [
    ("from_torch, training", called(lambda: linear().train()), "it is training"),
    ("from_torch, a part", called(training), "its part '1' is training"),
    ("from_torch_fx, training", translated(training), "its part '1' is training"),
    ("evaluate, training", evaluated(training), "Call .eval()"),
    ("purifier, training", lambda f: purifax.purify_images(
        PAIR, purifier=training(), key=KEY), "its part '1' is training"),
]  # fmt: skip

LAYOUTS = [
    ("NHWC to a NCHW tool", lambda f: outward(PAIR), 'Give layout="NHWC"'),
    ("NCHW to a NHWC tool", lambda f: outward(
        PAIR.transpose(0, 3, 1, 2), layout="NHWC"), 'Give layout="NCHW"'),
    ("as_callable, NHWC", lambda f: bridge.as_callable(lambda key, x: x)(PAIR),
     'Give layout="NHWC"'),
    ("unknown layout", called(linear, layout="CHW"), "`layout` must be"),
    ("as_torch, unknown", lambda f: outward(PAIR, layout="nchw"), "`layout` must be"),
    ("from_torch_fx, unknown", translated(linear, layout="HWC"), "`layout` must be"),
    ("channels of the layers", called(
        lambda: module(None, ("Conv2d", 5, 2, 3), ("Flatten",)), layout="NCHW"),
     "does not take a batch .* handed over as NCHW"),
    ("three axes", lambda f: outward(PAIR[0]), "four axes"),
    ("bytes", lambda f: outward((255 * PAIR).astype(np.uint8)), "floats in"),
]  # fmt: skip

SHAPES = [
    ("images for logits", called(lambda: module(lambda x: x)), r"give logits \[N, K\]"),
    ("one number for logits", called(lambda: module(lambda x: flat(x).sum())),
     r"give logits \[N, K\]"),
    ("logits for a purifier", lambda f: bridge.from_torch(
        linear(), role="purifier")(KEY, X), "must give images of the shape of its own"),
    ("logits for a score", called(
        lambda: module(lambda x, s: flat(x)), "score", 0.1), "images of the shape"),
    ("logits for an energy", called(linear, "energy"), "one number an image"),
    ("half an image", lambda f: bridge.from_torch(
        module(lambda x: x[:, :, ::2]), role="purifier")(KEY, X), "must give images"),
    ("a tuple", called(lambda: module(lambda x: (flat(x), x))), "give one tensor"),
    ("a dictionary", called(lambda: module(lambda x: {"out": x})), "give one tensor"),
    ("images of another size", called(
        lambda: module(None, ("Flatten",), ("Linear", 7, 5))), "does not take a batch"),
    ("no image", translated(linear, (6, 5)), "`shape` must be"),
    ("another image", lambda f: bridge.from_torch_fx(
        linear(), (6, 5, 3))(jnp.ones((5, 6, 3))), "translated for one image"),
    ("neither logits nor image", lambda f: bridge.as_callable(
        lambda key, x: x.T)(PAIR.transpose(0, 3, 1, 2)), r"give logits \[K\] or an im"),
]  # fmt: skip

LAYERS = [
    ("a sort", translated(lambda: module(lambda x: flat(x).sort(1).values)),
     "cannot be translated: sort"),
    ("two of them", translated(lambda: module(
        lambda x: flat(x).sort(1).values.cumsum(1))), "sort in .*; cumsum in"),
    ("a branch on values", translated(lambda: module(
        lambda x: flat(x) if x.sum() > 0 else -flat(x))), "recorded by torch.export"),
    ("two results", translated(lambda: module(lambda x: (flat(x), x))), "2 results"),
    ("batch statistics", translated(normalised), "cannot be translated: "),
    ("a function", lambda f: bridge.from_torch_fx(abs, (6, 5, 3)), "takes a torch"),
]  # fmt: skip

NEIGHBOURS = [
    ("mean of the batch", called(lambda: module(lambda x: flat(x - x.mean(0)))),
     "in a batch and alone"),
    ("batch statistics", called(normalised), "in a batch and alone"),
    ("evaluate", evaluated(normalised), "in a batch and alone"),
    ("noise of torch's own", called(lambda: module(lambda x: flat(drawing(x)))),
     "draws from torch's global generator"),
    ("purifier", lambda f: purifax.purify_images(
        PAIR, purifier=module(drawing), key=KEY), "draws from torch's global gen"),
    ("random classifier", lambda f: bridge.from_torch(linear(), random=True),
     "random=True is for a purifier"),
]  # fmt: skip

GRADIENTS = [
    ("detached", slope(lambda: module(lambda x: flat(x.detach()))), "is cut off"),
    ("without gradient", slope(lambda: module(frozen)), "is cut off"),
    ("evaluate", evaluated(lambda: module(frozen)), "is cut off"),
]  # fmt: skip

ROWS = [
    Fault(f"torch: {kind}", *row)
    for kind, rows in (
        ("training mode", MODES),
        ("layout", LAYOUTS),
        ("shape", SHAPES),
        ("layers", LAYERS),
        ("neighbours", NEIGHBOURS),
        ("gradient", GRADIENTS),
    )
    for row in rows
]


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_bad_input_is_one_clear_line(row, tmp_path, monkeypatch, capsys):
    pytest.importorskip("torch", reason="torch is not installed")
    monkeypatch.chdir(tmp_path)
    row.refused(tmp_path, capsys)
