"""Every named config in one line: its name, its type and a digest of its values.

    python tests/support/digests.py

writes tests/data/configs.txt anew.
"""

import hashlib
import json
import pathlib

from experiments import configs
from purifax.run import config as configlib

__all__ = ["SNAPSHOT", "lines"]

SNAPSHOT = pathlib.Path(__file__).parents[1] / "data" / "configs.txt"


def lines():
    """One line for each name, sorted."""
    return [line(name, configs.find(name)) for name in configs.names()]


def line(name, config):
    """The line of one config."""
    text = json.dumps(configlib.encode(config), sort_keys=True)
    digest = hashlib.sha256(text.encode()).hexdigest()
    return f"{name} {type(config).__name__} {digest[:16]}"


if __name__ == "__main__":
    SNAPSHOT.write_text("\n".join(lines()) + "\n")
    print(f"{SNAPSHOT} has {len(lines())} lines")
