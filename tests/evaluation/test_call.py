"""`purifax.evaluate`: anybody's classifier, purifier and attacks, in one call."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import time

import jax
import numpy as np
import pytest
import small
from jax import numpy as jnp

import experiments
import purifax
from purifax import attack, data, purify, weights
from purifax.evaluation import engine, whole
from purifax.run import lookup
from purifax.run.stop import Stop
from purifax.threat import Linf

ROOT = pathlib.Path(experiments.__file__).resolve().parent.parent

SCRIPT = """
import jax, purifax, sys
import jax.numpy as jnp
from purifax import attack, data
from purifax.threat import Linf

train, test = data.load("digits", "train"), data.load("digits", "test")
pixels = train.images / 255.0
means = jnp.stack([jnp.array(pixels[train.labels == k].mean(0)) for k in range(10)])

def classifier(x):
    return -jnp.sum((means - x) ** 2, axis=(1, 2, 3))

def purifier(key, x):
    return jnp.round(4 * jnp.clip(x + 0.1 * jax.random.normal(key, x.shape), 0, 1)) / 4

def towards_grey(key, x, label, threat):
    return x + jnp.clip(0.5 - x, -threat.radius, threat.radius)

report = purifax.evaluate(
    classifier, test.images[:24], test.labels[:24], purifier=purifier, samples=2,
    attacks=[attack.PGD(steps=3, eot=2), "bpda", towards_grey], threat=Linf(0.2),
    keys=2, chunk=8, workdir=sys.argv[1])
