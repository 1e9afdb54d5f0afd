"""The table of faults: kinds of bad input, and how many of each are tried."""

import importlib
import pathlib
from collections import Counter

import pytest
from bad_input import Fault, Line

HERE = pathlib.Path(__file__).parent
MODULES = sorted(p.stem for p in HERE.glob("test_*.py") if p.stem != "test_table")


def rows():
    """All rows of this folder."""
    return [r for m in MODULES for r in importlib.import_module(f"faults.{m}").ROWS]


@pytest.mark.parametrize("name", MODULES)
def test_every_module_has_rows_and_runs_them(name):
    module = importlib.import_module(f"faults.{name}")
    assert module.ROWS and all(isinstance(r, Fault | Line) for r in module.ROWS)
    mark = module.test_bad_input_is_one_clear_line.pytestmark[0]
    assert mark.name == "parametrize" and mark.args[1] is module.ROWS


def test_no_input_is_tried_twice():
    assert max(Counter(map(str, rows())).values(), default=1) == 1


def test_all_parts_are_tried():
    kinds = Counter(row.kind for row in rows())
    assert sum(kinds.values()) >= 700 and len(kinds) >= 30, table(kinds)


def table(kinds):
    """Kinds of bad input and how many of each are refused in one line."""
    return "\n".join(f"{count:4} {kind}" for kind, count in kinds.most_common())


if __name__ == "__main__":
    print(table(Counter(row.kind for row in rows())))
