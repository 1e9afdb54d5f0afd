"""Poisons made in turns with a network: EM, REM and TUE.

    theta <- an update on x + delta,   delta_i <- steps on L(f(x_i + delta_i))

Those of EM are in `minimising`; here is what goes around the inner steps of REM and of
TUE. Networks are trained from scratch, as the victim's.

Source: Fu et al. 2022, arXiv 2203.14533 (REM); Ren et al. 2023, arXiv 2210.10114 (TUE).
"""

from typing import Any

import jax
import numpy as np
import optax
from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from experiments.poisoning.context import Method, Setting, everywhere, refuse, rows
from experiments.poisoning.em import minimised
from experiments.poisoning.victims import bare
from experiments.training import networks, optimisers
from purifax import attack, nets, poison
from purifax.data.views import simclr_view
from purifax.evaluation.mapping import over
from purifax.poison import Poison
from purifax.threat import Linf

__all__ = ["METHODS"]


def _em(method: str, setting: Setting) -> Poison:
    index = everywhere(setting)
    delta = minimised(setting, index)
    return Poison(index, jnp.asarray(delta), setting.ball, name=method)


def _rem(method: str, setting: Setting) -> Poison:
    """Batch by batch, noise and then network; at the end all noise anew."""
    given, trainer = setting.crafting, setting.attacker
    refuse(
        given.adversary_radius > given.radius,
        f"crafting.adversary_radius={given.adversary_radius:.4g} is above radius="
        f"{given.radius:.4g}: REM's noise cannot outdo who moves images further.",
    )
    index = everywhere(setting)
    x, labels = rows(setting, index)
    targets = np.eye(trainer.classes, dtype=np.float32)[labels]
    k_steps, k_last = jax.random.split(setting.key("rem"))
    delta = np.zeros_like(x)
    state, order = trainer.start(setting.hidden_seed), _order(setting, len(x))
    for number in range(given.rem_rounds):
        chosen = order(number)
        few = x[chosen], labels[chosen]
        k_noise, k_seen = jax.random.split(jax.random.fold_in(k_steps, number))
        maker, example = _robust(setting, trainer.network(state))
        args = trainer.mesh, len(chosen)
        delta[chosen] = over(maker, *args, k_noise, chosen, *few, delta[chosen])
        seen = over(example, *args, k_seen, chosen, *few, delta[chosen])
        state = trainer.step(setting.hidden_seed, number, state, seen, targets[chosen])
    maker = _robust(setting, trainer.network(state))[0]
    args = trainer.mesh, setting.chunk, k_last, np.arange(len(x)), x, labels
    found = over(maker, *args, np.zeros_like(x))
    return Poison(index, jnp.asarray(found), setting.ball, name=method)


def _robust(setting: Setting, network: nets.Network) -> tuple[Partial, Partial]:
    """The maker of REM against a network, and of what that is trained on."""
    given, model = setting.crafting, Partial(bare, network=network)
    adversary = Partial(
        attack.pgd,
        model=model,
        threat=Linf(given.adversary_radius),
        step_sizes=jnp.full(given.adversary_steps, given.adversary_radius / 5),
        start=Partial(attack.at_random),
    )
    both = {"adversary": adversary, "transform": setting.attacker.augment}
    maker = Partial(
        poison.rem,
        model=model,
        threat=setting.ball,
        step_sizes=jnp.full(given.rem_steps, given.radius / 5),
        draws=jnp.arange(given.rem_draws),
        **both,
    )
    return maker, Partial(poison.robust_example, **both)


