"""Rematerialisation policies: what the gradient of a chain of steps keeps in memory.

Reverse mode needs every state of a chain, last to first. With T steps, S the memory of
one state and A that of all values inside one step,

    none          T A                nothing is recomputed: every value is kept
    every_step    T S + A            the states are kept, each step runs once more
    square_root   2 sqrt(T) S + A    every sqrt(T)-th state is kept, and the states of
                                     one segment at a time; each step runs twice more
    auto          `every_step` below `LONG` steps, `square_root` from there on
    Within        the fastest of the first three that fits into so many bytes

All have the signature of `jax.lax.scan` and run the same steps forward. Noise is a
function of the key and the step, so a recomputed step draws the same noise.

A state is an image; A is what a network keeps for its gradient, which is hundreds of
images. So the states weigh as much as one step only after hundreds of steps, and
`square_root` costs one more run of the chain: hence `LONG`. `experiments.benchmark`
measures both.

`witness` checks that recomputed states are those of the forward pass.

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
    "every_step",
    "none",
    "sizes",
    "square_root",
    "witness",
]

LONG = 256
"""Number of steps from which `auto` is `square_root`.

For ADP on one CIFAR-10 image with a small score network and classifier, the compiler
reserves on a CPU, in MiB, 5.0, 7.3 and 15.5 for 100, 300 and 1,000 steps with
`every_step`, and 4.0, 4.2 and 4.5 with `square_root`; `none` takes 408 for 100 steps.
"""

Step = Callable[[Any, Any], tuple[Any, Any]]
"""`step(carry, x) -> (carry, y)`."""


class Scan(Protocol):
    """`scan(step, carry, xs) -> (carry, ys)`, as `jax.lax.scan`."""

    def __call__(self, step: Step, carry: Any, xs: Any, /) -> tuple[Any, Any]:
        """The last carry, and every y."""
        ...


def none(step: Step, carry: Any, xs: Any) -> tuple[Any, Any]:
    """`jax.lax.scan` as it is: every value is kept, nothing is recomputed.

    >>> x, path = none(lambda x, a: (a * x, x), jnp.ones(()), jnp.array([2.0, 3.0]))
    >>> float(x), path.tolist()
    (6.0, [1.0, 2.0])
    """
    return jax.lax.scan(step, carry, xs)


def every_step(step: Step, carry: Any, xs: Any) -> tuple[Any, Any]:
    """A scan that keeps the states and recomputes each step from its state.

    >>> step, start = (lambda x, a: (a * x, x)), jnp.ones(())
    >>> x, path = every_step(step, start, jnp.array([2.0, 3.0]))
    >>> float(x), path.tolist()
    (6.0, [1.0, 2.0])
    """
    return jax.lax.scan(jax.checkpoint(step), carry, xs)


def square_root(
    step: Step, carry: Any, xs: Any, *, segment: int | None = None
) -> tuple[Any, Any]:
    """A scan over segments: it keeps one state each, and all those of one at a time.

    Steps that do not fill a segment come last, in a shorter segment.

    Args:
        xs: a pytree with leading axes [T].
        segment: steps in a segment; about sqrt(T) if None.

    Raises:
        ValueError: `segment` is not positive.

    >>> step, start = (lambda x, a: (a * x, x)), jnp.ones(())
    >>> x, path = square_root(step, start, jnp.array([2.0, 3.0]))
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
        return every_step(step, carry, xs)

    cut = whole * size
    full = jax.tree.map(lambda a: a[:cut].reshape(whole, size, *a.shape[1:]), xs)
    carry, ys = jax.lax.scan(run, carry, full)
    ys = jax.tree.map(lambda a: a.reshape(cut, *a.shape[2:]), ys)
    if cut == steps:
        return carry, ys
    carry, rest = run(carry, jax.tree.map(lambda a: a[cut:], xs))
    return carry, jax.tree.map(lambda *parts: jnp.concatenate(parts), ys, rest)


def auto(step: Step, carry: Any, xs: Any) -> tuple[Any, Any]:
    """`every_step` for short chains, `square_root` from `LONG` steps on.

    >>> x, path = auto(lambda x, a: (a * x, x), jnp.ones(()), jnp.array([2.0, 3.0]))
    >>> float(x), path.tolist()
    (6.0, [1.0, 2.0])
    """
    return (square_root if _length(xs) >= LONG else every_step)(step, carry, xs)


def sizes(step: Step, carry: Any, xs: Any) -> tuple[int, int]:
    """Bytes of one state, and of what one step keeps for its gradient under `none`.

    Both are counted by tracing chains of one and of two steps, so that what all steps
    share, such as parameters, is in neither. The compiler may keep less.

    Args:
        xs: a pytree with leading axes [T]; for T = 1 the second number is 0.

    >>> sizes(lambda x, a: (a * jnp.sin(x), None), jnp.ones(5), jnp.ones(7))
    (20, 24)
    """

    def kept(steps: int) -> int:
        some = jax.tree.map(lambda a: a[:steps], xs)
        pull = jax.eval_shape(
            lambda carry: jax.vjp(lambda c: none(step, c, some), carry)[1], carry
        )
        return _bytes(pull)

    return _bytes(carry), kept(2) - kept(1)


@noun
@dataclass(frozen=True)
class Within:
    """The fastest of `none`, `every_step` and `square_root` within a memory limit.

    Where none of them fits, `square_root` is taken. The choice is made while tracing,
    from the `sizes` of the chain of one image: with N chains on a device at once, give
    each an Nth of its memory. The choice changes gradients by rounding alone.

    Attributes:
        memory: bytes for one chain.

    >>> step, start = (lambda x, a: (a * jnp.sin(x), None)), jnp.ones(5)
    >>> [Within(m).choice(step, start, jnp.ones(7)).__name__ for m in (168, 164, 0)]
    ['none', 'every_step', 'square_root']
    """

    memory: int = field(metadata={"static": True})

    def __call__(self, step: Step, carry: Any, xs: Any, /) -> tuple[Any, Any]:
        """Run the chain under the chosen policy."""
        return self.choice(step, carry, xs)(step, carry, xs)

    def choice(self, step: Step, carry: Any, xs: Any) -> Scan:
        """The policy for these steps."""
        (state, work), steps = sizes(step, carry, xs), _length(xs)
        if steps * work <= self.memory:
            return none
        return every_step if steps * state + work <= self.memory else square_root


def witness(
    step: Step, carry: Any, xs: Any, *, scan: Scan, report: Array
) -> tuple[Any, Any]:
    """`scan`, whose gradient with respect to `report` compares both its passes.

    The chain first runs once with all its states kept. Where the backward pass of
    `scan` recomputes the state after a step, it is compared with the kept one, and the
    cotangent of `report: [2]` grows by

        (the largest absolute difference, 1).

    So the first entry is zero exactly if every recomputed state has the bits of the
    kept one, and the second counts them. Works through any nesting of scans.

    >>> def last(report):
    ...     halve = lambda x, a: (a * x, None)
    ...     halves, start = jnp.full(5, 0.5), jnp.ones(3)
    ...     x, _ = witness(halve, start, halves, scan=square_root, report=report)
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
