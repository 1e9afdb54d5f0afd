"""Poisons by name: what each keeps to, whom it is for, and what is refused."""

import dataclasses

import jax
import numpy as np
import pytest
from jax import numpy as jnp
from jax.tree_util import Partial

from experiments.poisoning import (
    features,
    outcome,
    splits,
    store,
    table,
    victims,
)
from experiments.poisoning.config import (
    Shares,
    Transfer,
    Victim,
)
from experiments.poisoning.context import Context
from experiments.training.config import (
    ClassifierNet,
    Optim,
)
from purifax import nets, poison
from purifax.poison import dune
from purifax.recipe.kinds import POISON
from purifax.run.config import make

FAR = {"radius": 0.2}
FEW = FAR | {"steps": 2, "step_size": 0.5}
ADVERSARY = {"adversary_radius": 0.1, "adversary_steps": 1}
POLYTOPE = FAR | {"bases": 2, "steps": 2, "step_size": 0.1}
SMALL = {
    one.name: one
    for one in (
        poison.LSP(patch=2),
        poison.AR(response=0.5, candidates=3000),
        poison.OPS(),
        poison.CUDA(),
        poison.URP(**FAR),
        poison.TAP(**FEW, restarts=1, jitter=0.0),
        poison.TAPUntargeted(**FEW, restarts=1, jitter=0.0),
        poison.HYPO(**FEW),
        poison.Mislead(**FEW),
        poison.SEP(**FEW, checkpoints=2),
        poison.SEPFA(**FEW, checkpoints=2),
        poison.SEPFAVR(**FEW, checkpoints=2),
        poison.EM(**FAR, rounds=1, updates=2, steps=2),
        poison.EntF(**FEW, **ADVERSARY, jitter=0.0),
        poison.REM(**FAR, **ADVERSARY, rounds=2, steps=2, draws=1),
        poison.TUE(**FAR, rounds=2, steps=2, width=4),
        poison.DeepConfuse(**FAR, rounds=2, updates=1, fold=2, widths=(8,), blocks=1),
        poison.NTGA(**FAR, block=40, steps=2),
        poison.DUNE(**FAR, checkpoints=1, steps=2, particles=3, moves=1),
        poison.BadNets(rate=0.5),
        poison.LabelConsistent(**FEW, rate=0.5),
        poison.Narcissus(**FAR, rate=0.5, epochs=0, passes=3, step_size=0.1),
        poison.GradientMatching(
            **FAR, rate=0.5, steps=2, step_size=0.1, restarts=1, jitter=0.0
        ),
        poison.Bullseye(**POLYTOPE),
        poison.ConvexPolytope(**POLYTOPE),
    )
}


def recipe(name, **changes):
    return dataclasses.replace(make(POISON, name, SMALL), **changes)


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
def context(parts):
    shape, names = parts.victim.images.shape[1:], parts.victim.names
    trainer = victims.Trainer(VICTIM, shape, names)
    return Context(parts.victim, trainer, 0, 40, parts.other, parts.test)


@pytest.mark.parametrize(
    "name", ["sep_fa_vr", "entf", "dune", "rem", "tue", "deepconfuse", "ntga"]
)
def test_a_poison_of_every_image_keeps_its_promise(context, name):
    found = SMALL[name].build(context)
    x = context.images.images / 255
    spoilt, far = x + np.asarray(found.delta), float(np.abs(found.delta).max())
    assert found.name == name and found.index.tolist() == list(range(40))
    assert 0.01 < far <= float(found.threat.radius) + 1e-6
    assert found.threat.radius == 0.2 or name == "dune"
    assert -1e-6 <= spoilt.min() and spoilt.max() <= 1 + 1e-6
    assert store.aim_of(SMALL[name], context) == {}


def test_a_colour_of_dune_may_be_kept_from_what_a_network_sees(context):
    network = context.trainer().fit(context.images, context.surrogate_seed)[-1]
    assert len(poison.DUNE().visible(context, [network])) == 2
    x = jnp.asarray(context.images.images[0] / 255, jnp.float32)
    extractor = Partial(features.blocks, None, network=network)
    far = float(dune.perceptual(x + 0.1, x, extractor))
    assert far > 1e-4
    for largest, want in ((far / 4, 3 * far / 4), (2 * far, 0.0)):
        penalty = poison.DUNE(features=largest).visible(context, [network])[-1]
        np.testing.assert_allclose(penalty(x + 0.1, x), want, rtol=1e-4, atol=1e-8)
        assert float(penalty(x, x)) == 0.0


@pytest.mark.parametrize("name", ["gradient_matching:1", "bullseye", "convex_polytope"])
def test_a_poison_for_a_target_moves_images_of_the_class_it_wants(context, name):
    found = recipe(name).build(context)
    assert set(context.images.labels[np.asarray(found.index)]) == {0}
    assert 0 < float(np.abs(found.delta).max()) <= 0.2 + 1e-6
    told = store.aim_of(recipe(name), context)
    ones = context.test.index[context.test.labels == 1]
    number = 1 if name.endswith(":1") else 0
    assert told == {"index": int(ones[number]), "label": 1, "wanted": 0}


def test_the_pattern_of_narcissus_makes_its_network_sure_of_the_class(context):
    wanted = recipe("narcissus:3", times=2.0)
    found = recipe("narcissus:3").build(context)
    own = np.flatnonzero(context.images.labels == 3)
    assert set(found.index.tolist()) <= set(own) and len(found.index) == 2
    delta = np.asarray(found.delta)
    assert (delta == delta[:1]).all() and 0.05 < np.abs(delta).max() <= 0.2 + 1e-6
    shown = outcome.triggered(wanted, context, context.test, delta)
    want = np.clip(context.test.images / 255 + 2 * delta[0], 0, 1)
    assert np.abs(shown / 255 - want).max() <= 0.5 / 255 + 1e-6
    assert not hasattr(recipe("tue"), "trigger")


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


def test_a_training_goes_on_with_the_images_that_a_revision_leaves(context):
    trainer, images, asked = context.victim, context.images, []

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
        ("dune", {"shift": 20}, "shifts labels of 10 classes to themselves"),
        ("entf", {"loss": "shove"}, "EntF.loss is 'shove'.*unknown"),
        ("ntga", {"kernel": "arc"}, "NTGA.kernel is 'arc'"),
        ("tap:3", {}, "no number may follow tap"),
        ("narcissus:x", {}, "a whole number may follow narcissus"),
        ("file", {}, "set its path"),
    ],
)
def test_what_cannot_be_is_refused_in_a_line(context, name, changes, words):
    with pytest.raises(ValueError, match=words):
        recipe(name, **changes).build(context)


def test_public_images_are_asked_for(context):
    alone = dataclasses.replace(context, other=None)
    for name in ("narcissus", "ntga"):
        with pytest.raises(ValueError, match=f"'{name}' learns from public images"):
            recipe(name).build(alone)


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
