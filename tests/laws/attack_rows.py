"""The rows of the attacks; see `rows`."""

import jax
from jax import numpy as jnp
from jax.tree_util import Partial
from laws.parts import (
    BALL,
    DRAWS,
    LABEL,
    LINF,
    SPARSE,
    STEPS,
    Row,
    adaptive,
    eot,
    labelled,
    light,
    pgd,
)

from purifax import attack, backward, classify, purify
from purifax.attack import (
    apgd_l1_attack,
    fab_attack,
    joint_attack,
    pgd_attack,
    selection,
)
from purifax.purify import adp

CLOSE = 8.5
"""The lead of the right logit with which images are right, and much noise is not."""


def apgd(p, threat, verb=attack.apgd, **more):
    return labelled(
        verb,
        p,
        model=eot(p),
        threat=threat,
        checkpoints=jnp.array([True, False, True]),
        first_step=1.0,
        **more,
    )


def square(p, threat):
    shares = jnp.array([0.6, 0.3, 0.1])
    return labelled(attack.square, p, model=eot(p), threat=threat, shares=shares)


def hopped(p, threat):
    few = {"probes": jnp.array([4, 6]), "directions": jnp.arange(4)}
    return tried(p, attack.hopskipjump, threat, lead=CLOSE, **few)


def noised_once(p):
    return Partial(purify.one_step, score=p["score"], sigma=0.2)


def _first_answer(key, x, fn):
    k_attack, k_answers = jax.random.split(key)
    return fn(k_attack, x, LABEL, k_answers)[0][0]


def tried(p, verb, threat, lead=10.0, **more):
    return labelled(verb, p, model=light(p, lead), threat=threat, **more)


ATTACKS = [
    Row("pgd_linf", lambda p: pgd(p, LINF), threat=LINF, smooth=False),
    Row("pgd_l2", lambda p: pgd(p, BALL), threat=BALL, smooth=False),
    Row(
        "pgd_bpda",
        lambda p: pgd(p, LINF, gradient=backward.straight_through),
        threat=LINF,
        smooth=False,
    ),
    Row(
        "best_iterate",
        lambda p: labelled(
            selection.best_iterate,
            p,
            path=Partial(
                pgd_attack.pgd_path, model=eot(p), threat=LINF, step_sizes=STEPS
            ),
            judge=eot(p),
            candidates=jnp.array([1, -1]),
        ),
        threat=LINF,
        smooth=False,
    ),
    Row(
        "best_of_restarts",
        lambda p: labelled(
            attack.best_of_restarts,
            p,
            attack=Partial(attack.pgd, model=eot(p), threat=BALL, step_sizes=STEPS),
            judge=eot(p),
            restarts=jnp.arange(2),
        ),
        threat=BALL,
        smooth=False,
    ),
    Row(
        "joint_score",
        lambda p: pgd(
            p,
            LINF,
            attack.joint,
            backward.straight_through,
            guide=Partial(joint_attack.scaled_direction, score=p["score"], level=0.2),
        ),
        threat=LINF,
        smooth=False,
    ),
    Row(
        "joint_full",
        lambda p: pgd(
            p,
            LINF,
            attack.joint,
            backward.straight_through,
            guide=Partial(joint_attack.pull, purifier=adaptive(p), draws=DRAWS[:2]),
        ),
        threat=LINF,
        smooth=False,
    ),
    Row(
        "sign_vote",
        lambda p: labelled(
            attack.sign_vote,
            p,
            purifier=adaptive(p),
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
        lambda p: pgd(p, LINF, attack.spsa, directions=jnp.arange(4)),
        threat=LINF,
        smooth=False,
    ),
    Row("apgd_linf", lambda p: apgd(p, LINF), threat=LINF, smooth=False),
    Row("apgd_l2", lambda p: apgd(p, BALL), threat=BALL, smooth=False),
    Row(
        "apgd_targeted",
        lambda p: apgd(
            p,
            LINF,
            attack.apgd_targeted,
            judge=eot(p),
            ranks=jnp.arange(2),
            loss=Partial(classify.targeted_margin),
        ),
        threat=LINF,
        smooth=False,
    ),
    Row(
        "fixed_key",
        lambda p: Partial(
            _first_answer,
            fn=Partial(
                attack.fixed_key,
                attack=Partial(attack.pgd, threat=LINF, step_sizes=STEPS),
                model=Partial(
                    classify.defend,
                    purifier=noised_once(p),
                    classifier=p["classifier"],
                ),
                answers=DRAWS[:1],
            ),
        ),
        threat=LINF,
        smooth=False,
    ),
    Row(
        "deviate",
        lambda p: labelled(
            attack.deviate,
            p,
            path=adaptive(p, adp.adaptive_path),
            classifier=p["classifier"],
            threat=LINF,
            step_sizes=STEPS,
            steps=jnp.array([1, 3]),
            draws=DRAWS[:2],
        ),
        threat=LINF,
        smooth=False,
    ),
    Row(
        "hammer",
        lambda p: labelled(
            attack.hammer,
            p,
            purifier=noised_once(p),
            classifier=p["classifier"],
            threat=LINF,
            step_sizes=STEPS,
            draws=DRAWS,
        ),
        threat=LINF,
        smooth=False,
    ),
    Row("square_linf", lambda p: square(p, LINF), threat=LINF, smooth=False),
    Row("square_l2", lambda p: square(p, BALL), threat=BALL, smooth=False),
    Row(
        "apgd_l1",
        lambda p: tried(
            p, attack.apgd_l1, SPARSE, checkpoints=jnp.array([True, False, True])
        ),
        threat=SPARSE,
        smooth=False,
    ),
    Row(
        "apgd_l1_shrinking",
        lambda p: tried(
            p,
            apgd_l1_attack.apgd_l1_shrinking,
            SPARSE,
            checkpoints=jnp.array([True, False, True, True]),
            radii=jnp.array([2.0, 2.0, 1.0, 1.0]),
        ),
        threat=SPARSE,
        smooth=False,
    ),
    Row(
        "fab",
        lambda p: tried(p, attack.fab, LINF, limits=fab_attack.fab_limits(2)),
        threat=LINF,
        smooth=False,
    ),
    Row(
        "fab_targeted",
        lambda p: tried(
            p,
            attack.fab_targeted,
            BALL,
            limits=fab_attack.fab_limits(2),
            ranks=jnp.arange(2),
        ),
        threat=BALL,
        smooth=False,
    ),
    Row(
        "random_search",
        lambda p: tried(p, attack.random_search, SPARSE, tries=jnp.arange(3)),
        threat=SPARSE,
        smooth=False,
    ),
    Row(
        "rays",
        lambda p: tried(
            p, attack.rays, LINF, lead=CLOSE, tries=jnp.arange(40), retest=4
        ),
        threat=LINF,
        smooth=False,
    ),
    Row("hopskipjump_linf", lambda p: hopped(p, LINF), threat=LINF, smooth=False),
    Row("hopskipjump_l2", lambda p: hopped(p, BALL), threat=BALL, smooth=False),
]
