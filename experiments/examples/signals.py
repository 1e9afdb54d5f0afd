"""A clean-label backdoor on signals of one axis, and what purification does to it.

Signals are short tones of four pitches, [64, 1] in [0, 1], of any phase, loudness and
place, under noise. The trigger is a faint tone far above all of them, in all signals of
one class and no other, with their right label. A score network learns clean signals of
others, diffusion by it purifies the training set once, and a classifier is trained on
that.
"""

from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
import optax
from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

import purifax
from purifax import loss, nets, poison, purify, record, score
from purifax.poison import badnets
from purifax.record.poisons import natural_accuracy
from purifax.report.plots import LIGHT, canvas, encoded
from purifax.run.progress import each
from purifax.threat import Linf

__all__ = ["Outcome", "picture", "run", "tones", "trigger"]

PITCHES = (3.0, 4.0, 5.0, 6.0)
"""Waves in a signal, by class."""
LENGTH, SIZE, TARGET, SHARE = 64, 0.1, 0, 1.0
"""Values of a signal; of the trigger: size, class, and share of it that has it."""
COUNT, LEVEL, CALLS = 400, 0.15, 8
"""Signals of each role; the noise level of the purifier, and its steps."""


@dataclass(frozen=True)
class Outcome:
    """What a classifier answers that was trained on a set.

    Attributes:
        name: of the set.
        accuracy: on clean signals.
        success: of the trigger, on signals of other classes.
    """

    name: str
    accuracy: float
    success: float


def tones(key: Array, count: int) -> tuple[Array, Array]:
    """Signals [N, 64, 1] in [0, 1] and their classes, int [N]."""
    keys = jax.random.split(key, 6)
    label = jax.random.randint(keys[0], (count,), 0, len(PITCHES))
    draw = [
        jax.random.uniform(k, (count, 1), minval=low, maxval=high)
        for k, low, high in zip(
            keys[1:5], (0.0, 0.1, 0.3, 0.2), (6.3, 0.3, 0.7, 0.4), strict=True
        )
    ]
    phase, loud, place, wide = draw
    t = jnp.linspace(0.0, 1.0, LENGTH)[None]
    envelope = loud * jnp.exp(-jnp.square((t - place) / wide))
    wave = jnp.sin(2 * jnp.pi * jnp.asarray(PITCHES)[label][:, None] * t + phase)
    noise = 0.08 * jax.random.normal(keys[5], wave.shape)
    return jnp.clip(0.5 + envelope * wave + noise, 0.0, 1.0)[..., None], label


def trigger() -> Array:
    """The faint tone, [64, 1]: up and down at every value."""
    return SIZE * jnp.where(jnp.arange(LENGTH) % 2 == 0, 1.0, -1.0)[:, None]


def run(seed: int, steps: int = 200) -> tuple[list[Outcome], dict[str, np.ndarray]]:
    """The outcomes of clean, poisoned and purified training, and signals to show."""
    k_train, k_other, k_test, k_poison, k_purify, k_score, k_classifier = (
        jax.random.split(jax.random.key(seed), 7)
    )
    x, labels = tones(k_train, COUNT)
    found = _backdoor(k_poison, x, labels)
    poisoned, _ = poison.inject(x, labels, found)
    known = _learned(k_score, tones(k_other, COUNT)[0], 2 * steps)
    purifier = Partial(purify.diffuse_from, score=known, sigmas=_levels())
    pure = jax.jit(purifax.batched(purifier, chunk=100))(k_purify, poisoned)
    tests = tones(k_test, COUNT)
    named = {"clean": x, "poisoned": poisoned, "purified": pure}
    sets = [(name, signals, labels) for name, signals in named.items()]
    # One key for all three: they differ in their training set alone.
    outcomes = [_outcome(k_classifier, *one, *tests, steps) for one in sets]
    first = int(found.index[0])
    return outcomes, {name: np.asarray(one[first, :, 0]) for name, one in named.items()}


