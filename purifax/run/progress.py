"""Progress on stderr: a bar on a terminal, otherwise occasional lines."""

import io
import math
import sys
import time
from collections.abc import Iterator, Sequence
from typing import TextIO, TypeVar

__all__ = ["SOON", "Progress", "clock", "each", "say"]

SOON = 2.0
"""Seconds before progress is shown for work that may be short."""

_Item = TypeVar("_Item")


class Progress:
    """Shows the steps done, the loss, the rate and the time left.

    The rate is that of the steps after the first, which excludes compilation.

    Args:
        what: the name of the work.
        start: steps done before.
        total: number of steps in all.
        every: seconds between two lines, where there is no terminal.
        out: a text stream; stderr by default.
        unit: the name of a step.
        soon: seconds before anything is shown.
    """

    def __init__(
        self,
        what: str,
        start: int,
        total: int,
        every: float = 15.0,
        out: TextIO | None = None,
        unit: str = "step",
        soon: float = 0.0,
    ) -> None:
        self._what, self._total, self._unit = what, total, unit
        self._out = out or sys.stderr or io.StringIO()  # none if it is closed
        self._bar = self._out.isatty()
        self._every = 0.2 if self._bar else every
        self._first, self._since = start + 1, time.monotonic()
        self._from = self._since + soon
        self._shown = -math.inf

    def update(self, step: int, loss: float | None = None, more: str = "") -> None:
        """Report that `step` steps are done, with the loss if any, and more."""
        now = time.monotonic()
        if step <= self._first:
            self._first, self._since = step, now
        if now < self._from:
            return
        if step == self._total or now - self._shown >= self._every:
            self._shown = now
            self._show(step, loss, more)

    def rate(self, step: int) -> float:
        """Steps per second; 0 while unknown."""
        spent = time.monotonic() - self._since
        return (step - self._first) / spent if spent > 0 and step > self._first else 0.0

    def close(self) -> None:
        """End the line of a bar, if there is one."""
        if self._bar and self._shown > -math.inf:
            self._out.write("\n")

    def _show(self, step: int, loss: float | None, more: str) -> None:
        part, rate = step / max(self._total, 1), self.rate(step)
        left = clock((self._total - step) / rate) if rate else "--:--"
        value = "" if loss is None else f"loss {loss:.4g}, "
        words = (
            f"{self._what}: {self._unit} {step}/{self._total} ({part:.0%}), "
            f"{value}{more}{rate:.3g} {self._unit}s/s, {left} left"
        )
        if self._bar:
            full = round(20 * part)
            self._out.write(f"\r[{'#' * full}{'.' * (20 - full)}] {words}\x1b[K")
        else:
            self._out.write(words + "\n")
        self._out.flush()


def each(what: str, items: Sequence[_Item], unit: str = "step") -> Iterator[_Item]:
    """Yield the items, and show progress once they have taken `SOON` seconds.

    >>> list(each("squares", [1, 2]))
    [1, 2]
    """
    shown = Progress(what, 0, len(items), unit=unit, soon=SOON)
    try:
        for done, item in enumerate(items, 1):
            yield item
            shown.update(done)
    finally:
        shown.close()


def clock(seconds: float) -> str:
    """Seconds as 1:02:03 or 2:03.

    >>> clock(3723), clock(123.4)
    ('1:02:03', '2:03')
    """
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"


def say(words: str) -> None:
    """Write a line to stderr, and flush it."""
    print(words, file=sys.stderr, flush=True)
