"""The plan on paper: counted work, and arithmetic."""

import pathlib
import re

import commands
import pytest

import experiments
from experiments.lib import costing
from experiments.lib.costing import CHIPS, Method, chip_hours, work
from purifax import nets

ROOT = pathlib.Path(experiments.__file__).resolve().parent.parent


def test_the_work_of_a_network_is_counted_without_its_weights():
    """A product of 3072 values with 8 columns, 8 with 10: twice the products."""
    two = Method(lambda side: nets.MLP(widths=(8,)), 1, told=False)
    products = 2 * (3072 * 8 + 8 * 10)
    assert products <= work(two, 32) < 1.5 * products
    # The gradient by the image of a linear layer is one more product of its size.
    slope = Method(two.module, 1, slope=True, told=False)
    assert 1.7 * products < work(slope, 32) < 3 * products


def test_hours_follow_from_the_work(monkeypatch):
    hours = [chip_hours(4e11, 1_281_167, chip, 0.4) for chip in CHIPS]
    assert hours[1] / hours[0] == pytest.approx(CHIPS[0].peak / CHIPS[1].peak)
    assert hours[0] == pytest.approx(4e11 * 1_281_167 / (989e12 * 0.4 * 3600))
    given = {"one": Method(lambda side: nets.MLP(widths=(8,)), 10**6, told=False)}
    monkeypatch.setattr(costing, "METHODS", given)
    first, _, head, _, row, _, second, *_ = costing.tables(32, 0.5, 2).splitlines()
    assert "1,281,167" in first and "1,000,000,000" in second
    assert head.count("|") == row.count("|") == 9
    cells = [cell.strip() for cell in row.split("|")][1:-1]
    each = 10**6 * work(given["one"], 32) / 1e12
    assert cells[:2] == ["one", f"{each:.3g}"]
    total, spread, price = (float(cell.replace(",", "")) for cell in cells[2:5])
    assert spread == pytest.approx(total / 16, rel=0.02)
    assert price == pytest.approx(total * 3.5, rel=0.02)
    other = costing.tables(32, 0.5, 2, [7.0, 0.0]).splitlines()[4].split("|")
    assert float(other[5].replace(",", "")) == pytest.approx(2 * price, rel=0.02)
    assert other[8].strip() == "0"


@pytest.mark.parametrize("prices", ["3.5", "3.5,x", "1,2,3", "1,-2", "1,nan"])
def test_wrong_prices_are_one_line(capsys, prices):
    code, _, err = commands.run(capsys, f"cost --prices={prices}")
    assert code == 2 and "must be 2 numbers" in err and err.count("\n") == 1


PAGE = ROOT / "launch" / "docs" / "cost.md"


def test_the_hours_of_the_page_are_those_of_its_work():
    """Each row follows from its first number by what `CHIPS` says today."""
    row = re.compile(r"\| (.+) \| (\S+) " + r"\| (\S+) " * 6 + r"\|")
    parts = re.split(r"\n[^\n]*?, ([\d,]+) images:\n", PAGE.read_text())[1:]
    counts = [int(count.replace(",", "")) for count in parts[::2]]
    assert counts == 2 * list(costing.SETS.values())
    for images, part in zip(counts, parts[1::2], strict=True):
        rows = row.findall(part)[1:]
        assert [name for name, *_ in rows] == list(costing.METHODS)
        for _, *cells in rows:
            each, *told = (float(cell.replace(",", "")) for cell in cells)
            for chip, found in zip(CHIPS, (told[:3], told[3:]), strict=True):
                hours = chip_hours(each * 1e12, images, chip, 0.4)
                wanted = [hours, hours / (8 * chip.host), hours * chip.price]
                assert found == pytest.approx(wanted, rel=0.01)
