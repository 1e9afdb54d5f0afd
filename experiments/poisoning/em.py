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

from experiments.poisoning.context import Setting, rows
from experiments.poisoning.victims import bare
from purifax import nets, poison
from purifax.evaluation.mapping import over
from purifax.types import Purifier

__all__ = ["minimised"]


def minimised(
    setting: Setting, index: Array, view: Purifier | None = None
) -> np.ndarray:
    """The noise of some of the images, float32 [P, H, W, C], within the radius.

    Args:
        view: what networks see of an image, with its gradient; None is the image.
    """
    given, trainer, seed = setting.crafting, setting.attacker, setting.seed
    x, labels = rows(setting, index)
    targets = np.eye(trainer.classes, dtype=np.float32)[labels]
    delta, everything = np.zeros_like(x), np.arange(len(x))
    k_view, k_noise = jax.random.split(setting.key("minimising"))

    def seen(number: int, chosen: np.ndarray) -> np.ndarray:
        spoilt = x[chosen] + delta[chosen]
        if view is None:
            return spoilt
        chunk, key = min(setting.chunk, len(chosen)), jax.random.fold_in(k_view, number)
        return over(view, trainer.mesh, chunk, key, chosen, spoilt)

    size, rng = trainer.victim.batch, np.random.default_rng(seed)
    order, state, done = np.empty(0, int), trainer.start(setting.hidden_seed), 0
    for number in range(given.em_rounds):
        for _ in range(given.em_updates):
            while len(order) < size:
                order = np.concatenate([order, rng.permutation(len(x))])
            chosen, order = order[:size], order[size:]
            shown = seen(done, chosen)
            state = trainer.step(seed, done, state, shown, targets[chosen])
            done += 1
        network = trainer.network(state)
        key = jax.random.fold_in(k_noise, number)
        args = trainer.mesh, setting.chunk, key, everything, x, labels, delta
        delta = over(_maker(setting, network, view), *args)
        if given.em_stop:
            stored = np.clip(np.rint(255 * seen(done, everything)), 0, 255)
            said = trainer.predictions(network, stored.astype(np.uint8))
            if np.mean(said != labels) < given.em_stop:
                break
    return delta


def _maker(setting: Setting, network: nets.Network, view: Purifier | None) -> Partial:
    """One sweep of the noise against a network, through what it sees."""
    given, model = setting.crafting, Partial(bare, network=network)
    if view is not None:
        draws = jnp.arange(given.adaptive_draws)
        model = poison.through([network], view, draws)[0]
    return Partial(
        poison.minimise,
        model=model,
        threat=setting.ball,
        step_sizes=jnp.full(given.em_steps, given.radius / 10),
    )
