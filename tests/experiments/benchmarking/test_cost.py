"""The plan on paper: counted work, measured shares, and arithmetic."""

import dataclasses
import json
import pathlib
import re

import commands
import pytest

import experiments
from experiments.benchmarking import cost_model, cost_rates
from experiments.benchmarking.cost_model import CHIPS, METHODS, Method, chip_hours, work
from purifax import nets
from purifax.purify import ADP, Langevin

ROOT = pathlib.Path(experiments.__file__).resolve().parent.parent
RESULTS = ROOT / "experiments" / "results"
STEPS = Langevin(epsilon=0.01, steps=10**6)


def test_the_work_of_a_network_is_counted_without_its_weights():
    """A product of 3072 values with 8 columns, 8 with 10: twice the products."""
    two = Method(lambda side: nets.MLP(widths=(8,)), STEPS, told=False)
    products = 2 * (3072 * 8 + 8 * 10)
    assert products <= work(two, 32) < 1.5 * products
    # The gradient by the image of a linear layer is one more product of its size.
    slope = Method(two.module, STEPS, slope=True, told=False)
    assert 1.7 * products < work(slope, 32) < 3 * products


def test_hours_follow_from_the_work(monkeypatch):
    hours = [chip_hours(4e11, 1_281_167, chip, 0.4) for chip in CHIPS]
    assert hours[1] / hours[0] == pytest.approx(CHIPS[0].product / CHIPS[1].product)
    assert hours[0] == pytest.approx(4e11 * 1_281_167 / (790e12 * 0.4 * 3600))
    given = {"one": Method(lambda side: nets.MLP(widths=(8,)), STEPS, told=False)}
    monkeypatch.setattr(cost_model, "METHODS", given)
    first, _, head, _, row, _, second, *_ = cost_model.tables(
        32, {"one": 0.5}, 2
    ).splitlines()
    assert "1,281,167" in first and "1,000,000,000" in second
    assert head.count("|") == row.count("|") == 10
    cells = [cell.strip() for cell in row.split("|")][1:-1]
    each = 10**6 * work(given["one"], 32) / 1e12
    assert cells[:3] == ["one", f"{each:.3g}", "50%"]
    total, spread, price = (float(cell.replace(",", "")) for cell in cells[3:6])
    assert spread == pytest.approx(total / 16, rel=0.02)
    assert price == pytest.approx(total * 3.5, rel=0.02)
    chips = [dataclasses.replace(CHIPS[0], price=7.0)]
    other = cost_model.tables(32, {"one": 0.5}, 2, chips).splitlines()[4].split("|")
    assert float(other[6].replace(",", "")) == pytest.approx(2 * price, rel=0.02)


@pytest.mark.parametrize("prices", ["3.5", "3.5,x", "1,2,3", "1,-2", "1,nan"])
def test_wrong_prices_are_one_line(capsys, prices):
    code, _, err = commands.run(capsys, f"cost --prices={prices}")
    assert code == 2 and "must be 2 numbers" in err and err.count("\n") == 1


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ("--measure --measured=a.json", "exclude each other"),
        ("--measured=nowhere.json", "is no measurement"),
        ("--measure --at_once=0", "must be 1 or more"),
    ],
)
def test_a_wrong_measurement_is_one_line(capsys, flags, words):
    code, _, err = commands.run(capsys, f"cost {flags}")
    assert code == 2 and words in err and err.count("\n") == 1


@pytest.fixture
def small(monkeypatch):
    """Small networks in the place of those published."""
    dull = {"module": lambda side: nets.SmallScore(widths=(8, 16)), "told": True}
    steep = {"module": lambda side: nets.SmallEnergy(widths=(8, 16)), "told": False}
    given = {
        "ADP": Method(purifier=ADP(steps=10), **dull),
        "energy": Method(
            purifier=dataclasses.replace(STEPS, steps=300), slope=True, **steep
        ),
    }
    monkeypatch.setattr(cost_model, "METHODS", given)
    return given


def test_what_was_measured_gives_the_shares_of_the_plan(small, capsys, tmp_path):
    """Rates are the machine's; what follows from them is checked."""
    code, out, err = commands.run(
        capsys, f"cost --measure --tries=1 --workdir={tmp_path}"
    )
    assert code == 0, err
    path = tmp_path / "throughput_32.json"
    found = json.loads(path.read_text())
    assert [row["calls"] for row in found["rows"]] == [2, 3]
    for row in found["rows"]:
        of = work(small[row["purifier"]], 32, "cpu") * row["calls"] * 8 / row["seconds"]
        assert row["share"] == pytest.approx(of / found["product"])
        assert f"| {row['purifier']} |" in out and f"| {row['share']:.0%} |" in out
    code, again, _ = commands.run(capsys, f"cost --measured={path}")
    assert code == 0 and again == out
    code, _, err = commands.run(capsys, f"cost --pixels=64 --measured={path}")
    assert code == 2 and "measured at 32 pixels" in err and err.count("\n") == 1


@pytest.mark.parametrize("lost", ["product", "rows", "device"])
def test_half_a_measurement_is_one_line(capsys, tmp_path, lost):
    found = json.loads((RESULTS / "throughput_cpu_32.json").read_text())
    path = tmp_path / "half.json"
    path.write_text(json.dumps({k: v for k, v in found.items() if k != lost}))
    code, _, err = commands.run(capsys, f"cost --measured={path}")
    assert code == 2 and "is no measurement" in err and err.count("\n") == 1


def test_a_chip_that_was_measured_has_its_own_product():
    found = {"device": "NVIDIA H200", "devices": 2, "product": 1.2e15}
    assert cost_rates.known(CHIPS[0], found).product == 6e14
    assert cost_rates.known(CHIPS[1], found) == CHIPS[1]


def test_the_published_settings_make_so_many_calls():
    calls = [method.calls for method in METHODS.values()]
    assert calls == [20, 100, 100, 150, 1500]


PAGE = ROOT / "launch" / "docs" / "cost.md"


def test_the_hours_of_the_page_follow_from_what_was_measured():
    """Each row follows from its first number, the shares and `CHIPS` of today."""
    row = re.compile(r"\| (.+) \| (\S+) " + r"\| (\d+)% " + r"\| (\S+) " * 6 + r"\|")
    parts = re.split(r"\n[^\n]*?, ([\d,]+) images:\n", PAGE.read_text())[1:]
    counts = [int(count.replace(",", "")) for count in parts[::2]]
    assert counts == 2 * list(cost_model.SETS.values())
    sides = (256, 256, 32, 32)
    for side, images, part in zip(sides, counts, parts[1::2], strict=True):
        found = cost_rates.read(RESULTS / f"throughput_cpu_{side}.json", side)
        shares = {row["purifier"]: row["share"] for row in found["rows"]}
        rows = row.findall(part)
        assert [name for name, *_ in rows] == list(METHODS)
        for name, each, share, *cells in rows:
            told = [float(cell.replace(",", "")) for cell in cells]
            assert float(share) == pytest.approx(100 * shares[name], abs=0.51)
            flops = float(each.replace(",", "")) * 1e12
            for chip, seen in zip(CHIPS, (told[:3], told[3:]), strict=True):
                hours = chip_hours(flops, images, chip, shares[name])
                wanted = [hours, hours / (8 * chip.host), hours * chip.price]
                assert seen == pytest.approx(wanted, rel=0.01)
