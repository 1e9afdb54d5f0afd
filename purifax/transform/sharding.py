"""A one-image function over the devices of a mesh, and over any number of images.

The three maps of this package have one contract, `run(key, *batch, index=None)`, and
one result up to rounding: image i is given the key `fold_in(key, index[i])`, so its
noise depends neither on its neighbours nor on the batch size, the chunk or the devices.
Its bits do not depend on the neighbours; another batch size on each device, or a
program for one device in place of several, may round differently. They stack:

    batched(fn)                    one device, traced by the caller's own `jit`
    sharded(fn, mesh)              all devices of a mesh, compiled
    in_chunks(sharded(...), 512)   any number of images, from host memory to host memory

Only this file of the library's core compiles, places arrays on devices, and copies
results to the host.
"""

import functools
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import jax
import numpy as np
from jax import Array
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from purifax import _checks as checks
from purifax.transform.batching import batched

__all__ = ["batch_mesh", "compiled", "in_chunks", "placed", "sharded"]


def batch_mesh(batch: int, devices: Sequence[Any] | None = None) -> Mesh:
    """A mesh with the one axis "batch", for `sharded`.

    Args:
        batch: images mapped at once.
        devices: those to choose from, by default all of this process. The largest
            number of them that divides the batch is used, in their order.

    >>> batch_mesh(1).shape["batch"]
    1
    """
    found = list(devices or jax.local_devices())
    count = next(n for n in range(len(found), 0, -1) if batch % n == 0)
    return Mesh(np.asarray(found[:count]), ("batch",), axis_types=(AxisType.Auto,))


def sharded(fn: Callable[..., Any], mesh: Mesh) -> Callable[..., Any]:
    """`batched`, compiled, with the images divided among the devices of a mesh.

    Each device works through its share by itself, without communication. The function
    is an argument of the compiled program: its parameters are no constants in it, and
    another radius compiles nothing anew.

    Args:
        fn: one-image function `fn(key, *one)`, a pytree such as a `Partial`. Arrays in
            it that were put on other devices, such as loaded weights, are copied to
            those of the mesh once, here.
        mesh: its axis "batch" divides the images, see `batch_mesh`; along any other
            axis all devices are given the same images.

    Returns:
        `run(key, *batch, index=None)`, as `batched` gives it.

    Raises:
        ValueError: in `run`, when the number of images does not divide.

    >>> from jax import numpy as jnp
    >>> from jax.tree_util import Partial
    >>> noised = Partial(lambda key, x: x + jax.random.normal(key))
    >>> key, x = jax.random.key(0), jnp.zeros(4)
    >>> found = sharded(noised, batch_mesh(4))(key, x)
    >>> bool((found == batched(noised)(key, x)).all())
    True
    """
    fn = placed(fn, mesh)

    def run(key: Array, *batch: Any, index: Any = None) -> Any:
        return _program(mesh, fn, key, _numbers(mesh, index, batch), batch)

    return run


def compiled(
    fn: Callable[..., Any], mesh: Mesh, key: Array, *batch: Any, index: Any = None
) -> tuple[Callable[[], Any], int]:
    """The program that `sharded` would run on these arguments, to be timed.

    Returns:
        A function without arguments that runs it, and the bytes of temporary memory
        that it takes on each device.
    """
    fn, index = placed(fn, mesh), _numbers(mesh, index, batch)
    program = _program.lower(mesh, fn, key, index, batch).compile()
    analysis: Any = program.memory_analysis()
    memory = int(analysis.temp_size_in_bytes)
    return lambda: program(fn, key, index, batch), memory


def in_chunks(
    run: Callable[..., Any],
    chunk: int,
    *,
    progress: Callable[[Sequence[int]], Iterable[int]] = iter,
) -> Callable[..., Any]:
    """Map over any number of images in host memory, `chunk` of them at a time.

    Every call has the same shapes, so that one program serves all of them: the last
    chunk is filled up with its last image, and what comes of that is dropped.

    Args:
        run: `run(key, *batch, index=...)` for a batch of `chunk` images, such as
            `sharded` returns.
        chunk: images at once; bounds the memory on the devices.
        progress: wraps the positions at which chunks start, as `tqdm` does.

    Returns:
        `over(key, *batch, index=None)`: `batch` are pytrees of arrays with a leading
        axis [N]; the results are NumPy arrays in host memory.

    Raises:
        ValueError: `chunk` is not positive; in `over`, when there is no image.

    >>> from jax.tree_util import Partial
    >>> double = sharded(Partial(lambda key, x: 2 * x), batch_mesh(2))
    >>> in_chunks(double, 2)(jax.random.key(0), np.arange(5.0)).tolist()
    [0.0, 2.0, 4.0, 6.0, 8.0]
    """
    if chunk < 1:
        raise ValueError(f"`chunk` must be at least 1 image; got {chunk}.")

    def over(key: Any, *batch: Any, index: Any = None) -> Any:
        count = _length(index, batch)
        if not count:
            raise ValueError("There is no image to map over; give one at least.")
        numbers, done = np.arange(count) if index is None else index, []
        for start in progress(range(0, count, chunk)):
            rows = np.minimum(np.arange(start, start + chunk), count - 1)
            number, *part = _taken((numbers, *batch), rows)
            found = run(key, *part, index=number)
            done.append(jax.tree.map(np.asarray, found))
        return jax.tree.map(lambda *parts: np.concatenate(parts)[:count], *done)

    return over


def placed(things: Any, mesh: Mesh) -> Any:
    """A pytree whose arrays may be used with the mesh.

    Arrays that were put on other devices, such as loaded weights, are copied to each
    device of the mesh; everything else stays as it is.
    """
    where = NamedSharding(mesh, PartitionSpec())

    def put(leaf: Any) -> Any:
        fixed = isinstance(leaf, jax.Array) and leaf.committed
        away = fixed and leaf.sharding.device_set != where.device_set
        return jax.device_put(leaf, where) if away else leaf

    return jax.tree.map(put, things)


@functools.partial(jax.jit, static_argnames="mesh")
def _program(mesh: Mesh, fn: Callable, key: Array, index: Array, batch: tuple) -> Any:
    split, whole = PartitionSpec("batch"), PartitionSpec()
    share = jax.shard_map(
        lambda fn, key, index, batch: batched(fn)(key, *batch, index=index),
        mesh=mesh,
        in_specs=(whole, whole, split, split),
        out_specs=split,
    )
    return share(fn, key, index, batch)


def _numbers(mesh: Mesh, index: Any, batch: tuple) -> Any:
    """The images' own numbers, when there are as many as divide among the devices."""
    count, shares = _length(index, batch), mesh.shape["batch"]
    if count % shares:
        raise ValueError(
            f"{count} images do not divide among the {shares} devices of the mesh; "
            "take a multiple (`in_chunks` fills up the last one), or a mesh of fewer "
            "devices (`batch_mesh`)."
        )
    return np.arange(count) if index is None else index


def _length(index: Any, batch: tuple) -> int:
    leaves = jax.tree.leaves((index, batch))
    for leaf in leaves:
        checks.kept("A batch", leaf)
    return leaves[0].shape[0]


def _taken(tree: Any, rows: np.ndarray) -> Any:
    return jax.tree.map(lambda a: a[rows], tree)
