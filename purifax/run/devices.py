"""Devices of a command: CPU cores as devices, the compilation cache, and meshes.

An XLA CPU device runs a convolution on one core, so a run on CPUs is divided among as
many CPU devices as there are cores. Call `prepare` before jax is first used.
"""

import math
import os
import pathlib
import tempfile
from typing import Any

import jax
import numpy as np
from jax import Array
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from purifax.run import allocator, places
from purifax.run.progress import say
from purifax.transform.sharding import placed

__all__ = [
    "cache",
    "everywhere",
    "found",
    "grid",
    "here",
    "joined",
    "mesh",
    "own",
    "placed",
    "prepare",
    "put",
    "replicated",
    "sharded",
    "spread",
    "worth",
]

_SMALLEST_SHARE = 16


def prepare(batch: int) -> None:
    """Set up jax for a command that works on batches of `batch` images.

    The number of CPU devices is the number of cores that this process may use, reduced
    until it divides the batch into shares of at least 16 images. A number set by the
    user (JAX_NUM_CPU_DEVICES, or the XLA flag) is left unchanged. Freed memory is kept,
    see `allocator`.
    """
    allocator.keep(_cores())
    flag = "xla_force_host_platform_device_count"
    asked = os.environ.get("JAX_NUM_CPU_DEVICES")
    if not asked and flag not in os.environ.get("XLA_FLAGS", ""):
        jax.config.update("jax_num_cpu_devices", _shares(_cores(), batch))
    if not os.environ.get("JAX_COMPILATION_CACHE_DIR"):
        _keep_compiled()
    found()


def _keep_compiled() -> None:
    """Let jax keep compiled programs for the next command, where they can be."""
    try:
        folder = cache()
    except OSError as error:
        say(f"warning: compiled programs are not kept for the next command: {error}")
        return
    jax.config.update("jax_compilation_cache_dir", str(folder))
    # Small programs are a large part of the compilations at a start.
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.05)


def cache() -> pathlib.Path:
    """The folder of compiled programs, where jax itself is not told of one.

    Raises:
        OSError: nothing can be written there.
    """
    folder = places.cache()
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder):
        return folder


def found() -> list[Any]:
    """The devices that jax uses.

    Raises:
        RuntimeError: there is none of the kind that is asked for, or its plugin fails.
    """
    try:
        return jax.devices()
    except Exception as error:  # a plugin may raise anything
        asked = os.environ.get("JAX_PLATFORMS", "")
        words = " ".join(str(error).split()) or type(error).__name__
        if asked:
            raise RuntimeError(
                f"jax finds no device for JAX_PLATFORMS={asked} ({words}). Unset it, "
                "or set it to cpu; for NVIDIA GPUs install 'purifax[gpu]', for TPUs "
                "'purifax[tpu]'."
            ) from error
        raise RuntimeError(
            f"jax finds no device ({words}); JAX_PLATFORMS=cpu computes on the CPU."
        ) from error


def _cores() -> int:
    """The number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _shares(cores: int, batch: int, worth: int = 1) -> int:
    """The largest number of equal shares of the batch that are each worth a device."""
    most = max(1, min(cores, batch * worth // _SMALLEST_SHARE))
    return next(n for n in range(most, 0, -1) if batch % n == 0)


def mesh(batch: int, count: int | None = None) -> Mesh:
    """A mesh with the one axis "batch", over the devices of all processes.

    Args:
        batch: images in a batch. count: number of devices; by default all accelerators,
        or for one process as many
            CPU devices as divide the batch.

    Raises:
        ValueError: the batch does not divide by the number of devices.
    """
    devices = jax.devices()
    alone = jax.process_count() == 1
    if count is None and alone and devices[0].platform == "cpu":
        count = _shares(len(devices), batch)
    devices = devices[:count]
    if batch % len(devices):
        below = batch - batch % len(devices)
        near = below or len(devices)
        raise ValueError(
            f"a batch of {batch} does not divide over {len(devices)} devices; "
            f"set --config.train.batch={near}, or use fewer devices."
        )
    axes = (AxisType.Auto,)
    return Mesh(np.asarray(devices), ("batch",), axis_types=axes)


def grid(images: int, count: int | None = None, worth: int = 1) -> Mesh:
    """A mesh with the axes "batch" and "draw": devices without images take EOT samples.

    Args:
        images: number of images at once. They are divided among the rows of the mesh;
            with fewer images than devices, the devices of a row have the same images.
        count: number of devices; by default as in `mesh`.
        worth: size of an image in units of a small image sampled once, see `worth`:
            a few large images are worth more CPU devices.
    """
    devices = jax.local_devices()
    if count is None and devices[0].platform == "cpu":
        count = _shares(len(devices), images, worth)
    devices = devices[:count]
    fitting = (n for n in range(len(devices), 0, -1) if len(devices) % n == 0)
    rows = next(n for n in fitting if n <= max(images, 1))
    axes = (AxisType.Auto, AxisType.Auto)
    square = np.asarray(devices).reshape(rows, -1)
    return Mesh(square, ("batch", "draw"), axis_types=axes)


def worth(shape: tuple[int, ...], draws: int = 1) -> int:
    """The work on `draws` samples of an image [H, W, C], in units of an 8 x 8 image."""
    return draws * max(1, shape[0] * shape[1] // 64)


def spread(over: Mesh, draws: int) -> Mesh:
    """The part of a grid among whose devices the number of EOT samples divides."""
    share = math.gcd(over.shape.get("draw", 1), draws)
    devices = over.devices.reshape(over.shape["batch"], -1)[:, :share]
    axes = (AxisType.Auto, AxisType.Auto)
    return Mesh(devices, ("batch", "draw"), axis_types=axes)


def sharded(over: Mesh) -> NamedSharding:
    """The sharding in which each device holds its share of the leading axis."""
    return NamedSharding(over, PartitionSpec("batch"))


def replicated(over: Mesh) -> NamedSharding:
    """The sharding in which each device holds a copy."""
    return NamedSharding(over, PartitionSpec())


def everywhere(key: Array, over: Mesh) -> Array:
    """A key known to every process, placed on all devices of the mesh."""
    words = put(np.asarray(jax.random.key_data(key)), replicated(over))
    return jax.random.wrap_key_data(words, impl=jax.random.key_impl(key))


def put(array: Any, where: NamedSharding) -> Array:
    """An array known to every process, placed on the devices of all processes."""
    host = np.asarray(array)
    return jax.make_array_from_callback(host.shape, where, host.__getitem__)


def own(over: Mesh, count: int) -> slice:
    """The rows of this process, of `count` rows divided among the devices."""
    shares = sharded(over).addressable_devices_indices_map((count,)).values()
    bounds = [rows.indices(count) for (rows,) in filter(None, shares)]
    return slice(min(b[0] for b in bounds), max(b[1] for b in bounds))


def joined(rows: np.ndarray, over: Mesh) -> Array:
    """One array from the rows of every process, divided as by `own`."""
    return jax.make_array_from_process_local_data(sharded(over), rows)


def here(tree: Any, over: Mesh) -> Any:
    """Local copies of arrays, for use by one process alone.

    Where an array is divided among processes, all of them must call this.
    """
    device = jax.local_devices()[0]
    gather = jax.jit(lambda a: a, out_shardings=replicated(over))

    def local(leaf: Array) -> Array:
        whole = leaf if leaf.is_fully_replicated else gather(leaf)
        return jax.device_put(whole.addressable_data(0), device)

    return jax.tree.map(local, tree)
