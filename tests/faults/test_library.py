"""Arguments that public functions of the library refuse, in one line each."""

import jax
import jax.numpy as jnp
import pytest
from bad_input import Fault
from jax.tree_util import Partial

import purifax
from purifax import (
    attack,
    certify,
    classify,
    guide,
    likelihood,
    loss,
    noise,
    poison,
    purify,
    record,
    sample,
    schedule,
    weights,
)
from purifax.attack.fab_attack import fab
from purifax.certify.bounds import lower_bound
from purifax.poison.urp import class_wise
from purifax.purify import langevin_chains, lee_kim
from purifax.record.intervals import clopper_pearson, interval, mcnemar
from purifax.record.poisons import over_classes, targeted, trigger_success
from purifax.score import Gaussian
from purifax.threat import L2, Linf

KEY, NAN = jax.random.key(0), float("nan")
X, LOGITS = jnp.full((4, 4, 1), 0.5), jnp.array([1.0, 3.0, 2.0, 0.0])
LEVELS, STEPS, DOWN = jnp.full(3, 0.2), jnp.full(3, 0.05), jnp.array([0.2, 0.1, 0.0])
NORMAL, HOT = Gaussian(0.5, 0.1), jnp.array([0.0, 1.0, 0.0, 0.0])


def classifier(x):
    return jnp.sum(x) * LOGITS


MODEL = Partial(classify.undefended, classifier=Partial(classifier))


def pgd(label=1, x=X, threat=None, step_sizes=STEPS, model=MODEL):
    return lambda f: attack.pgd(
        *(KEY, x, label, model, threat or Linf(0.1), step_sizes)
    )


def by(verb, *given, **more):
    """An attack on `MODEL` of a label that is no class."""
    return lambda f: verb(KEY, X, 4, MODEL, Linf(0.1), *given, **more)


def of(fn, *given, **more):
    return lambda f: fn(*given, **more)


def adp(x=X, levels=LEVELS, score=NORMAL, **more):
    return of(purify.adaptive, KEY, x, score, levels, **more)


def langevin(x=X, score=NORMAL, sigmas=LEVELS, step_sizes=STEPS, **more):
    return of(sample.langevin, KEY, x, score, sigmas, step_sizes, **more)


def at_once(fn, *batch):
    return of(purifax.batched(fn), KEY, *batch)


def digits(x):
    return lambda f: weights.load("digits_classifier")(x)


RAMP = Partial(purify.adaptive, score=NORMAL, levels=LEVELS)
BOUND = Partial(attack.pgd, model=MODEL, threat=Linf(0.1), step_sizes=STEPS)
TWO, ONE = jnp.stack([X, X]), r"`label` must be an integer array of shape \[\]; got "
CLASS = "`label` must be one of the model's 4 classes, 0 to 3; got 4"
ZERO = "0 or more"
YES = jnp.array([True, False])

