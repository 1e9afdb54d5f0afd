"""Poisons by name: what each keeps to, whom it is for, and what is refused."""

import dataclasses

import jax
import numpy as np
import pytest
from jax import numpy as jnp
from jax.tree_util import Partial

from experiments.poisoning import (
    features,
    registry,
    splits,
    table,
    tap_hypo_sep_dune,
    victims,
)
from experiments.poisoning.config import (
    Crafting,
    Shares,
    Transfer,
    Victim,
)
from experiments.poisoning.context import Setting
from experiments.training.config import (
    ClassifierNet,
    Optim,
    ScoreNet,
)
from purifax import nets, poison

SMALL = Crafting(
    radius=0.2,
    steps=2,
    step_size=0.5,
    restarts=1,
    jitter=0.0,
    checkpoints=2,
    adversary_radius=0.1,
    adversary_steps=1,
    rem_rounds=2,
    rem_steps=2,
    rem_draws=1,
    tue_rounds=2,
    tue_steps=2,
    tue_width=4,
    confuse_rounds=2,
    confuse_updates=1,
    confuse_net=ScoreNet(name="SmallScore", fold=2, widths=(8,), blocks=1),
    ntga_block=40,
    ntga_steps=2,
    dune_checkpoints=1,
    dune_steps=2,
    dune_particles=3,
    dune_moves=1,
    trigger_rate=0.5,
    narcissus_epochs=0,
    narcissus_passes=3,
    narcissus_size=0.1,
    matching_steps=2,
    matching_size=0.1,
    bases=2,
    bullseye_steps=2,
    bullseye_size=0.1,
)
VICTIM = Victim(
    net=ClassifierNet(name="MLP", widths=(8,)),
    optim=Optim(learning_rate=1e-2),
    steps=4,
    batch=32,
)


@pytest.fixture(scope="module")
def parts():
    return splits.parts(Shares(name="digits", train=40, other=64, test=60), None)


@pytest.fixture(scope="module")
def setting(parts):
    shape, names = parts.victim.images.shape[1:], parts.victim.names
    trainer = victims.Trainer(VICTIM, shape, names)
    return Setting(parts.victim, SMALL, trainer, 0, 40, parts.other, parts.test)


def given(setting, **changes):
    numbers = dataclasses.replace(setting.crafting, **changes)
    return dataclasses.replace(setting, crafting=numbers)


@pytest.mark.parametrize(
    "name", ["sep_fa_vr", "entf", "dune", "rem", "tue", "deepconfuse", "ntga"]
)
def test_a_poison_of_every_image_keeps_its_promise(setting, name):
    found = registry.made(name, setting)
    x = setting.images.images / 255
    spoilt, far = x + np.asarray(found.delta), float(np.abs(found.delta).max())
    assert found.name == name and found.index.tolist() == list(range(40))
    assert 0.01 < far <= float(found.threat.radius) + 1e-6
    assert found.threat.radius == 0.2 or name == "dune"
    assert -1e-6 <= spoilt.min() and spoilt.max() <= 1 + 1e-6
    assert registry.told(name, setting) == {}


def test_a_colour_of_dune_may_be_kept_from_what_a_network_sees(setting):
    network = setting.surrogates[-1]
    assert len(tap_hypo_sep_dune._visible(0.0, network)) == 2
    x = jnp.asarray(setting.images.images[0] / 255, jnp.float32)
    extractor = Partial(features.blocks, None, network=network)
    far = float(poison.perceptual(x + 0.1, x, extractor))
    assert far > 1e-4
    for largest, want in ((far / 4, 3 * far / 4), (2 * far, 0.0)):
        penalty = tap_hypo_sep_dune._visible(largest, network)[-1]
        np.testing.assert_allclose(penalty(x + 0.1, x), want, rtol=1e-4, atol=1e-8)
        assert float(penalty(x, x)) == 0.0


@pytest.mark.parametrize("name", ["gradient_matching:1", "bullseye", "convex_polytope"])
def test_a_poison_for_a_target_moves_images_of_the_class_it_wants(setting, name):
    found = registry.made(name, setting)
    assert set(setting.images.labels[np.asarray(found.index)]) == {0}
    assert 0 < float(np.abs(found.delta).max()) <= 0.2 + 1e-6
    told = registry.told(name, setting)["target"]
    ones = setting.test.index[setting.test.labels == 1]
    number = 1 if name.endswith(":1") else 0
    assert told == {"index": int(ones[number]), "label": 1, "wanted": 0}


def test_the_pattern_of_narcissus_makes_its_network_sure_of_the_class(setting):
    wanted = given(setting, target=3, trigger_times=2.0)
    found = registry.made("narcissus:3", setting)
    own = np.flatnonzero(setting.images.labels == 3)
    assert set(found.index.tolist()) <= set(own) and len(found.index) == 2
    delta = np.asarray(found.delta)
    assert (delta == delta[:1]).all() and 0.05 < np.abs(delta).max() <= 0.2 + 1e-6
    shown = registry.triggered("narcissus:3", wanted, setting.test, delta)
    want = np.clip(setting.test.images / 255 + 2 * delta[0], 0, 1)
    assert np.abs(shown / 255 - want).max() <= 0.5 / 255 + 1e-6
    assert registry.triggered("tue", setting, setting.test, delta) is None


