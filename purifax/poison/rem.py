"""REM: error-minimising noise that adversarial training does not undo.

    min_delta  E_T  max_{|a| <= rho}  L(f(T(x + delta) + a), y)

T a random transformation (a crop and a flip), f trained adversarially on x + delta in
alternation with this. The gradient goes straight through the inner maximum: with z' the
adversary's answer to z = T(x + delta), delta descends <z, dL/dz'> with z' frozen.

Source: Fu et al. 2022, arXiv 2203.14533 ("Robust Unlearnable Examples"), released code:
|delta| <= 8/255 and rho = 4/255 in Linf; the adversary takes 10 steps of 0.8/255 from a
random start; 10 steps of 1.6/255 with 5 draws of T for each batch of 128, then one step
of f; 5,000 of these, and at the end all noise anew. A rho above the radius of delta
leaves it nothing to win.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import jax
from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from purifax import _checks as checks
from purifax import attack, recipe
from purifax.attack.checks import attacking
from purifax.attack.pgd_attack import gradient
from purifax.poison.building import batch_order, everywhere, model_of, rows
from purifax.poison.context import Context, Trainer
from purifax.poison.em import own_loss
from purifax.poison.fields import Share, Surrogate
from purifax.poison.injection import Poison
from purifax.poison.shifts import Transform
from purifax.recipe import typed
from purifax.threat import Linf, Threat
from purifax.types import Attack, Model

__all__ = [
    "REM",
    "robust_error_minimising",
    "robust_example",
    "robust_slope",
]


@attacking()
def robust_error_minimising(
    key: Array,
    x: Array,
    label: Array,
    delta: Array,
    model: Model,
    threat: Threat,
    step_sizes: Array,
    adversary: Attack,
    transform: Transform,
    draws: Array,
) -> Array:
    """Robust error-minimising noise for a model as it is, from the noise there is.

    Args:
        delta: like x; zeros at first.
        model: `(key, x) -> logits`, with running averages.
        threat: of delta; `Linf(8 / 255)` is published.
        step_sizes: [T], published are 10 of 1.6/255.
        adversary: `(key, x, label) -> x_adv`, `pgd` bound to the same model, to
            `Linf(4 / 255)` and to 10 steps of 0.8/255.
        transform: `(key, x) -> x`, with a gradient: a flip and a crop padded by 4.
        draws: int [J], of transformation and adversary at every step; published are 5.

    Returns:
        delta, like x, with x + delta in the threat's set.

    >>> from purifax.threat import Linf
    >>> model = lambda key, x: jnp.stack([jnp.sum(x), 0.0])
    >>> darker, still = (lambda key, x, label: x - 0.1), (lambda key, x: x)
    >>> x, key = jnp.full((1, 1, 1), 0.5), jax.random.key(0)
    >>> args = x, jnp.array(0), 0 * x, model, Linf(0.25), jnp.full(2, 0.0625)
    >>> more = darker, still, jnp.arange(2)
    >>> robust_error_minimising(key, *args, *more).tolist()
    [[[0.125]]]
    """

    def step(x_now: Array, at: tuple[Array, Array]) -> tuple[Array, None]:
        i, size = at
        k_step = jax.random.fold_in(key, i)
        g = robust_slope(k_step, x_now, label, model, adversary, transform, draws)
        return threat.project(threat.ascend(x_now, g, size), x), None

    steps = jnp.arange(step_sizes.shape[0]), step_sizes
    return (
        jax.lax.scan(step, threat.project(x + delta.astype(x.dtype), x), steps)[0] - x
    )


@attacking()
def robust_slope(
    key: Array,
    x: Array,
    label: Array,
    model: Model,
    adversary: Attack,
    transform: Transform,
    draws: Array,
) -> Array:
    """Where x goes to lower the loss that the adversary's answer leaves, like x.

    The sum over draws of minus dL/dz' at the adversary's answer z' to a transformed
    image, pulled back through the transformation alone.

    >>> model = lambda key, x: jnp.stack([jnp.sum(x), 0.0])
    >>> double, still = (lambda key, x: 2 * x), (lambda key, x, label: x)
    >>> args = jnp.zeros(1), jnp.array(0), model, still, double, jnp.arange(3)
    >>> robust_slope(jax.random.key(0), *args).tolist()
    [3.0]
    """

    def one(draw: Array) -> Array:
        keys = jax.random.split(jax.random.fold_in(key, draw), 3)
        k_transform, k_adversary, k_model = keys
        z, back = jax.vjp(lambda y: transform(k_transform, y), x)
        worst = adversary(k_adversary, z, label)
        return back(gradient(k_model, worst, label, model, own_loss))[0]

    return jnp.sum(jax.vmap(one)(draws), axis=0)


@checks.checked()
def robust_example(
    key: Array,
    x: Array,
    label: Array,
    delta: Array,
    adversary: Attack,
    transform: Transform,
) -> Array:
    """What the network of REM is trained on between steps of the noise, like x.

    >>> darker, double = (lambda key, x, label: x - 0.25), (lambda key, x: 2 * x)
    >>> args = jnp.array([0.25]), jnp.array(0), jnp.array([0.125]), darker, double
    >>> robust_example(jax.random.key(0), *args).tolist()
    [0.5]
    """
    k_transform, k_adversary = jax.random.split(key)
    shown = transform(k_transform, jnp.clip(x + delta, 0.0, 1.0))
    return adversary(k_adversary, shown, label)


@dataclass(frozen=True)
@typed
class REM(Share, Surrogate):
    """Robust error-minimising noise, against adversarial training (REM).

    Source: Fu et al. 2022, arXiv 2203.14533.

    Attributes:
        adversary_radius: largest change of any pixel by the adversary that the network
            is trained against, Linf, at most the radius.
        adversary_steps: gradient steps of that adversary, each a fifth of its radius.
        rounds: batches, each with steps of the noise and an update of the network.
        steps: gradient steps on a batch, each a fifth of the radius.
        draws: augmentations, each with an answer of the adversary, in a gradient.
    """

    name: ClassVar[str] = "rem"

    adversary_radius: float = 4 / 255
    adversary_steps: int = 10
    rounds: int = 5000
    steps: int = 10
    draws: int = 5

    def __post_init__(self) -> None:
        super().__post_init__()
        for field in ("adversary_steps", "rounds", "steps", "draws"):
            recipe.at_least(self, field, 1)
        recipe.at_least(self, "adversary_radius", 0)
        if self.adversary_radius > self.radius:
            raise ValueError(
                f"REM.adversary_radius={self.adversary_radius:.4g} is above radius="
                f"{self.radius:.4g}: noise is useless against an adversary that moves "
                "images further."
            )

    def build(self, context: Context) -> Poison:
        """The poison of the victim's images: batch by batch, at the end all anew."""
        trainer, index = context.trainer(self.white_box), everywhere(context, self.rate)
        x, labels = rows(context, index)
        targets = jax.device_get(jax.nn.one_hot(labels, trainer.classes))
        k_steps, k_last = jax.random.split(context.key("rem"))
        delta, seed = 0 * x, context.surrogate_seed
        state = trainer.start(seed)
        for number in range(self.rounds):
            few = batch_order(context, number, len(x), trainer.batch)
            own = few, x[few], labels[few]
            k_noise, k_seen = jax.random.split(jax.random.fold_in(k_steps, number))
            maker, example = self._makers(trainer, trainer.network(state))
            size = len(few)
            delta[few] = context.over(maker, k_noise, *own, delta[few], chunk=size)
            seen = context.over(example, k_seen, *own, delta[few], chunk=size)
            state = trainer.step(seed, number, state, seen, targets[few])
        maker = self._makers(trainer, trainer.network(state))[0]
        found = context.over(maker, k_last, list(range(len(x))), x, labels, 0 * x)
        return Poison(index, jnp.asarray(found), self.threat, name=self.name)

    def calls(self) -> None:
        """Gradients for one image: not known, since batches are counted."""

    def _makers(self, trainer: Trainer, network: Any) -> tuple[Partial, Partial]:
        """The maker of the noise against a network, and of what that is trained on."""
        model = model_of(network)
        adversary = Partial(
            attack.pgd,
            model=model,
            threat=Linf(self.adversary_radius),
            step_sizes=jnp.full(self.adversary_steps, self.adversary_radius / 5),
            start=Partial(attack.at_random),
        )
        both = {"adversary": adversary, "transform": trainer.augment}
        maker = Partial(
            robust_error_minimising,
            model=model,
            threat=self.threat,
            step_sizes=jnp.full(self.steps, self.radius / 5),
            draws=jnp.arange(self.draws),
            **both,
        )
        return maker, Partial(robust_example, **both)