LABELS = [
    ("PGD, one-hot", pgd(HOT), ONE + r"float32 \[4\]"),
    ("PGD, a float", pgd(1.0), ONE + "float32"),
    ("PGD, a column", pgd(jnp.array([1])), ONE + r"int32 \[1\]"),
    ("PGD, a flag", pgd(True), ONE + "bool"),
    ("PGD, minus one", pgd(-1), "`label` must be a class, 0 or more; got -1"),
    ("PGD, one too many", pgd(4), CLASS),
    ("PGD of a batch", at_once(BOUND, TWO, jnp.array([1, 4])), CLASS),
    ("PGD of a batch, -1", at_once(BOUND, TWO, jnp.array([1, -1])), "got -1"),
    ("cross-entropy", of(classify.cross_entropy, LOGITS, 4), CLASS),
    ("margin", of(classify.margin, LOGITS, 7), "got 7"),
    ("dlr, one-hot", of(classify.dlr, LOGITS, HOT), ONE),
    ("targeted dlr", of(classify.targeted_dlr, LOGITS, 1, -2), "`target` must be"),
    ("targeted margin", of(classify.targeted_margin, LOGITS, 4, 1), CLASS),
    ("APGD", by(attack.apgd, jnp.ones(2, bool)), CLASS),
    ("FAB", by(fab, jnp.full(2, 0.1)), CLASS),
    ("Square", by(attack.square, jnp.full(2, 0.2)), CLASS),
    ("SPSA", by(attack.spsa, STEPS, jnp.arange(2)), CLASS),
    ("random search", by(attack.random_search, jnp.arange(2)), CLASS),
    ("DiffHammer", of(attack.hammer, KEY, X, 4, RAMP, Partial(classifier), Linf(0.1),
                      STEPS, jnp.arange(2)), CLASS),
    ("sign vote", of(attack.sign_vote, KEY, X, 4, RAMP, Partial(classifier),
                     Linf(0.1), STEPS, jnp.arange(2)), CLASS),
    ("guide", of(guide.class_conditional, Partial(classifier), -1), "got -1"),
    ("guide beyond", lambda f: guide.by_classifier(
        NORMAL, Partial(lambda x, s: LOGITS * jnp.sum(x)), 4)(X, 0.1), CLASS),
    ("patterns of classes", of(class_wise, KEY, X, 3, jnp.zeros((3, 4, 4, 1))),
     "3 classes, 0 to 2; got 3"),
    ("set of a poison", of(poison.craft, KEY, TWO, jnp.array([0.0, 1.0]),
                           jnp.array([0]), lambda k, x, y: x, None, name="p"),
     "`labels` must be an integer"),
    ("injection", of(poison.inject, TWO, jnp.array([0, -1]), poison.Poison(
        jnp.array([0]), TWO[:1], None)), "`labels` must be classes 0 or more"),
    ("votes", of(record.vote_of, jnp.array([[1]]), jnp.array([4]), 1, 4), "`label`"),
    ("targets", of(targeted, *(jnp.array([v]) for v in (1, 0, -1))), "`wanted`"),
    ("triggers", of(trigger_success, jnp.zeros(3, int), jnp.zeros(2, int), 1),
     "must be \\[N\\]"),
    ("evaluate", of(purifax.evaluate, "digits_classifier", jnp.zeros((2, 8, 8, 1)),
                    [3, 10], attacks=()), "labels must be 0 .. 9"),
    ("evaluate, one-hot", of(purifax.evaluate, "digits_classifier",
                             jnp.zeros((1, 8, 8, 1)), HOT[None], attacks=()),
     "labels must be integers"),
]  # fmt: skip

