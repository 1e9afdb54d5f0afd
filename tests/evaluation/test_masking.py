"""Defences that only mask their gradient: broken by the suite, flagged by the report.

Each looks strong under exact PGD of one draw. `ANSWERS` says which attacks undo it, and
which lines of the checklist give it away. A bare network is the control.
"""

from dataclasses import dataclass, field

import jax
import numpy as np
import pytest
from jax import numpy as jnp
from jax.tree_util import Partial
from masked import attacked, classes, digits, dropped, network, rippled, rounded
from masked import saturated as softmax

from purifax import attack, backward, classify
from purifax.attack import square_attack
from purifax.evaluation.gradient_probe import probe
from purifax.record import Record
from purifax.report import checklist
from purifax.report.comparisons import compare
from purifax.report.types import Findings, Result, curve
from purifax.threat import Linf

COUNT = 32
GRADIENT = {"PGD": "exact", "Square": "black-box", "transfer": "transfer"}
GRADIENT |= {"BPDA": "bpda", "random search": "black-box"}

ALIVE = "Gradients are finite and not zero"
AGREES = "Two batches of EOT samples give the same gradient"
CLIMBS = "The gradient climbs better than a random direction"
LOGITS = "The classifier outputs logits, not probabilities"
RANDOM = "Randomness is averaged in the attack and in the prediction"
CHANCE = "A radius of 0.5 leaves no more than chance"
PROMISE = "The loss rises as its gradient promises"
DRAWS = "More EOT samples do not raise accuracy"
SIGNS = {ALIVE, AGREES, CLIMBS, PROMISE, LOGITS, RANDOM, CHANCE}


def order(weaker):
    return f"PGD leaves no more accuracy than {weaker}"


@dataclass(frozen=True)
class World:
    """A defence, how it answers, and what is made of it.

    Attributes:
        purifier, classifier: one run of it.
        runs: averaged in an answer.
        radius, steps: of every attack; steps are a quarter of the radius.
        logits: what the classifier answers before it hides it.
    """

    purifier: Partial
    classifier: Partial
    radius: float = 0.3
    steps: int = 12
    runs: int = 1
    logits: Partial | None = None
    budget: dict = field(default_factory=lambda: {"eot": 1})

    def model(self, mode=backward.exact):
        purifier = mode(self.purifier)
        return Partial(classify.defend, purifier=purifier, classifier=self.classifier)

    def seen(self, draws=1, mode=backward.exact):
        model = self.model(mode)
        return Partial(classify.each, model=model, draws=jnp.arange(draws))

    def pgd(self, seen, radius=None):
        radius = radius or self.radius
        return Partial(
            attack.pgd,
            model=seen,
            threat=Linf(radius),
            step_sizes=jnp.full(self.steps, radius / 4),
            start=Partial(attack.at_image),
        )

    def attacks(self):
        """By name: exact PGD of one draw, and what could undo the defence."""
        threat, seen = Linf(self.radius), self.seen()
        bare = Partial(classify.undefended, classifier=self.logits or self.classifier)
        shares = square_attack.square_shares(200, span=200)
        search = {"model": seen, "threat": threat}
        return {
            "PGD": self.pgd(seen),
            "more draws": self.pgd(self.seen(64)),
            "BPDA": self.pgd(self.seen(1, backward.straight_through)),
            "transfer": self.pgd(bare),
            "Square": Partial(attack.square, **search, shares=shares),
            "random search": Partial(
                attack.random_search, **search, tries=jnp.arange(100)
            ),
        }


def undefended(key, x):
    return x


WORLDS = {
    "none": lambda: World(Partial(undefended), network()),
    "quantised": lambda: World(Partial(rounded), network()),
    "shattered": lambda: World(Partial(rippled), network()),
    "saturated": lambda: World(
        Partial(undefended),
        Partial(softmax, classifier=network()),
        logits=network(),
    ),
    "dropout": lambda: World(
        Partial(dropped), network(keep=0.3), radius=0.15, steps=5, runs=32
    ),
}


