"""Randomized smoothing: an L2 radius within which a prediction provably stays.

For any model f, which may itself be random (purify, then classify), the smoothed
classifier returns the class that f predicts most often for x + sigma z:

    g(x) = argmax_c p_c(x),    p_c(x) = P(f(x + sigma z) = c),    z ~ N(0, I).

If p_c(x) >= p > 1/2, then g(x') = c for all |x' - x|_2 < sigma Phi^-1(p). Noise is not
clipped, and the randomness of f is averaged together with that of z. The certificate is
for g, which votes over fresh noise, not for f.

The certificate is wrong with probability at most `alpha`: the class is chosen on some
draws of the noise, and p bounded from below on others.

Source: Cohen, Rosenfeld and Kolter 2019, arXiv 1902.02918, section 3.2. They select on
100 draws, estimate on 100000 and take alpha = 0.001; the released configurations of ADP
(Yoon et al. 2021, arXiv 2106.06041) name sigma 0.25 and 100 draws.
"""

import jax
from jax import Array
from jax import numpy as jnp
from jax.scipy.special import betainc, ndtri

from purifax import _checks as checks
from purifax.certify.bounds import cautious, lower_bound
from purifax.noise import gaussian
from purifax.types import Model

__all__ = ["certify", "counts", "decide", "noised", "predict"]


@checks.checked(x=checks.in_box, draws=checks.draws)
def certify(
    key: Array,
    x: Array,
    model: Model,
    sigma: Array | float,
    selection: Array,
    draws: Array,
    *,
    alpha: float = 0.001,
) -> tuple[Array, Array]:
    """The class of the smoothed classifier at x and a radius in which it stays.

    Args:
        x: image [H, W, C] in [0, 1].
        model: `(key, x) -> logits [K]` of one draw; its images may leave [0, 1].
        sigma: smoothing noise, in [0, 1] pixel units.
        selection: int [n0], numbers of the draws that choose the class; see `counts`.
        draws: int [n] or [M, B], numbers of the draws that estimate its probability.
        alpha: bound of the probability that the answer is wrong.

    Returns:
        (label, radius), each []. The radius is L2 over the whole image. Where the
        probability may be one half or less, it abstains: -1 and 0.

    >>> model = lambda key, x: jnp.stack([jnp.sum(x), jnp.array(0.0)])
    >>> x, key = jnp.full((1, 1, 1), 0.5), jax.random.key(0)
    >>> label, radius = certify(key, x, model, 0.5, jnp.arange(10), jnp.arange(1000))
    >>> int(label), 0.4 < float(radius) < 0.5
    (0, True)
    """
    k_select, k_estimate = jax.random.split(key)
    first = counts(k_select, x, model, sigma, selection)
    second = counts(k_estimate, x, model, sigma, draws)
    return decide(first, second, sigma, trials=draws.size, alpha=alpha)


@checks.checked()
def decide(
    first: Array,
    second: Array,
    sigma: Array | float,
    *,
    trials: int,
    alpha: float = 0.001,
) -> tuple[Array, Array]:
    """`certify` from given counts, for example made on many devices.

    Args:
        first: [K], counts of the draws that choose the class.
        second: [K], counts of the draws that estimate its probability.
        trials: number of draws behind `second`, including those that were not finite.

    >>> first, second = jnp.array([9, 1]), jnp.array([100, 0])
    >>> label, radius = decide(first, second, 0.25, trials=100)
    >>> int(label), round(float(radius), 3)
    (0, 0.375)
    """
    label = jnp.argmax(first)
    right = jnp.sum(jnp.where(jnp.arange(second.shape[0]) == label, second, 0))
    p = lower_bound(right, trials, alpha=alpha)
    sure = p > 0.5
    radius = sigma * ndtri(jnp.where(sure, p, 0.5))
    return jnp.where(sure, label, -1), jnp.where(sure, radius, 0.0)


@checks.checked(x=checks.in_box, draws=checks.draws)
def predict(
    key: Array,
    x: Array,
    model: Model,
    sigma: Array | float,
    draws: Array,
    *,
    alpha: float = 0.001,
) -> Array:
    """The class of the smoothed classifier at x, or -1 where two are too close.

    A two-sided test of whether the two most frequent classes are equally likely; it
    takes far fewer draws than `certify`.

    Args:
        draws: int [n] or [M, B]; see `counts`. alpha: bound of the probability that the
        answer is not the smoothed classifier's.

    Returns:
        An integer class [], or -1.

    >>> model = lambda key, x: jnp.stack([jnp.sum(x), jnp.array(0.0)])
    >>> x, key = jnp.full((1, 1, 1), 0.5), jax.random.key(0)
    >>> int(predict(key, x, model, 0.25, jnp.arange(100)))
    0
    """
    found = counts(key, x, model, sigma, draws)
    (most, second), _ = jax.lax.top_k(found, 2)
    n = (most + second).astype(jnp.float32)
    a, b = most.astype(jnp.float32), second.astype(jnp.float32)
    p = 2.0 * betainc(jnp.maximum(a, 1.0), b + 1.0, jnp.float32(0.5))
    return jnp.where(p <= cautious(alpha, n), jnp.argmax(found), -1)


@checks.checked()
def noised(key: Array, x: Array, model: Model, sigma: Array | float) -> Array:
    """One draw of the smoothed classifier: the model's logits [K] at x + sigma z.

    Itself a model: an attack on g follows the gradient of `classify.mean_probabilities`
    of it, over some draws (Salman et al. 2019, arXiv 1906.04584).

    >>> model = lambda key, x: x
    >>> noised(jax.random.key(0), jnp.ones(3), model, 0.0)
    Array([1., 1., 1.], dtype=float32)
    """
    k_noise, k_model = jax.random.split(key)
    return model(k_model, gaussian(k_noise, x, sigma))


@checks.checked(draws=checks.draws)
def counts(
    key: Array, x: Array, model: Model, sigma: Array | float, draws: Array
) -> Array:
    """How often the model predicts each class when x is noised, int [K].

    Draws whose logits are not finite count for no class.

    Args:
        draws: int, the numbers of the draws, folded into the key: [n], all at once, or
            [M, B], B at a time, which bounds the memory:
            `jnp.arange(100_000).reshape(-1, 500)`.

    Raises:
        ValueError: the model does not return [K]; give it without `classify.each`.

    >>> found = counts(
    ...     jax.random.key(0), jnp.zeros(2), lambda key, x: x, 1.0, jnp.arange(50)
    ... )
    >>> int(found.sum())
    50
    """
    classes = jax.eval_shape(model, key, x).shape
    if len(classes) != 1:
        raise ValueError(
            f"`model` must return the logits [K] of one draw; got shape {classes}. "
            "Smoothing votes over draws itself: leave out `classify.each`."
        )

    def answer(draw: Array) -> Array:
        logits = noised(jax.random.fold_in(key, draw), x, model, sigma)
        chosen = jnp.arange(classes[0]) == jnp.argmax(logits)
        return (chosen & jnp.all(jnp.isfinite(logits))).astype(jnp.int32)

    rows = draws.reshape(-1, draws.shape[-1])
    found = jax.lax.map(lambda row: jnp.sum(jax.vmap(answer)(row), axis=0), rows)
    return jnp.sum(found, axis=0)
