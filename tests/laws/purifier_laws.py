"""What every recipe of a purifier obeys; see `recipe_laws`."""

import dataclasses

import jax
import numpy as np
from counting import counted, passes
from jax import numpy as jnp
from laws.recipe_parts import KEY, X, close, prior, small
from oracles import SHAPE

from purifax.purify import States

__all__ = ["PURIFIER_LAWS"]


def priors(made, wrap=lambda network: network):
    """The priors of which a recipe can be made: everything, and a score alone."""
    whole = prior(wrap)
    found = [whole]
    try:
        alone = dataclasses.replace(whole, energy=None, temperature=None)
        made.build(alone)
        found.append(alone)
    except ValueError:
        pass  # it needs an energy
    return found


def calibrated(made):
    """The recipe with what clean images determine."""
    if not getattr(made, "uncalibrated", False):
        return made
    images = jax.vmap(lambda k: jax.random.uniform(k, SHAPE))(jax.random.split(KEY, 8))
    found = made.calibrate(prior(), images)
    assert not found.uncalibrated and found.calibrate(prior(), images[:2]) == found
    return found


def builds_a_purifier(made):
    """With the published numbers: an image like its input; in words; with its cost."""
    for given in priors(made):
        found = jax.eval_shape(calibrated(made).build(given), KEY, X)
        assert (found.shape, found.dtype) == (X.shape, X.dtype)
    assert isinstance(made.words(), str) and made.words()
    assert isinstance(made.calls(), int) and made.calls() >= 0


def purifies(made):
    """Finite, by a score in [0, 1], the same for the same key; has its gradient."""
    made = calibrated(made)
    for given in priors(made):
        run = made.build(given)
        found = jax.jit(run)(KEY, X)
        np.testing.assert_array_equal(found, jax.jit(run)(KEY, X))
        assert np.isfinite(found).all()
        assert given.energy is not None or (found.min() >= 0 and found.max() <= 1)
        slope = jax.jit(jax.grad(lambda x, run=run: jnp.sum(run(KEY, x))))(X)
        assert np.isfinite(slope).all()


def makes_as_many_passes_as_it_says(made):
    """Those of its `calls`, with the prior that costs most."""
    made = calibrated(made)
    counts = [passes(made.build(given), KEY, X) for given in priors(made, counted)]
    assert max(counts) == made.calls()


def has_forms_that_agree(made):
    """`build_fast`, `build_frozen` and `build_short` beside `build`."""
    made = calibrated(made)
    for given in priors(made):
        whole = jax.jit(made.build(given))(KEY, X)
        for name in ("build_fast", "build_frozen"):
            if hasattr(made, name):
                close(jax.jit(getattr(made, name)(given))(KEY, X), whole)
        if hasattr(made, "build_frozen"):
            frozen = made.build_frozen(given)
            slope = jax.jit(jax.grad(lambda x, run=frozen: jnp.sum(run(KEY, x))))(X)
            assert np.isfinite(slope).all()
        if hasattr(made, "build_short"):
            steps = getattr(made, "steps", 1)
            close(jax.jit(made.build_short(given, steps))(KEY, X), whole)
            assert jax.jit(made.build_short(given, 1))(KEY, X).shape == X.shape
    if hasattr(made, "build_short"):
        given = prior(counted)
        assert passes(made.build_short(given, 1), KEY, X) <= made.calls()


def shows_the_way(made):
    """`states` and `trace` end in the purified image; `knobs` are one a sample."""
    for given in priors(made):
        whole = jax.jit(made.build(given))(KEY, X)
        if hasattr(made, "states"):
            states = made.states(given)
            assert isinstance(states, States)
            path = jax.jit(states.path)(KEY, X)
            assert path.shape == (states.steps + 1, *X.shape)
            close(path[-1], whole)
            if states.reference is not None:
                led = jax.jit(states.reference)(KEY, X)
                assert led.shape == path.shape
        if hasattr(made, "trace"):
            last, trace = jax.jit(made.trace(given))(KEY, X)
            close(last, whole)
            assert trace.images.shape == (made.steps + 1, *X.shape)
    if hasattr(made, "knobs"):
        knobs = made.knobs(6)
        assert knobs is None or all(len(values) == 6 for values in knobs.values())


PURIFIER_LAWS = {
    "builds": builds_a_purifier,
    "purifies": lambda made: purifies(small(made)),
    "passes": lambda made: makes_as_many_passes_as_it_says(small(made)),
    "forms": lambda made: has_forms_that_agree(small(made)),
    "states": lambda made: shows_the_way(small(calibrated(made))),
}
