"""The certification command: what it writes, resumes, refuses, and that it is right."""

import json
import os
import signal
import subprocess
import sys

import jax
import numpy as np
import pytest
import scipy.stats
from jax import numpy as jnp
from small import certification, train

from experiments import certify as command
from experiments.certification import report
from experiments.certification import run as driver
from purifax.attack import PGD
from purifax.evaluation.settings import Subjects
from purifax.purify import ADP, DDS, Detect, Prior
from purifax.run.errors import UsageError
from purifax.run.overrides import apply
from purifax.run.stop import Stop

pytestmark = pytest.mark.xdist_group("evaluations")


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return train(tmp_path_factory.mktemp("networks"))


@pytest.fixture(scope="module")
def finished(root):
    command.certify(certification(root), root / "whole", None, "the command")
    return root / "whole"


def arrays(folder):
    with np.load(folder / "certificates.npz", allow_pickle=False) as stored:
        return dict(stored)


def summary(folder):
    return json.loads((folder / "summary.json").read_text())


def test_certificates_are_those_of_their_counts(finished):
    found = arrays(finished)
    assert (found["first"].sum(1) == 20).all() and (found["second"].sum(1) == 60).all()
    chosen = found["first"].argmax(1)
    right = found["second"][np.arange(12), chosen]
    p = np.where(
        right, scipy.stats.beta.ppf(0.001, np.maximum(right, 1), 61 - right), 0
    )
    sure = p > 0.5
    assert 3 < sure.sum()
    np.testing.assert_array_equal(found["predicted"], np.where(sure, chosen, -1))
    radius = np.where(sure, 0.15 * scipy.stats.norm.ppf(np.maximum(p, 0.5)), 0)
    np.testing.assert_allclose(found["radius"], radius, rtol=1e-3, atol=1e-5)


def test_the_summary_counts_the_certificates(finished):
    found, told = arrays(finished), summary(finished)
    right = found["predicted"] == found["label"]
    for row in told["radii"]:
        held = right & (found["radius"] > 0) & (found["radius"] >= row["radius"])
        assert row["certified"]["value"] == held.mean()
        interval = scipy.stats.binomtest(int(held.sum()), 12).proportion_ci(0.95)
        ends = row["certified"]["clopper_pearson"]
        np.testing.assert_allclose(ends, [interval.low, interval.high], atol=1e-4)
    answers = dict(zip(found["attack_radii"], found["answered"], strict=True))
    for row in told["radii"]:
        share = (answers[np.float32(row["radius"])] == found["label"][:8]).mean()
        assert row["attacked"]["value"] == share
    assert told["curve"][0]["value"] == told["radii"][0]["certified"]["value"]
    assert set(told["hashes"]) == {"images", "score", "classifier"}


def test_the_attack_uses_its_radius_and_works(finished):
    found, told = arrays(finished), summary(finished)
    for radius, distance in zip(found["attack_radii"], found["distance"], strict=True):
        assert (distance <= radius + 1e-5).all()
        assert radius == 0 or (distance > 0.5 * radius).any()
    values = [row["attacked"]["value"] for row in told["radii"]]
    assert values[0] > 0.6 and values[-1] < 0.4


def test_a_changed_answer_within_a_certificate_is_counted(finished, root):
    work = driver.set_up(certification(root), finished, None)
    with Stop() as stop:
        done = driver.run(work, stop)
    assert report._contradicted(work, done) == 0
    first = int(np.argmax(done[None]["radius"][:8]))
    done[0.0]["answered"][first] = 9 - done[None]["predicted"][first]
    assert report._contradicted(work, done) == 1
    done[0.0]["distance"] = np.ones(8)  # Farther than it holds.
    assert report._contradicted(work, done) == 0
    done[0.0]["distance"] = np.zeros(8)
    done[None]["radius"] = np.zeros(12)
    assert report._contradicted(work, done) == 0


def test_the_same_command_again_computes_nothing(finished, root):
    before = {p: p.stat().st_mtime_ns for p in finished.glob("parts/*")}
    stored = arrays(finished)
    command.certify(certification(root), finished, None, "the command")
    assert before == {p: p.stat().st_mtime_ns for p in finished.glob("parts/*")}
    for name, array in arrays(finished).items():
        np.testing.assert_array_equal(array, stored[name])


def test_what_is_printed_has_a_row_for_each_radius(finished, capsys):
    lines = report.text(summary(finished)).splitlines()
    assert lines[0] == "digits (test): one-shot denoiser (DDS), sigma 0.15"
    assert [line.split()[0] for line in lines[3:6]] == ["0", "0.1", "2"]
    assert "8" in lines[3].split() and "12" in lines[3].split()
    assert (finished / "certified.png").stat().st_size > 1000


def drawn(model, x):
    keys = jax.random.split(jax.random.key(3), 4)
    return np.asarray(jax.jit(jax.vmap(model, in_axes=(0, None)))(keys, x))


