"""Attacks in segments: one that takes hours is left, and resumed, between two of them.

An attack runs its loops by the `scan` it is given. Here that is a guide, which knows
where a batch of images stands and compiles one of two small programs for that place:

    onward    run on until the next loop begins, or the iteration of the loop around,
              or the attack itself, ends
    advance   do some iterations of a loop that has none inside, from one to another

Neither the first iteration nor the last is a constant of the program. So a loop
compiles once, segments are as long as the clock asks for, and where they fall changes
no bit of the result. Between two programs the state of the loops is at hand: the carry
and the outputs so far. It is stored every so often and when a stop is asked for; keys
are not in it, they follow from the image's own.

An attack that takes no `scan` runs as one program.
"""

import inspect
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import jax
import numpy as np
from jax import Array
from jax import numpy as jnp
from jax.sharding import Mesh
from jax.tree_util import Partial

from experiments.lib import devices
from experiments.lib.answers import mapped
from experiments.lib.parts import Arrays, Parts
from experiments.lib.stop import Stop
from purifax.recompute import Step
from purifax.types import noun

__all__ = ["EVERY", "SEGMENT", "Segments"]

SEGMENT = 5.0
"""Seconds that a segment is to take: so long a stop may have to wait."""

EVERY = 60.0
"""Seconds after which the state is stored again: so much a kill may cost."""


@noun
@dataclass(frozen=True)
class _Frame:
    """At one depth of loops: what those that are done gave, and the one under way.

    Each is (carry, outputs), all iterations of the outputs stacked.
    """

    done: tuple[Any, ...] = ()
    now: Any = None


@noun
@dataclass(frozen=True)
class _Begun:
    """A loop before its first iteration; `nested` if there are loops in it."""

    state: Any
    length: int = field(metadata={"static": True})
    nested: bool = field(metadata={"static": True})


@noun
@dataclass(frozen=True)
class _Ended:
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
        self, frames: tuple[_Frame, ...], at: tuple[Any, ...], stop: Any
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
            raise _Reached(_Ended(jax.lax.fori_loop(*bounds, turn, frame.now)))
        self._passed.append(0)
        raise _Reached(_Ended(_iterate(step, xs, self._at[depth], frame.now)))

    def _begin(self, step: Step, carry: Any, xs: Any) -> _Begun:
        """Traces an iteration for the shapes of its outputs, and for loops in it."""
        carry = jax.tree.map(jnp.asarray, carry)
        self._probing = True
        _, y = jax.eval_shape(step, carry, _row(xs, 0))
        self._probing = False
        length = jax.tree.leaves(xs)[0].shape[0]
        ys = jax.tree.map(lambda a: jnp.zeros((length, *a.shape), a.dtype), y)
        return _Begun((carry, ys), length, self._nested)


def _iterate(step: Step, xs: Any, i: Any, state: tuple[Any, Any]) -> tuple[Any, Any]:
    carry, ys = state
    carry, y = step(carry, _row(xs, i))
    put = jax.lax.dynamic_update_index_in_dim
    return carry, jax.tree.map(lambda a, new: put(a, new, i, 0), ys, y)


def _row(xs: Any, i: Any) -> Any:
    take = jax.lax.dynamic_index_in_dim
    return jax.tree.map(lambda a: take(a, i, keepdims=False), xs)


def _go(
    key: Array, *batch: Any, attack: Callable[..., Any], at: tuple, stop: Any
) -> _Begun | _Ended:
    """From where one image stands; the last of `batch` are its frames."""
    *image, frames = batch
    if not _takes_scan(attack):
        return _Ended(attack(key, *image))
    try:
        return _Ended(attack(key, *image, scan=_Guide(frames, at, stop)))
    except _Reached as reached:
        return reached.found


def _takes_scan(attack: Callable[..., Any]) -> bool:
    known = inspect.signature(attack).parameters
    return "scan" in known or any(p.kind is p.VAR_KEYWORD for p in known.values())


class _Walk:
    """Where a batch stands in the loops of its attack."""

    def __init__(self) -> None:
        self.frames = [_Frame()]
        self.at: list[int] = []
        self.loops: list[_Begun] = []

    @property
    def climbs(self) -> bool:
        """Whether it stands in a loop without others."""
        return self.frames[-1].now is not None

    @property
    def loop(self) -> tuple[int, ...]:
        """The loop, whatever the iterations of those around it."""
        return tuple(len(frame.done) for frame in self.frames)

    def begin(self, loop: _Begun) -> None:
        """Into a loop."""
        self.loops.append(replace(loop, state=None))
        self.at.append(0)
        self.move(loop.state, 0)

    def move(self, state: Any, to: int) -> None:
        """On to an iteration of the innermost loop; at its end, out of it."""
        frame = replace(self.frames[-1], now=state)
        self.at[-1] = to
        if to == self.loops[-1].length:
            self.at.pop()
            self.loops.pop()
            frame = _Frame((*frame.done, state))
        elif self.loops[-1].nested:
            self.frames[-1:] = [frame, _Frame()]
            return
        self.frames[-1] = frame

    def leave(self, state: Any) -> None:
        """Out of an iteration of a loop with others in it."""
        self.frames.pop()
        self.move(state, self.at[-1] + 1)


