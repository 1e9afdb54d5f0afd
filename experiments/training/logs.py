"""``metrics.jsonl``: one line of numbers per logged step; TensorBoard if present."""

import json
import math
import os
import pathlib
from typing import Any

from purifax.run import json_text
from purifax.run.progress import say

__all__ = ["Log", "read"]


def read(path: pathlib.Path) -> list[dict[str, Any]]:
    """The whole lines of a metrics file; torn and damaged ones are left out."""
    lines = path.read_bytes().splitlines() if path.exists() else []
    return [row for row in map(_row, lines) if row is not None]


def _row(line: bytes) -> dict[str, Any] | None:
    """The numbers of a line; None if it is none of ours."""
    try:
        row = json_text.parsed(line, "metrics.jsonl", dict)
    except ValueError:
        return None
    whole = isinstance(row.get("step"), int)
    return row if whole else None


class Log:
    """Appends to ``metrics.jsonl``; a resumed run continues where its state left off.

    Lines of steps after `step`, written before an interruption, are dropped: the
    resumed run does those steps again and writes the same lines.
    """

    def __init__(self, folder: pathlib.Path, step: int) -> None:
        path = folder / "metrics.jsonl"
        rows = read(path)
        kept = [row for row in rows if row["step"] <= step]
        lost = len(path.read_bytes().splitlines()) - len(rows) if path.exists() else 0
        if lost:
            say(f"{path} has {lost} damaged line(s), which are left out.")
        part = path.with_name("metrics.jsonl.part")
        part.write_text("".join(json.dumps(row) + "\n" for row in kept))
        os.replace(part, path)
        self._file = path.open("a")
        self._board = _board(folder, step)

    def write(self, step: int, values: dict[str, float]) -> None:
        """Writes the numbers of a step; a number that is not finite becomes null."""
        row = {"step": step} | {k: _plain(v) for k, v in values.items()}
        self._file.write(json.dumps(row) + "\n")
        self._file.flush()
        if self._board is not None:
            for name, value in values.items():
                self._board.add_scalar(name, value, step)

    def close(self) -> None:
        """Closes the files."""
        self._file.close()
        if self._board is not None:
            self._board.close()


def _plain(value: float) -> float | None:
    """Six significant digits are enough for a curve; JSON knows no NaN."""
    return float(f"{value:.6g}") if math.isfinite(value) else None


def _board(folder: pathlib.Path, step: int) -> Any:
    """A TensorBoard writer, if tensorboardX is installed."""
    try:
        from tensorboardX import SummaryWriter
    except ImportError:
        return None
    return SummaryWriter(str(folder / "tensorboard"), purge_step=step + 1)
