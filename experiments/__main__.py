"""The commands of this clone: `python -m experiments` lists them."""

import pathlib
import sys

from purifax.command import ending
from purifax.recipe.spelling import nearest
from purifax.run.trees import summary

__all__ = ["commands", "main"]


def commands() -> dict[str, str]:
    """The commands, each with the first line of its docstring.

    They are read from syntax trees, so that none has to be imported.
    """
    folder = pathlib.Path(__file__).parent
    return {path.stem: summary(path) for path in sorted(folder.glob("[a-z]*.py"))}


def main(words: list[str]) -> int:
    """Print the commands; a word is answered with the command that it may mean."""
    known = commands()
    if words and words[0] not in ("--help", "-h"):
        hint = nearest(words[0], known, "python -m experiments.")
        print(f"error: {words[0]!r} is no flag here{hint}", file=sys.stderr)
        return 2
    wide = max(map(len, known))
    print("usage: python -m experiments.COMMAND --config=NAME --flag=VALUE ...\n")
    print("\n".join(f"  {name:{wide}}  {line}" for name, line in known.items()))
    print("\npython -m experiments.COMMAND --help says more of a command.")
    return 0


if __name__ == "__main__":
    sys.exit(ending.ended(lambda: main(sys.argv[1:])))
