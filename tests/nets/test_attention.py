"""Attention over pixels, against NumPy."""

import jax.numpy as jnp
import numpy as np
from nets import tools

from purifax.nets.attention import attend


def draws(*shape):
    return [8 * tools.example(*shape, seed=seed) - 4 for seed in (1, 2, 3)]


def expected(q, k, v):
    out = np.zeros(v.shape)
    for n in range(q.shape[0]):
        for h in range(q.shape[2]):
            logits = q[n, :, h] @ k[n, :, h].T / np.sqrt(q.shape[-1])
            weights = np.exp(logits - logits.max(axis=1, keepdims=True))
            out[n, :, h] = weights / weights.sum(axis=1, keepdims=True) @ v[n, :, h]
    return out


def test_attention_against_numpy():
    q, k, v = draws(2, 6, 3, 4)
    doubles = (np.asarray(a, np.float64) for a in (q, k, v))
    np.testing.assert_allclose(attend(q, k, v), expected(*doubles), atol=2e-5)


def test_short_floats_keep_small_differences_of_large_products():
    q = jnp.full((1, 1, 1, 16), 16, jnp.bfloat16)
    one = jnp.ones(16).at[0].add(1 / 16)
    k = jnp.stack([jnp.ones(16), one])[None, :, None].astype(jnp.bfloat16)
    v = jnp.array([0, 1], jnp.bfloat16).reshape(1, 2, 1, 1)
    found = attend(q, k, v)
    assert found.dtype == jnp.bfloat16
    # The products are 64 and 64.25; in bfloat16 they would be equal.
    np.testing.assert_allclose(float(found[0, 0, 0, 0]), 1 / (1 + np.exp(-0.25)), 5e-3)


def test_large_products_stay_finite():
    q, k, v = draws(1, 4, 1, 4)
    assert jnp.isfinite(attend(1e4 * q, 1e4 * k, v)).all()
