"""The loops of an attack, met one at a time.

An attack runs its loops by the `scan` it is given. Here that is a guide, which knows
where the loops stand, and acts there: it goes on until the next loop begins, or until
the iteration of the loop around, or the attack itself, ends; or it does iterations of
a loop that has none inside.
"""

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import jax
from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from purifax.transform.remat import Step
from purifax.types import noun

__all__ = ["Begun", "Ended", "Frame", "go"]


@noun
@dataclass(frozen=True)
class Frame:
    """At one depth of loops: what those that are done gave, and the one under way.

    Each is (carry, outputs), all iterations of the outputs stacked.
    """

    done: tuple[Any, ...] = ()
    now: Any = None


@noun
@dataclass(frozen=True)
class Begun:
    """A loop before its first iteration; `nested` if there are loops in it."""

    state: Any
    length: int = field(metadata={"static": True})
    nested: bool = field(metadata={"static": True})


@noun
@dataclass(frozen=True)
class Ended:
    """The loop around after its iteration, or what the attack returned."""

    state: Any


class _Reached(Exception):
    """Carries what was found at the place; the rest of the attack is not run."""

    def __init__(self, found: Any) -> None:
        super().__init__()
        self.found = found


class _Guide:
    """A `scan` that passes the loops that are done, and acts where a run stands.

    Args:
        frames: by depth, the outermost first.
        at: the iteration of each loop under way.
        stop: where that of a loop without others ends.
    """

    def __init__(
        self, frames: tuple[Frame, ...], at: tuple[Any, ...], stop: Any
    ) -> None:
        self._frames, self._at, self._stop = frames, at, stop
        self._passed, self._probing, self._nested = [0], False, False

    def __call__(self, step: Step, carry: Any, xs: Any, /) -> tuple[Any, Any]:
        if self._probing:
            self._nested = True
            return jax.lax.scan(step, carry, xs)
        depth = len(self._passed) - 1
        frame, number = self._frames[depth], self._passed[depth]
        self._passed[depth] += 1
        if number < len(frame.done):
            return frame.done[number]
        if frame.now is None:
            raise _Reached(self._begin(step, carry, xs))
        if depth + 1 == len(self._frames):
            bounds = (self._at[depth], self._stop)
            turn = Partial(_iterate, step, xs)
            raise _Reached(Ended(jax.lax.fori_loop(*bounds, turn, frame.now)))
        self._passed.append(0)
        raise _Reached(Ended(_iterate(step, xs, self._at[depth], frame.now)))

    def _begin(self, step: Step, carry: Any, xs: Any) -> Begun:
        """Traces an iteration for the shapes of its outputs, and for loops in it."""
        carry = jax.tree.map(jnp.asarray, carry)
        self._probing = True
        _, y = jax.eval_shape(step, carry, _row(xs, 0))
        self._probing = False
        length = jax.tree.leaves(xs)[0].shape[0]
        ys = jax.tree.map(lambda a: jnp.zeros((length, *a.shape), a.dtype), y)
        return Begun((carry, ys), length, self._nested)


def _iterate(step: Step, xs: Any, i: Any, state: tuple[Any, Any]) -> tuple[Any, Any]:
    carry, ys = state
    carry, y = step(carry, _row(xs, i))
    put = jax.lax.dynamic_update_index_in_dim
    return carry, jax.tree.map(lambda a, new: put(a, new, i, 0), ys, y)


def _row(xs: Any, i: Any) -> Any:
    take = jax.lax.dynamic_index_in_dim
    return jax.tree.map(lambda a: take(a, i, keepdims=False), xs)


def go(
    key: Array, *batch: Any, attack: Callable[..., Any], at: tuple, stop: Any
) -> Begun | Ended:
    """From where one image stands; the last of `batch` are its frames."""
    *image, frames = batch
    if not _takes_scan(attack):
        return Ended(attack(key, *image))
    try:
        return Ended(attack(key, *image, scan=_Guide(frames, at, stop)))
    except _Reached as reached:
        return reached.found


def _takes_scan(attack: Callable[..., Any]) -> bool:
    known = inspect.signature(attack).parameters
    return "scan" in known or any(p.kind is p.VAR_KEYWORD for p in known.values())
