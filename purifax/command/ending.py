"""How a command ends: its exit code, and one line on stderr for whatever failed.

Exit codes: 0 done, 1 the work failed, 2 the command line is wrong; where the work is
not done, 143 after SIGTERM and 130 after Ctrl-C; 141 if nobody reads what is printed.
"""

import errno
import io
import os
import pathlib
import signal
import sys
import traceback
from collections.abc import Callable

from purifax.run.errors import UsageError
from purifax.run.stop import Stopped

__all__ = ["ended", "environment", "killable"]

_FULL = "Free some space and run the same command again: it goes on."
ADVICE = {
    errno.ENOSPC: _FULL,
    errno.EDQUOT: _FULL,
    errno.EROFS: "Give a folder on a disk that can be written.",
    errno.EACCES: "Give a path that you may read and write.",
    errno.ENOTDIR: "A part of this path is a file; give another path.",
    errno.EEXIST: "Something else has this name; give another path.",
    errno.EISDIR: "This is a folder, and a file is needed.",
    errno.ENAMETOOLONG: "Give a shorter path.",
}
"""What to do about an error of the operating system."""

_LONGEST = 1000
"""Letters of an error that are shown; compilers write pages."""

_EXPECTED = (ValueError, OSError, RuntimeError, ImportError)
"""Errors whose message speaks to the user; of others the type is said too."""


def killable() -> None:
    """Let Ctrl-C end the process at once and silently, while it only imports."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)


def environment() -> str:
    """What is wrong with the variables JAX_... of the environment; "" if nothing is.

    jax reads them as it is imported, and refuses some there with a traceback.
    """
    if not any(name.startswith("JAX_") for name in os.environ):
        return ""
    try:
        import jax
    except ValueError as error:
        return f"{error}; correct that variable of the environment, or unset it."
    if getattr(jax.config, "jax_disable_jit"):  # noqa: B009 (pyright knows it not)
        return "JAX_DISABLE_JIT is set, and commands compile what they run; unset it."
    return ""


def ended(work: Callable[[], int | None], debug: bool = False) -> int:
    """Do the work of a command, print in one line what went wrong; the exit code.

    Args:
        work: returns an exit code, or None for 0.
        debug: print the traceback of an error, too.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:  # see `killable`
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # of letters that its encoding lacks
    try:
        code = work() or 0
        if sys.stdout is not None:
            sys.stdout.flush()
    except UsageError as error:
        code = _say(error, 2, debug)
    except BrokenPipeError:  # as in `... --print_config | head`
        code = 141
    except Stopped as stopped:
        code = stopped.code
        if str(stopped):  # of several processes one says it for all
            print(stopped, file=sys.stderr)
    except KeyboardInterrupt:
        code = 130
    except Exception as error:  # the command ends here, whatever it was
        code = _say(error, 1, debug)
    _drop_unwritten()
    return code


def _drop_unwritten() -> None:
    """Keep what cannot be printed from being tried, and complained of, at the exit."""
    if sys.stdout is None:
        return
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _say(error: Exception, code: int, debug: bool) -> int:
    """Print an error in one line (all of it with `debug`), and return `code`."""
    if debug:
        traceback.print_exception(error)
    print(f"error: {_words(error)}", file=sys.stderr)
    return code


def _words(error: Exception) -> str:
    words = " ".join(str(error).split())
    if len(words) > _LONGEST:
        words = f"{words[:_LONGEST]}... (--debug shows all)"
    if isinstance(error, MemoryError) or "RESOURCE_EXHAUSTED" in words:
        words = f"{words or 'out of memory'}".rstrip(".")
        return f"{words}. Work on fewer images at once: a smaller chunk, or batch."
    if not isinstance(error, _EXPECTED):
        return f"{type(error).__name__}: {words}".rstrip(": ") + _place(error)
    if isinstance(error, OSError) and error.errno in ADVICE:
        words = f"{words.rstrip('.')}. {ADVICE[error.errno]}"
    return words or type(error).__name__


def _place(error: Exception) -> str:
    """Where an error that purifax does not expect was raised."""
    frames = traceback.extract_tb(error.__traceback__)
    last = f" ({pathlib.Path(frames[-1].filename)}, line {frames[-1].lineno})"
    return f"{last}. purifax did not expect this; --debug shows the traceback."
