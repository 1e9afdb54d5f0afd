"""The table of laws: one row per sampler, purifier, gradient mode, model and attack.

A row binds a one-image function `fn(key, x)` to parameters. What it promises beyond the
laws that hold for all: `random` (another key, another result), `boxed` (images in
[0, 1]), `smooth` (a reverse-mode gradient), `threat` (stays in that set around x).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
from jax import numpy as jnp
from jax.tree_util import Partial
from oracles import bent_classifier, mixture

from purifax import attack, backward, classify, noise, purify, sample
from purifax.threat import L2, Linf

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


def _adaptive(p, verb=purify.adaptive, **more):
    limits = {"rate": 0.5, "largest": 0.5, "sigma": 0.2} | more
    return Partial(verb, score=p["score"], levels=LEVELS, **limits)


def _first(fn):
    """The last state of a sampler, as one result."""
    return Partial(_take_first, fn=fn)


def _take_first(key, x, fn):
    return fn(key, x)[0]


def _keyless(key, x, fn):
    del key
    return fn(x)


def _model(p, gradient=backward.exact):
    return Partial(
        classify.defend,
        purifier=gradient(_adaptive(p)),
        classifier=p["classifier"],
    )


def _eot(p, gradient=backward.exact):
    return Partial(classify.each, model=_model(p, gradient), draws=DRAWS[:2])


def _attack(fn, p, **bound):
    return Partial(_with_label, fn=Partial(fn, **bound))


def _with_label(key, x, fn):
    return fn(key, x, LABEL)


def _shorter(p):
    return Partial(
        purify.adaptive, score=p["score"], levels=LEVELS[:1], sigma=0.2
    )


def _pgd(p, threat, verb=attack.pgd, gradient=backward.exact, **more):
    return _attack(
        verb, p, model=_eot(p, gradient), threat=threat, step_sizes=STEPS, **more
    )


LINF, BALL = Linf(radius=0.04), L2(radius=0.1)

SAMPLERS = [
    Row(
        "langevin",
        lambda p: _first(
            Partial(
                sample.langevin, score=p["score"], sigmas=LEVELS, step_sizes=STEPS
            )
        ),
        boxed=False,
    ),
    Row(
        "annealed_langevin",
        lambda p: _first(
            Partial(
                sample.annealed_langevin,
                score=p["score"],
                sigmas=LEVELS,
                step_sizes=STEPS,
            )
        ),
        boxed=False,
    ),
    Row(
        "ascend",
        lambda p: _first(
            Partial(
                _keyless,
                fn=Partial(
                    sample.ascend, score=p["score"], sigmas=LEVELS, step_sizes=STEPS
                ),
            )
        ),
        random=False,
        boxed=False,
    ),
    Row(
        "denoise",
        lambda p: Partial(
            _keyless, fn=Partial(sample.denoise, sigma=0.2, score=p["score"])
        ),
        random=False,
        boxed=False,
    ),
]

PURIFIERS = [
    Row("adaptive", _adaptive),
    Row("adaptive_without_noise", lambda p: _adaptive(p, sigma=0.0), random=False),
    Row("adaptive_binary", lambda p: _adaptive(p, perturb=Partial(noise.binary))),
    Row(
        "adaptive_heteroscedastic",
        lambda p: _adaptive(
            p,
            perturb=Partial(noise.heteroscedastic, score=p["score"], level=0.2),
        ),
    ),
    Row(
        "adaptive_by_difference",
        lambda p: _adaptive(p, curvature=Partial(purify.by_difference)),
    ),
    Row("adaptive_held", lambda p: _adaptive(p, curvature=Partial(purify.held))),
    Row("adaptive_early", lambda p: _adaptive(p, purify.adaptive_early), smooth=False),
    Row("adaptive_trace", lambda p: _first(_adaptive(p, purify.adaptive_trace))),
    Row(
        "detect",
        lambda p: Partial(
            purify.detect,
            purifier=_adaptive(p),
            score=p["score"],
            level=0.2,
            limit=3.0,
        ),
    ),
    Row(
        "rounds",
        lambda p: Partial(
            purify.rounds, purifier=_adaptive(p), sigmas=jnp.array([0.2, 0.1])
        ),
    ),
    Row("one_step", lambda p: Partial(purify.one_step, score=p["score"], sigma=0.2)),
]

GRADIENTS = [
    Row("exact", lambda p: backward.exact(_adaptive(p))),
    Row("straight_through", lambda p: backward.straight_through(_adaptive(p))),
    Row("surrogate", lambda p: backward.surrogate(_adaptive(p), _shorter(p))),
    Row("blind", lambda p: backward.blind(_adaptive(p)), random=False),
]

MODELS = [
    Row(
        "undefended",
        lambda p: Partial(classify.undefended, classifier=p["classifier"]),
        random=False,
        boxed=False,
    ),
    Row("defend", _model, boxed=False),
    Row(
        "each",
        lambda p: Partial(classify.each, model=_model(p), draws=DRAWS),
        boxed=False,
    ),
    Row(
        "each_two_levels",
        lambda p: Partial(
            classify.each,
            model=_model(p),
            draws=DRAWS,
            knobs={"sigma": jnp.array([0.1, 0.1, 0.25])},
        ),
        boxed=False,
    ),
    Row(
        "mean_logits",
        lambda p: Partial(classify.mean_logits, model=_model(p), draws=DRAWS),
        boxed=False,
    ),
    Row(
        "mean_probabilities",
        lambda p: Partial(classify.mean_probabilities, model=_model(p), draws=DRAWS),
        boxed=False,
    ),
    Row(
        "vote",
        lambda p: Partial(classify.vote, model=_model(p), draws=DRAWS),
        random=False,
    ),
]

ATTACKS = [
    Row("pgd_linf", lambda p: _pgd(p, LINF), threat=LINF, smooth=False),
    Row("pgd_l2", lambda p: _pgd(p, BALL), threat=BALL, smooth=False),
    Row(
        "pgd_bpda",
        lambda p: _pgd(p, LINF, gradient=backward.straight_through),
        threat=LINF,
        smooth=False,
    ),
    Row(
        "best_iterate",
        lambda p: _attack(
            attack.best_iterate,
            p,
            path=Partial(
                attack.pgd_path, model=_eot(p), threat=LINF, step_sizes=STEPS
            ),
            judge=_eot(p),
            candidates=jnp.array([1, -1]),
        ),
        threat=LINF,
        smooth=False,
    ),
    Row(
        "best_of_restarts",
        lambda p: _attack(
            attack.best_of_restarts,
            p,
            attack=Partial(
                attack.pgd, model=_eot(p), threat=BALL, step_sizes=STEPS
            ),
            judge=_eot(p),
            restarts=jnp.arange(2),
        ),
        threat=BALL,
        smooth=False,
    ),
    Row(
        "joint_score",
        lambda p: _pgd(
            p,
            LINF,
            attack.joint,
            backward.straight_through,
            guide=Partial(attack.scaled_direction, score=p["score"], level=0.2),
        ),
        threat=LINF,
        smooth=False,
    ),
    Row(
        "joint_full",
        lambda p: _pgd(
            p,
            LINF,
            attack.joint,
            backward.straight_through,
            guide=Partial(attack.pull, purifier=_adaptive(p), draws=DRAWS[:2]),
        ),
        threat=LINF,
        smooth=False,
    ),
    Row(
        "sign_vote",
        lambda p: _attack(
            attack.sign_vote,
            p,
            purifier=_adaptive(p),
            classifier=p["classifier"],
            threat=LINF,
            step_sizes=STEPS,
            draws=DRAWS,
        ),
        threat=LINF,
        smooth=False,
    ),
    Row(
        "spsa",
        lambda p: _pgd(p, LINF, attack.spsa, directions=jnp.arange(4)),
        threat=LINF,
        smooth=False,
    ),
]

ROWS = SAMPLERS + PURIFIERS + GRADIENTS + MODELS + ATTACKS


def images(count=8):
    keys = jax.random.split(jax.random.key(3), count)
    return jax.vmap(lambda k: jax.random.uniform(k, (4, 4, 2)))(keys)
