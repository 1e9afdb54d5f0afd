"""Perturbations made against a network that is given: errors maximised or minimised.

    TAP         max_delta  L(f(x + delta), y)    or   min_delta  L(f(x + delta), y + 1)
    HYPO, EM    min_delta  L(f(x + delta), y)

within a threat's set, by projected gradient descent. Error-minimising noise (EM)
alternates that with training f on x + delta; `minimise` is its inner step, which goes
on from the noise there is, and HYPO is the same from zero against a trained network.

Source: Fowl et al. 2021, arXiv 2106.10807 (TAP); Huang et al. 2021, arXiv 2101.04898
(EM); Tao et al. 2021, arXiv 2102.04716 (P1, P2 = HYPO).
"""

import jax
from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from purifax.attack import at_image, best_of_restarts, pgd
from purifax.classify import cross_entropy, each
from purifax.threat import Threat
from purifax.types import Loss, Model

__all__ = [
    "at_normal",
    "hypo",
    "mislead",
    "minimise",
    "own_loss",
    "restarted",
    "shifted_loss",
    "tap",
    "tap_untargeted",
]


def own_loss(logits: Array, label: Array) -> Array:
    """Minus the cross-entropy: climbing it makes the model surer of the label, [].

    >>> round(float(own_loss(jnp.zeros(2), jnp.array(0))), 4)
    -0.6931
    """
    return -cross_entropy(logits, label)


def shifted_loss(logits: Array, label: Array, *, shift: Array | int = 1) -> Array:
    """Minus the cross-entropy of the class `shift` after the label, around the end, [].

    >>> logits = jnp.array([9.0, 0.0, 0.0])
    >>> round(float(shifted_loss(logits, jnp.array(2))), 3)
    -0.0
    """
    return -cross_entropy(logits, (label + shift) % logits.shape[-1])


def at_normal(key: Array, x: Array, threat: Threat) -> Array:
    """Normal noise as large as the radius, projected: where TAP begins.

    >>> from purifax.threat import Linf
    >>> x = jnp.full((2, 2, 1), 0.5)
    >>> y = at_normal(jax.random.key(0), x, Linf(0.25))
    >>> bool(jnp.max(jnp.abs(y - x)) <= 0.25)
    True
    """
    noise = jax.random.normal(key, x.shape, x.dtype)
    return threat.project(x + threat.radius * noise, x)


def tap(
    key: Array,
    x: Array,
    label: Array,
    model: Model,
    threat: Threat,
    step_sizes: Array,
    restarts: Array,
    *,
    shift: Array | int = 1,
) -> Array:
    """Targeted adversarial poison: the image looks like the class after its own.

    Args:
        model: `(key, x) -> logits`, trained on clean data. Published with `jittered`
            bound around it, so that every step sees another crop and flip.
        threat: `Linf(8 / 255)` is published.
        step_sizes: [T], published are 250 of 0.4/255.
        restarts: int [R]; the one of lowest final loss is kept, published are 8.
        shift: of the label, around the end.

    Returns:
        delta, like x, with x + delta in the threat's set.

    >>> from purifax.threat import Linf
    >>> model = Partial(lambda key, x: jnp.stack([jnp.sum(x), 0.0]))
    >>> args = jax.random.key(0), jnp.full((1, 1, 1), 0.5), jnp.array(0), model
    >>> tap(*args, Linf(0.25), jnp.full(4, 0.25), jnp.arange(2)).tolist()
    [[[-0.25]]]
    """
    loss = Partial(shifted_loss, shift=shift)
    return restarted(key, x, label, model, threat, step_sizes, restarts, loss)


def tap_untargeted(
    key: Array,
    x: Array,
    label: Array,
    model: Model,
    threat: Threat,
    step_sizes: Array,
    restarts: Array,
) -> Array:
    """Error-maximising noise: the image looks like anything but its class.

    Its authors call it brittle. Arguments and result are those of `tap`.

    >>> from purifax.threat import Linf
    >>> model = Partial(lambda key, x: jnp.stack([jnp.sum(x), 0.0]))
    >>> args = jax.random.key(0), jnp.full((1, 1, 1), 0.5), jnp.array(1), model
    >>> tap_untargeted(*args, Linf(0.25), jnp.full(4, 0.25), jnp.arange(2)).tolist()
    [[[0.25]]]
    """
    loss = Partial(cross_entropy)
    return restarted(key, x, label, model, threat, step_sizes, restarts, loss)


