"""Controls of a purifier: noise alone, JPEG and blur, each under its own attack."""

import json
import sys

import jax
import numpy as np
import pytest
from jax import numpy as jnp
from jax.tree_util import Partial

import purifax
from purifax import attack, data, noise, purify, score
from purifax.evaluation import Evaluation, controls
from purifax.evaluation.settings import Subjects
from purifax.purify import Prior
from purifax.report import Report
from purifax.threat import L1, L2, Linf

PRIOR = Prior(score=score.Gaussian(0.5, 0.1), noise=noise.VP())
ATTACKS = {
    "blind": attack.PGD(gradient="blind", steps=2),
    "exact": attack.PGD(steps=3, eot=2),
}


def evaluated(purifier, folder=None, **more):
    test = data.load("digits", "test")
    settings = {"samples": 2, "keys": 2, "probed": 0, "attacks": ATTACKS}
    settings |= {"score": "digits_dsm"} | more
    return purifax.evaluate(
        "digits_classifier",
        test.images[:16],
        test.labels[:16],
        purifier=purifier,
        threat=Linf(0.15),
        workdir=folder,
        **settings,
    )


def models(report):
    return list(report.summary["models"])


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    folder = tmp_path_factory.mktemp("controls") / "run"
    found = evaluated(
        purify.ADP(steps=2), folder, controls=("noise", "jpeg", "blur"), chunk=8
    )
    return found, folder


@pytest.mark.parametrize(
    ("made", "sigma"),
    [
        (purify.OneStep(sigma=0.3), 0.3),
        (purify.DiffPure(sigma=0.2, steps=3), 0.2),
        (purify.DiffPure(sigma=0.2, steps=3, spacing="linear"), 0.2),
        (purify.GDMP(sigma=0.1, steps=3, repeats=4), 0.2),
        (purify.LeeKim(sigmas=(0.3, 0.4), repeats=(1, 1), steps=3), 0.5),
        (purify.Langevin(steps=16, epsilon=0.05), 0.2),
        (purify.Padded(purify.DiffPure(sigma=0.2)), 0.2),
    ],
)
def test_the_noise_of_a_purifier_is_that_of_all_its_parts(made, sigma):
    alone = made.noise_alone(PRIOR)
    inside = getattr(alone, "purifier", alone)
    assert inside.sigma == pytest.approx(sigma, rel=1e-5)


def test_adp_without_steps_is_its_first_state():
    key, x = jax.random.key(0), jnp.full((4, 4, 1), 0.4)
    whole = purify.ADP(steps=3)
    alone = whole.noise_alone(PRIOR)
    first = whole.states(PRIOR).path(key, x)[0]
    for form in ("build", "build_fast", "build_frozen"):
        found = getattr(alone, form)(PRIOR)(key, x)
        np.testing.assert_array_equal(found, first)
    assert purify.ADP(sigma=0.0).noise_alone(PRIOR) is None


def test_controls_are_models_of_their_own_under_exact_attacks(report):
    found, _ = report
    names = models(found)
    assert names[:3] == ["undefended", "defended", "one run"]
    assert names[3] == "noise alone" and names[4].startswith("JPEG of quality")
    assert names[5].startswith("Gaussian blur")
    rows = [r for r in found.summary["attacks"] if r["model"] in names[3:]]
    assert {r["key"] for r in rows} == {"clean", "exact", "exact_bpda"}
    assert {r["key"] for r in rows if r["model"] == "noise alone"} == {"clean", "exact"}
    control = next(r for r in rows if r["key"] == "exact")
    assert control["keys"] == 2 and control["images"] == 16
    kinds = [c for c in found.summary["comparisons"] if c["kind"] == "control"]
    assert len(kinds) == 3 and all(c["first"].startswith("defended/") for c in kinds)
    sentences = [s["text"] for s in found.summary["reading"]]
    assert any("noise alone keeps" in text for text in sentences)


def test_a_control_that_rounds_is_no_fault_of_the_attacks(report):
    rows = {c.sentence.partition(". ")[0]: c.status for c in report[0].checks}
    assert rows["Every perturbation is within its radius"] == "pass"
    assert rows["The network of the purifier adds to its noise"] in ("pass", "open")


