"""Several processes at one training: told apart, agreeing on a stop, waiting.

The processes share the work directory, and jax's own runtime joins their devices. Each
runs the same program; what is asked of all of them must be asked by all.
"""

import contextlib
import os
from collections.abc import Iterator

import jax
import numpy as np
from jax import Array
from jax import numpy as jnp
from jax.experimental import multihost_utils
from jax.sharding import Mesh

from purifax.fleet import start
from purifax.run import devices
from purifax.run.progress import say
from purifax.run.stop import Stopped

__all__ = ["any_of", "begin", "failing", "first", "tell", "wait"]


def begin(mode: str) -> start.Start:
    """Joins the processes of a training, before jax is used; see `fleet.start`.

    They need each other at every step: when one dies, the others end too.
    """
    return start.start(mode, outlive=False)


@contextlib.contextmanager
def failing() -> Iterator[None]:
    """Within it, one of several processes that fails leaves at once, with one line.

    An orderly end would wait for the others, which wait for this one in a step.
    """
    try:
        yield
    except Stopped:  # by all of them, after the same step
        raise
    except Exception as error:
        if jax.process_count() == 1:
            raise
        words = " ".join(str(error).split()) or type(error).__name__
        say(f"error: {words} (process {jax.process_index()})")
        os._exit(1)


def first() -> bool:
    """Whether this process is the one that writes and speaks for all."""
    return jax.process_index() == 0


def tell(words: str) -> None:
    """Writes a line to stderr, once for all processes."""
    if first():
        say(words)


def any_of(mine: bool, over: Mesh) -> bool:
    """Whether it is true of any process; all of them must ask."""
    if jax.process_count() == 1:
        return mine
    rows = np.full(over.size, mine)
    spread = devices.put(rows, devices.sharded(over))
    return bool(_any(spread, devices.replicated(over)))


def _any(rows: Array, one: jax.sharding.NamedSharding) -> Array:
    return jax.jit(jnp.any, out_shardings=one)(rows)


def wait(what: str) -> None:
    """Returns when all processes have come here."""
    if jax.process_count() > 1:
        multihost_utils.sync_global_devices(what)
