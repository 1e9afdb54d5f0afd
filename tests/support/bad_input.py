"""Bad inputs, each with the one line that must answer it.

A module of `tests/faults` lists the inputs of one part of purifax as `ROWS`, and runs
them:

    ROWS = [
        Fault("labels", "one-hot", lambda folder: pgd(KEY, X, HOT), "`label` must be"),
        Line("labels", "train --config=digits_classifier ...", "line on stderr"),
    ]

    @pytest.mark.parametrize("row", ROWS, ids=str)
    def test_bad_input_is_one_clear_line(row, tmp_path, monkeypatch, capsys):
        monkeypatch.chdir(tmp_path)
        row.refused(tmp_path, capsys)
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import commands
import pytest

__all__ = ["Fault", "Line"]


@dataclass(frozen=True)
class Fault:
    """A call from Python that must raise one clear line.

    Attributes:
        kind: the row of the table of faults to which it counts.
        given: what is wrong, in a few words.
        act: the call, given an empty folder that is the working directory.
        says: regular expression found in the message.
    """

    kind: str
    given: str
    act: Callable[[Path], Any]
    says: str

    def refused(self, folder: Path, capsys: Any) -> None:
        """Raises ValueError, TypeError or OSError with a message of one line."""
        with pytest.raises((ValueError, TypeError, OSError)) as raised:
            self.act(folder)
        said = str(raised.value)
        assert re.search(self.says, said), said
        assert "\n" not in said.strip(), said

    def __str__(self) -> str:
        return f"{self.kind}: {self.given}"


@dataclass(frozen=True)
class Line:
    """A command line that must end with one clear line and a code other than 0.

    Attributes:
        kind: the row of the table of faults to which it counts.
        line: `train --config=...` of experiments, or `purifax purify ...`.
        says: regular expression found in the last line of stderr.
        before: makes the files that the line names, given the working directory.
    """

    kind: str
    line: str
    says: str
    before: Callable[[Path], Any] = lambda folder: None

    def refused(self, folder: Path, capsys: Any) -> None:
        """Ends with a code of 1 or 2 and no traceback; the last line says why."""
        self.before(folder)
        if self.line.startswith("purifax "):
            code, _, err = commands.verb(capsys, self.line.removeprefix("purifax "))
        else:
            code, _, err = commands.run(capsys, self.line)
        assert code in (1, 2), (code, err)
        assert "Traceback" not in err, err
        lines = err.strip().splitlines()
        assert lines and re.search(self.says, lines[-1]), err

    def __str__(self) -> str:
        return f"{self.kind}: {self.line}"
