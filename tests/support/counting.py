"""How often networks are really run, whatever a program is made of.

A network that is `counted` reports each forward pass when it happens: in every step of
a loop, for every image of a `vmap`, and once more for a forward-mode derivative, which
costs about a pass. What reverse mode adds is not counted, but for what it recomputes.
"""

import jax
from jax.tree_util import Partial

__all__ = ["counted", "passes"]

_PASSES = []


def counted(network):
    """The network, whose first argument is an array, with its passes counted."""
    return Partial(_run, network=network)


def _run(x, *more, network):
    return network(_marked(x), *more)


@jax.custom_jvp
def _marked(x):
    # With an argument, so that no compiler takes it out of a loop.
    jax.debug.callback(_PASSES.append, x.ravel()[0])
    return x


@_marked.defjvp
def _along(primals, tangents):
    """A tangent that is there runs; one that waits to be transposed never does."""
    (x,), (v,) = primals, tangents
    jax.debug.callback(_PASSES.append, v.ravel()[0])
    return _marked(x), v


def passes(fn, *args):
    """How many passes `fn` makes in one compiled run."""
    jax.effects_barrier()
    _PASSES.clear()
    jax.block_until_ready(jax.jit(fn)(*args))
    jax.effects_barrier()
    return len(_PASSES)