class Segments:
    """`run(name, index, *batch) -> (result, seconds)`: an attack on a batch of images.

    Args:
        attack: one-image function `(key, *one) -> result`.
        mesh: its axis "batch" shares the images.
        parts: where the state is stored, under the name; None stores nothing.
        stop: is looked at between segments.
        segment, every: see `SEGMENT`, `EVERY`.
    """

    def __init__(
        self,
        attack: Callable[..., Any],
        mesh: Mesh,
        key: Array,
        parts: Parts | None = None,
        stop: Stop | None = None,
        *,
        segment: float = SEGMENT,
        every: float = EVERY,
    ) -> None:
        self._attack, self._mesh, self._key = attack, mesh, key
        self._parts, self._stop = parts, stop
        self._segment, self._every = segment, every
        self._paces: dict[tuple[int, ...], float | None] = {}

    def __call__(self, name: str, index: Array, *batch: Array) -> tuple[Any, float]:
        """The result, and the seconds it took, now and before it was left.

        Raises:
            Stopped: a stop was asked for; the state is stored.
        """
        began = saved = time.monotonic()
        walk, before = self._resumed(name, index, batch)
        while True:
            if walk.climbs:
                self._climb(walk, index, batch)
            else:
                run = self._program(walk)
                found = run(self._key, index, *batch, tuple(walk.frames))
                if isinstance(found, _Begun):
                    walk.begin(found)
                elif len(walk.frames) > 1:
                    walk.leave(found.state)
                else:
                    return found.state, before + time.monotonic() - began
            now = time.monotonic()
            asked = self._stop is not None and self._stop.asked
            if self._parts and (asked or now - saved >= self._every):
                stored = _stored(walk, before + now - began)
                self._parts.keep_state(name, stored)
                saved = time.monotonic()
            if self._stop:
                self._stop.check()

    def _program(self, walk: _Walk, stop: int = 0) -> Callable[..., Any]:
        """The program of a place: `(key, index, *batch, frames) -> found`."""
        here = {"attack": self._attack, "at": tuple(walk.at), "stop": stop}
        return mapped(Partial(_go, **here), self._mesh)

    def _climb(self, walk: _Walk, index: Array, batch: tuple) -> None:
        """One segment. The first of a loop compiles and does one iteration, and so
        does the second, whose time sets the length of those that follow."""
        start, pace = walk.at[-1], self._paces.get(walk.loop)
        count = max(1, int(self._segment / pace)) if pace else 1
        stop = min(start + count, walk.loops[-1].length)
        began = time.monotonic()
        run = self._program(walk, stop)
        found = run(self._key, index, *batch, tuple(walk.frames))
        jax.block_until_ready(found)
        taken = (time.monotonic() - began) / (stop - start)
        self._paces[walk.loop] = taken if walk.loop in self._paces else None
        walk.move(found.state, stop)

    def _resumed(self, name: str, index: Array, batch: tuple) -> tuple[_Walk, float]:
        """Where the batch was left, and the seconds until then.

        The beginning if nothing is stored, or the state of another attack or of
        another number of images.
        """
        stored = self._parts.state(name) if self._parts else None
        walk = self._outline(stored, index, batch) if stored else None
        if not stored or walk is None:
            return _Walk(), 0.0
        shapes, tree = jax.tree.flatten(walk.frames)
        leaves = [stored.get(f"leaf-{n}") for n in range(len(shapes))]
        for shape, leaf in zip(shapes, leaves, strict=True):
            if leaf is None or (leaf.shape, leaf.dtype) != (shape.shape, shape.dtype):
                return _Walk(), 0.0
        leaves = jax.device_put(leaves, devices.sharded(self._mesh))
        walk.frames = jax.tree.unflatten(tree, leaves)
        return walk, float(stored["seconds"])

    def _outline(self, stored: Arrays, index: Array, batch: tuple) -> _Walk | None:
        """The walk to a stored place, with shapes in place of arrays."""
        walk, at = _Walk(), stored["at"].tolist()
        for depth, count in enumerate(stored["done"].tolist()):
            for number in range(count + (depth < len(at))):
                run, frames = self._program(walk), tuple(walk.frames)
                found = jax.eval_shape(run, self._key, index, *batch, frames)
                if not isinstance(found, _Begun):
                    return None
                walk.begin(found)
                if number < count:
                    del walk.frames[depth + 1 :]
                    walk.move(found.state, found.length)
                else:
                    walk.at[-1] = at[depth]
        return walk


def _stored(walk: _Walk, seconds: float) -> Arrays:
    """What `Segments` needs to go on from here."""
    leaves = {f"leaf-{n}": a for n, a in enumerate(jax.tree.leaves(walk.frames))}
    place = {
        "at": np.array(walk.at, int),
        "done": np.array([len(frame.done) for frame in walk.frames]),
        "seconds": np.array(seconds),
    }
    return place | {name: np.asarray(leaf) for name, leaf in leaves.items()}
