"""Workers that die at a chosen moment, as if killed: nothing of theirs runs any more.

What a worker does to the disk goes through `purifax.data.files`, so its calls there are
counted, and those of the purifier. At the chosen one the worker is dead: that call and
all later ones of its thread raise, those that would clear up included. A write that is
cut short leaves the half of it.
"""

import builtins
import os
import threading

from purifax.data import files


class Killed(BaseException):
    """SIGKILL, for a thread."""


class Doom(threading.local):
    """How many calls the worker of this thread has left; None is for ever."""

    left = None

    def step(self):
        """One call; raises at the last one and ever after."""
        if self.left is None:
            return
        self.left -= 1
        if self.left <= 0:
            self.left = 0
            raise Killed


class MortalOs:
    """`os` of a worker that may die before any call."""

    def __init__(self, doom):
        self._doom = doom

    def __getattr__(self, name):
        real = getattr(os, name)
        if name not in ("fsync", "replace", "link", "unlink"):
            return real

        def call(*arguments):
            self._doom.step()
            return real(*arguments)

        return call


class MortalFile:
    """A file whose writer may die half way."""

    def __init__(self, file, doom):
        self._file, self._doom = file, doom

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self._file.close()

    def write(self, content):
        try:
            self._doom.step()
        except Killed:
            self._file.write(content[: len(content) // 2])
            self._file.flush()
            raise
        self._file.write(content)

    def __getattr__(self, name):
        return getattr(self._file, name)


def doom(monkeypatch):
    """Makes the disk of every thread mortal; gives what decides when."""
    fate = Doom()

    def mortal_open(*arguments):
        fate.step()
        return MortalFile(builtins.open(*arguments), fate)

    monkeypatch.setattr(files, "os", MortalOs(fate))
    monkeypatch.setattr(files, "open", mortal_open, raising=False)
    return fate