ANSWERS = {
    "none": ({"Square": 0.0}, set()),
    "quantised": (
        {"BPDA": 0.0, "Square": 0.0, "random search": 0.7},
        {ALIVE, AGREES, CLIMBS, PROMISE, CHANCE, order("Square"), order("BPDA")},
    ),
    "shattered": (
        {"BPDA": 0.0, "Square": 0.0},
        {PROMISE, CHANCE, order("Square"), order("BPDA")},
    ),
    "saturated": (
        {"transfer": 0.0},
        {ALIVE, CLIMBS, PROMISE, LOGITS, CHANCE, order("transfer")},
    ),
    "dropout": ({"more draws": 0.3}, {RANDOM}),
}
"""What undoes each defence, with the accuracy it may leave; and the warnings due."""


@pytest.fixture(scope="module", params=WORLDS)
def looked_at(request):
    """The name, accuracy by attack, and the status of each line of the checklist."""
    world = WORLDS[request.param]()
    undoes, _ = ANSWERS[request.param]
    images, labels = digits("test", COUNT)
    made = world.attacks()
    found = {
        name: evaluated(world, name, attacked(made[name], images, labels))
        for name in ("PGD", *undoes)
    }
    huge = attacked(world.pgd(world.seen(), 0.5), images, labels)
    evaluation = Findings(
        title="masked",
        dataset="digits",
        num_classes=10,
        results=tuple(r for r in found.values() if r.attack in GRADIENT),
        sweep=(evaluated(world, "PGD", huge, 0.5),),
        probe=probed(world, images, labels),
    )
    curves = more_draws(found) if "more draws" in found else ()
    lines = checklist.checks(evaluation, curves, compare(evaluation.results))
    told = {line["name"]: line["status"] for line in lines}
    return request.param, {name: left(r) for name, r in found.items()}, told


def evaluated(world, name, x_adv, radius=None):
    images, labels = digits("test", COUNT)
    runs = jnp.arange(world.runs)
    answer = Partial(classify.mean_logits, model=world.model(), draws=runs)
    return Result(
        model="defended",
        attack=name,
        gradient=GRADIENT.get(name, "exact"),
        threat="Linf",
        radius=radius or world.radius,
        record=Record(
            index=np.arange(COUNT),
            label=np.asarray(labels),
            clean=np.asarray(classes(answer, images, 2)),
            attacked=np.asarray(classes(answer, x_adv, 2)),
            distance=np.abs(np.asarray(x_adv - images)).max((1, 2, 3)),
        ),
        budget=world.budget,
    )


def right(result):
    return result.record.attacked == result.record.label[:, None]


def left(result):
    return float(right(result).mean())


def more_draws(found):
    """The lines of a surface: its last iteration, of 1 and of 64 draws."""
    return tuple(
        curve("iterations", name, (5,), right(found[attack]).mean(1, keepdims=True))
        for name, attack in (("EOT 1", "PGD"), ("EOT 64", "more draws"))
    )


def probed(world, images, labels):
    look = Partial(
        probe,
        seen=world.seen(),
        classifier=world.classifier,
        threat=Linf(world.radius),
        loss=Partial(classify.cross_entropy),
    )
    keys = jax.random.split(jax.random.key(5), COUNT)
    found = jax.jit(lambda look: jax.vmap(look)(keys, images, labels))(look)
    return {name: tuple(map(float, values)) for name, values in found.items()}


def test_one_attack_at_least_undoes_what_plain_pgd_does_not(looked_at):
    name, accuracy, _ = looked_at
    if name == "none":
        assert accuracy["PGD"] == 0.0
    else:
        assert accuracy["PGD"] > 0.7
    for attack_name, most in ANSWERS[name][0].items():
        assert accuracy[attack_name] <= most, attack_name


def test_the_checklist_warns_of_what_is_masked_and_of_nothing_else(looked_at):
    name, _, told = looked_at
    orders = {line for line in told if line.startswith("PGD leaves no more")}
    warned = {line for line in SIGNS | orders if told[line] == "warning"}
    assert warned == ANSWERS[name][1]


def test_what_the_checklist_cannot_know_it_does_not_pass(looked_at):
    name, accuracy, told = looked_at
    unasked = "No black-box attack beats those with gradients"
    assert ("Square" in accuracy) == (unasked not in told)
    assert told.get(unasked, "not run") == "not run"
    if name == "dropout":
        assert told[AGREES] == told[PROMISE] == told[DRAWS] == "open"
