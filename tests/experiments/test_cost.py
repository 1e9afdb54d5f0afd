"""The plan on paper: counted work, and arithmetic."""

import pytest

from experiments.lib import costing
from experiments.lib.costing import CHIPS, Method, chip_hours, work
from purifax import nets


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
    head, _, row = costing.table(32, 0.5, 2).splitlines()
    assert head.count("|") == row.count("|") == 15
    cells = [cell.strip() for cell in row.split("|")][1:-1]
    assert cells[:2] == ["one", f"{10**6 * work(given['one'], 32) / 1e12:.3g}"]
    total, spread, price = (float(cell.replace(",", "")) for cell in cells[2:5])
    assert spread == pytest.approx(total / 16, rel=0.02)
    assert price == pytest.approx(total * 3.5, rel=0.02)
