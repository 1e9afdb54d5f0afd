"""Banks of persistent chains: what is drawn, renewed and written."""

import math

import jax
import numpy as np
import pytest
from jax import numpy as jnp
from oracles import image

from purifax import sample

KEY = jax.random.key(5)


def test_no_chain_is_drawn_twice_and_all_are_equally_likely():
    keys = jax.random.split(KEY, 2000)
    draws = jax.vmap(lambda key: sample.bank.draw(key, 7, 3))(keys)
    assert all(len(set(row)) == 3 for row in np.asarray(draws).tolist())
    counts = np.bincount(np.asarray(draws).ravel(), minlength=7)
    share = 3 / 7
    assert np.abs(counts - 2000 * share).max() < 4 * math.sqrt(
        2000 * share * (1 - share)
    )


def test_a_bank_that_is_too_small_is_refused():
    for count in (5, 0):
        with pytest.raises(ValueError, match=f"{count} different chains.*bank of 4"):
            sample.bank.draw(KEY, 4, count)


@pytest.mark.parametrize("probability", [0.05, 0.4])
def test_a_chain_starts_again_as_a_whole_with_its_probability(probability):
    old, new = jnp.zeros((2, 2, 1)), jnp.ones((2, 2, 1))
    run = jax.vmap(lambda key: sample.bank.rejuvenate(key, old, new, probability))
    found = np.asarray(run(jax.random.split(KEY, 10_000)))
    whole = found.mean((1, 2, 3))
    assert set(whole.tolist()) == {0.0, 1.0}
    error = math.sqrt(probability * (1 - probability) / 10_000)
    assert abs(whole.mean() - probability) < 4 * error


def test_a_bank_of_data_is_noised_once_and_one_of_noise_is_uniform():
    images = jnp.stack([image(i) for i in range(64)])
    z = (sample.bank.from_images(KEY, images, 0.01) - images) / 0.01
    assert abs(np.std(z) - 1) < 4 / math.sqrt(2 * z.size)
    noise = sample.bank.from_noise(KEY, jnp.arange(64), (4, 4, 2))
    assert noise.min() >= 0 and noise.max() <= 1
    assert abs(noise.mean() - 0.5) < 4 * math.sqrt(1 / 12 / noise.size)
    assert abs(noise.var() * 12 - 1) < 4 * math.sqrt(0.8 / noise.size)


def test_parts_of_a_bank_are_those_of_the_whole():
    images, part = jnp.stack([image(i) for i in range(6)]), jnp.array([4, 1])
    whole = sample.bank.from_images(KEY, images, 0.1)
    found = sample.bank.from_images(KEY, images[part], 0.1, index=part)
    np.testing.assert_array_equal(found, whole[part])
    whole = sample.bank.from_noise(KEY, jnp.arange(6), (4, 4, 2))
    found = sample.bank.from_noise(KEY, part, (4, 4, 2))
    np.testing.assert_array_equal(found, whole[part])


def test_chains_are_written_to_their_places_alone():
    bank, places = jnp.zeros((5, 2, 2, 1)), jnp.array([3, 0])
    x = jnp.stack([jnp.full((2, 2, 1), 3.0), jnp.full((2, 2, 1), 1.0)])
    found = sample.bank.write(bank, places, x)
    assert found.mean((1, 2, 3)).tolist() == [1.0, 0.0, 0.0, 3.0, 0.0]


@pytest.mark.parametrize("shape", [(2, 4, 4, 1), (3, 2, 2, 1), (2, 2, 1)])
def test_a_bank_of_another_size_is_refused(shape):
    with pytest.raises(ValueError, match="the bank of another set of images?"):
        sample.bank.write(jnp.zeros((5, 2, 2, 1)), jnp.array([3, 0]), jnp.zeros(shape))
