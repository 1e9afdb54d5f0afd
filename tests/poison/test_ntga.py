"""The kernel attack: kernels, what training does, and the images that spoil it."""

import jax
import numpy as np
import pytest
import scipy.linalg
import scipy.special
from jax import numpy as jnp
from jax.tree_util import Partial

from purifax.classify import cross_entropy
from purifax.poison import kernels, ntga
from purifax.poison.spectrum import relaxation
from purifax.threat import Linf

pytestmark = pytest.mark.usefixtures("unoptimised")
KEY = jax.random.key(290)

ntk = jax.jit(kernels.ntk, static_argnames="function")


def _bent(params, x):
    return params["v"] @ jnp.tanh(params["w"] @ x + params["b"])


def test_the_kernel_of_a_linear_model_is_that_of_its_inputs():
    xs, ys = jax.random.normal(KEY, (5, 4)), jax.random.normal(KEY, (3, 4))
    affine = lambda p, x: p[0] @ x + p[1]  # noqa: E731
    got = ntk(xs, ys, affine, (jnp.ones((2, 4)), jnp.zeros(2)))
    np.testing.assert_allclose(got, xs @ ys.T + 1, rtol=1e-4, atol=1e-5)


def test_the_kernel_of_any_model_is_that_of_its_jacobian():
    k = jax.random.split(KEY, 3)
    params = {
        "w": jax.random.normal(k[0], (5, 4)),
        "b": jnp.ones(5),
        "v": jax.random.normal(k[1], (3, 5)),
    }
    xs = jax.random.normal(k[2], (4, 4))
    parts = jax.vmap(lambda x: jax.jacrev(_bent)(params, x))(xs)
    flat = np.concatenate([p.reshape(4, 3, -1) for p in jax.tree.leaves(parts)], -1)
    want = np.einsum("nkp,mkp->nm", flat, flat) / 3
    got = ntk(xs, xs[:2], _bent, params)
    np.testing.assert_allclose(got, want[:, :2], rtol=1e-4)


def _expected(fn, covariance):
    """The mean of fn(u) fn(v) of two normal numbers, by quadrature."""
    nodes, mass = np.polynomial.hermite_e.hermegauss(80)
    root = np.linalg.cholesky(covariance)
    u = root[0, 0] * nodes[:, None] + 0 * nodes
    v = root[1, 0] * nodes[:, None] + root[1, 1] * nodes
    return (np.outer(mass, mass) * fn(u) * fn(v)).sum() / mass.sum() ** 2


def _steepness(u):
    return 2 / np.sqrt(np.pi) * np.exp(-(u**2))


def test_the_kernel_of_infinite_width_is_that_of_the_means_it_stands_for():
    """Two layers, each with its means over normal numbers."""
    xs = np.random.default_rng(1).normal(size=(2, 4))
    variances = [[1.76, 0.18], [1.3, 0.4]]
    covariance, tangent = xs @ xs.T / 4, 0.0
    for weight, bias in variances:
        covariance = weight * covariance + bias
        tangent = covariance[0, 1] + weight * tangent
        tangent = tangent * _expected(_steepness, covariance)
        other = _expected(scipy.special.erf, covariance)
        alike = (v * np.ones((2, 2)) + 1e-9 * np.eye(2) for v in np.diag(covariance))
        own = [_expected(scipy.special.erf, c) for c in alike]
        covariance = np.array([[own[0], other], [other, own[1]]])
    xs = jnp.float32(xs)
    got = jax.jit(kernels.ntk_erf)(xs[:1], xs, jnp.array(variances))
    np.testing.assert_allclose(got[0, 1], tangent, rtol=1e-3)


