"""Translated modules: values and gradients of torch, and what is refused."""

import jax
import numpy as np
import pytest
from jax import numpy as jnp

from purifax import bridge

torch = pytest.importorskip("torch", reason="torch is not installed")
nn = torch.nn


class Block(nn.Module):
    """Residual addition, concatenation, groups, dilation, views and means."""

    def __init__(self):
        super().__init__()
        self.a = nn.Conv2d(4, 8, 3, stride=2, padding=1, groups=2, bias=False)
        self.norm = nn.BatchNorm2d(8)
        self.b = nn.Conv2d(8, 8, 3, padding="same", dilation=2)
        self.groups = nn.GroupNorm(2, 8)
        self.last = nn.LayerNorm(16)
        self.out = nn.Linear(16, 5)

    def forward(self, x):
        h = nn.functional.relu(self.norm(self.a(x)), inplace=True)
        h = h + self.groups(self.b(h))
        h = torch.cat([h, -0.5 * h], dim=1)
        h = h.permute(0, 2, 3, 1).reshape(len(h), -1, 16)
        return self.out(self.last(h).mean(1))


class Line(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv1d(4, 6, 3, stride=2, padding=1)

    def forward(self, x):
        return self.conv(x.flatten(2)).transpose(1, 2).mean(1)


def ended(*layers, size):
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(size, 3))


MODULES = {
    "block": Block,
    "line": Line,
    "maximum": lambda: ended(nn.MaxPool2d(3, 2, 1), size=4 * 16),
    "maximum, ceil": lambda: ended(nn.MaxPool2d(3, 2, ceil_mode=True), size=4 * 16),
    "average": lambda: ended(nn.AvgPool2d(3, 2, 1), size=4 * 16),
    "average inside": lambda: ended(
        nn.AvgPool2d(3, 2, 1, count_include_pad=False), size=4 * 16
    ),
    **{
        f"average, ceil {more}": lambda more=more: ended(
            nn.AvgPool2d(3, 2, 1, ceil_mode=True, **more), size=4 * 25
        )
        for more in ({}, {"count_include_pad": False}, {"divisor_override": 2})
    },
    "average, ceil, two by three": lambda: ended(
        nn.AvgPool2d((2, 3), (3, 2), (1, 0), ceil_mode=True), size=4 * 12
    ),
    "adaptive maximum": lambda: ended(nn.AdaptiveMaxPool2d((3, 5)), size=60),
    "adaptive": lambda: ended(nn.AdaptiveAvgPool2d((3, 5)), size=60),
    **{
        mode: lambda mode=mode: ended(
            nn.Conv2d(4, 2, 3, padding=(1, 2), padding_mode=mode), size=2 * 80
        )
        for mode in ("circular", "reflect", "replicate", "zeros")
    },
    "dropout": lambda: ended(nn.Dropout(0.5), nn.Dropout2d(0.5), size=256),
    **{
        kind.__name__: lambda kind=kind: ended(nn.Conv2d(4, 2, 3), kind(), size=72)
        for kind in (
            nn.ReLU, nn.GELU, nn.SiLU, nn.LeakyReLU, nn.Tanh, nn.Sigmoid, nn.ELU,
            nn.Hardswish, nn.ReLU6, nn.Softplus, nn.Mish, nn.PReLU,
        )
    },
}  # fmt: skip


def drawn(name):
    torch.manual_seed(0)
    module = MODULES[name]().eval()
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.running_mean.normal_()
            part.running_var.uniform_(0.5, 2.0)
    return module


@pytest.mark.parametrize("name", MODULES)
def test_values_and_gradients_are_those_of_torch(name):
    module, draw = drawn(name), np.random.default_rng(0)
    x = draw.standard_normal((3, 8, 8, 4)).astype(np.float32)
    f = bridge.from_torch_fx(module, x.shape[1:])
    tensor = torch.tensor(x.transpose(0, 3, 1, 2), requires_grad=True)
    wanted = module(tensor)
    wanted.square().sum().backward()

    def total(x):
        logits = jax.vmap(f)(x)
        return jnp.sum(logits**2), logits

    slopes, found = jax.jit(jax.grad(total, has_aux=True))(x)
    scale = float(wanted.detach().abs().max())
    np.testing.assert_allclose(found, wanted.detach(), atol=1e-5 * scale, rtol=1e-5)
    theirs = tensor.grad.numpy().transpose(0, 2, 3, 1)
    np.testing.assert_allclose(slopes, theirs, atol=1e-4 * np.abs(theirs).max())


def test_parameters_are_leaves():
    f = bridge.from_torch_fx(drawn("block"), (8, 8, 4))
    doubled = jax.tree.map(lambda leaf: 2 * leaf, f)
    assert len(jax.tree.leaves(f)) > 8
    x = jnp.ones((8, 8, 4))
    assert np.abs(doubled(x) - f(x)).max() > 0.1


class Sorted(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = nn.Sequential(nn.Flatten(), Sorting())

    def forward(self, x):
        return self.inner(x)


class Sorting(nn.Module):
    def forward(self, x):
        return torch.sort(x, dim=1).values


def test_what_cannot_be_translated_is_named_and_falls_back_when_asked():
    module = Sorted().eval()
    words = r"torch module Sorted .*: sort in inner.1 \(Sorting\). Give fallback=True"
    with pytest.raises(bridge.Untranslatable, match=words):
        bridge.from_torch_fx(module, (2, 2, 1))
    f = bridge.from_torch_fx(module, (2, 2, 1), fallback=True)
    x = jnp.array([[3.0, 1.0], [2.0, 0.0]])[..., None]
    assert f(x).tolist() == [0.0, 1.0, 2.0, 3.0]


def test_other_images_and_modules_are_refused():
    f = bridge.from_torch_fx(drawn("block"), (8, 8, 4))
    with pytest.raises(ValueError, match="translated for one image of this shape"):
        f(jnp.ones((4, 8, 8)))
    with pytest.raises(ValueError, match="Block is not in evaluation mode"):
        bridge.from_torch_fx(MODULES["block"](), (8, 8, 4))
    with pytest.raises(ValueError, match="takes a torch.nn.Module"):
        bridge.from_torch_fx(abs, (8, 8, 4))


@pytest.mark.parity
@pytest.mark.parametrize(
    "name",
    ["resnet18", "vgg11_bn", "densenet121", "mobilenet_v2", "mobilenet_v3_small",
     "efficientnet_b0", "convnext_tiny", "vit_b_16", "swin_t"],
)  # fmt: skip
def test_classifiers_of_torchvision_are_translated(name):
    models = pytest.importorskip("torchvision", reason="no torchvision").models
    torch.manual_seed(0)
    module = getattr(models, name)(weights=None).eval()
    size = 224 if name == "vit_b_16" else 64
    f = bridge.from_torch_fx(module, (size, size, 3))
    x = np.random.default_rng(1).random((size, size, 3), np.float32)
    with torch.no_grad():
        wanted = module(torch.tensor(x.transpose(2, 0, 1))[None])[0].numpy()
    found = jax.jit(lambda f, x: f(x))(f, x)
    np.testing.assert_allclose(found, wanted, atol=1e-4 * np.abs(wanted).max())
