"""``metrics.jsonl``: one line of numbers per logged step; TensorBoard if present."""

import json
import math
import os
import pathlib
from typing import Any

__all__ = ["Log", "read"]


def read(path: pathlib.Path) -> list[dict[str, Any]]:
    """The complete lines of a metrics file; a torn last line is left out."""
    rows = []
    if path.exists():
        for line in path.read_text().splitlines():
            try:
                rows.append(json.loads(line))
            except json.JSONDecodeError:
                break
    return rows


class Log:
    """Appends to ``metrics.jsonl``; a resumed run continues where its state left off.

    Lines of steps after `step`, written before an interruption, are dropped: the
    resumed run does those steps again and writes the same lines.
    """

    def __init__(self, folder: pathlib.Path, step: int) -> None:
        path = folder / "metrics.jsonl"
        kept = [row for row in read(path) if row["step"] <= step]
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