_LEAVES = [("Dense_0", "kernel"), ("Dense_0", "bias"), ("Dense_1", "kernel")]


def test_a_network_starts_from_another_and_keeps_all_but_its_last_layer(
    parts, tmp_path
):
    shape, names = parts.victim.images.shape[1:], parts.victim.names
    for how in ("linear", "all"):
        optim = Optim(learning_rate=1e-2)
        transfer = Transfer(how=how, steps=3, optim=optim)
        victim = dataclasses.replace(VICTIM, transfer=transfer)
        place = tmp_path / "source"
        trainer = victims.trainer(victim, shape, names, parts.other, place)
        params, source = (
            jax.tree.map(np.asarray, network.variables["params"])
            for network in (trainer.fit(parts.victim, 0)[-1], trainer.source)
        )
        kept = [(params[d][k] == source[d][k]).all() for d, k in _LEAVES]
        assert kept == ([True] * 2 if how == "linear" else [False] * 2) + [False]
    with pytest.raises(ValueError, match="of which there are none: set images.other"):
        none = parts.other.take(np.arange(0))
        victims.trainer(victim, shape, names, none, tmp_path / "none")


def test_a_training_goes_on_with_the_images_that_a_revision_leaves(setting):
    trainer, images, asked = setting.trainer, setting.images, []

    def revise(done, network, images, change):
        asked.append((done, len(images)))
        few = np.arange(5)
        return (images.take(few) if done == 2 else images), change

    plain, same, fewer = (
        np.asarray(
            trainer.fit(images, 0, revise=fn)[-1].variables["params"]["Dense_0"]["bias"]
        )
        for fn in (None, lambda done, network, images, change: (images, change), revise)
    )
    np.testing.assert_array_equal(plain, same)
    assert (plain != fewer).any()
    assert asked == [(0, 40), (1, 40), (2, 40), (3, 5)]


def test_the_last_layer_of_features_is_what_a_network_answers():
    module, x = nets.SmallCNN(widths=(4,), hidden=6), jnp.ones((8, 8, 1))
    network = nets.Network(module, nets.init(jax.random.key(0), module, x))
    head = network.variables["params"][features.head(module, x)[0]]
    inside = features.features(jax.random.key(1), x, network)
    assert inside.shape == (6,)
    said = inside @ head["kernel"] + head["bias"]
    np.testing.assert_allclose(said, network(x), rtol=1e-5, atol=1e-6)
    shapes = [part.shape for part in features.blocks(jax.random.key(1), x, network)]
    assert shapes == [(8, 8, 4), (6,), (6,)]


@pytest.mark.parametrize(
    ("name", "changes", "words"),
    [
        ("rem", {"adversary_radius": 0.3}, "adversary_radius=0.3 is above radius=0.2"),
        ("narcissus:12", {}, "target=12, but no image of the victim is of it"),
        ("bullseye", {"target": 1}, "target and target_class are both 1"),
        ("bullseye:99", {}, "target_image=99, but there are 6 test images of class 1"),
        ("bullseye", {"bases": 9}, "bases=9; 4 images are of class 0"),
        ("dune", {"dune_shift": 20}, "shifts labels of 10 classes to themselves"),
        ("entf", {"entf_loss": "shove"}, "entf_loss is 'shove'.*unknown"),
        ("ntga", {"ntga_kernel": "arc"}, "ntga_kernel is 'arc'"),
        ("tap:3", {}, "a whole number may follow badnets"),
        ("narcissus:x", {}, "a whole number may follow"),
        ("file", {}, "set crafting.file"),
    ],
)
def test_what_cannot_be_is_refused_in_a_line(setting, name, changes, words):
    with pytest.raises(ValueError, match=words):
        registry.made(name, given(setting, **changes))


def test_public_images_are_asked_for(setting):
    alone = dataclasses.replace(setting, other=None)
    for name in ("narcissus", "ntga"):
        with pytest.raises(ValueError, match=f"'{name}' learns from public images"):
            registry.made(name, alone)


def test_success_is_over_the_classes_and_seeds_of_a_method():
    rates = {("n:0", 0): 0.5, ("n:0", 1): 0.7, ("n:4", 0): 0.0, ("n:4", 1): 0.4}
    base = {"defence": "none", "by_class": [0.5, 0.5], "seconds": 0}
    results = [
        {**base, "poison": p, "seed": s, "accuracy": 0.9 - s / 10, "success": rate}
        for (p, s), rate in rates.items()
    ]
    found = table.summary(results, ["none"])["over"]
    assert len(found) == 1 and found[0]["trainings"] == 4
    values = list(rates.values())
    np.testing.assert_allclose(found[0]["success"], np.mean(values), rtol=1e-6)
    deviation = np.std(values, ddof=1)
    np.testing.assert_allclose(found[0]["success_deviation"], deviation, rtol=1e-6)
    assert round(found[0]["worst"], 6) == 0.7 and found[0]["worst_poison"] == "n:0"
    np.testing.assert_allclose(found[0]["natural"], 0.85)
    words = table.markdown(table.summary(results, ["none"]))
    assert "| n | none | 4 | 40.0 ± 29.4 | 70.0 (n:0) | 85.0 ± 5.8 |" in words
