"""What the bare and the defended model answer to images."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from jax import Array
from jax import numpy as jnp
from jax.sharding import Mesh, PartitionSpec
from jax.tree_util import Partial

import purifax
from purifax import classify, purify
from purifax.evaluation.world import World
from purifax.report.types import NO_ANSWER
from purifax.run import devices
from purifax.types import Classifier, Model, Purifier

__all__ = ["answers", "classes", "climb", "compiled", "frames", "mapped", "once"]

FRAMES = 7
"""States of a run that are kept to be looked at, the first and the last among them."""


@functools.partial(jax.jit, static_argnames="mesh")
def _mapped(mesh: Mesh, fn: Callable, key: Array, index: Array, batch: tuple) -> Any:
    split, whole = PartitionSpec("batch"), PartitionSpec()
    share = jax.shard_map(
        lambda fn, key, index, batch: purifax.batched(fn)(key, *batch, index=index),
        mesh=mesh,
        in_specs=(whole, whole, split, split),
        out_specs=split,
    )
    return share(fn, key, index, batch)


def mapped(fn: Callable[..., Any], mesh: Mesh) -> Callable[..., Any]:
    """`run(key, index, *batch)`: a one-image function over images on all devices.

    Each device runs its share by itself; nothing crosses. The function is a pytree and
    an argument of the compiled program: its parameters are not constants in it, and
    another radius does not compile again. Weights that were loaded onto one device are
    copied to those of the mesh, once.
    """
    fn = devices.placed(fn, mesh)
    return lambda key, index, *batch: _mapped(mesh, fn, key, index, batch)


def compiled(
    fn: Callable[..., Any], mesh: Mesh, key: Array, index: Array, *batch: Array
) -> tuple[Callable[[], Any], int]:
    """What `mapped` would run on these arguments, and its temporary bytes a device."""
    fn = devices.placed(fn, mesh)
    program = _mapped.lower(mesh, fn, key, index, batch).compile()
    analysis: Any = program.memory_analysis()
    bytes_ = int(analysis.temp_size_in_bytes)
    return lambda: program(fn, key, index, batch), bytes_


def answers(world: World, keys: int) -> Partial:
    """`(key, x) -> dict`: the classes answered for one image, and its score's length.

    "bare": [], of the classifier alone; for each pooling rule [M, S], of the first
    1 .. S samples under each of M keys; "single": [M, S], of each sample; "norm": [],
    |f(x)|.
    """
    return Partial(
        _answers,
        runs=world.answering(),
        classifier=world.classifier,
        norm=_norm(world),
        keys=jnp.arange(keys),
    )


def _norm(world: World) -> Partial:
    """The length of the score, |f(x)|; 0 where there is no score."""
    if world.score is None:
        return Partial(_nothing)
    return Partial(purify.scaled_norm, score=world.score, level=world.level)


def _nothing(x: Array) -> Array:
    return 0.0 * jnp.sum(x)


def _answers(
    key: Array, x: Array, runs: Model, classifier: Classifier, norm: Any, keys: Array
) -> dict[str, Array]:
    told = jax.lax.map(lambda k: classes(runs(jax.random.fold_in(key, k), x)), keys)
    bare = classes(classifier(x)[None])["single"][0]
    return {"bare": bare, "norm": norm(x), **told}


def classes(logits: Array) -> dict[str, Array]:
    """What S runs answer, `NO_ANSWER` once a run is not finite.

    By pooling rule [S], of the first 1 .. S runs; "single": [S], of each run alone.

    Args:
        logits: [S, K]; the largest of numbers that are none would be class 0.

    >>> {rule: a.tolist() for rule, a in classes(jnp.array([[0.0, 1.0]])).items()}
    {'logits': [1], 'probabilities': [1], 'vote': [1], 'single': [1]}
    """
    broken = ~jnp.all(jnp.isfinite(logits), axis=-1)
    lost = jnp.cumsum(broken) > 0
    pooled = {
        rule: jnp.where(lost, NO_ANSWER, answer)
        for rule, answer in classify.curves(logits).items()
    }
    single = jnp.where(broken, NO_ANSWER, jnp.argmax(logits, axis=-1))
    return {**pooled, "single": single}


def climb(world: World) -> Partial | None:
    """`(key, x) -> {rule: [T + 1]}`: the pooled answer after 0 .. T steps.

    None for a purifier without a trace. Step 0 is the noised image.
    """
    if not hasattr(world.recipe, "trace"):
        return None
    model = Partial(
        _along, trace=world.recipe.trace(world.prior), classifier=world.classifier
    )
    draws, knobs = jnp.arange(world.samples), world.knobs()
    return Partial(
        _climb, runs=Partial(classify.each, model=model, draws=draws, knobs=knobs)
    )


def _along(
    key: Array, x: Array, trace: Callable, classifier: Classifier, **knobs: Array
) -> Array:
    return jax.vmap(classifier)(trace(key, x, **knobs)[1].images)


def _climb(key: Array, x: Array, runs: Model) -> dict[str, Array]:
    told = jax.vmap(classes, in_axes=1)(runs(key, x))
    return {rule: answer[:, -1] for rule, answer in told.items()}


def frames(world: World) -> tuple[int, ...]:
    """The steps after which `once` shows the image; of a run without states, none."""
    states = world.states()
    if states is None:
        return ()
    return tuple(sorted({round(step) for step in np.linspace(0, states.steps, FRAMES)}))


def once(world: World) -> Partial:
    """`(key, x) -> (states, class)`: one run of the defence, to look at.

    "states" [F, H, W, C] are those of `frames`, the purified image last; the purified
    image alone where there are none.
    """
    shown, states = frames(world), world.states()
    if states is not None:
        run = Partial(_states, path=states.path, steps=jnp.array(shown))
    else:
        run = Partial(_end, purifier=world.fast())
    return Partial(_once, run=run, classifier=world.classifier)


def _states(key: Array, x: Array, path: Callable[..., Array], steps: Array) -> Array:
    return path(key, x)[steps]


def _end(key: Array, x: Array, purifier: Purifier) -> Array:
    return purifier(key, x)[None]


def _once(
    key: Array, x: Array, run: Callable[..., Array], classifier: Classifier
) -> tuple[Array, Array]:
    states = run(key, x)
    return states, jnp.argmax(classifier(states[-1]))
