"""A density in the plane learnt from samples, measured where the truth is known."""

import dataclasses
import json
import types

import numpy as np
import pytest

from experiments import density as command
from experiments.configs.studies import plane_density
from experiments.examples import density

GIVEN = dataclasses.replace(plane_density(), drawn=500)


def test_a_density_is_learnt_from_samples(tmp_path, capsys):
    options = types.SimpleNamespace(workdir=tmp_path)
    command.main(GIVEN, options)
    found = json.loads((tmp_path / "summary.json").read_text())
    apart = found["divergence"]
    assert apart["before"] > 0.5 and apart["normal"] > 0.2
    assert 0 < apart["after"] < 0.05
    # Chains from noise find all blobs: chance alone is 0.09 for 500 points.
    assert found["chains"] < 0.12
    assert (tmp_path / "density.png").read_bytes().startswith(b"\x89PNG")
    assert f"{apart['after']:.3f} nats" in capsys.readouterr().out


def test_the_divergence_is_that_of_two_normal_laws():
    """0.5 (s^2 - 1 - log s^2) for each coordinate, s the ratio of the deviations."""
    centred = dataclasses.replace(
        GIVEN, means=((0.5, 0.5),), deviations=(0.1,), weights=(1.0,)
    )
    wide = dataclasses.replace(centred, deviations=(0.2,))
    truth, other = density.truth(centred), density.truth(wide)
    logs = density.maps({"truth": truth, "other": other})
    p = np.exp(logs["truth"])
    found = np.sum(p * (logs["truth"] - logs["other"]))
    assert found == pytest.approx(0.25 - 1 - np.log(0.25), abs=1e-4)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"weights": (1.0,)}, "equally many"),
        ({"updates": 0}, "updates must be 1 or more; got 0"),
        ({"batch": 2000}, "batch <= bank <= points"),
        ({"fresh": 1.5}, "fresh must be from 0 to 1; got 1.5"),
    ],
)
def test_what_cannot_be_learnt_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        density.learn(dataclasses.replace(GIVEN, **change))
