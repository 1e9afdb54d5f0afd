"""Commands built on purifax: ``python -m experiments.<verb> --config=<name>``."""

import sys

from purifax.command import ending

__all__: list[str] = []

if sys.argv[:1] == ["-m"]:  # a command starts, and Python has not read its name yet
    ending.killable()
    if words := ending.environment():
        sys.exit(f"error: {words}")
