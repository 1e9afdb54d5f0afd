"""Presets by the authors' names, and what they make of the same arrays."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from weights import test_song_weights, torch_files

from purifax.run.errors import UsageError
from purifax.weights import families, presets


@pytest.fixture
def positional(tmp_path):
    """A checkpoint of DDPM++, or of an NCSN++ with positional labels."""
    path = tmp_path / "file"
    path.write_bytes(
        torch_files.legacy(test_song_weights.checkpoint("DDPM++", "torch"))
    )
    return str(path)


SIZES = {"side": 8, "attention": ["4"]}


def test_every_preset_names_a_family_and_its_flags():
    assert len(presets.PRESETS) > 60
    for name, preset in presets.PRESETS.items():
        family = families.FAMILIES[preset.family]
        assert set(preset.flags) <= set(families.flags_of(family)), name


def raw(made, x, label):
    return np.asarray(made.network(x, jnp.float32(label)))


def test_presets_give_the_same_arrays_their_own_meaning(positional):
    """The score by each author's own formula, of the same output F of the network."""
    made = {
        name: families.read("", positional, {"preset": name, **SIZES})
        for name in ("vp/cifar10_ddpmpp", "vp/cifar10_ddpmpp_continuous")
    }
    x, t, index = jax.random.uniform(jax.random.key(0), (8, 8, 3)), 0.4, 300
    made["subvp"] = families.read(
        "", positional, {"preset": "subvp/cifar10_ddpmpp_continuous", **SIZES}
    )
    drift = -0.25 * t**2 * 19.9 - 0.5 * t * 0.1
    scale = np.exp(drift)
    betas = np.linspace(1e-4, 0.02, 1000)
    kept = np.cumprod(1 - betas)[index]
    cases = {
        "vp/cifar10_ddpmpp": (np.sqrt(kept), np.sqrt(1 - kept), index),
        "vp/cifar10_ddpmpp_continuous": (scale, np.sqrt(1 - scale**2), 999 * t),
        "subvp": (scale, 1 - scale**2, 999 * t),
    }
    for name, (a, s, label) in cases.items():
        sigma = s / a / 2  # of [0, 1] pixels; theirs are [-1, 1]
        found = made[name].predicts.score(made[name].network)(x, jnp.float32(sigma))
        theirs = -raw(made[name], a * (2 * x - 1), label) / s
        expected = theirs * 2 * a  # by the chain rule
        gap = np.abs(found - expected).max() / np.abs(expected).max()
        assert gap < 2e-4, (name, gap)


def test_discrete_ve_is_a_score_at_an_index_that_falls(positional):
    """Its label 0 is the largest of 1,000 levels, and F / sigma is the score."""
    words = {"process": "VEDiscrete", **SIZES}
    made = families.read("score_sde", positional, words)
    other = families.read("score_sde", positional, {"process": "VP", **SIZES})
    x = jax.random.uniform(jax.random.key(0), (8, 8, 3))
    ladder = np.geomspace(50, 0.01, 1000)
    for label in (400, 700, 900):
        sigma = np.float32(ladder[label])
        found = made.predicts.score(made.network)(x, sigma)
        expected = raw(other, 2 * x - 1, label) / sigma
        np.testing.assert_allclose(
            found, expected, rtol=0, atol=2e-3 * np.abs(expected).max()
        )


REFUSED = {
    "nothing said": (
        {},
        r"--preset, of which these fit: vp/cifar10_ddpmpp, .*subvp.*; or one of --proc",
    ),
    "no process of these": ({"process": "linear"}, "got linear"),
    "EDM": ({"process": "EDM"}, "got EDM"),
    "VE": ({"process": "VE"}, "got VE; did you mean VP"),
    "another network": (
        {"preset": "ve/cifar10_ncsnpp_continuous"},
        r"it has network DDPM\+\+ and not NCSN\+\+; these presets fit: vp/",
    ),
    "contradiction": (
        {"preset": "vp/cifar10_ddpmpp", "process": "SubVP"},
        "has --process=VPDiscrete; got SubVP",
    ),
    "no such preset": ({"preset": "vp/cifar_ddpmpp"}, "did you mean vp/cifar10_ddpmpp"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_arrays_do_not_tell_must_be_said(positional, case):
    words, message = REFUSED[case]
    with pytest.raises(UsageError, match=message):
        families.read("score_sde", positional, SIZES | words)


def test_a_preset_of_another_family_is_refused(positional):
    with pytest.raises(UsageError, match="is of --from=score_sde; got openai"):
        families.read("openai", positional, {"preset": "vp/cifar10_ddpmpp"})
