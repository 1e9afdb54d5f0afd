"""Dictionaries of arrays by name, and the check that they fit a network.

Public checkpoints have their own names and layouts of arrays. A reader renames arrays
to the paths of our variables, "params/conv1/kernel", and `fitted` checks them.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

__all__ = [
    "batch_norms",
    "channels_last",
    "check_finite",
    "few",
    "fitted",
    "flat",
    "have",
    "lasting",
    "rows_of",
    "shadowed",
]


def fitted(
    kind: str,
    by_path: Mapping[str, np.ndarray],
    module: nn.Module,
    shape: Sequence[int],
    *conditions: float,
) -> dict[str, Any]:
    """The variables of a module from arrays by path, which must be exactly these.

    Args:
        kind: the kind of network that the checkpoint should hold, for the error.
        by_path: "params/..." and "batch_stats/..." to array.
        shape: of one image, [H, W, C].
        conditions: the module's further arguments for one example, such as a time or
            a label; only their types matter.

    Returns:
        The collections as nested dictionaries of float32 NumPy arrays.

    Raises:
        ValueError: named arrays are missing, unknown or of a wrong shape.

    >>> from purifax import nets
    >>> by_path = {"params/Dense_0/kernel": np.ones((4, 2))}
    >>> fitted("an MLP", by_path, nets.MLP(num_classes=2, widths=()), (2, 2, 1))
    Traceback (most recent call last):
        ...
    ValueError: the checkpoint does not fit an MLP: 1 missing: Dense_0/bias.
    """
    x = jax.ShapeDtypeStruct((1, *shape), np.float32)
    batched = [jax.ShapeDtypeStruct((1,), jnp.result_type(c)) for c in conditions]
    shapes = jax.eval_shape(module.init, jax.random.key(0), x, *batched)
    expected = {
        jax.tree_util.keystr(path, simple=True, separator="/"): leaf.shape
        for path, leaf in jax.tree.leaves_with_path(dict(shapes))
    }
    missing = sorted(expected.keys() - by_path.keys())
    unknown = sorted(by_path.keys() - expected.keys())
    misshaped = [
        f"{_short(path)} {by_path[path].shape} for {wanted}"
        for path, wanted in expected.items()
        if path in by_path and by_path[path].shape != wanted
    ]
    faults = {
        "missing": list(map(_short, missing)),
        "unknown": list(map(_short, unknown)),
        "of a wrong shape": misshaped,
    }
    if any(faults.values()):
        raise ValueError(
            f"the checkpoint does not fit {kind}: "
            + "; ".join(f"{len(v)} {k}: {few(v)}" for k, v in faults.items() if v)
            + "."
        )
    odd = [f"{_short(p)} of {a.dtype}" for p, a in by_path.items() if not _real(a)]
    if odd:
        raise ValueError(f"{kind} has weights of floating dtypes; got {few(odd)}.")
    with np.errstate(over="ignore"):  # infinities are told of here
        variables = _nested(by_path)
    check_finite(kind, variables)
    return variables


def shadowed(
    state: Mapping[str, np.ndarray], shadows: Sequence[np.ndarray]
) -> dict[str, np.ndarray]:
    """A state with averages, which have no names, in place of its trained arrays.

    They are in the order of these. Running averages and levels are not trained, and
    stay.

    Raises:
        ValueError: there are more or fewer averages, or one of another shape.

    >>> shadowed({"bias": np.zeros(1), "sigmas": np.ones(2)}, [np.ones(1)])["bias"]
    array([1.])
    """
    trained = [name for name in state if not name.endswith(_NOT_TRAINED)]
    wrong = [
        name
        for name, shadow in zip(trained, shadows, strict=False)
        if np.shape(shadow) != np.shape(state[name])
    ]
    if len(shadows) != len(trained) or wrong:
        raise ValueError(
            f"the {len(shadows)} averages are not those of the "
            f"{len(trained)} parameters{': ' + few(wrong) if wrong else '.'}"
        )
    return {**state, **dict(zip(trained, shadows, strict=True))}


_NOT_TRAINED = ("running_mean", "running_var", "num_batches_tracked", "sigmas")


def check_finite(kind: str, variables: Any) -> None:
    """Refuse variables with a value that is not a finite number; the first are named.

    Args:
        variables: a tree of arrays.

    Raises:
        ValueError: there are such values.

    >>> check_finite("an MLP", {"params": {"bias": np.array([np.nan])}})
    Traceback (most recent call last):
        ...
    ValueError: the weights of an MLP are not all finite: params/bias.
    """
    lost = [
        jax.tree_util.keystr(path, simple=True, separator="/")
        for path, leaf in jax.tree.leaves_with_path(variables)
        if jnp.issubdtype(leaf.dtype, jnp.inexact)
        and not np.isfinite(np.asarray(leaf)).all()  # no program for each shape
    ]
    if lost:
        raise ValueError(f"the weights of {kind} are not all finite: {few(lost)}.")


def _real(array: np.ndarray) -> bool:
    return np.dtype(array.dtype).kind == "f"


def have(kind: str, arrays: Mapping[str, Any], axes: Mapping[str, int]) -> None:
    """Refuse a checkpoint without the arrays from which a network's widths follow.

    Args:
        axes: the number of axes of each of these arrays.

    Raises:
        ValueError: one is missing, or has another number of axes.

    >>> have("an MLP", {"fc.bias": np.zeros(3)}, {"fc.weight": 2})
    Traceback (most recent call last):
        ...
    ValueError: this is not an MLP: no `fc.weight` with 2 axes among fc.bias.
    """
    for name, count in axes.items():
        if getattr(arrays.get(name), "ndim", None) != count:
            names = few(list(arrays)) or "no arrays"
            raise ValueError(
                f"this is not {kind}: no `{name}` with {count} axes among {names}."
            )


def channels_last(array: np.ndarray) -> np.ndarray:
    """A kernel in our layout: [out, in, height, width] to [height, width, in, out].

    Dense kernels [out, in] become [in, out]; other arrays are unchanged.

    >>> channels_last(np.zeros((8, 3, 5, 5))).shape
    (5, 5, 3, 8)
    """
    axes = {4: (2, 3, 1, 0), 2: (1, 0)}
    array = array.transpose(axes.get(array.ndim, range(array.ndim)))
    return np.ascontiguousarray(array, np.float32)


def rows_of(kernel: np.ndarray, channels: int) -> tuple[np.ndarray, int]:
    """A dense kernel on flattened [C, H, W] as one on flattened [H, W, C].

    Args:
        kernel: [out, C * H * H], in PyTorch's layout, of square feature maps.

    Returns:
        (kernel [H * H * C, out], H).

    Raises:
        ValueError: the maps are not square.

    >>> rows_of(np.arange(8.0).reshape(1, 8), 2)[0][:, 0].astype(int).tolist()
    [0, 4, 1, 5, 2, 6, 3, 7]
    """
    pixels, rest = divmod(kernel.shape[1], channels)
    side = round(pixels**0.5)
    if rest or side**2 != pixels:
        raise ValueError(
            f"a dense layer of {kernel.shape[1]} inputs does not stand behind square "
            f"maps of {channels} channels."
        )
    maps = kernel.reshape(len(kernel), channels, side, side).transpose(2, 3, 1, 0)
    return np.ascontiguousarray(maps.reshape(-1, len(kernel)), np.float32), side


def batch_norms(path: str) -> str:
    """The path of an array of a batch normalisation in its collection, in our names.

    >>> batch_norms("bn1/running_mean"), batch_norms("bn1/weight")
    ('batch_stats/bn1/mean', 'params/bn1/scale')
    """
    *node, leaf = path.split("/")
    kind = "batch_stats" if leaf.startswith("running_") else "params"
    leaf = {"weight": "scale"}.get(leaf, leaf.removeprefix("running_"))
    return "/".join([kind, *node, leaf])


def lasting(state: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """The arrays of a PyTorch state, without counters and the prefix "module.".

    >>> list(lasting({"module.fc.bias": 0.0, "bn1.num_batches_tracked": 3}))
    ['fc.bias']
    """
    return {
        name.removeprefix("module."): np.asarray(array)
        for name, array in state.items()
        if not name.endswith("num_batches_tracked")
    }


def flat(tree: Mapping[str, Any], path: str = "") -> dict[str, Any]:
    """Nested dictionaries as one, with "/" between the names.

    >>> flat({"params": {"fc": {"bias": 0.0}}})
    {'params/fc/bias': 0.0}
    """
    leaves = {}
    for name, item in tree.items():
        if isinstance(item, Mapping):
            leaves |= flat(item, f"{path}{name}/")
        else:
            leaves[f"{path}{name}"] = item
    return leaves


def few(names: Sequence[str], most: int = 5) -> str:
    """The first names, and the number of the others.

    >>> few(["a", "b", "c"], most=2)
    'a, b and 1 more'
    """
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _short(path: str) -> str:
    return path.removeprefix("params/")


def _nested(flat: Mapping[str, np.ndarray]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for path, array in flat.items():
        *parents, leaf = path.split("/")
        node = tree
        for parent in parents:
            node = node.setdefault(parent, {})
        node[leaf] = np.ascontiguousarray(array, np.float32)
    return tree
