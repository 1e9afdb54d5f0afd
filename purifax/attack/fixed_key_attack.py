"""The deterministic white box: the attacker knows the noise that the defence will draw.

    x_m = attack on the model(key_m, .) from x,    answered by model(key_m, x_m)

What a random defence keeps under this attack it owes to denoising; what it loses, to
chance. Report it beside the accuracy under fresh keys, never instead of it: a deployed
defence does not tell its key.

Source: Liu et al. 2024, arXiv 2404.14309 ("deterministic white-box").
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from purifax import _checks as checks
from purifax.attack.budget import Budget
from purifax.attack.pgd_attack import pgd
from purifax.attack.selection import handed, over
from purifax.attack.target import Target
from purifax.recipe import typed
from purifax.threat import Threat
from purifax.transform.remat import Scan
from purifax.types import Model, as_pytree

__all__ = [
    "FixedKey",
    "fixed_key",
    "known",
]


def known(model: Model, key: Array) -> Model:
    """The model with its noise drawn once: every call is `model(key, x)`.

    A transformation of models, so that any attack can be made on it. Keywords reach
    the model.

    >>> import jax.numpy as jnp
    >>> model = known(lambda key, x: x + jax.random.normal(key), jax.random.key(0))
    >>> one, two = (model(jax.random.key(k), jnp.zeros(())) for k in (1, 2))
    >>> bool(one == two)
    True
    """
    return Partial(_known, model=as_pytree(model), known=key)


@checks.checked()
def fixed_key(
    key: Array,
    x: Array,
    label: Array,
    secret: Array,
    attack: Callable[..., Array],
    model: Model,
    answers: Array,
    *,
    scan: Scan | None = None,
) -> tuple[Array, Array]:
    """One adversarial image for each evaluation key, and what that key answers to it.

    Args:
        key: of the attack's own choices, such as its start.
        secret: the key of this image in the evaluation. Answer m is drawn under
            `fold_in(secret, m)`: with the key that evaluates other attacks, outcomes
            are paired with theirs.
        attack: `(key, x, label, *, model) -> x_adv`, such as `pgd` bound to all but
            its model, as a `Partial`.
        model: the defence that answers, with all its runs, under the gradient mode
            that the attack is to follow.
        answers: [M] integers.
        scan: runs the loop over answers; handed to `attack` too, which must take it.

    Returns:
        The images [M, H, W, C], and the model's answers to them [M, ...].

    >>> import jax.numpy as jnp
    >>> model = lambda key, x: x + jax.random.normal(key)
    >>> undo = Partial(lambda key, x, label, model: x - model(key, x))
    >>> key, secret = jax.random.split(jax.random.key(0))
    >>> args = (jnp.ones(()), jnp.array(0), secret, undo, model, jnp.arange(3))
    >>> fixed_key(key, *args)[1].round(6).tolist()
    [0.0, 0.0, 0.0]
    """

    def one(m: Array) -> tuple[Array, Array]:
        k_answer = jax.random.fold_in(secret, m)
        told = known(model, k_answer)
        more = handed(scan)
        x_adv = attack(jax.random.fold_in(key, m), x, label, model=told, **more)
        return x_adv, told(k_answer, x_adv)

    return over(one, answers, scan)


def _known(key: Array, x: Array, model: Model, known: Array, **knobs: Any) -> Array:
    del key
    return model(jax.random.clone(known), x, **knobs)


@dataclass(frozen=True)
@typed
class FixedKey(Budget):
    """PGD by an attacker who knows the noise of each answer: a lower bound.

    It makes an image for each answer, and answers in place of the defended model.
    """

    title = "PGD, noise known"
    reported = "fixed-key"
    answering = True

    def build(self, target: Target, threat: Threat) -> Partial:
        """`(key, x, label, secret)`: PGD on the answers whose noise is known.

        Returns the images [M, H, W, C], and the logits [M, S, K] of the samples behind
        each answer.
        """
        model = target.each(target.one_sample(), target.samples)
        bound = self.common(threat) | {"step_sizes": self.sizes(threat)}
        answers = jnp.arange(target.keys)
        return Partial(
            fixed_key, attack=Partial(pgd, **bound), model=model, answers=answers
        )

    def shared(self, samples: int) -> int:
        """The samples that devices may share in a gradient: those of an answer."""
        return samples

    def calls(self, one: int, answers: int) -> int:
        """Forward passes on one image; see `PGD.calls`."""
        return self.steps * one * answers
