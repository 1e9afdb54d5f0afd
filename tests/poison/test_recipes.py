"""Recipes of poisons: their defaults, their help, their JSON, and what they refuse."""

import dataclasses
import importlib
import json
import pkgutil
import types
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Annotated, Any, ClassVar

import jax
import numpy as np
import pytest

from purifax import poison
from purifax.poison.own import Own
from purifax.recipe.help_text import help_lines
from purifax.recipe.kinds import POISON
from purifax.run import config as configlib
from purifax.run import recipes
from purifax.run.errors import UsageError
from purifax.run.overrides import apply

RECIPES = recipes.known(POISON)
NAMES = (
    "adaptive adaptive_bpda adaptive_exact ar badnets bullseye convex_polytope cuda "
    "deepconfuse dune em entf file gradient_matching hypo label_consistent lsp mislead "
    "narcissus ntga ops rem sep sep_fa sep_fa_vr tap tap_untargeted tue urp"
).split()


@dataclass(frozen=True)
class Tiny:
    """A config with a poison, and with some by name."""

    kind: ClassVar[str] = "tiny"

    poison: Annotated[Any, POISON] = poison.LSP()
    poisons: Annotated[Mapping[str, Any], POISON] = field(default_factory=dict)


def test_the_field_finds_each_poison_by_its_name():
    made = {name: configlib.make(POISON, name) for name in NAMES}
    assert {type(one) for one in made.values()} == set(RECIPES.values())
    assert [one.name for one in made.values()] == NAMES


def test_no_module_is_hidden_by_its_function():
    for module in pkgutil.iter_modules(poison.__path__):
        importlib.import_module(f"purifax.poison.{module.name}")
        assert isinstance(getattr(poison, module.name), types.ModuleType), module.name


@pytest.mark.parametrize("cls", RECIPES.values(), ids=str)
def test_a_recipe_has_defaults_and_a_line_of_help_for_each_field(cls):
    made = cls()
    lines = help_lines(cls)
    assert list(lines) and all(lines[f.name] for f in dataclasses.fields(cls))
    assert made.calls() is None or made.calls() >= 0
    assert hash(made) == hash(cls()) and made == cls()


@pytest.mark.parametrize("cls", RECIPES.values(), ids=str)
def test_a_recipe_survives_json_alone_and_among_others(cls):
    config = Tiny(poison=cls(), poisons={"one": cls(), "other": poison.OPS()})
    text = json.dumps(configlib.encode(config))
    back = configlib.decode(json.loads(text), [Tiny])
    assert back == config and configlib.differences(config, back) == []


@pytest.mark.parametrize("cls", RECIPES.values(), ids=str)
def test_a_field_that_a_poison_does_not_have_is_refused(cls):
    words = configlib.encode(Tiny(poison=cls()))
    words["poison"]["colour"] = 1
    with pytest.raises(ValueError, match=f"{cls.__name__} has no field colour"):
        configlib.decode(words, [Tiny])
    with pytest.raises(UsageError, match=f"{cls.__name__} has no field colour"):
        apply(Tiny(), [("poison", cls.__name__), ("poison.colour", "1")])
    with pytest.raises(TypeError):
        cls(colour=1)


def test_a_number_behind_a_name_is_the_class_or_the_image():
    for name, number in (("narcissus", "target"), ("bullseye", "target_image")):
        made = configlib.make(POISON, f"{name}:3")
        assert getattr(made, number) == 3
        presets = {name: dataclasses.replace(made, radius=0.25)}
        again = configlib.make(POISON, f"{name}:2", presets)
        assert (getattr(again, number), again.radius) == (2, 0.25)
    with pytest.raises(ValueError, match="no number may follow lsp; got lsp:3"):
        configlib.make(POISON, "lsp:3")


def wide(count=30, classes=3):
    """Images, keys and a loop over them: all that recipes without a network need."""
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (count, 16, 16, 3), dtype=np.uint8)
    labels = np.arange(count) % classes

    class Few(SimpleNamespace):
        def __len__(self):
            return len(self.labels)

        def take(self, index):
            return Few(images=self.images[index], labels=self.labels[index])

    def over(fn, key, index, *rows):
        one = jax.jit(lambda i, *row: fn(jax.random.fold_in(key, i), *row))
        return np.stack([one(*row) for row in zip(index, *rows, strict=True)])

    return SimpleNamespace(
        images=Few(images=pixels, labels=labels),
        classes=classes,
        shape=(16, 16, 3),
        key=lambda role: jax.random.key(len(role)),
        over=over,
    )


def brighter(key, image, label):
    """A poison of one's own: each class a little brighter, with noise."""
    noise = jax.random.uniform(key, image.shape)
    return 0.01 * (label + noise)


@pytest.mark.parametrize(
    "made",
    [
        poison.LSP(),
        poison.AR(response=0.5, candidates=3000),
        poison.OPS(),
        poison.CUDA(),
        poison.URP(),
        poison.BadNets(),
        Own("tests:brighter", brighter),
    ],
    ids=lambda one: one.name,
)
def test_a_recipe_without_a_network_needs_no_trainer(made):
    context = wide()
    found = made.build(context)
    assert found.delta.shape[1:] == (16, 16, 3) and found.name == made.name
    poison.verify(context.images.images, found)
    assert np.abs(found.delta).max() > 0.001
    again = made.build(context)
    np.testing.assert_array_equal(found.delta, again.delta)
