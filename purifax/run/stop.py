"""Stopping cleanly: SIGTERM and the first Ctrl-C only set a flag."""

import signal
from types import FrameType

__all__ = ["Stop", "Stopped"]


class Stopped(Exception):
    """Work was stopped on request; the finished part is stored."""


class Stop:
    """Within `with Stop() as stop`, `stop.asked` becomes true at SIGTERM or SIGINT.

    A second Ctrl-C interrupts at once.
    """

    def __init__(self) -> None:
        self.asked = False
        self._old: dict[int, object] = {}

    def __enter__(self) -> "Stop":
        for number in (signal.SIGTERM, signal.SIGINT):
            self._old[number] = signal.signal(number, self._ask)
        return self

    def __exit__(self, *exception: object) -> None:
        for number, handler in self._old.items():
            signal.signal(number, handler)  # pyright: ignore[reportArgumentType]

    def check(self) -> None:
        """Raise `Stopped` if a stop was requested."""
        if self.asked:
            raise Stopped

    def _ask(self, number: int, frame: FrameType | None) -> None:
        del frame
        if self.asked and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.asked = True
