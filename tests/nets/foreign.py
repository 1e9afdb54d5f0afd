"""Parameters in PyTorch's names and layout, drawn by NumPy, and read as variables.

NumPy's legacy generator never changes, so the same arrays can be given to PyTorch here
and now, or to our networks where PyTorch is absent.
"""

import numpy as np

__all__ = [
    "MEAN",
    "STD",
    "cases",
    "draw",
    "inputs",
    "ncsnv2_state",
    "recorded",
    "variables",
]


# The normalisation of the classifiers compared.
MEAN, STD = (0.4, 0.5, 0.6), (0.2, 0.25, 0.3)


def cases():
    """What is compared: name -> (fields of our module, shape of one image)."""
    return {
        "NCSNv2": ({"width": 4, "channels": 3}, (12, 8, 3)),
        "WideResNet": ({"depth": 16, "widen": 1}, (16, 16, 3)),
        "WideResNet biased": ({"depth": 16, "widen": 2, "biased": True}, (16, 16, 3)),
        "ResNet": ({"depth": 14, "width": 4}, (16, 16, 3)),
        "ResNet18": ({"width": 4}, (16, 16, 3)),
    }


def inputs(name):
    """Two images, and weights of the outputs in a scalar whose gradient is compared."""
    _, shape = cases()[name]
    random = np.random.RandomState(1)
    images = random.random_sample((2, *shape))
    weights = random.standard_normal((2, np.prod(shape)))
    return images.astype(np.float32), weights.astype(np.float32)


def draw(shapes, seed):
    """Arrays of the shapes given by name, of sizes that keep activations near one."""
    random = np.random.RandomState(seed)
    return {name: _array(random, name, shapes[name]) for name in sorted(shapes)}


def recorded(golden, name):
    """Shapes by name, in PyTorch's order, as a golden file has them of a network."""
    rows = zip(golden[f"{name}/names"], golden[f"{name}/shapes"], strict=True)
    return {str(k): tuple(int(n) for n in row if n) for k, row in rows}


def ncsnv2_state(width, channels, seed):
    """A state dictionary of NCSNv2 with the authors' names."""
    return draw(dict(_ncsnv2_shapes(width, channels)), seed)


def variables(state):
    """Variables of our residual classifiers, whose torch twins share their names."""
    tree = {}
    for name, array in state.items():
        *path, leaf = name.split(".")
        kind = "batch_stats" if leaf.startswith("running") else "params"
        node = tree.setdefault(kind, {})
        for step in path:
            node = node.setdefault(step, {})
        leaf = leaf.removeprefix("running_")
        if leaf == "weight":
            leaf = "scale" if array.ndim == 1 else "kernel"
        axes = {4: (2, 3, 1, 0), 2: (1, 0), 1: (0,)}[array.ndim]
        node[leaf] = array.transpose(axes)
    return tree


def _array(random, name, shape):
    array = random.standard_normal(shape)
    if len(shape) > 1:
        array /= np.prod(shape[1:]) ** 0.5
    elif name.endswith("running_var"):
        array = np.exp(0.5 * array)
    elif name.endswith(("alpha", "gamma", "weight")):
        array = 1 + 0.1 * array
    else:
        array *= 0.1
    return array.astype(np.float32)


def _ncsnv2_shapes(width, channels):
    wide = 2 * width
    yield from _conv("begin_conv", channels, width)
    yield from _conv("end_conv", width, channels)
    yield from _norm("normalizer", width)
    stages = [(width, width), (width, wide), (wide, wide), (wide, wide)]
    for k, (old, new) in enumerate(stages):
        yield from _residual(f"res{k + 1}.0", old, new, k)
        yield from _residual(f"res{k + 1}.1", new, new, 0)
    for k, (inputs, new) in enumerate([(1, wide), (2, wide), (2, width), (2, width)]):
        old = width if k == 3 else wide
        name = f"refine{k + 1}"
        for i in range(inputs):
            yield from _units(f"{name}.adapt_convs.{i}", 2, old)
            if inputs > 1:
                yield from _conv(f"{name}.msf.convs.{i}", old, new)
        for i in range(2):
            yield f"{name}.crp.convs.{i}.weight", (new, new, 3, 3)
        yield from _units(f"{name}.output_convs", 3 if k == 3 else 1, new)


def _residual(name, old, new, down):
    """`down`: 0 keeps, 1 halves the resolution, more dilates."""
    middle, inner = (old, ".conv") if down == 1 else (old if down else new, "")
    yield from _norm(f"{name}.normalize1", old)
    yield from _conv(f"{name}.conv1", old, middle)
    yield from _norm(f"{name}.normalize2", middle)
    yield from _conv(f"{name}.conv2{inner}", middle, new)
    if down:
        yield from _conv(f"{name}.shortcut{inner}", old, new, 1 if down == 1 else 3)


def _units(name, blocks, width):
    for b in range(1, blocks + 1):
        for s in (1, 2):
            yield f"{name}.{b}_{s}_conv.weight", (width, width, 3, 3)


def _conv(name, old, new, size=3):
    yield f"{name}.weight", (new, old, size, size)
    yield f"{name}.bias", (new,)


def _norm(name, width):
    for leaf in ("alpha", "gamma", "beta"):
        yield f"{name}.{leaf}", (width,)