def test_an_attack_that_moves_nothing_says_nothing_of_the_noise():
    still = {"exact": attack.PGD(steps=1, step_size=0.0, start="image")}
    found = evaluated(purify.ADP(steps=1), attacks=still)
    (row,) = (c for c in found.checks if "adds to its noise" in c.sentence)
    assert row.status == "not shown"


def test_noise_alone_is_attacked_as_the_defence_of_noise(report):
    """The control equals an evaluation whose purifier is the noise."""
    found, _ = report
    alone = evaluated(purify.ADP(steps=0), controls=())
    for name in ("clean", "exact"):
        mine = found.accuracy(name, model="noise alone")
        assert mine == alone.accuracy(name)


def test_compression_is_a_column(report):
    found, folder = report
    rates = {n: m["compression"] for n, m in found.summary["models"].items()}
    assert rates["undefended"] is None and 0.2 < rates["defended"] < 1.5
    assert 0.3 < rates["noise alone"] <= 1.01
    page = (folder / "report.md").read_text()
    assert f"| {rates['defended']:.2f} |" in page and "compression" in page


def test_a_report_with_controls_is_read_again_and_resumed(report):
    found, folder = report
    assert Report.read(folder).summary == found.summary
    before = {p: p.stat().st_mtime_ns for p in folder.glob("parts/*")}
    again = evaluated(
        purify.ADP(steps=2), folder, controls=("noise", "jpeg", "blur"), chunk=8
    )
    assert before == {p: p.stat().st_mtime_ns for p in folder.glob("parts/*")}
    assert json.dumps(again.summary["models"]) == json.dumps(found.summary["models"])


@pytest.mark.parametrize("purifier", [purify.JPEG(), None])
def test_without_noise_there_is_no_control_of_it(purifier):
    found = evaluated(purifier, samples=1, keys=1)
    assert "noise alone" not in models(found)
    told = [c for c in found.checks if "adds to its noise" in c.sentence]
    assert [c.status for c in told] == (["not run"] if purifier else [])


def test_an_unknown_control_is_refused():
    with pytest.raises(
        ValueError, match="no control is called 'nose'; did you mean noise"
    ):
        evaluated(purify.ADP(), controls=("nose",))


def test_the_compression_of_a_linear_purifier_is_its_factor():
    x = jnp.full((3, 3, 1), 0.5)
    for factor in (0.0, 0.3, 1.0, 2.0):
        purifier = Partial(lambda key, x, f: f * x, f=factor)
        for threat in (Linf(0.1), L2(0.5), L1(2.0)):
            found = controls.compression(jax.random.key(1), x, purifier, threat)
            np.testing.assert_allclose(found, factor, rtol=1e-5)


def halved(key, x):
    return x / 2


@pytest.mark.parametrize("name", ["bit_depth", f"{__name__}:halved"])
def test_another_purifier_may_be_a_control(name, monkeypatch):
    monkeypatch.setitem(sys.modules, __name__, sys.modules[halved.__module__])
    found = evaluated(purify.ADP(steps=1), controls=(name,))
    assert models(found)[-1] == name
    rows = [r for r in found.summary["attacks"] if r["model"] == name]
    assert {r["key"] for r in rows} == {"clean", "exact", "exact_bpda"}


@pytest.mark.parametrize(
    ("purifier", "more", "words"),
    [
        (purify.ADP(), {"controls": ("jpeg", "jpeg")}, "a control is named twice"),
        (purify.ADP(), {"controls": ("detect",)}, "clean images must set first"),
        (purify.JPEG(), {"controls": ("adp",), "score": None}, "needs a score, and"),
        (purify.ADP(), {"controls": ("no_such_module:f",)}, "no_such_module"),
    ],
)
def test_a_control_that_cannot_be_is_refused_first(purifier, more, words):
    with pytest.raises((ValueError, ImportError), match=words):
        evaluated(purifier, **more)


def test_what_is_chosen_on_all_images_is_refused_of_a_part():
    part = Subjects("digits", count=8, parts=2)
    with pytest.raises(ValueError, match="jpeg is chosen by the accuracy on all"):
        Evaluation(part, "digits_classifier", controls=("noise", "jpeg"))