def mislead(
    key: Array,
    x: Array,
    label: Array,
    model: Model,
    threat: Threat,
    step_sizes: Array,
    *,
    shift: Array | int = 1,
) -> Array:
    """P1: as `tap`, from the image itself, once and without augmentation.

    Args:
        threat: `L2(0.5)` is published.
        step_sizes: [T], published are 100 of a fifth of the radius.

    Returns:
        delta, like x, with x + delta in the threat's set.

    >>> from purifax.threat import L2
    >>> model = Partial(lambda key, x: jnp.stack([jnp.sum(x), 0.0]))
    >>> args = jax.random.key(0), jnp.full((1, 1, 1), 0.5), jnp.array(0), model
    >>> mislead(*args, L2(0.25), jnp.full(4, 0.25)).tolist()
    [[[-0.25]]]
    """
    loss, start = Partial(shifted_loss, shift=shift), Partial(at_image)
    return pgd(key, x, label, model, threat, step_sizes, loss=loss, start=start) - x


def minimise(
    key: Array,
    x: Array,
    label: Array,
    delta: Array,
    model: Model,
    threat: Threat,
    step_sizes: Array,
) -> Array:
    """Error-minimising noise for a model as it is, from the noise there is.

    Args:
        delta: like x; zeros at first.
        model: `(key, x) -> logits`, with running averages, no dropout.
        threat: `Linf(8 / 255)` is published.
        step_sizes: [T], published are 20 of 0.8/255 in each sweep over the data.

    Returns:
        delta, like x, with x + delta in the threat's set. The released code leaves
        x + delta outside [0, 1] while it trains, and drops all negative entries when it
        stores (see `one_sided`); neither is done here.

    >>> from purifax.threat import Linf
    >>> model = Partial(lambda key, x: jnp.stack([jnp.sum(x), 0.0]))
    >>> x = jnp.full((1, 1, 1), 0.5)
    >>> args = jax.random.key(0), x, jnp.array(0), 0 * x, model
    >>> minimise(*args, Linf(0.25), jnp.full(2, 0.0625)).tolist()
    [[[0.125]]]
    """
    start, loss = Partial(_at, x + delta), Partial(own_loss)
    return pgd(key, x, label, model, threat, step_sizes, loss=loss, start=start) - x


def hypo(
    key: Array,
    x: Array,
    label: Array,
    model: Model,
    threat: Threat,
    step_sizes: Array,
) -> Array:
    """P2, hypocritical noise: a trained model becomes surer of the image's own class.

    Args:
        threat: `L2(0.5)` is published; Linf 8/255 with steps of 0.8/255 is in use too.
        step_sizes: [T], published are 100 of a fifth of the radius.

    Returns:
        delta, like x, with x + delta in the threat's set.

    >>> from purifax.threat import Linf
    >>> model = Partial(lambda key, x: jnp.stack([jnp.sum(x), 0.0]))
    >>> args = jax.random.key(0), jnp.full((1, 1, 1), 0.5), jnp.array(1), model
    >>> hypo(*args, Linf(0.25), jnp.full(4, 0.25)).tolist()
    [[[-0.25]]]
    """
    return minimise(key, x, label, jnp.zeros_like(x), model, threat, step_sizes)


def _at(x_adv: Array, key: Array, x: Array, threat: Threat) -> Array:
    del key, x, threat
    return x_adv


def restarted(
    key: Array,
    x: Array,
    label: Array,
    model: Model,
    threat: Threat,
    step_sizes: Array,
    restarts: Array,
    loss: Loss,
) -> Array:
    """The best of several runs from normal noise, as a perturbation like x.

    They are compared on one draw of the model, the same for all.

    Args:
        loss: climbed, `(what the model gives, label) -> []`, as a `Partial`.

    >>> from purifax.threat import Linf
    >>> model = Partial(lambda key, x: jnp.stack([jnp.sum(x), 0.0]))
    >>> args = jax.random.key(0), jnp.full((1, 1, 1), 0.5), jnp.array(0), model
    >>> more = Linf(0.25), jnp.full(4, 0.25), jnp.arange(2), Partial(own_loss)
    >>> restarted(*args, *more).tolist()
    [[[0.25]]]
    """
    judge = Partial(each, model=model, draws=jnp.arange(1))
    attack = Partial(
        pgd,
        model=model,
        threat=threat,
        step_sizes=step_sizes,
        loss=loss,
        start=Partial(at_normal),
    )
    return best_of_restarts(key, x, label, attack, judge, restarts, loss=loss) - x
