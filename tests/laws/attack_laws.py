"""What every recipe of an attack obeys; see `recipe_laws`."""

import dataclasses

import jax
import numpy as np
from counting import counted, passes
from fields import bare_config
from jax import numpy as jnp
from jax.tree_util import Partial
from laws.recipe_parts import KEY, X, close, prior, small
from oracles import CLASSES, linear_classifier

from purifax.attack.target import REQUIRED
from purifax.evaluation.attacks import check_attack
from purifax.evaluation.world import World
from purifax.purify import States
from purifax.threat import L1, L2, Linf

__all__ = ["ATTACK_LAWS"]

THREATS = {"Linf": Linf(0.1), "L2": L2(0.5), "L1": L1(1.0)}


@dataclasses.dataclass(frozen=True)
class Plain:
    """A purifier with every form that attacks ask for, which recomputes nothing.

    Attributes:
        steps: each with one pass of the score.
    """

    steps: int = 2

    def build(self, prior):
        """The purifier."""
        return self.build_short(prior, self.steps)

    build_frozen = build

    def build_short(self, prior, steps):
        """The first steps alone."""
        return Partial(_last, sizes=jnp.full(steps, 0.01), score=prior.score)

    def states(self, prior):
        """The image after every step."""
        sizes = jnp.full(self.steps, 0.01)
        return States(Partial(_climb, sizes=sizes, score=prior.score), None, self.steps)

    def calls(self):
        """One a step."""
        return self.steps


def _climb(key, x, sizes, score):
    def step(x, size):
        x = x + size * score(x, jnp.asarray(0.2, x.dtype))
        return x, x

    first = x + 0.05 * jax.random.normal(key, x.shape, x.dtype)
    _, path = jax.lax.scan(step, first, sizes)
    return jnp.concatenate([first[None], path])


def _last(key, x, sizes, score):
    return _climb(key, x, sizes, score)[-1]


SAMPLES = KEYS = 2


def world(wrap=lambda network: network):
    """A classifier behind `Plain`, with all that an attack may need."""
    classifier = wrap(linear_classifier())
    return World(
        Plain(),
        prior(wrap),
        classifier,
        surrogate=classifier,
        samples=SAMPLES,
        keys=KEYS,
    )


def label():
    """The class of the image, which an attack leads away from."""
    return jnp.argmax(linear_classifier()(X))


def sets(made):
    """The threats that an attack takes, by name."""
    taken = getattr(made, "threats", tuple(THREATS))
    assert taken and set(taken) <= set(THREATS)
    return {name: THREATS[name] for name in taken}


def bound(made, threat, wrap=lambda network: network):
    """By name, every `(key, x, label) -> x_adv` that the recipe builds."""
    target = world(wrap).target()
    if hasattr(made, "components"):
        found, judge = made.build(target, threat, CLASSES)
        assert jax.eval_shape(judge, KEY, X).shape[-1] == CLASSES
        return found
    built = made.build(target, threat)
    if hasattr(made, "answering"):
        return {"": Partial(_answered, fixed=built)}
    return {"": built}


def _answered(key, x, label, fixed):
    images, logits = fixed(key, x, label, jax.random.key(8))
    assert images.shape == (KEYS, *x.shape)
    assert logits.shape == (KEYS, SAMPLES, CLASSES)
    return images[0]


def builds_an_attack(made):
    """With the published numbers, for each of its threats; with its name and needs."""
    for threat in sets(made).values():
        for attack in bound(made, threat).values():
            found = jax.eval_shape(attack, KEY, X, label())
            assert (found.shape, found.dtype) == (X.shape, X.dtype)
    assert made.title and made.reported
    assert set(getattr(made, "requires", ())) <= set(REQUIRED)
    for name in sets(made):
        config = bare_config(surrogate="x", purifier=Plain(), threat=name)
        check_attack("it", made, config)
    shared = made.shared(SAMPLES) if hasattr(made, "shared") else 1
    assert shared >= 1
    if hasattr(made, "budget"):
        known = {field.name for field in dataclasses.fields(made)}
        assert set(made.budget()) <= known


def attacks(made):
    """It stays in the set and in [0, 1], moves, and is the same for the same key."""
    name, threat = next(iter(sets(made).items()))
    moved = {}
    for part, attack in bound(made, threat).items():
        found = jax.jit(attack)(KEY, X, label())
        again = jax.jit(attack)(KEY, X, label())
        np.testing.assert_array_equal(found, again)
        assert np.isfinite(found).all(), part
        assert found.min() >= 0 and found.max() <= 1, part
        moved[part] = threat.distance(found, X)
        assert moved[part] <= threat.radius * (1 + 1e-5) + 1e-6, (part, name)
    assert max(moved.values()) > 0, name  # FAB leaves what it finds nothing for


def costs_what_it_says(made):
    """Its `calls` are the most passes it makes, and no more than twice those it does.

    Answers are no attack.
    """
    if hasattr(made, "components"):
        assert made.calls(3, 4) is None
        return
    one, answers = world().evaluations(), SAMPLES * KEYS
    says = made.calls(one, answers)
    if says is None:
        return
    (attack,) = bound(made, next(iter(sets(made).values())), counted).values()
    count = passes(attack, KEY, X, label())
    if hasattr(made, "answering"):
        count -= one * answers
    assert count <= says <= 2 * count, (count, says)


def has_iterates(made):
    """`iterates` of its one run end where the attack ends."""
    if not hasattr(made, "iterates"):
        return
    alone, threat = made.alone(), THREATS["Linf"]
    target = world().target()
    places = jnp.array([0, 1, alone.steps])
    path = jax.jit(alone.iterates(target, threat, places))(KEY, X, label())
    assert path.shape == (3, *X.shape)
    last = jax.jit(alone.build(target, threat))(KEY, X, label())
    close(path[-1], last)


ATTACK_LAWS = {
    "builds": builds_an_attack,
    "attacks": lambda made: attacks(small(made)),
    "passes": lambda made: costs_what_it_says(small(made)),
    "iterates": lambda made: has_iterates(small(made)),
}
