"""Losses on logits, defended models, and ensembles over draws of their randomness.

A defended model is `model(key, x) -> logits`: purify, then classify. Averaging over S
draws of its key is a transformation of models, used twice: by the defence (an ensemble
of S purifications) and by the attack (expectation over transformation, EOT).

`draws: [S]` are integers folded into the key: run d of an ensemble is the same whatever
the others are, and the first s of S draws are an ensemble of s.

Source: Athalye et al. 2018, arXiv 1802.00420 and 1707.07397 (EOT); Yoon et al. 2021,
arXiv 2106.06041 (ensembles of purified runs); Croce and Hein 2020, arXiv 2003.01690
(margin, difference of logits ratio).
"""

from collections.abc import Mapping

import jax
from jax import Array
from jax import numpy as jnp

from purifax import _checks as checks
from purifax.transform.shard_draws import Axis, spread
from purifax.types import Classifier, Model, Purifier

__all__ = [
    "cross_entropy",
    "curves",
    "defend",
    "dlr",
    "each",
    "margin",
    "mean_logits",
    "mean_probabilities",
    "targeted_dlr",
    "targeted_margin",
    "undefended",
    "vote",
]


@checks.checked()
def cross_entropy(logits: Array, label: Array) -> Array:
    """-log softmax(logits)[label], averaged over leading axes.

    Args:
        logits: [K], or [S, K] for the expected loss over S draws.
        label: [], an integer class.

    Returns:
        Scalar; high where the model is wrong.

    >>> round(float(cross_entropy(jnp.zeros(2), jnp.array(0))), 4)
    0.6931
    """
    return -jnp.mean(checks.picked(jax.nn.log_softmax(logits), label))


@checks.checked()
def margin(logits: Array, label: Array) -> Array:
    """The largest wrong logit minus the right one, averaged over leading axes.

    Positive exactly where the prediction is wrong (the CW loss without its hinge). The
    arguments are those of `cross_entropy`.

    >>> margin(jnp.array([1.0, 3.0, 2.0]), jnp.array(1))
    Array(-1., dtype=float32)
    """
    right = jnp.arange(logits.shape[-1]) == label
    wrong = jnp.max(jnp.where(right, -jnp.inf, logits), axis=-1)
    return jnp.mean(wrong - checks.picked(logits, label))


@checks.checked()
def dlr(logits: Array, label: Array) -> Array:
    """Difference of logits ratio: the margin over the spread of the top three logits.

        (max_(i != y) z_i - z_y) / (z_(1) - z_(3)),    z_(1) >= z_(2) >= ...

    Averaged over leading axes. It does not change when logits are shifted or scaled,
    so a large scale cannot make its gradient vanish.

    Args:
        logits: [K] or [S, K], 3 classes or more.
        label: [], an integer class.

    Raises:
        ValueError: fewer classes.

    Source: Croce and Hein 2020, arXiv 2003.01690, equation 6.

    >>> round(float(dlr(jnp.array([1.0, 3.0, 2.0]), jnp.array(1))), 4)
    -0.5
    """
    top = _largest(logits, 3, "dlr", "margin")
    right = jnp.arange(logits.shape[-1]) == label
    wrong = jnp.max(jnp.where(right, -jnp.inf, logits), axis=-1)
    spread = top[..., 0] - top[..., 2]
    return jnp.mean((wrong - checks.picked(logits, label)) / (spread + 1e-12))


@checks.checked()
def targeted_margin(logits: Array, label: Array, target: Array) -> Array:
    """The target's logit minus the right one, averaged over leading axes.

    >>> targeted_margin(jnp.array([1.0, 3.0, 2.0]), jnp.array(1), jnp.array(0))
    Array(-2., dtype=float32)
    """
    return jnp.mean(checks.picked(logits, target) - checks.picked(logits, label))


@checks.checked()
def targeted_dlr(logits: Array, label: Array, target: Array) -> Array:
    """The targeted margin over the spread of the top four logits.

        (z_t - z_y) / (z_(1) - (z_(3) + z_(4)) / 2)

    Args:
        logits: [K] or [S, K], 4 classes or more.
        label, target: [], integer classes.

    Raises:
        ValueError: fewer classes.

    Source: Croce and Hein 2020, arXiv 2003.01690, equation 7.

    >>> logits = jnp.array([1.0, 3.0, 2.0, 0.0])
    >>> round(float(targeted_dlr(logits, jnp.array(1), jnp.array(2))), 4)
    -0.4
    """
    top = _largest(logits, 4, "targeted_dlr", "targeted_margin")
    spread = top[..., 0] - (top[..., 2] + top[..., 3]) / 2
    change = checks.picked(logits, target) - checks.picked(logits, label)
    return jnp.mean(change / (spread + 1e-12))


@checks.checked()
def undefended(key: Array, x: Array, classifier: Classifier) -> Array:
    """The bare classifier as a model; the key is not used.

    >>> undefended(None, jnp.array([1.0]), lambda x: 2 * x)
    Array([2.], dtype=float32)
    """
    del key
    return checks.answer(x, classifier)


