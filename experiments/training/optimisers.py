"""The optimiser of a run, its learning rate, and the one that may take over from it."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jax import Array

from experiments.training import energy_recipes
from experiments.training.config import Optim
from experiments.training.config_energy import (
    EnergyTraining,
    Training,
)

__all__ = [
    "decay",
    "learning_rate",
    "of_run",
    "optimiser",
    "switched",
    "switches",
    "warms",
]

_UNTRAINED = 0.02


def learning_rate(optim: Optim, steps: int) -> optax.Schedule:
    """The learning rate as a function of the step, over a run of `steps`."""
    name, peak, warmup = optim.schedule, optim.learning_rate, optim.warmup
    if name == "cosine":
        after = optax.cosine_decay_schedule(peak, max(1, steps - warmup))
    elif name == "drops":
        at = {round(part * steps) - warmup: optim.factor for part in optim.drops}
        after = optax.piecewise_constant_schedule(peak, at)
    else:
        after = optax.constant_schedule(peak)
    if not warmup:
        return after
    rise = optax.linear_schedule(0.0, peak, warmup)
    return optax.join_schedules([rise, after], [warmup])


def warms(optim: Optim, steps: int) -> bool:
    """Whether the average of the weights warms up, in a run too short for its decay.

    Without it more than 2% of what is exported would be the untrained weights.
    """
    return optim.ema**steps > _UNTRAINED


def decay(optim: Optim, steps: int) -> Callable[[Array], float | Array]:
    """The decay of the average of the weights, as a function of the steps before.

    It is `optim.ema`; where it `warms`, the smaller one of that and of
    (1 + step) / (10 + step), as in TensorFlow's ExponentialMovingAverage.
    """
    if not warms(optim, steps):
        return lambda step: optim.ema
    return lambda step: jnp.minimum(optim.ema, (1 + step) / (10 + step))


def switches(config: Training) -> bool:
    """Whether another optimiser takes over in the course of the run."""
    return isinstance(config, EnergyTraining) and config.switch.at < 1


def of_run(config: Training) -> optax.GradientTransformation:
    """The optimiser of a run, and the one that follows it if there is one."""
    steps = config.train.steps
    first = optimiser(config.optim, steps)
    if not (isinstance(config, EnergyTraining) and switches(config)):
        return first
    rate = (
        config.switch.learning_rate * energy_recipes.recipe(config.chains).temperature
    )
    return switched(first, optax.sgd(rate), round(config.switch.at * steps))


def switched(
    first: optax.GradientTransformation, then: optax.GradientTransformation, at: int
) -> optax.GradientTransformation:
    """The first optimiser for `at` steps, and then the other from its own start."""

    def init(params: Any) -> Any:
        return jnp.zeros((), jnp.int32), first.init(params), then.init(params)

    def update(grads: Any, state: Any, params: Any = None) -> Any:
        count, one, two = state
        late = count >= at

        def chosen(a: Any, b: Any) -> Any:
            return jax.tree.map(lambda x, y: jnp.where(late, y, x), a, b)

        ones, moved_one = first.update(grads, one, params)
        twos, moved_two = then.update(grads, two, params)
        kept = chosen(moved_one, one), chosen(two, moved_two)
        return chosen(ones, twos), (count + 1, *kept)

    return optax.GradientTransformation(init, update)


def optimiser(optim: Optim, steps: int) -> optax.GradientTransformation:
    """Adam or SGD with momentum; weight decay is added to the gradient, as in torch.

    AdamW is Adam with weight decay added to its step.
    """
    name = optim.name
    decay = [optax.add_decayed_weights(optim.weight_decay)] * bool(optim.weight_decay)
    parts = []
    if optim.clip is not None:
        parts.append(optax.clip_by_global_norm(optim.clip))
    if name == "sgd":
        parts += [*decay, optax.trace(optim.momentum, optim.nesterov)]
    else:
        adam = optax.scale_by_adam(optim.beta1, optim.beta2, optim.eps)
        parts += [adam, *decay] if name == "adamw" else [*decay, adam]
    parts.append(optax.scale_by_learning_rate(learning_rate(optim, steps)))
    return optax.chain(*parts)