def _order(setting: Setting, count: int) -> Any:
    """`order(number)`, positions of a batch among some; epochs follow one another."""
    size = min(setting.trainer.victim.batch, count)
    per = -(-count // size)

    def order(number: int) -> np.ndarray:
        rng = np.random.default_rng([setting.seed, number // per])
        start = (number % per) * size
        places = np.arange(start, start + size) % count
        return rng.permutation(count)[places]

    return order


def _tue(method: str, setting: Setting) -> Poison:
    """In turns with a network that learns which two views are of one image."""
    given, index = setting.crafting, everywhere(setting)
    x, labels = rows(setting, index)
    key = setting.key("tue")
    learner = _Learner(setting)
    rng, radius = np.random.default_rng(setting.seed), given.radius
    delta = rng.uniform(-radius, radius, x.shape).astype(np.float32)
    delta = np.clip(x + delta, 0.0, 1.0) - x
    order = _order(setting, len(x))
    sizes = jnp.full(given.tue_steps, radius / 10)
    for number in range(given.tue_rounds):
        chosen = order(number)
        k_learn, k_noise = jax.random.split(jax.random.fold_in(key, number))
        if given.tue_agreement:
            learner.step(k_learn, x[chosen] + delta[chosen])
        delta[chosen] = _agreed(
            k_noise,
            x[chosen],
            labels[chosen],
            delta[chosen],
            learner.network,
            setting.classes,
            setting.ball,
            sizes,
            (given.tue_agreement, given.tue_separability),
        )
    return Poison(index, jnp.asarray(delta), setting.ball, name=method)


@jax.jit
def _agreed(
    key: Array,
    images: Array,
    labels: Array,
    deltas: Array,
    network: nets.Network,
    classes: Array,
    threat: Linf,
    step_sizes: Array,
    weights: tuple,
) -> Array:
    """The noise of a batch after its steps."""
    objective = Partial(_agreement, network=network)

    def step(deltas: Array, at: tuple[Array, Array]) -> tuple[Array, None]:
        i, size = at
        args = images, labels, deltas, objective, classes, threat, size
        k_step = jax.random.fold_in(key, i)
        return poison.tue_step(k_step, *args, weights=weights), None

    numbered = jnp.arange(step_sizes.shape[0]), step_sizes
    return jax.lax.scan(step, deltas, numbered)[0]


def _agreement(key: Array, images: Array, network: nets.Network) -> Array:
    one, other = _views(key, images)
    return poison.agreement_loss(jax.vmap(network)(one), jax.vmap(network)(other))


def _views(key: Array, images: Array) -> tuple[Array, Array]:
    """Two views of each image of a batch."""
    keys = jax.random.split(key, (2, len(images)))
    one, other = (jax.vmap(simclr_view)(k, images) for k in keys)
    return one, other


class _Learner:
    """A network that is trained to recognise an image in two views of it."""

    def __init__(self, setting: Setting) -> None:
        given, victim = setting.crafting, setting.trainer.victim
        self._module = networks.network(victim.net, setting.shape[-1], given.tue_width)
        key = jax.random.fold_in(jax.random.key(setting.hidden_seed), 0)
        image = jnp.zeros(setting.shape)
        self._variables = nets.init(key, self._module, image)
        self._optimiser = optimisers.optimiser(victim.optim, given.tue_rounds)
        self._moments = self._optimiser.init(self._variables["params"])
        self._step = jax.jit(self._stepped)

    @property
    def network(self) -> nets.Network:
        """What has been learned; its outputs are projections."""
        return nets.Network(self._module, self._variables)

    def step(self, key: Array, x: np.ndarray) -> None:
        """One update on a batch of images in [0, 1]."""
        self._variables, self._moments = self._step(
            key, self._variables, self._moments, x
        )

    def _stepped(self, key: Array, variables: Any, moments: Any, x: Array) -> Any:
        def loss_of(params: Any) -> tuple[Array, Any]:
            k_views, k_drop = jax.random.split(key)
            projected, changed = self._module.apply(
                {**variables, "params": params},
                jnp.concatenate(_views(k_views, x)),
                train=True,
                mutable=["batch_stats"],
                rngs={"dropout": k_drop},
            )
            return poison.agreement_loss(*jnp.split(projected, 2)), changed

        params = variables["params"]
        grads, changed = jax.grad(loss_of, has_aux=True)(params)
        updates, moments = self._optimiser.update(grads, moments, params)
        params = optax.apply_updates(params, updates)
        return {**variables, **changed, "params": params}, moments


METHODS: dict[str, Method] = {"em": _em, "rem": _rem, "tue": _tue}
