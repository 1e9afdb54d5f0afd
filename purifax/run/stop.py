"""Stopping cleanly: SIGTERM and the first Ctrl-C only set a flag."""

import signal
from types import FrameType

__all__ = ["Stop", "Stopped"]


class Stopped(Exception):
    """Work was stopped on request; the finished part is stored.

    Attributes:
        number: of the signal that asked for it.
    """

    def __init__(self, words: str = "", number: int = signal.SIGTERM) -> None:
        super().__init__(words)
        self.number = number

    @property
    def code(self) -> int:
        """The exit code of a command that was stopped, as shells give it.

        >>> Stopped().code, Stopped(number=signal.SIGINT).code
        (143, 130)
        """
        return 128 + self.number


class Stop:
    """Within `with Stop() as stop`, `stop.asked` becomes true at SIGTERM or SIGINT.

    A second Ctrl-C interrupts at once.

    Attributes:
        number: of the first signal.
    """

    def __init__(self) -> None:
        self.asked = False
        self.number: int = signal.SIGTERM
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
            raise Stopped(number=self.number)

    def _ask(self, number: int, frame: FrameType | None) -> None:
        del frame
        if self.asked and number == signal.SIGINT:
            raise KeyboardInterrupt
        if not self.asked:
            self.asked, self.number = True, number
