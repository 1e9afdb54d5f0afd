"""How a chain of steps is kept for its gradient: stored, or computed again.

Reverse mode needs every state of a chain again, last to first. With T steps, S the
memory of one state and A that of all values inside one step,

    stored      T A                 every value is kept
    each_step   T S + A             the states are kept, each step is run once more
    nested      2 sqrt(T) S + A     every sqrt(T)-th state is kept, and within one
                                    segment its states; each step is run twice more
    auto        `each_step` below `LONG` steps, `nested` from there
    Within      the fastest of the first three whose memory is within a limit

All have the signature of `jax.lax.scan` and run the same steps forward. Noise is a
function of the key and the step, so it is drawn again alike.

A state is an image; A is what a network keeps for its gradient, hundreds of images. So
the states weigh as much as one step only after hundreds of steps, and nesting costs a
run of the chain more: hence `LONG`. `experiments.benchmark` measures both.

`witness` tells whether what is computed again is what was there at first.

Source: Griewank 1992 (checkpointing); Chen et al. 2016, arXiv 1604.06174, section 4.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

import jax
from jax import Array
from jax import numpy as jnp

from purifax.types import noun

__all__ = [
    "LONG",
    "Scan",
    "Within",
    "auto",
    "each_step",
    "nested",
    "sizes",
    "stored",
    "witness",
]

LONG = 256
"""Steps from which `auto` nests.

