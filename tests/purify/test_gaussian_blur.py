"""Gaussian blur: scipy's, with mirrored edges and cut at three deviations."""

import jax
import numpy as np
import pytest
from jax import numpy as jnp
from scipy import ndimage

from purifax.purify import Blur, Prior, blur

KEY = jax.random.key(0)


@pytest.mark.parametrize("width", [0.4, 1.0, 3.0])
@pytest.mark.parametrize("shape", [(8, 8, 1), (5, 9, 3)])
def test_it_is_that_of_scipy(width, shape):
    x = np.asarray(jax.random.uniform(KEY, shape))
    found = Blur(width=width).build(Prior())(KEY, jnp.asarray(x))
    radius = int(np.ceil(3 * width))
    options = {"mode": "reflect", "radius": (radius, radius, 0)}
    wanted = ndimage.gaussian_filter(x, (width, width, 0), **options)
    np.testing.assert_allclose(found, wanted, atol=1e-6)


def test_a_flat_image_stays():
    x = jnp.full((4, 4, 2), 0.3)
    np.testing.assert_allclose(Blur(width=2.0).build(Prior())(KEY, x), x, rtol=1e-6)


def test_its_gradient_is_the_blur_of_the_cotangent_inside():
    weights = jnp.array([0.2, 0.5, 0.3])
    x = jnp.zeros((7, 7, 1)).at[3, 3].set(1.0)
    slope = jax.grad(lambda y: jnp.sum(blur(KEY, y, weights) * x))(x)
    np.testing.assert_allclose(slope, blur(KEY, x, weights[::-1]), atol=1e-7)


def test_a_width_that_no_image_has_is_refused():
    for width in (0.0, 1e9, float("inf")):
        with pytest.raises(ValueError, match=r"Blur\.width must be"):
            Blur(width=width)
