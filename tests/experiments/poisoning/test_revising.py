"""Defences in the course of a training, and augmentations that look at the network."""

from types import SimpleNamespace

import jax
import numpy as np
import pytest
from jax import numpy as jnp
from jax.tree_util import Partial

from experiments.poisoning import (
    grid,
)
from experiments.poisoning import (
    table as poison_table,
)
from experiments.poisoning.config import SET_DEFENCE
from experiments.poisoning.defences.epic import EPIC, isolated
from experiments.poisoning.defences.friendly import Friendly, friendly_noise
from experiments.poisoning.defences.images import JPEG
from experiments.poisoning.defences.mixing import UEraserMax
from experiments.poisoning.defences.plan import plan
from experiments.poisoning.defences.revision import Watched
from experiments.poisoning.defences.stage import Context
from purifax import data
from purifax.data.plasma import ueraser
from purifax.run.config import make

DROPPING = EPIC(0.2, first=2, every=3)


class Knowing:
    """A trainer whose network says what a table says, by the first pixel."""

    batch = 4

    def __init__(self, table):
        self.table, self.asked = table, 0

    def logits(self, network, images):
        self.asked += 1
        return self.table[images[:, 0, 0, 0]]


def planted():
    """Eleven images alike, and one of its own kind in the same class."""
    table = np.zeros((12, 2))
    table[:11, 0] = 3 + 0.01 * np.arange(11)
    table[11, 1] = 3.0
    pixels = np.arange(12, dtype=np.uint8)[:, None, None, None]
    labels = np.zeros(12, np.int32)
    images = data.Images(pixels, labels, np.arange(12), ("a", "b"), "planted")
    return Knowing(table), images


def test_an_isolated_image_is_dropped_in_its_epoch_and_never_returns():
    trainer, images = planted()
    revise = DROPPING.build(Context(images, trainer, 0, 8))
    change, now = object(), images
    counts = []
    for done in range(20):
        now, same = revise(done, None, now, change)
        assert same is change
        counts.append(len(now))
    # Epochs have three steps: before steps 6 and 15.
    assert trainer.asked == 2 and counts[:6] == [12] * 6
    assert 11 not in now.index and len(now) >= 9
    assert counts == sorted(counts, reverse=True)


def test_what_was_dropped_is_counted_and_how_much_of_it_was_poison(
    monkeypatch, tmp_path
):
    trainer, images = planted()
    epic = DROPPING.build(Context(images, trainer, 0, 8))
    watched = Watched(epic, images)
    assert watched.left is images
    watched(6, None, images, object())
    gone = set(range(12)) - set(watched.left.index.tolist())
    poisons = len(gone & {3, 11})
    assert 11 in gone and poisons >= 1
    stored = {"index": np.array([3, 11])}
    monkeypatch.setattr(grid, "perturbation", lambda place: stored)
    work, args = SimpleNamespace(folder=tmp_path), (images, watched.left)
    clean, spoilt = (
        grid._dropped(work, grid.Cell(name, "epic", 0), *args)
        for name in (grid.CLEAN, "lsp")
    )
    assert clean == {"dropped": len(gone)}
    assert spoilt == {"dropped": len(gone), "dropped_poisons": poisons}
    cell = {"accuracy": 0.5, "by_class": [0.5], "seed": 0, "poison": "lsp"}
    results = [{**cell, "defence": "none"}, {**cell, "defence": "epic", **spoilt}]
    words = poison_table.markdown(poison_table.summary(results, ["none", "epic"]))
    assert words.endswith(f"| epic | {len(gone)}.0 ({poisons}.0) |\n")


def test_no_image_is_dropped_where_medoids_are_few():
    logits = np.repeat(np.eye(2), 5, axis=0)
    alone = isolated(logits, np.zeros(10, int), 0.2)
    assert not alone.any()


def _line(x, w):
    return jnp.tensordot(w, x, axes=3)


def test_friendly_noise_is_large_and_changes_no_answer():
    """Along what the network looks at there is hardly any; elsewhere it stays."""
    w = jnp.zeros((2, 4, 4, 1)).at[0, :2].set(3.0)
    x = jnp.full((4, 4, 1), 0.5)
    known = Partial(_line, w=w)
    args = jnp.float32(0.1), jnp.full(60, 0.5), jnp.float32(1.0)
    found = jax.jit(friendly_noise)(jax.random.key(3), x, known, *args)
    begun = 0.05 * jax.random.uniform(jax.random.key(3), x.shape, minval=-1.0)
    assert float(jnp.abs(found).max()) <= 0.1 + 1e-6
    far = [abs(float(jnp.sum(3 * noise[:2]))) for noise in (begun, found)]
    assert far[1] < 0.2 * far[0]
    assert float(jnp.mean(jnp.abs(found))) > 0.5 * float(jnp.mean(jnp.abs(begun)))
    assert float(jnp.mean(found[2:] ** 2)) > float(jnp.mean(begun[2:] ** 2))


def test_the_worst_of_several_draws_is_trained_on():
    trainer, images = planted()
    draws = 4
    change = UEraserMax(draws).build(Context(images, trainer, 0, 8))
    network = Partial(_line, w=jax.random.normal(jax.random.key(5), (3, 4, 4, 1)))
    x = jax.random.uniform(jax.random.key(6), (2, 4, 4, 1))
    targets = jnp.eye(3)[:2]
    found, same = jax.jit(change)(jax.random.key(7), network, x, targets)
    assert (np.asarray(same) == np.asarray(targets)).all()
    keys = jax.random.split(jax.random.key(7), 2)

    @jax.jit
    def tried(key, x):
        return jax.vmap(lambda d: ueraser(jax.random.fold_in(key, d), x))(
            jnp.arange(draws)
        )

    for i in range(2):
        all_of = tried(keys[i], x[i])
        said = jax.nn.log_softmax(jax.vmap(network)(all_of))[:, i]
        np.testing.assert_allclose(found[i], all_of[int(said.argmin())], atol=1e-6)


def test_names_of_what_changes_in_the_course_of_a_training():
    found = plan(make(SET_DEFENCE, "jpeg:75+epic:0.3+friendly"))
    assert found.once == (JPEG(75.0),)
    assert found.training == (EPIC(0.3), Friendly())
    with pytest.raises(ValueError, match="no set defence is named 'epik'.*mean epic"):
        make(SET_DEFENCE, "epik")
    with pytest.raises(ValueError, match="no share of medoids"):
        EPIC(2.0)
