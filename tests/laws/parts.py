"""What the rows of the table of laws are made of."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
from jax import numpy as jnp
from jax.tree_util import Partial
from oracles import bent_classifier, mixture

from purifax import attack, backward, classify, purify
from purifax.threat import L1, L2, Linf

LEVELS = jnp.array([0.3, 0.25, 0.2])
STEPS = jnp.array([0.02, 0.015, 0.01])
DRAWS = jnp.arange(3)
LABEL = jnp.array(1)


@dataclass(frozen=True)
class Row:
    name: str
    build: Callable[[Any], Callable]
    random: bool = True
    boxed: bool = True
    smooth: bool = True
    threat: Any = None


def parameters():
    return {"score": mixture(), "classifier": bent_classifier()}


def adaptive(p, verb=purify.adaptive, **more):
    limits = {"rate": 0.5, "largest": 0.5, "sigma": 0.2} | more
    return Partial(verb, score=p["score"], levels=LEVELS, **limits)


def first(fn):
    """The last state of a sampler, as one result."""
    return Partial(_take_first, fn=fn)


def _take_first(key, x, fn):
    return fn(key, x)[0]


def keyless(key, x, fn):
    del key
    return fn(x)


def model(p, gradient=backward.exact):
    return Partial(
        classify.defend,
        purifier=gradient(adaptive(p)),
        classifier=p["classifier"],
    )


def eot(p, gradient=backward.exact):
    return Partial(classify.each, model=model(p, gradient), draws=DRAWS[:2])


def labelled(fn, p, **bound):
    return Partial(_with_label, fn=Partial(fn, **bound))


def _with_label(key, x, fn):
    return fn(key, x, LABEL)


def shorter(p):
    return Partial(purify.adaptive, score=p["score"], levels=LEVELS[:1], sigma=0.2)


def pgd(p, threat, verb=attack.pgd, gradient=backward.exact, **more):
    return labelled(
        verb, p, model=eot(p, gradient), threat=threat, step_sizes=STEPS, **more
    )


def light(p, lead=10.0):
    """Two draws of a model that compiles fast, and is right by much at first."""
    model = Partial(_noisy_linear, w=p["classifier"].keywords["w"], lead=lead)
    return Partial(classify.each, model=model, draws=DRAWS[:2])


def _noisy_linear(key, x, w, lead):
    x = x + 0.1 * jax.random.normal(key, x.shape, x.dtype)
    right = jnp.arange(w.shape[0]) == LABEL
    return jnp.tensordot(w, x, axes=x.ndim) + jnp.where(right, lead, 0.0)


LINF, BALL, SPARSE = Linf(radius=0.04), L2(radius=0.1), L1(radius=0.3)
