"""Poisons that expect a defence: what they see of it, and with which gradient."""

import dataclasses

import jax
import numpy as np
import pytest
from jax import numpy as jnp

from experiments.poisoning import adaptive_em, purify_set, registry, splits, victims
from experiments.poisoning.config import (
    Crafting,
    Eclipse,
    PoisonGrid,
    Shares,
    Victim,
)
from experiments.poisoning.context import Setting
from experiments.training.config import (
    ClassifierNet,
    Optim,
)
from purifax import noise, score
from purifax.evaluation.settings import (
    Defence,
)
from purifax.purify.prior import Prior
from purifax.run import devices

KEY = jax.random.key(8)
CONFIG = PoisonGrid(
    images=Shares(name="digits", train=60, test=60),
    victim=Victim(
        net=ClassifierNet(name="MLP", widths=(16,)),
        optim=Optim(learning_rate=1e-2),
        steps=20,
        batch=32,
    ),
    crafting=Crafting(radius=0.3, em_rounds=3, em_updates=5, em_steps=5, em_stop=0.02),
    eclipse=Eclipse(
        purifier=Defence(method="diffuse", time=100, steps=2, sampler="ancestral")
    ),
)


class Known:
    """A diffusion that pulls everything towards grey, by a closed form."""

    def sparse(self):
        return Prior(score.Gaussian(0.5, 0.02), noise.VPDiscrete())


@pytest.fixture(scope="module")
def setting():
    parts = splits.parts(CONFIG.images, None)
    shape, names = parts.victim.images.shape[1:], parts.victim.names
    trainer = victims.Trainer(CONFIG.victim, shape, names)
    basin = purify_set.Basin(CONFIG, Known(), devices.mesh(32))
    args = parts.victim, CONFIG.crafting, trainer, 0, 60
    return Setting(*args, basin=basin)


def given(setting, **changes):
    numbers = dataclasses.replace(setting.crafting, **changes)
    return dataclasses.replace(setting, crafting=numbers)


def summed(purifier, key, x):
    return jax.value_and_grad(lambda x: jnp.sum(purifier(key, x)))(x)


def test_the_view_is_the_defenders_purifier_and_its_gradient_the_one_that_is_named(
    setting,
):
    x = jnp.asarray(setting.images.images[0] / 255, jnp.float32)
    expecting = given(setting, against="eclipse_ddpm")
    whole = purify_set.PURIFIERS["eclipse_ddpm"](setting.basin, None)
    k_first = jax.random.fold_in(KEY, 0)
    pure, slope = summed(whole, k_first, x)
    slopes = {}
    for method in ("adaptive_bpda", "adaptive_exact"):
        value, slopes[method] = summed(adaptive_em.view(method, expecting), KEY, x)
        np.testing.assert_allclose(value, pure, rtol=1e-6)
    np.testing.assert_allclose(slopes["adaptive_exact"], slope, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(slopes["adaptive_bpda"], jnp.ones_like(x))
    assert float(jnp.max(slope)) < 0.9


def test_the_published_attack_sees_the_corruption_of_batches_alone(setting):
    """Without a purifier; grey has a gradient, the noise the size of the defence's."""
    alone = dataclasses.replace(given(setting, against="eclipse"), basin=None)
    seen = adaptive_em.view("adaptive", alone)
    x = jnp.full((8, 8, 3), 0.5).at[..., 0].set(0.7)
    keys = jax.random.split(KEY, 200)
    shown = jax.vmap(seen, (0, None))(keys, x)
    spread = np.ptp(np.asarray(shown).mean((1, 2)), axis=-1)
    assert 0.3 < np.mean(spread < 0.1) < 0.5
    slopes = jax.vmap(jax.grad(lambda x, key: jnp.sum(seen(key, x))), (None, 0))(
        x, keys
    )
    assert float(jnp.abs(slopes).sum((1, 2, 3)).min()) > 100


@pytest.mark.parametrize("method", ["adaptive", "adaptive_exact"])
def test_noise_minimises_the_error_of_who_sees_it_through_the_defence(setting, method):
    found = registry.made(method, setting)
    delta = np.asarray(found.delta)
    assert found.name == method and 0.1 < np.abs(delta).max() <= 0.3 + 1e-6
    plain = np.asarray(registry.made("em", setting).delta)
    assert np.abs(delta - plain).max() > 0.01
    images, trainer = setting.images, setting.trainer
    right = []
    for noised in (0 * delta, delta):
        x = np.clip(images.images / 255 + noised, 0, 1)
        stored = dataclasses.replace(images, images=np.rint(255 * x).astype(np.uint8))
        wash = purify_set.PARTS["eclipse_ddpm"](setting.basin, None)
        pure = dataclasses.replace(stored, images=wash(KEY, stored.images))
        said = trainer.predictions(trainer.fit(pure, 0)[-1], pure.images)
        right.append(np.mean(said == images.labels))
    assert right[1] > right[0] + 0.1


@pytest.mark.parametrize(
    ("method", "against", "words"),
    [
        ("adaptive_exact", "mixup", "'mixup' does not treat images one by one"),
        ("adaptive", "jpeg:75", "leaves 'adaptive' nothing to meet"),
        ("adaptive_exact", "eclipsed", "unknown part 'eclipsed'"),
    ],
)
def test_a_defence_that_cannot_be_gone_through_is_refused(
    setting, method, against, words
):
    with pytest.raises(ValueError, match=words):
        registry.made(method, given(setting, against=against))


def test_a_purifier_is_that_of_a_grid(setting):
    alone = dataclasses.replace(setting, basin=None)
    with pytest.raises(ValueError, match="needs the networks of a grid"):
        registry.made("adaptive_bpda", alone)