def _backdoor(key: Array, x: Array, labels: Array) -> poison.Poison:
    """The trigger on a share of the signals of its class, within its budget."""
    k_choice, k_craft = jax.random.split(key)
    own = jnp.flatnonzero(labels == TARGET)
    index = poison.choose_images(k_choice, own, round(SHARE * len(own)))
    maker = Partial(badnets.additive, pattern=trigger())
    found = poison.craft(k_craft, x, labels, index, maker, Linf(SIZE), name="tone")
    poison.verify(x, found)
    return found


def _levels() -> Array:
    return jnp.append(jnp.geomspace(LEVEL, 0.02, CALLS), 0.0)


def _learned(key: Array, x: Array, steps: int) -> Partial:
    """A score of signals like these."""
    module = nets.SignalScore(width=16, spread=0.15)
    k_start, k_steps = jax.random.split(key)
    variables = nets.init(k_start, module, x[0], 1.0)

    def total(params: Any, key: Array, x: Array) -> Array:
        network = nets.Network(module, params)
        one = Partial(loss.dsm_continuous, f=network, smallest=0.01, largest=0.5)
        return jnp.mean(jax.vmap(one)(jax.random.split(key, len(x)), x))

    found = _descended(k_steps, variables, total, (x,), steps)
    return score.from_scaled(nets.Network(module, found))


def _outcome(
    key: Array,
    name: str,
    x: Array,
    labels: Array,
    test: Array,
    test_labels: Array,
    steps: int,
) -> Outcome:
    """Trains a classifier on a set, and tests it."""
    module = nets.SignalClassifier(num_classes=len(PITCHES), width=16)
    k_start, k_steps = jax.random.split(key)
    variables = nets.init(k_start, module, x[0])

    def total(params: Any, key: Array, x: Array, labels: Array) -> Array:
        del key
        logits = jax.vmap(nets.Network(module, params))(x)
        losses = optax.softmax_cross_entropy_with_integer_labels(logits, labels)
        return jnp.mean(losses)

    learned = _descended(k_steps, variables, total, (x, labels), steps)
    network = nets.Network(module, learned)
    answer = jax.jit(lambda x: jnp.argmax(jax.vmap(network)(x), axis=-1))
    heard = jnp.clip(test + trigger()[None], 0.0, 1.0)
    return Outcome(
        name,
        float(natural_accuracy(answer(test), test_labels)),
        float(record.trigger_success(answer(heard), test_labels, TARGET)),
    )


def _descended(
    key: Array, variables: Any, total: Any, rows: tuple[Array, ...], steps: int
) -> Any:
    """Variables after steps of Adam on batches of 64."""
    optimiser = optax.adam(optax.cosine_decay_schedule(3e-3, steps))

    @jax.jit
    def step(state: Any, key: Array) -> Any:
        variables, moments = state
        k_batch, k_loss = jax.random.split(key)
        chosen = jax.random.randint(k_batch, (64,), 0, len(rows[0]))
        batch = [row[chosen] for row in rows]
        grads = jax.grad(total)(variables, k_loss, *batch)
        updates, moments = optimiser.update(grads, moments)
        return optax.apply_updates(variables, updates), moments

    state = variables, optimiser.init(variables)
    for i in each("learning", range(steps)):
        state = step(state, jax.random.fold_in(key, i))
    return state[0]


def picture(signals: dict[str, np.ndarray], outcomes: list[Outcome]) -> bytes:
    """One signal of the target class as each set has it, as PNG."""
    with canvas(9.0, 2.6, LIGHT) as figure:
        figure.set_layout_engine("constrained")
        for place, outcome in enumerate(outcomes, 1):
            axes = figure.add_subplot(1, len(outcomes), place)
            axes.plot(signals[outcome.name], color=LIGHT.bpda, linewidth=1.1)
            axes.set(ylim=(0.0, 1.0), xlabel="time")
            axes.set_title(
                f"{outcome.name}: accuracy {100 * outcome.accuracy:.0f}%\n"
                f"trigger {100 * outcome.success:.0f}%",
                fontsize=9,
            )
        return encoded(figure)
