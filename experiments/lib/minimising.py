"""Error-minimising noise: a network and the noise it is trained on, in turns.

    theta <- some updates on x + delta,   delta_i <- PGD descent of L(f(x_i + delta_i))

until the network makes hardly an error on x + delta: there is nothing left to learn.

Source: Huang et al. 2021, arXiv 2101.04898: 10 updates of 512 images, then a sweep of
20 steps of a tenth of the radius over all of them; no augmentation. x + delta stays in
[0, 1] here, as it will be stored, which the released code leaves out.
"""

import jax
import numpy as np
from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from experiments.lib.over import over
from experiments.lib.setting import Setting, rows
from experiments.lib.victims import bare
from purifax import poison

__all__ = ["minimised"]


def minimised(setting: Setting, index: Array) -> np.ndarray:
    """The noise of some of the images, float32 [P, H, W, C], within the radius."""
    given, trainer, seed = setting.crafting, setting.attacker, setting.seed
    x, labels = rows(setting, index)
    targets = np.eye(trainer.classes, dtype=np.float32)[labels]
    delta = np.zeros_like(x)
    size, rng = trainer.victim.batch, np.random.default_rng(seed)
    order, state, done = np.empty(0, int), trainer.start(setting.hidden_seed), 0
    for number in range(given.em_rounds):
        for _ in range(given.em_updates):
            while len(order) < size:
                order = np.concatenate([order, rng.permutation(len(x))])
            chosen, order = order[:size], order[size:]
            seen = x[chosen] + delta[chosen]
            state = trainer.step(seed, done, state, seen, targets[chosen])
            done += 1
        network = trainer.network(state)
        maker = Partial(
            poison.minimise,
            model=Partial(bare, network=network),
            threat=setting.ball,
            step_sizes=jnp.full(given.em_steps, given.radius / 10),
        )
        key = jax.random.fold_in(setting.key("minimising"), number)
        args = trainer.mesh, setting.chunk, key, np.arange(len(x)), x, labels
        delta = over(maker, *args, delta)
        stored = np.clip(np.rint(255 * (x + delta)), 0, 255).astype(np.uint8)
        if np.mean(trainer.predictions(network, stored) != labels) < given.em_stop:
            break
    return delta
