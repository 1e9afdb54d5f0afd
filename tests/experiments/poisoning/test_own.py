"""A poison and a defence of one's own, by the names of their places."""

import dataclasses
import json
from types import SimpleNamespace

import numpy as np
import pytest

from experiments import poison as command
from experiments.poisoning import grid, splits, victims
from experiments.poisoning.config import (
    SET_DEFENCE,
    PoisonGrid,
    Poisoning,
    Shares,
    Victim,
    defences,
)
from experiments.poisoning.defences import stage
from experiments.poisoning.defences.plan import plan, short
from experiments.training.config import ClassifierNet, Optim
from purifax import data
from purifax.data import poisoned
from purifax.recipe.help_text import help_lines
from purifax.run import config as configlib
from purifax.run import recipes
from purifax.run.errors import UsageError
from purifax.run.overrides import apply
from purifax.run.stop import Stop

MINE = '''
from dataclasses import dataclass

import jax
from jax import numpy as jnp
from jax.tree_util import Partial

from purifax.poison import Poison
from purifax.threat import Linf


def brighter(key, image, label):
    return 0.02 * (1 + label) * jnp.ones_like(image)


def paler(key, x):
    return 0.5 * x


@dataclass(frozen=True)
class Stripes:
    """Stripes.

    Attributes:
        size: how strong they are.
    """

    size: float = 0.1

    def build(self, context):
        index = jnp.arange(len(context.images))
        rows = jnp.arange(context.shape[0]) % 2
        delta = self.size * jnp.broadcast_to(rows[:, None, None], context.shape)
        delta = jnp.stack([delta] * len(index))
        return Poison(index, delta, Linf(self.size), name="stripes")
'''
VICTIM = Victim(
    net=ClassifierNet(name="MLP", widths=(8,)),
    optim=Optim(learning_rate=1e-2),
    steps=3,
    batch=32,
)
IMAGES = Shares(name="digits", train=60, sparse=10, test=60)


@pytest.fixture
def mine(tmp_path, monkeypatch):
    """A module of poisons; the devices of the tests stay as they are."""
    monkeypatch.setattr(command.devices, "prepare", lambda batch: None)
    (tmp_path / "my_poisons.py").write_text(MINE)
    monkeypatch.syspath_prepend(tmp_path)
    return "my_poisons"


def crafted(folder, overrides, capsys):
    config = apply(Poisoning(images=IMAGES, victim=VICTIM), overrides)
    command.main(config, SimpleNamespace(workdir=str(folder), data_dir=None))
    stored, found = data.load("poisoned", "train", folder), poisoned.record(folder)
    clean = splits.parts(IMAGES, None).victim
    apart = stored.images.astype(int) - clean.images
    return capsys.readouterr().out, found, clean, apart


def test_a_bare_function_poisons_a_set(mine, tmp_path, capsys):
    place = f"{mine}:brighter"
    said, words, clean, apart = crafted(tmp_path / "out", [("poison", place)], capsys)
    assert f"{place} on 50 of 50 images" in said and "no budget" in said
    assert words["method"] == place and words["poison"] == {"recipe": place}
    dark = clean.images < 200
    want = 255 * 0.02 * (1 + clean.labels)[:, None, None, None]
    assert np.abs(apart - want)[dark].max() <= 0.5 + 1e-3
    again, *_ = crafted(tmp_path / "out", [("poison", place)], capsys)
    assert "was there already" in again


def test_a_recipe_with_numbers_poisons_a_set(mine, tmp_path, capsys):
    given = [("poison", f"{mine}:Stripes"), ("poison.size", "0.2")]
    said, words, clean, apart = crafted(tmp_path / "out", given, capsys)
    assert "stripes on 50 of 50 images" in said and "0.2 of Linf 0.2" in said
    assert words["poison"] == {"recipe": f"{mine}:Stripes", "size": 0.2}
    assert (apart[:, ::2] == 0).all() and apart.max() == 51
    with pytest.raises(UsageError, match="Stripes has no field width"):
        crafted(tmp_path / "no", [*given, ("poison.width", "2")], capsys)


def test_a_grid_takes_a_poison_and_a_defence_of_ones_own(mine, tmp_path):
    given = [
        ("poisons", f"urp,{mine}:Stripes"),
        ("defences", f"none,{mine}:paler,{mine}:paler+mixup"),
        ("seeds", "0"),
    ]
    config = apply(PoisonGrid(images=IMAGES, victim=VICTIM), given)
    work = grid.set_up(config, tmp_path / "grid", None)
    with Stop() as stop:
        results = grid.run(work, stop)
    assert {one["poison"] for one in results} == {"clean", "urp", f"{mine}:Stripes"}
    stored = work.folder / "purified" / f"clean,{mine}:paler,0.npz"
    images = data.load("npz", "all", stored).images
    want = np.rint(work.parts.victim.images / 2)
    assert np.abs(images - want).max() <= 1
    text = json.dumps(configlib.encode(config))
    assert configlib.decode(json.loads(text), [PoisonGrid]) == config


BUILT_IN = tuple(recipes.known(SET_DEFENCE))


@pytest.mark.parametrize("name", BUILT_IN)
def test_a_defence_has_defaults_help_and_a_json_of_its_own(name):
    made = configlib.make(SET_DEFENCE, "jpeg:10+mixup" if name == "Joined" else name)
    assert made.build is not None and plan(made)
    lines = help_lines(type(made))
    assert set(configlib.hints(type(made))) == set(lines)
    config = PoisonGrid(IMAGES, VICTIM, defences={"one": made, "none": None})
    text = json.dumps(configlib.encode(config))
    back = configlib.decode(json.loads(text), [PoisonGrid])
    assert back == config and configlib.differences(config, back) == []
    words = json.loads(text)
    words["defences"]["one"]["colour"] = 1
    with pytest.raises(ValueError, match="has no field colour"):
        configlib.decode(words, [PoisonGrid])


def test_purified_sets_have_names_of_their_own():
    """By a number, and by a mark where another field is not the default."""
    found = defences("jpeg:50", "bit_depth:2+jpeg", "puregen_ddpm")
    names = [plan(one).purified for one in found.values()]
    assert names == ["jpeg:50", "bit_depth:2+jpeg:75", "pure_gen_ddpm"]
    ddpm = found["puregen_ddpm"]
    marked = short(type(ddpm)(dataclasses.replace(ddpm.purifier, steps=7)))
    assert marked.startswith("pure_gen_ddpm-") and marked != short(ddpm)


def test_a_purifier_outside_of_a_grid_is_refused():
    parts = splits.parts(IMAGES, None)
    trainer = victims.Trainer(VICTIM, (8, 8, 1), parts.victim.names)
    context = stage.Context(parts.victim, trainer, 0, 64)
    with pytest.raises(ValueError, match="needs the networks of a grid"):
        defences("avatar")["avatar"].build(context)
