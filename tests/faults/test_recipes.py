"""Numbers and names that recipes, threats and `evaluate` refuse."""

import jax.numpy as jnp
import pytest
from bad_input import Fault, Line

import purifax
from purifax import attack, purify
from purifax.threat import Linf

IMAGES, LABELS = jnp.zeros((2, 8, 8, 1)), jnp.zeros(2, int)


def evaluate(**given):
    given = {"purifier": None, "attacks": (), "keys": 1, "samples": 1} | given
    return lambda folder: purifax.evaluate(
        "digits_classifier", given.pop("images", IMAGES), LABELS, **given
    )


ROWS = [
    Fault("ranges", "ADP of half steps", lambda f: purify.ADP(steps=2.5), "type int"),
    Fault("ranges", "ADP of -1 noise", lambda f: purify.ADP(sigma=-1.0), "0 or more"),
    Fault("ranges", "PGD of None steps", lambda f: attack.PGD(steps=None), "type int"),
    Fault("ranges", "a negative radius", evaluate(threat=Linf(-0.1)), "radius"),
    Fault("ranges", "half a sample", evaluate(samples=2.5), "samples"),
    Line(
        "ranges",
        "evaluate --config=digits_adp --config.keys=0",
        "keys must be 1 or more",
    ),
]


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_bad_input_is_one_clear_line(row, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    row.refused(tmp_path, capsys)
