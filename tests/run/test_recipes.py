"""Recipes by name: built-in ones, those of installed packages, and a user's own."""

import importlib
import sys

import numpy as np
import pytest
from fields import bare_config
from jax import numpy as jnp
from laws.recipe_laws import laws

import purifax
from purifax import attack, purify
from purifax.recipe import only_with
from purifax.recipe.help_text import help_lines
from purifax.recipe.kinds import ATTACK, PURIFIER, Kind
from purifax.recipe.spelling import nearest
from purifax.run import recipes
from purifax.run.config import decode, encode, make
from purifax.run.overrides import apply
from purifax.threat import Linf

MINE = '''
"""A purifier of another package."""

from dataclasses import dataclass

import jax
from jax import numpy as jnp
from jax.tree_util import Partial

__all__ = ["Smooth", "blur"]


def smooth(key, x, sigma):
    return jnp.clip(x + sigma * jax.random.normal(key, x.shape, x.dtype), 0.0, 1.0)


def blur(key, x):
    """A bare purifier."""
    return (x + jnp.roll(x, 1, axis=0)) / 2


@dataclass(frozen=True)
class Smooth:
    """Add noise, and nothing else.

    Attributes:
        sigma: deviation of the noise.
    """

    sigma: float = 0.1
    needs = ()

    def build(self, prior):
        """The purifier."""
        del prior
        return Partial(smooth, sigma=self.sigma)

    def calls(self):
        """None of a network."""
        return 0

    def words(self):
        """What it does."""
        return f"noise {self.sigma:g}"
'''
DECLARED = "[purifax.purifier]\nsmooth = theirs.mine\n"


@pytest.fixture
def package(tmp_path, monkeypatch):
    """One file in a package of its own, which declares itself as installed ones do."""
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "__init__.py").write_text("")
    (tmp_path / "theirs" / "mine.py").write_text(MINE)
    about = tmp_path / "theirs-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: theirs\nVersion: 1.0\n"
    )
    (about / "entry_points.txt").write_text(DECLARED)
    monkeypatch.syspath_prepend(tmp_path)
    importlib.invalidate_caches()
    recipes.known.cache_clear()
    yield tmp_path
    recipes.known.cache_clear()
    for name in [name for name in sys.modules if name.partition(".")[0] == "theirs"]:
        del sys.modules[name]


def grey():
    values = np.linspace(0.1, 0.9, 4, dtype=np.float32)
    images = np.broadcast_to(values[:, None, None, None], (4, 3, 3, 1)).copy()
    return images, (values > 0.45).astype(int)


def bright(x):
    return 4 * jnp.stack([0.45 - jnp.mean(x), jnp.mean(x) - 0.45])


@pytest.mark.parametrize(
    "purifier", ["theirs.mine:Smooth", "theirs.mine:blur", "smooth"]
)
def test_a_new_purifier_reaches_evaluate(package, purifier):
    report = purifax.evaluate(
        bright,
        *grey(),
        purifier=purifier,
        attacks=[attack.PGD(steps=2)],
        threat=Linf(0.1),
        keys=1,
        samples=2,
        probed=0,
    )
    assert report.accuracy("pgd").images == 4


def test_a_new_purifier_reaches_the_command_line(package):
    words = [("purifier", "theirs.mine:Smooth"), ("purifier.sigma", "0.3")]
    config = apply(bare_config(), words)
    assert config.purifier.sigma == 0.3
    back = decode(encode(config), [type(config)])
    assert back == config
    assert encode(config)["purifier"] == {"recipe": "theirs.mine:Smooth", "sigma": 0.3}
    by_name = apply(bare_config(), [("purifier", "smooth")])
    assert type(by_name.purifier).__name__ == "Smooth"


def test_a_new_purifier_is_listed(package):
    lines = recipes.listing(PURIFIER).splitlines()
    assert [line for line in lines if line.startswith("smooth ")]
    assert "Add noise, and nothing else." in recipes.listing(PURIFIER)


@pytest.mark.parametrize("law", list(laws(PURIFIER)))
def test_a_new_purifier_is_judged_by_the_laws(package, law):
    laws(PURIFIER)[law](recipes.known(PURIFIER)["Smooth"])


@pytest.mark.parametrize("name", ["ADP", "Adp"])
def test_a_package_may_not_take_the_name_of_a_built_in_recipe(package, name):
    (package / "theirs" / "mine.py").write_text(MINE.replace("Smooth", name))
    words = f"theirs.mine declares {name}, a purifier that purifax.purify.adp declares"
    with pytest.raises(ValueError, match=words):
        recipes.known(PURIFIER)


def test_a_broken_package_is_named(package):
    (package / "theirs" / "mine.py").write_text("1 / 0\n")
    with pytest.raises(ValueError, match="theirs.mine cannot be imported: ZeroDiv"):
        recipes.find(PURIFIER, "theirs.mine:Smooth")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("adb", "did you mean adp"),
        ("no.such.module:Smooth", "cannot be imported: ModuleNotFoundError"),
        ("purifax.purify.adp:ADB", "has no ADB; did you mean ADP"),
        ("purifax.evaluation.settings:POOLING", "is a tuple; name a purifier"),
    ],
)
def test_a_wrong_name_is_one_clear_line(name, message):
    with pytest.raises(ValueError, match=message) as raised:
        make(PURIFIER, name)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("name", "cls"),
    [
        ("adp", purify.ADP),
        ("ADP", purify.ADP),
        ("bit_depth", purify.BitDepth),
        ("lee-kim", purify.LeeKim),
        ("purifax.purify.jpeg:JPEG", purify.JPEG),
    ],
)
def test_a_name_is_found_whatever_its_case(name, cls):
    assert make(PURIFIER, name) == cls()


def test_the_shared_parts_of_recipes_are_no_recipes():
    known = {*recipes.known(PURIFIER), *recipes.known(ATTACK)}
    assert not known & {"Climb", "Descent", "Sampled", "Guided", "Maximiser", "Own"}
    assert {"ADP", "PGD", "AutoAttack"} <= known


def test_help_is_read_of_bases_too():
    lines = help_lines(purify.ADP)
    assert lines["rate"].startswith("step size") and lines["sigma"].endswith("units.")
    assert help_lines(Kind)["word"].startswith("what one method")


def test_the_nearest_name_ends_a_sentence():
    assert nearest("langvin", ["langevin", "mala"]) == "; did you mean langevin?"
    assert nearest("zzz", ["a", "b"]) == "; known: a, b."


def test_a_field_without_effect_is_refused():
    with pytest.raises(ValueError, match="DiffPure.eta applies with sampler=ddim"):
        purify.DiffPure(sampler="sde", eta=0.5)
    assert purify.DiffPure(sampler="ddim", eta=0.5).eta == 0.5
    only_with(purify.DiffPure(), "eta", "sampler", ("ddim",))