@checks.checked()
def defend(
    key: Array, x: Array, purifier: Purifier, classifier: Classifier, **knobs: Array
) -> Array:
    """Purify, then classify: the defended model of one draw.

    Args:
        knobs: keywords for the purifier, such as `sigma`, when they vary by draw.

    Returns:
        Logits [K].

    >>> defend(None, jnp.array([1.0]), lambda key, x: x + 1, lambda x: 2 * x)
    Array([4.], dtype=float32)
    """
    return checks.answer(purifier(key, x, **knobs), classifier)


@checks.checked(draws=checks.draws)
def each(
    key: Array,
    x: Array,
    model: Model,
    draws: Array,
    *,
    knobs: Mapping[str, Array] | None = None,
    axis: Axis | None = None,
) -> Array:
    """The model's logits for every draw, [S, K].

    Args:
        draws: [S] integers, folded into the key; or [G, S / G], G groups one after
            another, whose gradient takes the memory of one group.
        knobs: keywords for the model with a leading axis [S], one entry a draw: ADP's
            "multiple noise" is `{"sigma": jnp.repeat(jnp.array([0.1, 0.25]), S // 2)}`.
        axis: whose devices share the draws in equal parts, each of them knowing the
            image; all of them get all logits, and the whole gradient.

    Raises:
        ValueError: the draws, or those of a group, do not divide by the axis.

    >>> import jax
    >>> each(jax.random.key(0), jnp.ones(1), lambda key, x: x, jnp.arange(3)).shape
    (3, 1)
    """

    def one(draw: Array, knob: dict[str, Array]) -> Array:
        return model(jax.random.fold_in(key, draw), x, **knob)

    knobs = dict(knobs or {})
    if axis is not None:

        def some(x: Array, draws: Array, knobs: dict[str, Array]) -> Array:
            return each(key, x, model, draws, knobs=knobs)

        return spread(some, x, draws, knobs, axis)
    if draws.ndim == 1:
        return jax.vmap(one)(draws, knobs)
    split = jax.tree.map(lambda k: k.reshape(*draws.shape, *k.shape[1:]), knobs)
    group = jax.checkpoint(lambda rows: jax.vmap(one)(*rows))
    logits = jax.lax.map(group, (draws, split))
    return logits.reshape(draws.size, *logits.shape[2:])


@checks.checked(draws=checks.draws)
def mean_logits(
    key: Array,
    x: Array,
    model: Model,
    draws: Array,
    *,
    knobs: Mapping[str, Array] | None = None,
) -> Array:
    """Mean of the logits over draws, [K]; see `each`."""
    return jnp.mean(each(key, x, model, draws, knobs=knobs), axis=0)


@checks.checked(draws=checks.draws)
def mean_probabilities(
    key: Array,
    x: Array,
    model: Model,
    draws: Array,
    *,
    knobs: Mapping[str, Array] | None = None,
) -> Array:
    """Log of the mean probability of each class over draws, [K]; see `each`.

    The published rule of ADP. Logarithms, so that the losses here read it as logits.
    """
    logits = each(key, x, model, draws, knobs=knobs)
    total = jax.nn.logsumexp(jax.nn.log_softmax(logits), axis=0)
    return total - jnp.log(jnp.asarray(logits.shape[0], total.dtype))


@checks.checked(draws=checks.draws)
def vote(
    key: Array,
    x: Array,
    model: Model,
    draws: Array,
    *,
    knobs: Mapping[str, Array] | None = None,
) -> Array:
    """Share of the draws that predict each class, [K]; see `each`.

    Its gradient is zero everywhere. A tie goes to the lowest class by `argmax`.
    """
    return jnp.mean(_one_hot(each(key, x, model, draws, knobs=knobs)), axis=0)


@checks.checked()
def curves(logits: Array) -> dict[str, Array]:
    """Predictions of ensembles of the first 1 .. S draws, by each rule.

    Args:
        logits: [S, K], from `each`.

    Returns:
        `{"logits": [S], "probabilities": [S], "vote": [S]}`, integer classes; -1, "no
        answer", from the first draw whose logits are not finite.

    >>> two = jnp.array([[0.0, 9.0], [1.0, 0.0]])
    >>> {rule: p.tolist() for rule, p in curves(two).items()}
    {'logits': [1, 1], 'probabilities': [1, 1], 'vote': [1, 0]}
    """
    members = {
        "logits": logits,
        "probabilities": jax.nn.softmax(logits),
        "vote": _one_hot(logits),
    }
    lost = jnp.cumsum(~jnp.all(jnp.isfinite(logits), axis=-1)) > 0
    return {
        rule: jnp.where(lost, -1, jnp.argmax(jnp.cumsum(member, axis=0), axis=-1))
        for rule, member in members.items()
    }


def _largest(logits: Array, count: int, name: str, other: str) -> Array:
    """The largest logits, [..., count], falling."""
    if logits.shape[-1] < count:
        raise ValueError(
            f"`{name}` compares {count} classes; got logits of {logits.shape[-1]}. "
            f"Use `{other}`."
        )
    return jax.lax.top_k(logits, count)[0]


def _one_hot(logits: Array) -> Array:
    """One at the largest logit; NaN where one of them is, which `argmax` would lose."""
    classes, lost = logits.shape[-1], jnp.any(jnp.isnan(logits), -1, keepdims=True)
    picked = jax.nn.one_hot(jnp.argmax(logits, axis=-1), classes, dtype=logits.dtype)
    return jnp.where(lost, jnp.nan, picked)
