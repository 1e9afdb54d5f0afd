"""torchvision's and RobustBench's ResNets, from their arrays by name."""

import re
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from nets import foreign, tools
from nets.golden import make_imagenet

from purifax import nets
from purifax.weights import torchvision

PLAIN = {"mean": (0.0,), "std": (1.0,)}


@cache
def golden():
    return dict(np.load(make_imagenet.HERE / "imagenet.npz"))


def shapes(depth):
    return foreign.recorded(golden(), depth)


def state(depth):
    return foreign.draw(shapes(depth), seed=0)


def agree(depth):
    network = torchvision.imagenet(state(depth), **PLAIN)
    assert network.module.depth == depth
    found = jax.jit(jax.vmap(network))(make_imagenet.images())
    expected = golden()[f"{depth}/output"]
    assert np.abs(expected).max() > 0.1
    np.testing.assert_allclose(found, expected, rtol=2e-4, atol=2e-5)


def test_resnet18_agrees_with_pytorch():
    agree(18)


@pytest.mark.parity
@pytest.mark.parametrize("depth", [18, 50])
def test_golden_file_is_what_pytorch_gives(depth):
    pytest.importorskip("torch", reason="torch is not installed")
    found, output = make_imagenet.run(depth)
    assert found == shapes(depth)
    np.testing.assert_allclose(output, golden()[f"{depth}/output"], rtol=1e-4)
    agree(depth)


PUBLISHED = [(18, 1, 11_689_512), (50, 1, 25_557_032), (50, 2, 68_883_240)]


@pytest.mark.parametrize(("depth", "widen", "count"), PUBLISHED)
def test_published_sizes(depth, widen, count):
    module = nets.ImageNetResNet(depth=depth, widen=widen)
    values, output = tools.shapes(module, jnp.zeros((64, 64, 3)))
    assert nets.count(values) == count and output.shape == (1000,)


def test_blocks_of_three_are_read_too():
    network = torchvision.imagenet(state(50))
    assert network.module == nets.ImageNetResNet(depth=50, num_classes=5, width=2)
    given = state(50)
    first = "layer1.0.conv1.weight"
    given[first] = np.repeat(given[first], 2, axis=0)
    with pytest.raises(ValueError, match="of a wrong shape: .*layer1_0/bn1"):
        torchvision.imagenet(given)


def test_faults_are_named():
    given = state(18)
    del given["fc.bias"]
    given["layer1.0.conv9.weight"] = np.zeros((1, 1, 1, 1))
    with pytest.raises(
        ValueError, match="1 missing: fc/bias; 1 unknown: layer1_0/conv9"
    ):
        torchvision.imagenet(given)
    given = {n: a for n, a in state(18).items() if not n.startswith("layer4.1")}
    with pytest.raises(ValueError, match=r"has \(2, 2, 2, 1\) blocks of 2 conv"):
        torchvision.imagenet(given)
    with pytest.raises(ValueError, match="depth` must be one of 18, 34"):
        tools.shapes(nets.ImageNetResNet(depth=20), jnp.zeros((64, 64, 3)))


def named(module, rename):
    """Drawn variables of ours, and the same by PyTorch's names and layout."""
    values = tools.variables(module, jnp.zeros((8, 8, 3)))
    found = {}
    for path, array in jax.tree.leaves_with_path(values):
        kind, *nodes, leaf = (key.key for key in path)
        name = rename(".".join(nodes))
        leaf = {"kernel": "weight", "scale": "weight"}.get(leaf, leaf)
        leaf = f"running_{leaf}" if kind == "batch_stats" else leaf
        axes = {4: (3, 2, 0, 1), 2: (1, 0)}.get(array.ndim, (0,))
        found[f"module.{name}.{leaf}"] = np.asarray(array).transpose(axes)
    return values, found


def small(name):
    name = name.replace("shortcut_bn", "shortcut.1").replace("fc", "linear")
    return re.sub("shortcut$", "shortcut.0", name).replace("_", ".")


def wide(name):
    return name.replace("shortcut", "convShortcut").replace("_0", ".layer.0")


def test_robustbench_has_a_small_resnet18():
    values, given = named(nets.ResNet18(width=2, num_classes=5), small)
    given |= {"mu": np.full((1, 3, 1, 1), 0.5), "sigma": np.full((1, 3, 1, 1), 0.25)}
    network = torchvision.robustbench(given)
    expected = {"mean": (0.5,) * 3, "std": (0.25,) * 3}
    assert network.module == nets.ResNet18(width=2, num_classes=5, **expected)
    jax.tree.map(np.testing.assert_array_equal, network.variables, values)


def test_robustbench_has_wide_resnets():
    module = nets.WideResNet(depth=10, widen=1, num_classes=5)
    values, given = named(module, wide)
    given["module.sub_block1.layer.0.conv1.weight"] = np.zeros((16, 16, 3, 3))
    network = torchvision.robustbench(given)
    assert network.module == module
    jax.tree.map(np.testing.assert_array_equal, network.variables, values)