def test_each_front_is_built(root, tmp_path):
    """Of a noisy image, "none" is the classifier, "dds" one step, and so on."""
    work = driver.set_up(certification(root), tmp_path / "fronts", None)
    x = jnp.asarray(work.images.images[0] / 255, jnp.float32)
    x = x + 0.3 * jax.random.normal(jax.random.key(1), x.shape)
    classifier, dds = work.model.keywords["classifier"], work.model.keywords["purifier"]
    score = dds.keywords["score"]
    logits, climb = {}, ADP(sigma=0.0, level=0.2, rate=0.3, steps=2)
    for name, more in {
        "none": {"purifier": None},
        "dds": {"purifier": DDS()},
        "defence": {"purifier": climb},
        "diffsmooth": {"copies": 3, "copies_sigma": 0.1},
    }.items():
        config = certification(root, **more)
        logits[name] = drawn(driver.model(config, Prior(score), classifier), x)
    denoised = jnp.clip(x + 0.15**2 * score(x, jnp.float32(0.15)), 0, 1)
    np.testing.assert_allclose(logits["none"][0], classifier(x), rtol=1e-3, atol=1e-4)
    expected = classifier(denoised)
    np.testing.assert_allclose(logits["dds"][0], expected, rtol=1e-3, atol=1e-4)
    assert (np.ptp(logits["defence"], axis=0) == 0).all()
    assert np.abs(logits["defence"] - logits["dds"]).max() > 0.01
    assert np.ptp(logits["diffsmooth"], axis=0).max() > 1e-4
    np.testing.assert_allclose(np.exp(logits["diffsmooth"]).sum(1), 1, rtol=1e-4)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"draws": 0}, "draws must be 1 or more"),
        ({"draws": 100_001}, "draws must be from 1 to 100000; got 100001"),
        ({"alpha": 0.5}, "alpha must be 0 or more and less than 0.5"),
        ({"sigma": 0.0}, "sigma must be more than 0"),
        ({"copies": -1}, "must be 0 or more"),
        ({"radii": (0.5, 0.1)}, r"radii must rise from 0 or more; got \(0.5, 0.1\)"),
        ({"radii": ()}, "radii must rise"),
        ({"attacked": 13}, "attacked=13, but images.count is 12"),
        ({"attack": PGD(gradient="bpda")}, "attack.gradient must be exact; got bpda"),
        ({"attack": PGD(eot=4, at_once=2)}, "attack.at_once is not for certification"),
        ({"images": Subjects(name="digts")}, "Did you mean 'digits'"),
        ({"score": "nowhere"}, "no work directory nowhere"),
        ({"purifier": Detect()}, "the purifier Detect has no place under smoothing"),
    ],
    ids=str,
)
def test_what_cannot_be_run_is_refused_by_name(root, tmp_path, changes, words):
    with pytest.raises((ValueError, FileNotFoundError), match=words):
        driver.set_up(certification(root, **changes), tmp_path / "refused", None)
    assert not (tmp_path / "refused").exists()


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("purifier", "ddss", "no purifier is named 'ddss'; did you mean dds"),
        ("attack.shorter", "2", "PGD has no field shorter"),
        ("attack.loss", "margn", "PGD.loss is 'margn'.*did you mean margin"),
        ("attack.start", "surfac", "PGD.start is 'surfac'.*did you mean surface"),
    ],
)
def test_what_cannot_be_typed_is_refused_by_name(root, field, value, said):
    with pytest.raises((UsageError, ValueError), match=said):
        apply(certification(root), [(field, value)])


def test_another_config_in_the_same_folder_is_refused(finished, root):
    with pytest.raises(ValueError, match="sigma is 0.15 there and 0.2 here"):
        driver.set_up(certification(root, sigma=0.2), finished, None)


CONFIG = """
import os
import signal
from pathlib import Path

from purifax.run import npz
from small import certification

plain = npz.write


def write(path, *given):
    if os.environ.get("KILLED_AT") == path.stem:
        path.with_name(path.name + ".part").write_bytes(b"half a file")
        os.kill(os.getpid(), signal.SIGKILL)
    plain(path, *given)


npz.write = write


def config():
    return certification(Path({root!r}), attacked=0)
"""


def test_a_killed_command_resumes_to_the_same_certificates(root):
    (root / "tiny.py").write_text(CONFIG.format(root=str(root)))
    tests = os.path.dirname(os.path.dirname(__file__))
    support = os.path.join(tests, "support")
    path = os.pathsep.join([tests, support, os.path.dirname(tests)])
    settings = {"PYTHONPATH": path, "JAX_PLATFORMS": "cpu"}
    settings["JAX_COMPILATION_CACHE_DIR"] = str(root / "cache")
    settings["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
    settings["JAX_DISABLE_MOST_OPTIMIZATIONS"] = "1"
    folder, whole = root / "killed", root / "unbroken"
    words = [
        sys.executable,
        "-m",
        "experiments.certify",
        f"--config={root / 'tiny.py'}",
    ]

    def run(folder, **env):
        env = os.environ | settings | env
        typed = [*words, f"--workdir={folder}"]
        return subprocess.run(typed, capture_output=True, text=True, env=env)

    killed = run(folder, KILLED_AT="certificates-8")
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert not (folder / "summary.json").exists()
    assert run(whole).returncode == 0
    done = run(folder)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("digits (test): one-shot denoiser")
    first, second = arrays(whole), arrays(folder)
    assert "answered" not in second and summary(folder)["contradicted"] == 0
    for name in ("index", "first", "second", "predicted", "radius"):
        np.testing.assert_array_equal(first[name], second[name], err_msg=name)
