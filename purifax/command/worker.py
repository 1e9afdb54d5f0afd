"""Which of several workers this is: by `--worker`, or as the platform says."""

import os

from absl import flags

from purifax.command import distributed
from purifax.fleet import start
from purifax.run.errors import UsageError

__all__ = ["number", "parsed"]

flags.DEFINE_string("worker", None, "This worker and how many there are: 0/4 to 3/4.")


def number(options: flags.FlagValues) -> tuple[int, int]:
    """This worker and how many there are; (0, 1) of one alone.

    Workers need not know each other, so jax's own runtime is started only where it has
    to be, on a TPU slice, or is asked for by `--distributed=on`.

    Raises:
        UsageError: `--worker` is not like 0/4.
        ValueError: as `fleet.start`.
    """
    given, mode = parsed(options.worker), distributed.mode(options)
    found = start.decide(os.environ, "off" if given and mode == "auto" else mode)
    if mode == "on" or found.platform == "tpu":
        start.start(mode)
    return given or (found.process, found.processes)


def parsed(text: str | None) -> tuple[int, int] | None:
    """The two numbers of `--worker=i/n`.

    Raises:
        UsageError: it is something else.
    """
    if text is None:
        return None
    first, slash, second = text.partition("/")
    if not (slash and text.isascii() and first.isdecimal() and second.isdecimal()):
        raise UsageError(f"--worker={text} must be like 0/4, which is first.")
    if not int(first) < int(second):
        raise UsageError(f"--worker={text}: workers count from 0 to {int(second) - 1}.")
    return int(first), int(second)
