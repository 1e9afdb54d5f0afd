"""Accelerated sampling on images, with networks that have learned nothing."""

import dataclasses
import json
import types

import jax
import numpy as np
import pytest
import scipy.linalg
from jax import numpy as jnp

from experiments import accelerate as command
from experiments.configs.digits import studies
from experiments.examples import accelerate
from purifax import nets, sample, weights

SHAPE = (8, 8, 1)


@pytest.fixture
def config(tmp_path):
    score = nets.SmallScore(channels=1, widths=(16,), blocks=1)
    classifier = nets.MLP(num_classes=10, widths=())
    key, x = jax.random.key(0), jnp.zeros(SHAPE)
    for role, module, told in (
        ("score", score, (jnp.array(0.5),)),
        ("classifier", classifier, ()),
    ):
        network = nets.Network(module, nets.init(key, module, x, *told))
        weights.save(tmp_path / role, network, SHAPE, role)
    return dataclasses.replace(
        studies.accelerate(),
        score=str(tmp_path / "score"),
        classifier=str(tmp_path / "classifier"),
        samplers=("langevin", "momentum", "matched_preconditioned"),
        calls=(4,),
        rates=(0.1, 0.2),
        count=20,
        seeds=2,
    )


def test_the_command_leaves_a_table_and_pictures(config, tmp_path, capsys):
    folder = tmp_path / "out"
    options = types.SimpleNamespace(workdir=folder, data_dir=None, trust=())
    command.main(config, options)
    summary = json.loads((folder / "summary.json").read_text())
    rows = {row["name"]: row for row in summary["samplers"]}
    assert list(rows) == list(config.samplers)
    assert rows["momentum"]["rate"] in config.rates
    for row in rows.values():
        low, mean, high = (row["pixels"][part] for part in ("low", "mean", "high"))
        assert summary["floor"]["pixels"] < low < mean < high
    for name in ("distance.png", "samples.png"):
        assert (folder / name).read_bytes().startswith(b"\x89PNG")
    table = (folder / "table.md").read_text()
    assert table in capsys.readouterr().out
    assert "| matched preconditioned | " in table


def test_the_distance_is_that_of_gaussians():
    a, b = np.random.default_rng(0).normal(size=(2, 40, 3))
    a, b = 2 * a + 1, b @ np.array([[1, 0.5, 0], [0, 1, 0], [0, 0, 3.0]])
    one, two = (np.cov(v.T, bias=True) for v in (a, b))
    root = scipy.linalg.sqrtm(one @ two).real
    wanted = np.sum((a.mean(0) - b.mean(0)) ** 2) + np.trace(one + two - 2 * root)
    np.testing.assert_allclose(accelerate.frechet(a, b), wanted, rtol=1e-8)
    np.testing.assert_allclose(accelerate.frechet(a, a), 0.0, atol=1e-10)


@pytest.mark.parametrize("name", accelerate.NAMES)
@pytest.mark.parametrize("calls", [4, 7])
def test_no_sampler_exceeds_its_calls(name, calls):
    """One of them denoises, or takes the last step to level 0."""
    config = studies.accelerate()
    bound = accelerate.chain(config, name, calls, 0.1, None, sample.Filters())
    levels = bound.keywords["fn"].keywords["sigmas"]
    np.testing.assert_allclose(levels[0], config.first, rtol=1e-6)
    if name in accelerate.LADDERS:
        assert len(levels) + 1 == calls
        np.testing.assert_allclose(bound.keywords["sigma"], config.last, rtol=1e-5)
    else:
        assert 2 * (len(levels) - 1) in (calls - 1, calls) and levels[-1] == 0


def test_what_is_saved_is_told_against_the_plain_sampler():
    def row(name, calls, pixels, logits):
        found = {"pixels": {"mean": pixels}, "logits": {"mean": logits}}
        return {"name": name, "calls": calls} | found

    rows = [
        row("langevin", 10, 5.0, 5.0),
        row("langevin", 20, 3.0, 3.0),
        row("momentum", 10, 2.9, 3.5),
        row("momentum", 20, 2.0, 3.2),
        row("preconditioned", 10, 0.1, 0.1),
    ]
    told = accelerate.saved(rows)
    assert [(one["feature"], one["plain"], one["calls"]) for one in told] == [
        ("pixels", 20, 10),
        ("logits", 20, None),
    ]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"samplers": ("momentun",)}, "no sampler 'momentun'. Known: langevin"),
        ({"calls": ()}, "calls is empty"),
        ({"last": 2.0}, "first must be more than 2; got 1.0"),
        ({"rates": ()}, "rates is empty"),
    ],
)
def test_what_cannot_be_sampled_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        accelerate.check(dataclasses.replace(studies.accelerate(), **change))