print(report)
"""
"""At most 25 lines, as a user would write them."""


def linear(scale=4.0):
    """A classifier of two classes by the mean of the image."""

    def classifier(x):
        mean = jnp.mean(x)
        return scale * jnp.stack([0.45 - mean, mean - 0.45])

    return classifier


def grey(count=6):
    """Grey images, and whether they are bright."""
    values = np.linspace(0.1, 0.9, count, dtype=np.float32)
    images = np.broadcast_to(values[:, None, None, None], (count, 3, 3, 1)).copy()
    return images, (values > 0.45).astype(int)


def noised(key, x):
    return jnp.clip(x + 0.05 * jax.random.normal(key, x.shape, x.dtype), 0.0, 1.0)


def quick(purifier=None, **more):
    known = {"threat": Linf(0.1), "keys": 2, "samples": 2, "chunk": 8, "probed": 0}
    given = {"attacks": [attack.PGD(steps=2)]} | known | more
    return purifax.evaluate(linear(), *grey(), purifier=purifier, **given)


def run(folder, kill=None):
    """Runs the script; kills it once `kill` parts are there."""
    script = folder.parent / "mine.py"
    script.write_text(SCRIPT)
    env = os.environ | {"PYTHONPATH": str(ROOT), "JAX_PLATFORMS": "cpu"}
    env |= {"XLA_FLAGS": "", "JAX_DISABLE_MOST_OPTIMIZATIONS": "1"}
    words = [sys.executable, str(script), str(folder)]
    process = subprocess.Popen(
        words, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    while kill is not None and process.poll() is None:
        if len(list(folder.glob("parts/*.npz"))) >= kill:
            process.send_signal(signal.SIGKILL)
            break
        time.sleep(0.02)
    out, error = process.communicate(timeout=300)
    return process.returncode, out, error


def test_a_script_resumes_after_a_kill_to_the_same_bits(tmp_path):
    assert len(SCRIPT.strip().splitlines()) <= 25
    code, out, error = run(tmp_path / "whole")
    assert code == 0, error
    assert "towards_grey" in out and "exact PGD+EOT" in out
    code, _, _ = run(tmp_path / "killed", kill=4)
    assert code == -signal.SIGKILL
    assert not (tmp_path / "killed" / "record.npz").exists()
    code, again, error = run(tmp_path / "killed")
    assert code == 0, error
    kept = sorted(p.name for p in (tmp_path / "whole" / "parts").glob("*.npz"))
    assert kept == sorted(p.name for p in (tmp_path / "killed/parts").glob("*.npz"))
    for name in kept:
        one, two = (np.load(tmp_path / d / "parts" / name) for d in ("whole", "killed"))
        for array in set(one.files) - {"seconds"}:
            np.testing.assert_array_equal(one[array], two[array], err_msg=name)
    for name in ("report.html", "table.tex", "summary.json"):
        assert (tmp_path / "killed" / name).stat().st_size > 0
    assert list((tmp_path / "killed").rglob("*.pdf"))


def test_the_call_and_the_command_give_the_same_bits(tmp_path):
    root = small.train(tmp_path)
    config = small.evaluation(root, attacks=("bpda", "exact"))
    with Stop() as stop:
        work = engine.set_up(config, tmp_path / "command", None)
        found = whole.perform(work, stop, title="t", command="c")
    shown = work.images
    purifax.evaluate(
        str(root / "classifier"),
        shown.images,
        shown.labels,
        purifier=config.purifier,
        score=str(root / "score"),
        surrogate=str(root / "classifier"),
        attacks=config.attacks,
        threat=Linf(config.radius),
        samples=config.samples,
        keys=config.keys,
        chunk=config.chunk,
        probed=0,
        workdir=tmp_path / "call",
    )
    assert found is not None
    for part in sorted((tmp_path / "command" / "parts").glob("clean*.npz")):
        one, two = np.load(part), np.load(tmp_path / "call" / "parts" / part.name)
        if (shown.index == np.arange(len(shown))).all():
            np.testing.assert_array_equal(one["probabilities"], two["probabilities"])


def test_the_same_images_by_index_give_the_same_bits_as_the_command(tmp_path):
    root = small.train(tmp_path)
    config = small.evaluation(root, attacks=("bpda", "exact"))
    with Stop() as stop:
        work = engine.set_up(config, tmp_path / "command", None)
        whole.perform(work, stop, title="t", command="c")
        loaded = engine.load(
            config,
            work.images,
            {
                "classifier": weights.load(root / "classifier"),
                "score": weights.score(root / "score"),
                "energy": None,
                "surrogate": "",
            },
            lambda: np.zeros(0),
        )
        other = engine.plan(config, None, loaded)
        whole.perform(other, stop, title="t", command="c")
    for part in (tmp_path / "command" / "parts").glob("*-0.npz"):
        one, two = np.load(part), other.parts.get(part.stem, dict)
        for name in set(one.files) - {"seconds"}:
            np.testing.assert_array_equal(one[name], two[name], err_msg=part.name)


def test_in_memory_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    report = quick(noised)
    assert list(tmp_path.iterdir()) == []
    assert 0 <= report.accuracy("pgd").value <= 1
    assert report.accuracy("clean").images == 6


def test_a_bare_classifier_is_attacked_as_well():
    """The mean of an image moves by the radius: those within it of 0.45 fall."""
    images, labels = grey()
    report = quick(attacks=[attack.PGD(steps=20)])
    falls = np.abs(images.mean((1, 2, 3)) - 0.45) < 0.1
    assert report.accuracy("pgd").value == pytest.approx(1 - falls.mean())


def test_attacks_may_be_mixed():
    def mine(key, x, label):
        return x + 1.0  # far outside, and projected

    report = quick(
        noised, attacks=["bpda", attack.PGD(steps=2), attack.PGD(steps=3), mine]
    )
    for name in ("bpda", "pgd", "pgd_2", "mine"):
        assert report.accuracy(name).keys == 2


def test_an_attack_gets_what_it_asks_for_by_name():
    asked = []

    def mine(key, x, label, model, threat, classifier, purifier):
        asked.append((model(key, x).shape, threat.radius, classifier(x).shape))
        return purifier(key, x)

    quick(noised, attacks=[mine])
    assert [(shape, bare) for shape, _, bare in asked][0] == ((2,), (2,))


def test_a_purifier_may_ask_for_the_score():
    seen = []

    def towards(key, x, score):
        seen.append(True)
        return jnp.clip(x + 0.01 * score(x, 0.1), 0.0, 1.0)

    report = quick(towards, score=lambda x, sigma: 0.5 - x)
    assert seen and report.accuracy("clean").images == 6
    with pytest.raises(ValueError, match="needs a score"):
        quick(towards)


def test_a_recipe_needs_its_score_and_takes_any():
    report = quick(purify.ADP(steps=2), score=lambda x, sigma: (0.5 - x) / 4)
    assert report.accuracy("pgd").keys == 2
    with pytest.raises(ValueError, match="needs a score"):
        quick(purify.ADP(steps=2))


def test_a_calibrated_purifier_asks_for_clean_images():
    score = lambda x, sigma: (0.5 - x) / 4  # noqa: E731
    with pytest.raises(ValueError, match="calibration="):
        quick(purify.Detect(steps=2), score=score)
    quick(purify.Detect(steps=2), score=score, calibration=grey(20)[0])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"attacks": ["exakt"]}, "did you mean exact"),
        ({"attacks": "fulll"}, "did you mean full"),
        ({"attacks": [3]}, "a recipe, a name or a callable"),
        ({"purifier": "adq", "score": lambda x, s: x}, "did you mean adp"),
        ({"purifier": 3}, "a recipe, a name or a callable"),
        ({"pooling": "mean"}, "pooling is 'mean', which is unknown"),
        ({"chunks": 3}, "has no argument 'chunks'; did you mean chunk"),
        ({"keys": 0}, "keys must be 1 or more"),
        ({"attacks": ["transfer"]}, "needs a surrogate"),
        ({"attacks": ["hammer"]}, "needs a purifier"),
    ],
)
def test_a_mistake_is_one_clear_line(changes, message):
    with pytest.raises(ValueError, match=message) as raised:
        quick(**{"purifier": None} | changes)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("classifier", "message"),
    [
        (lambda x: x, "give logits"),
        (lambda x: jnp.zeros((len(x), 10)), "Is it written for a batch"),
        (lambda x: jnp.zeros(3)[:, None] @ x, "must take one image"),
        (3, "a name, a folder or a callable"),
        ("no_such_network", "no work directory"),
    ],
)
def test_a_classifier_that_is_none_is_refused(classifier, message):
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        purifax.evaluate(classifier, *grey(), attacks=["exact"])


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        (np.ones((2, 3, 3)), [0, 1], "must be \\[N, H, W, C\\]"),
        (255 * np.ones((2, 3, 3, 1)), [0, 1], "must lie in \\[0, 1\\]"),
        (np.full((2, 3, 3, 1), np.nan), [0, 1], "must lie in \\[0, 1\\]"),
        (np.ones((2, 3, 3, 1), int), [0, 1], "uint8, or floats"),
        (np.ones((2, 3, 3, 1)), [0], "labels must be integers"),
        (np.ones((2, 3, 3, 1)), [0.0, 1.0], "labels must be integers"),
        (np.ones((2, 3, 3, 1)), [0, -1], "labels must be the numbers of classes"),
        (np.ones((2, 3, 3, 1)), [0, 2], "the classes of the classifier"),
    ],
)
def test_images_and_labels_that_make_no_sense_are_refused(images, labels, message):
    with pytest.raises(ValueError, match=message):
        purifax.evaluate(linear(), images, labels, attacks=["exact"])


def test_bytes_and_floats_of_the_same_images_give_the_same(tmp_path):
    images, labels = grey()
    stored = np.round(images * 255).astype(np.uint8)
    one, two = (
        purifax.evaluate(
            linear(),
            x,
            labels,
            purifier=noised,
            attacks=[attack.PGD(steps=2)],
            threat=Linf(0.1),
            keys=2,
            samples=2,
            probed=0,
        )
        for x in (stored, stored.astype(np.float32) / 255)
    )
    assert one.accuracy("pgd") == two.accuracy("pgd")


def test_another_network_in_the_same_folder_is_refused(tmp_path):
    known = {"attacks": [attack.PGD(steps=2)], "keys": 1, "probed": 0}
    known |= {"workdir": tmp_path / "run"}
    purifax.evaluate(linear(), *grey(), **known)
    purifax.evaluate(linear(), *grey(), **known)
    with pytest.raises(ValueError, match="other classifier"):
        purifax.evaluate(linear(5.0), *grey(), **known)
    images, labels = grey()
    with pytest.raises(ValueError, match="other images"):
        purifax.evaluate(linear(), images[::-1].copy(), labels[::-1], **known)
    with pytest.raises(ValueError, match="another config: keys is 1"):
        purifax.evaluate(linear(), *grey(), **known | {"keys": 2})


def test_a_protocol_leaves_out_what_does_not_fit_and_says_so(tmp_path):
    config = purifax.evaluation.Evaluation(
        images=purifax.evaluation.Subjects(name="digits"),
        classifier="digits_classifier",
        purifier=purify.JPEG(),
    )
    under = lookup.protocols().find("full", (), config)
    assert under.omitted == ("deviate",)
    assert "exact" in under.attacks


def test_the_folder_is_described(tmp_path):
    quick(noised, workdir=tmp_path / "run")
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    assert config["purifier"]["recipe"].endswith(":noised")
    assert config["attacks"]["pgd"] == {
        "recipe": "PGD",
        **{k: v for k, v in config["attacks"]["pgd"].items() if k != "recipe"},
    }
    assert set(json.loads((tmp_path / "run" / "inputs.json").read_text())) == {
        "images",
        "classifier",
        "purifier",
    }
    assert data is not None


def test_workers_share_a_folder_and_the_last_one_merges(tmp_path):
    whole = quick(noised)
    first = quick(noised, workdir=tmp_path / "shared", worker=(0, 2))
    assert first.accuracy("pgd").images == 3
    merged = quick(noised, workdir=tmp_path / "shared", worker=(1, 2))
    assert merged.accuracy("pgd") == whole.accuracy("pgd")
    with pytest.raises(ValueError, match="give workdir="):
        quick(noised, worker=(0, 2))


def test_an_attack_cannot_have_a_reserved_name():
    for name in ("clean", "worst", "recipe", "a.b"):
        with pytest.raises(ValueError, match="cannot be called"):
            quick(attacks={name: attack.PGD(steps=2)})