def test_training_a_linear_model_does_what_the_kernel_says():
    rng = np.random.default_rng(3)
    x, y, seen = (rng.normal(size=s) for s in ((5, 3), (5, 2), (4, 3)))
    w = np.zeros((3, 2))
    for _ in range(2000):
        w += 2e-4 * x.T @ (y - x @ w)
    x, y, seen = (jnp.float32(v) for v in (x, y, seen))
    fit = jax.jit(ntga.tangent_fit)(x @ x.T, y, 0.4, ridge=0.0)
    np.testing.assert_allclose(seen @ x.T @ fit, seen @ w, rtol=2e-3, atol=2e-4)


@pytest.mark.parametrize("values", [[0.01, 2, 0.1, 1, 5], [2, 2, 2, 0.5, 7]])
def test_relaxation_and_its_slope_are_those_of_the_matrix(values, float64):
    """With eigenvalues of their own, and where three coincide."""
    rng = np.random.default_rng(6)
    q = np.linalg.qr(rng.normal(size=(5, 5)))[0]
    a, change = (q * np.array(values)) @ q.T, rng.normal(size=(5, 5))
    change = 0.01 * (change + change.T)

    def exact(h):
        moved = a + h * change
        learnt = np.eye(5) - scipy.linalg.expm(-(0.7 + 0.3 * h) * moved)
        return np.linalg.solve(moved, learnt)

    got, slope = jax.jit(Partial(jax.jvp, relaxation))((a, 0.7), (change, 0.3))
    np.testing.assert_allclose(got, exact(0), atol=1e-8)
    want = (exact(1e-4) - exact(-1e-4)) / 2e-4
    np.testing.assert_allclose(slope, want, atol=1e-5)


def _sine(xs, ys, w):
    a, b = (jnp.sin(3 * v.reshape(v.shape[0], -1)) @ w for v in (xs, ys))
    return a @ b.T + 1


BLOCK = jax.random.uniform(jax.random.key(8), (6, 2, 2, 1))
SEEN = jax.random.uniform(jax.random.key(9), (2, 5, 2, 2, 1))
SAID = jax.random.randint(jax.random.key(10), (2, 5), 0, 3)
TARGETS = jnp.eye(3)[jnp.array([0, 1, 2, 0, 1, 2])]
KERNEL = Partial(_sine, w=jax.random.normal(KEY, (4, 4)))


@jax.jit
def generalisation(images, sizes):
    args = images, TARGETS, SEEN, SAID, KERNEL, 0.3
    loss, slope = jax.value_and_grad(ntga.ntga_loss)(*args)
    return loss, slope, ntga.generalization_attack(*args, Linf(0.1), sizes)


def test_the_loss_is_that_of_the_trained_network_and_rises_within_the_budget():
    loss, slope, (delta, losses) = generalisation(BLOCK, jnp.full(10, 0.011))

    def direct(images):
        seen, labels = SEEN.reshape(10, 2, 2, 1), SAID.ravel()
        within = KERNEL(images, images)
        within = within + 1e-4 * jnp.trace(within) / 6 * jnp.eye(6)
        learnt = jnp.eye(6) - jax.scipy.linalg.expm(-0.3 * within)
        said = KERNEL(seen, images) @ jnp.linalg.solve(within, learnt @ TARGETS)
        return jnp.mean(jax.vmap(cross_entropy)(said, labels))

    want, steep = jax.jit(jax.value_and_grad(direct))(BLOCK)
    np.testing.assert_allclose(loss, want, rtol=1e-3)
    np.testing.assert_allclose(slope, steep, rtol=2e-2, atol=2e-3)
    np.testing.assert_allclose(losses[0], loss, rtol=1e-5)
    assert losses[-1] > losses[0] + 0.02
    moved = BLOCK + delta
    assert jnp.max(jnp.abs(delta)) <= 0.1 + 1e-6
    assert jnp.min(moved) >= 0 and jnp.max(moved) <= 1


def test_the_released_single_step_takes_the_whole_radius():
    inside = 0.2 + 0.6 * BLOCK
    _, slope, (delta, _) = generalisation(inside, jnp.full(1, 0.1))
    np.testing.assert_allclose(delta, 0.1 * jnp.sign(slope), atol=1e-6)
