"""Attacks in segments: one that takes hours is left, and resumed, between two of them.

The guide of `loops` makes small programs of an attack: up to a loop, some iterations of
it, on to the next loop. Neither the first iteration nor the last is a constant of the
program. So a loop compiles once, segments are as long as the clock asks for, and where
they fall changes no bit of the result. Between two programs the state of the loops is
at hand: the carry and the outputs so far. It is stored every so often and when a stop
is asked for; keys are not in it, they follow from the image's own.

An attack that takes no `scan` runs as one program.
"""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import jax
import numpy as np
from jax import Array
from jax.sharding import Mesh
from jax.tree_util import Partial

from purifax.evaluation.predictions import mapped
from purifax.evaluation.resumable_loops import Begun, Frame, go
from purifax.evaluation.store import Arrays, Parts
from purifax.run import devices
from purifax.run.stop import Stop, Stopped

__all__ = ["EVERY", "SEGMENT", "Segments"]

SEGMENT = 5.0
"""Seconds that a segment is to take: so long a stop may have to wait."""

EVERY = 60.0
"""Seconds after which the state is stored again: so much a kill may cost."""


class _Walk:
    """Where a batch stands in the loops of its attack."""

    def __init__(self) -> None:
        self.frames = [Frame()]
        self.at: list[int] = []
        self.loops: list[Begun] = []

    @property
    def climbs(self) -> bool:
        """Whether it stands in a loop without others."""
        return self.frames[-1].now is not None

    @property
    def loop(self) -> tuple[int, ...]:
        """The loop, whatever the iterations of those around it."""
        return tuple(len(frame.done) for frame in self.frames)

    def begin(self, loop: Begun) -> None:
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
            frame = Frame((*frame.done, state))
        elif self.loops[-1].nested:
            self.frames[-1:] = [frame, Frame()]
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
        self._attack = devices.placed(attack, mesh)
        self._mesh, self._key = mesh, key
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
                if isinstance(found, Begun):
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
            if asked:
                raise Stopped

    def _program(self, walk: _Walk, stop: int = 0) -> Callable[..., Any]:
        """The program of a place: `(key, index, *batch, frames) -> found`."""
        here = {"attack": self._attack, "at": tuple(walk.at), "stop": stop}
        return mapped(Partial(go, **here), self._mesh)

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
                if not isinstance(found, Begun):
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