RANGES = [
    ("bytes in a batch", at_once(RAMP, 255 * TWO), r"`x` must be an image in \[0, 1\]"),
    ("ADP, uint8", adp(X.astype(jnp.uint8)), "x / 255"),
    ("ADP, 255", adp(255 * X), "x / 255"),
    ("ADP, sigma", adp(sigma=-0.1), "`sigma` must be " + ZERO),
    ("ADP, NaN", adp(sigma=NAN), "`sigma` must be .* got nan"),
    ("ADP, levels", adp(levels=jnp.array([0.2, -0.1])), "`levels` must be " + ZERO),
    ("ADP, rate", adp(rate=-1.0), "`rate` must be more than 0"),
    ("ADP, bounds", adp(smallest=0.5), "`smallest` must not be above `largest`"),
    ("ADP, column", adp(levels=LEVELS[:, None]), r"`levels` .* \[any\]"),
    ("ADP, words", adp(levels="deep"), "`levels` must be an array of numbers"),
    ("ADP, stop", adp(stop=NAN), "`stop`"),
    ("scalar score", adp(score=lambda x, s: jnp.sum(x)), "output of the score"),
    ("Langevin, lengths", langevin(step_sizes=jnp.ones(4)), r"\[3\]; got float32 \[4"),
    ("Langevin, image", langevin(jnp.zeros((4, 4, 1), int)), "`x` must be a floating"),
    ("Langevin, batch", langevin(score=lambda x, s: x[None]), "output of the score"),
    ("Langevin, cold", langevin(temperature=-1.0), "`temperature`"),
    ("Langevin, steps", langevin(step_sizes=-STEPS), "`step_sizes`"),
    ("DDIM, eta", of(sample.ddim, KEY, X, NORMAL, DOWN, eta=3), "`eta` .* from 0 to 1"),
    ("DDIM, NaN level", of(sample.ddim, KEY, X, NORMAL, jnp.array([0.2, NAN])), "nan"),
    ("Heun, churn", of(sample.heun, KEY, X, NORMAL, DOWN, churn=-1), "`churn`"),
    ("MALA, energy", of(sample.mala, KEY, X, lambda x: x, STEPS), "energy of one im"),
    ("negative radius", pgd(threat=Linf(-0.1)), "radius of `threat` must be " + ZERO),
    ("NaN radius", pgd(threat=L2(NAN)), "radius of `threat`"),
    ("radius of a set", of(Linf(-0.1).project, X, X), "radius of a threat"),
    ("PGD, image", pgd(x=2 * X + 1), r"`x` must be an image in \[0, 1\]"),
    ("PGD, steps", pgd(step_sizes=[0.1, -0.1]), "`step_sizes` must be " + ZERO),
    ("APGD, flags", of(attack.apgd, KEY, X, 1, MODEL, Linf(0.1), STEPS), "booleans"),
    ("FAB, limits", of(fab, KEY, X, 1, MODEL, Linf(0.1), 2 * STEPS + 1), "`limits`"),
    ("JPEG", of(purify.jpeg_420, KEY, jnp.zeros((8, 8, 3)), quality=0), "quality"),
    ("noise", of(noise.gaussian, KEY, X, -1.0), "`sigma` must be " + ZERO),
    ("process", of(noise.VE, smallest=-1.0), "VE.smallest must be more than 0"),
    ("chain", of(noise.VPDiscrete, jnp.array([0.1, 1.5])), "VPDiscrete.betas"),
    ("schedule", of(schedule.linear, NAN, 0.0, 3), "`first` must be finite"),
    ("length", of(schedule.linear, 1.0, 0.0, 2.5), "`length` must be an integer"),
    ("draws", of(classify.each, KEY, X, MODEL, jnp.ones(2)), "`draws` must be an int"),
    ("batch of one", of(classify.defend, KEY, X, RAMP, lambda x: LOGITS[None]),
     "output of the classifier"),
    ("purifier's size", of(purify.repeat, KEY, X, lambda k, x: x[:1], jnp.arange(2)),
     "output of the purifier"),
    ("likelihood", of(likelihood.log_likelihood, KEY, X, lambda x, s: 0.0, DOWN + 0.1),
     "output of the score"),
    ("guidance", of(guide.bounded, NORMAL, 1.0, 0.0), "`low` must not be above `high`"),
    ("matching", of(loss.dsm_single, KEY, X, NORMAL, -0.1), "`sigma`"),
    ("recipe, rate", of(purify.ADP, rate=-1.0), "ADP.rate must be more than 0"),
    ("recipe, bounds", of(purify.ADP, smallest=0.5), "is above largest"),
    ("recipe, infinite", of(purify.ADP, largest=float("inf")), "ADP.largest .* inf"),
    ("recipe, levels", of(purify.ADP, sigmas=(0.1, NAN)), "ADP.sigmas .* got nan"),
    ("recipe, stages", of(lee_kim.LeeKim, sigmas=(-0.1, 0.1, 0.1)), "LeeKim.sigmas"),
    ("recipe, time", of(purify.DiffPure, time=float("inf")), "DiffPure.time"),
    ("recipe, weight", of(attack.DiffAttack, weight=-1.0), "DiffAttack.weight"),
    ("recipe, heat", of(langevin_chains.Langevin, temperature=-1.0), "temperature"),
]  # fmt: skip