ADP on one CIFAR-10 image with a small score network and classifier takes, in MiB by the
compiler on a CPU, 5.0, 7.3 and 15.5 for 100, 300 and 1,000 steps recomputed one by one,
and 4.0, 4.2 and 4.5 nested; storing everything takes 408 for 100 steps.
"""

Step = Callable[[Any, Any], tuple[Any, Any]]
"""`step(carry, x) -> (carry, y)`."""


class Scan(Protocol):
    """`scan(step, carry, xs) -> (carry, ys)`, as `jax.lax.scan`."""

    def __call__(self, step: Step, carry: Any, xs: Any, /) -> tuple[Any, Any]:
        """The last carry, and every y."""
        ...


def stored(step: Step, carry: Any, xs: Any) -> tuple[Any, Any]:
    """`jax.lax.scan`: nothing is computed again.

    >>> x, path = stored(lambda x, a: (a * x, x), jnp.ones(()), jnp.array([2.0, 3.0]))
    >>> float(x), path.tolist()
    (6.0, [1.0, 2.0])
    """
    return jax.lax.scan(step, carry, xs)


def each_step(step: Step, carry: Any, xs: Any) -> tuple[Any, Any]:
    """A scan that keeps the carries alone and runs each step again.

    >>> step, start = (lambda x, a: (a * x, x)), jnp.ones(())
    >>> x, path = each_step(step, start, jnp.array([2.0, 3.0]))
    >>> float(x), path.tolist()
    (6.0, [1.0, 2.0])
    """
    return jax.lax.scan(jax.checkpoint(step), carry, xs)


def nested(
    step: Step, carry: Any, xs: Any, *, segment: int | None = None
) -> tuple[Any, Any]:
    """A scan over segments: one carry is kept for each, and all within one at a time.

    Steps that do not fill a segment come last, in a shorter one of their own.

    Args:
        xs: a pytree with leading axes [T].
        segment: steps in a segment; about sqrt(T) if None.

    Raises:
        ValueError: `segment` is not positive.

    >>> x, path = nested(lambda x, a: (a * x, x), jnp.ones(()), jnp.array([2.0, 3.0]))
    >>> float(x), path.tolist()
    (6.0, [1.0, 2.0])
    """
    steps = _length(xs)
    size = max(1, round(math.sqrt(steps))) if segment is None else segment
    if size < 1:
        raise ValueError(f"`segment` must be at least 1 step, or None; got {segment}.")
    whole = steps // size

    @jax.checkpoint
    def run(carry: Any, xs: Any) -> tuple[Any, Any]:
        return each_step(step, carry, xs)

    cut = whole * size
    full = jax.tree.map(lambda a: a[:cut].reshape(whole, size, *a.shape[1:]), xs)
    carry, ys = jax.lax.scan(run, carry, full)
    ys = jax.tree.map(lambda a: a.reshape(cut, *a.shape[2:]), ys)
    if cut == steps:
        return carry, ys
    carry, rest = run(carry, jax.tree.map(lambda a: a[cut:], xs))
    return carry, jax.tree.map(lambda *parts: jnp.concatenate(parts), ys, rest)


def auto(step: Step, carry: Any, xs: Any) -> tuple[Any, Any]:
    """`each_step` for short chains, `nested` for those of `LONG` steps or more.

    >>> x, path = auto(lambda x, a: (a * x, x), jnp.ones(()), jnp.array([2.0, 3.0]))
    >>> float(x), path.tolist()
    (6.0, [1.0, 2.0])
    """
    return (nested if _length(xs) >= LONG else each_step)(step, carry, xs)


def sizes(step: Step, carry: Any, xs: Any) -> tuple[int, int]:
    """Bytes of one state, and of all that one step stored keeps for its gradient.

    Counted by tracing two steps and one: what all steps share, such as parameters, is
    in neither. The compiler may keep less.

    Args:
        xs: a pytree with leading axes [T]; with one step it keeps nothing that another
            would add, and the second number is 0.

    >>> sizes(lambda x, a: (a * jnp.sin(x), None), jnp.ones(5), jnp.ones(7))
    (20, 24)
    """

    def kept(steps: int) -> int:
        some = jax.tree.map(lambda a: a[:steps], xs)
        pull = jax.eval_shape(
            lambda carry: jax.vjp(lambda c: stored(step, c, some), carry)[1], carry
        )
        return _bytes(pull)

    return _bytes(carry), kept(2) - kept(1)


@noun
@dataclass(frozen=True)
class Within:
    """The fastest of `stored`, `each_step` and `nested` that keeps so many bytes.

    `nested` is taken where none fits. The choice is made while tracing, by `sizes`,
    from what one chain of one image keeps: with N chains on a device at once, each may
    have an Nth of its memory. Which one it is changes gradients by rounding alone.

    Attributes:
        memory: bytes for one chain.

    >>> step, start = (lambda x, a: (a * jnp.sin(x), None)), jnp.ones(5)
    >>> [Within(m).choice(step, start, jnp.ones(7)).__name__ for m in (168, 164, 0)]
    ['stored', 'each_step', 'nested']
    """

    memory: int = field(metadata={"static": True})

    def __call__(self, step: Step, carry: Any, xs: Any, /) -> tuple[Any, Any]:
        """The scan chosen, done."""
        return self.choice(step, carry, xs)(step, carry, xs)

    def choice(self, step: Step, carry: Any, xs: Any) -> Scan:
        """The scan for these steps."""
        (state, work), steps = sizes(step, carry, xs), _length(xs)
        if steps * work <= self.memory:
            return stored
        return each_step if steps * state + work <= self.memory else nested


def witness(
    step: Step, carry: Any, xs: Any, *, scan: Scan, report: Array
) -> tuple[Any, Any]:
    """`scan`, whose gradient in `report` compares the states of both its passes.

    The chain is first run and stored. Where the backward pass of `scan` computes the
    state after a step again, it is compared with the stored one, and the cotangent
    of `report: [2]` grows by

        (the largest absolute difference, 1).

    So the first entry is zero exactly if every state computed again has the bits of the
    stored one, and the second counts them. Works through any nesting of scans.

    >>> def last(report):
    ...     halve = lambda x, a: (a * x, None)
    ...     halves, start = jnp.full(5, 0.5), jnp.ones(3)
    ...     x, _ = witness(halve, start, halves, scan=nested, report=report)
    ...     return jnp.sum(x)
    >>> jax.grad(last)(jnp.zeros(2)).tolist()
    [0.0, 5.0]
    """

    def states(carry: Any, x: Any) -> tuple[Any, Any]:
        after, _ = step(carry, x)
        return after, after

    frozen = jax.lax.stop_gradient((carry, xs))
    first = jax.lax.stop_gradient(jax.lax.scan(states, *frozen)[1])

    def compared(carry: Any, at: tuple[Any, Any]) -> tuple[Any, Any]:
        x, state = at
        after, y = step(carry, x)
        leaves, shape = jax.tree.flatten(after)
        tapped = [
            _tap(a, b, report) if jnp.issubdtype(a.dtype, jnp.floating) else a
            for a, b in zip(leaves, jax.tree.leaves(state), strict=True)
        ]
        return jax.tree.unflatten(shape, tapped), y

    return scan(compared, carry, (xs, first))


def _bytes(tree: Any) -> int:
    return sum(a.size * a.dtype.itemsize for a in jax.tree.leaves(tree))


def _length(xs: Any) -> int:
    return jax.tree.leaves(xs)[0].shape[0]


@jax.custom_vjp
def _tap(again: Array, first: Array, report: Array) -> Array:
    """`again`; its backward pass adds the comparison with `first` to `report`."""
    del first, report
    return again


def _tap_forward(again: Array, first: Array, report: Array) -> tuple[Array, tuple]:
    return again, (again, first, report)


def _tap_backward(kept: tuple, cotangent: Array) -> tuple[Array, Array, Array]:
    again, first, report = kept
    gap = jnp.max(jnp.abs(again - first)).astype(report.dtype)
    found = jnp.stack([gap, jnp.ones_like(gap)])
    return cotangent, jnp.zeros_like(first), found


_tap.defvjp(_tap_forward, _tap_backward)
