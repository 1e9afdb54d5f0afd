"""Error-minimising noise: a network and the noise it is trained on, in turns.

    theta <- some updates on x + delta,   delta_i <- PGD descent of L(f(x_i + delta_i))

until the network makes hardly an error on x + delta: there is nothing left to learn.

Source: Huang et al. 2021, arXiv 2101.04898: 10 updates of 512 images, then a sweep of
20 steps of a tenth of the radius over all of them; no augmentation. x + delta stays in
[0, 1] here, as it will be stored, which the released code leaves out.
"""

import jax
import numpy as np
from jax import numpy as jnp
from jax.tree_util import Partial

from experiments.lib.config_poison import Crafting
from experiments.lib.over import over
from experiments.lib.victims import Trainer, bare
from purifax import data, nets, poison
from purifax.threat import Linf

__all__ = ["minimised"]


def minimised(
    images: data.Images, crafting: Crafting, trainer: Trainer, seed: int, chunk: int
) -> np.ndarray:
    """The noise of all images, float32 [N, H, W, C], within the radius."""
    x = images.images / np.float32(255)
    targets = np.eye(trainer.classes, dtype=np.float32)[images.labels]
    delta = np.zeros_like(x)
    size, rng = trainer.victim.batch, np.random.default_rng(seed)
    order, state, done = np.empty(0, int), trainer.start(seed + 7919), 0
    for _ in range(crafting.em_rounds):
        for _ in range(crafting.em_updates):
            while len(order) < size:
                order = np.concatenate([order, rng.permutation(len(x))])
            chosen, order = order[:size], order[size:]
            seen = x[chosen] + delta[chosen]
            state = trainer.step(seed, done, state, seen, targets[chosen])
            done += 1
        network = trainer.network(state)
        delta = _swept(network, x, images.labels, delta, crafting, trainer, chunk)
        stored = np.clip(np.rint(255 * (x + delta)), 0, 255).astype(np.uint8)
        wrong = trainer.predictions(network, stored) != images.labels
        if np.mean(wrong) < crafting.em_stop:
            break
    return delta


def _swept(
    network: nets.Network,
    x: np.ndarray,
    labels: np.ndarray,
    delta: np.ndarray,
    crafting: Crafting,
    trainer: Trainer,
    chunk: int,
) -> np.ndarray:
    """The noise after one sweep over all images."""
    maker = Partial(
        poison.minimise,
        model=Partial(bare, network=network),
        threat=Linf(jnp.float32(crafting.radius)),
        step_sizes=jnp.full(crafting.em_steps, crafting.radius / 10),
    )
    key, index = jax.random.key(0), np.arange(len(x))
    return over(maker, trainer.mesh, chunk, key, index, x, labels, delta)
