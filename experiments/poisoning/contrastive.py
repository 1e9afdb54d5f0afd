"""A network that learns to recognise an image in two views of it, as SimCLR."""

from typing import Any

import jax
import numpy as np
import optax
from jax import Array
from jax import numpy as jnp

from experiments.poisoning.config import Victim
from experiments.training import networks, optimisers
from experiments.training.health import Diverged
from experiments.training.state import finite
from purifax import nets
from purifax.data.views import simclr_view
from purifax.poison.tue import agreement_loss

__all__ = ["Contrastive", "agreement"]


def agreement(key: Array, images: Array, network: nets.Network) -> Array:
    """SimCLR's loss of a batch under two views that it draws, []."""
    one, other = _views(key, images)
    return agreement_loss(jax.vmap(network)(one), jax.vmap(network)(other))


def _views(key: Array, images: Array) -> tuple[Array, Array]:
    """Two views of each image of a batch."""
    keys = jax.random.split(key, (2, len(images)))
    one, other = (jax.vmap(simclr_view)(k, images) for k in keys)
    return one, other


class Contrastive:
    """A network of the victim's kind, in such a training; see `Context.contrastive`.

    Args:
        shape: of one image.
        width: outputs of the network.
        steps: of the training.
    """

    agreement = staticmethod(agreement)

    def __init__(
        self, key: Array, victim: Victim, shape: tuple[int, ...], width: int, steps: int
    ) -> None:
        self._module = networks.network(victim.net, shape[-1], width)
        self._variables = nets.init(key, self._module, jnp.zeros(shape))
        self._optimiser = optimisers.optimiser(victim.optim, steps)
        self._moments = self._optimiser.init(self._variables["params"])
        self._step = jax.jit(self._stepped)
        self._done = 0

    @property
    def network(self) -> nets.Network:
        """What has been learned; its outputs are projections.

        Raises:
            Diverged: a weight is not finite.
        """
        if not finite(self._variables):
            raise Diverged(
                f"a weight of the contrastive network is not finite after step "
                f"{self._done}. Try a smaller victim.optim.learning_rate."
            )
        return nets.Network(self._module, self._variables)

    def step(self, key: Array, x: np.ndarray) -> None:
        """One update on a batch of images in [0, 1]."""
        self._variables, self._moments = self._step(
            key, self._variables, self._moments, x
        )
        self._done += 1

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
            return agreement_loss(*jnp.split(projected, 2)), changed

        params = variables["params"]
        grads, changed = jax.grad(loss_of, has_aux=True)(params)
        updates, moments = self._optimiser.update(grads, moments, params)
        params = optax.apply_updates(params, updates)
        return {**variables, **changed, "params": params}, moments
