"""The settings of jax with which results are computed, whatever a program has set.

An image purified in a program with `jax_enable_x64`, or with another default kind of
key, shall have the same bits as everywhere else. So the edges that promise numbers
(`evaluate`, `purify_images`, the commands) run under jax's own defaults.
"""

import contextlib
from collections.abc import Iterator

import jax

__all__ = ["usual"]


@contextlib.contextmanager
def usual() -> Iterator[None]:
    """Run a block, or a function that it decorates, under jax's own defaults.

    >>> import jax.numpy as jnp
    >>> with jax.enable_x64(True), usual():
    ...     jnp.ones(1).dtype
    dtype('float32')
    """
    with (
        jax.enable_x64(False),
        jax.numpy_dtype_promotion("standard"),
        jax.default_matmul_precision(None),  # type: ignore[arg-type]
        jax.default_prng_impl("threefry2x32"),
        jax.threefry_partitionable(True),
    ):
        yield
