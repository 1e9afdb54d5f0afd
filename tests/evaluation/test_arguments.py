"""Arguments of `evaluate` that make no sense are one clear line."""

import jax.numpy as jnp
import numpy as np
import pytest

import purifax
from purifax.attack import PGD
from purifax.threat import Linf

IMAGES = np.stack([np.full((2, 2, 1), v, np.float32) for v in (0.2, 0.7)])


def _brighter(x):
    return jnp.stack([0.4 - jnp.mean(x), jnp.mean(x) - 0.4])


def _evaluate(**arguments):
    return purifax.evaluate(
        _brighter, IMAGES, [0, 1], **{"attacks": ["exact"], **arguments}
    )


@pytest.mark.parametrize(
    "arguments, words",
    [
        ({"samples": 2.5}, "Evaluation.samples is 2.5"),
        ({"threat": Linf("x")}, "the radius of a threat is a number; got 'x'"),
        ({"threat": Linf(None)}, "the radius of a threat is a number; got None"),
        ({"threat": Linf}, "threat is Linf, L2 or L1"),
        ({"threat": 0.1}, "threat is Linf, L2 or L1 .*; got 0.1"),
        ({"worker": (2, 2), "workdir": "there"}, r"\(0, 2\) to \(1, 2\); got \(2, 2\)"),
        ({"worker": (0.5, 2), "workdir": "there"}, "worker is this process and"),
        ({"worker": 3}, "worker is this process and how many"),
        ({"worker": (0, 2)}, "give workdir="),
        ({"attacks": 3}, "a sequence or mapping of attacks; got 3"),
        ({"attacks": [None]}, "an attack is a recipe, a name or a callable"),
        ({"purifier": 3}, "a purifier is a recipe, a name or a callable"),
        ({"names": ["dark"]}, "names has 1 names, and the classifier tells 2 classes"),
    ],
)
def test_what_makes_no_sense_is_refused(arguments, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=words):
        _evaluate(**arguments)
    assert not list(tmp_path.iterdir())


def test_one_attack_needs_no_sequence():
    fields = {"steps": 2, "eot": 1}
    alone = _evaluate(attacks=PGD(**fields), threat=Linf(0.1))
    listed = _evaluate(attacks=[PGD(**fields)], threat=Linf(0.1))
    assert alone.accuracy("pgd") == listed.accuracy("pgd")