SHAPES = [
    ("digits of 9 x 9", digits(jnp.zeros((9, 9, 1))), r"shape \[8, 8, 1\]; got"),
    ("digits in bytes", digits(jnp.zeros((8, 8, 1), jnp.uint8)), "x / 255"),
    ("digits in colour", digits(jnp.zeros((8, 8, 3))), r"got float32 \[8, 8, 3\]"),
]

STATISTICS = [
    ("alpha below 0", of(lower_bound, 9, 10, alpha=-0.1), "`alpha`"),
    ("alpha of 2", of(lower_bound, 9, 10, alpha=2), "more than 0 and less than 1"),
    ("alpha, NaN", of(lower_bound, 9, 10, alpha=NAN), "`alpha` .* got nan"),
    ("101 of 100", of(lower_bound, 101, 100), "at most `trials`; got 101 of 100"),
    ("-1 of 100", of(lower_bound, -1, 100), "`successes` must be 0 or more"),
    ("certify, alpha", of(certify.certify, KEY, X, MODEL, 0.2, jnp.arange(2),
                          jnp.arange(4), alpha=1.0), "`alpha`"),
    ("certify, sigma", of(certify.certify, KEY, X, MODEL, -0.2, jnp.arange(2),
                          jnp.arange(4)), "`sigma`"),
    ("Wilson, 11 of 10", of(record.wilson, 11, 10), "at most `trials`"),
    ("Wilson, 95", of(record.wilson, 1, 10, confidence=95), "`confidence`"),
    ("Clopper, -1", of(clopper_pearson, -1, 10), "`successes`"),
    ("interval of 2", of(interval, jnp.array([2.0, 0.0])), "from 0 to 1"),
    ("interval of none", of(interval, jnp.zeros(0)), "one image or more"),
    ("McNemar, lengths", of(mcnemar, YES, YES[:1]), "same images"),
    ("McNemar, shares", of(mcnemar, jnp.array([0.5, 1.0]), YES), "true or fal"),
    ("pairs of none", of(record.paired_difference, KEY, YES[:0], YES[:0],
                         jnp.arange(3)), "same images"),
    ("rates", of(over_classes, jnp.array([1.5])), "`rates` must be from 0 to 1"),
]  # fmt: skip

ROWS = [
    Fault(kind, *row)
    for kind, rows in (
        ("labels", LABELS),
        ("ranges", RANGES),
        ("shapes", SHAPES),
        ("statistics", STATISTICS),
    )
    for row in rows
]


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_bad_input_is_one_clear_line(row, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    row.refused(tmp_path, capsys)


TRACED = {
    "pgd": BOUND,
    "apgd": Partial(
        attack.apgd, model=MODEL, threat=Linf(0.1), checkpoints=jnp.ones(2, bool)
    ),
    "fab": Partial(fab, model=MODEL, threat=Linf(0.1), limits=jnp.full(2, 0.1)),
    "square": Partial(
        attack.square, model=MODEL, threat=Linf(0.1), shares=jnp.full(2, 0.2)
    ),
    "patterns": Partial(class_wise, patterns=jnp.zeros((4, 4, 4, 1))),
    "loss": Partial(lambda key, x, label: classify.margin(classifier(x), label)),
}


@pytest.mark.parametrize("name", TRACED)
def test_a_traced_label_that_is_no_class_gives_nan(name):
    run = jax.jit(TRACED[name])
    for label in (-1, 4, 400):
        assert jnp.isnan(run(KEY, X, jnp.array(label))).all()
    assert jnp.isfinite(run(KEY, X, jnp.array(3))).all()


def test_levels_may_be_a_list():
    assert (adp(levels=[0.2, 0.2, 0.2])(None) == adp()(None)).all()
