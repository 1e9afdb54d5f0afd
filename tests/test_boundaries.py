"""Arrays of a wrong shape or dtype are refused where they would give a wrong number.

Each row is a public function, arguments that it takes, and arguments of which one is
wrong. Shapes and dtypes are static, so that the error is the same under `jit`.
"""

import jax
import jax.numpy as jnp
import pytest
from jax.tree_util import Partial

import purifax
from purifax import guide, likelihood, loss, noise, record, sample, schedule, score
from purifax.loss import matching
from purifax.score import Gaussian
from purifax.threat import L1, L2, Linf
from purifax.transform.continuous_batching import Chain, continuously_batched
from purifax.types import expect

KEY = jax.random.key(0)
X, BYTES = jnp.full((4, 4, 3), 0.5), jnp.full((4, 4, 3), 128, jnp.uint8)
LEVELS, FOUR = jnp.array([0.3, 0.2, 0.1]), jnp.full(4, 0.1)
COLUMN, FLOATS = LEVELS[:, None], jnp.array([0.0, 1.0])
NORMAL = Gaussian(0.5, 0.1)


@Partial
def like(x, *_):
    return 0.5 - x


@Partial
def one_channel(x, *_):
    """Its output would be broadcast against the three channels of the image."""
    return x[..., :1]


@Partial
def batch_of_one(x, *_):
    return x[None]


@Partial
def total(x, *_):
    return jnp.sum(x)


@Partial
def logits(x, *_):
    return jnp.stack([jnp.sum(x), jnp.max(x)])


@Partial
def logits_of_batch(x, *_):
    return logits(x)[None]


def score_of(make):
    """The score that `make` makes of a network, at one level."""
    return lambda network, x: make(network)(x, jnp.float32(0.1))


def guided(x, classifier, label):
    return guide.by_classifier(NORMAL, classifier, label)(x, jnp.float32(0.1))


def refill(x, y, index):
    chain = Chain(lambda key, x, y: x, lambda x: x.sum() > 99, like, lambda x: x)
    return continuously_batched(chain, 2)(KEY, x, y, index=index)


def batch(x, y, index):
    return purifax.batched(lambda key, x, y: x + y)(KEY, x, y, index=index)


def of_process(network, x):
    return score.from_process(network, noise.VP())(x, jnp.float32(0.1))


OUTPUT = r"The output of the network for one image must be .* \[4, 4, 3\]; got"
SIGMA = r"`sigma` must be an array of shape \[\]; got float32 \[3\]"
UINT8 = r"`x` must be a floating array of shape \[4, 4, 3\]; got uint8 .* x / 255"
STEPS = r"`step_sizes` must be an array of shape \[3\]; got float32 \[4\]"
PAIR = r"`x_adv` must be a floating array of shape \[4, 4, 3\]; got float32 \[1, 4"
LABEL = r"`label` must be an integer array of shape \[\]; got float32 \[2\]"
INDEX = r"`index` must be an integer array of shape \[2\]; got float32 \[2\]"
ROWS = r"A batch must be an array of shape \[2\]; got float32 \[3\]"
TABLE = [
    (score.denoise, (X, 0.1, NORMAL), (BYTES, 0.1, NORMAL), UINT8),
    (score.denoise, (X, 0.1, NORMAL), (X, LEVELS, NORMAL), SIGMA),
    (score.denoise, (X, 0.1, like), (X, 0.1, one_channel), "The output of the score"),
    (score.scaled, (X, 0.1, NORMAL), (BYTES, 0.1, NORMAL), UINT8),
    (score.scaled, (X, 0.1, NORMAL), (X, LEVELS, NORMAL), SIGMA),
    (score.scaled, (X, 0.1, like), (X, 0.1, total), r"score .* got float32 \[\]"),
    (score_of(score.from_scaled), (like, X), (one_channel, X), OUTPUT),
    (score_of(score.from_noise), (like, X), (batch_of_one, X), OUTPUT),
    (of_process, (like, X), (one_channel, X), OUTPUT),
    (score_of(score.from_denoiser), (like, X), (total, X), "output of the denoiser"),
    (sample.langevin, (KEY, X, NORMAL, LEVELS, LEVELS),
     (KEY, X, NORMAL, LEVELS, FOUR), STEPS),
    (sample.langevin, (KEY, X, NORMAL, LEVELS, LEVELS),
     (KEY, X, NORMAL, COLUMN, COLUMN), r"`sigmas` .* \[any\]; got float32 \[3, 1\]"),
    (sample.momentum, (KEY, X, NORMAL, LEVELS, LEVELS),
     (KEY, X, NORMAL, LEVELS, FOUR), STEPS),
    (sample.preconditioned_langevin, (KEY, X, NORMAL, LEVELS, LEVELS, sample.Filters()),
     (KEY, X, NORMAL, LEVELS, FOUR, sample.Filters()), STEPS),
    (sample.ascend, (X, NORMAL, LEVELS, LEVELS), (X, NORMAL, LEVELS, FOUR), STEPS),
    (sample.ascend, (X, NORMAL, LEVELS, LEVELS), (BYTES, like, LEVELS, LEVELS), UINT8),
    (sample.mala, (KEY, X, total, LEVELS), (KEY, X, total, COLUMN), "`step_sizes`"),
    (sample.ddim, (KEY, X, NORMAL, LEVELS), (KEY, BYTES, NORMAL, LEVELS), UINT8),
    (sample.ddim, (KEY, X, NORMAL, LEVELS), (KEY, X, NORMAL, COLUMN), r"\(3, 1\)"),
    (schedule.paired, (LEVELS, LEVELS), (LEVELS, FOUR), STEPS),
    (noise.binary, (KEY, X, 0.1), (KEY, BYTES, 0.1), UINT8),
    (noise.gaussian, (KEY, X, X), (KEY, X, LEVELS), r"`sigma` .* \[4, 4, 3\]; got"),
    (noise.perturb, (KEY, X, noise.VP(), 0.5), (KEY, X, noise.VP(), LEVELS), "`t`"),
    (matching.denoise, (X, X, like, 0.1), (X, X, one_channel, 0.1), OUTPUT),
    (matching.denoise, (X, X, like, 0.1), (X, X, like, LEVELS), SIGMA),
    (matching.denoise, (X, X, like, 0.1), (X[0], X, like, 0.1),
     "`z` must be a floating"),
    (loss.dsm_ladder, (KEY, X, like, LEVELS), (KEY, X, like, COLUMN), "`sigmas`"),
    (loss.simple, (KEY, X, like, noise.VP(), LEVELS),
     (KEY, X, like, noise.VP(), COLUMN), "`times` must be"),
    (loss.contrastive, (X, X, total), (X, X, one_channel), "energy of one image must"),
    *[(threat(0.1).project, (X, X), (X[None], X), PAIR) for threat in (Linf, L2, L1)],
    *[(threat(0.1).distance, (X, X), (X[None], X), PAIR) for threat in (Linf, L2, L1)],
    (Linf(0.1).project, (X, X), (BYTES, BYTES), UINT8.replace("x / 255", "one image")),
    (guided, (X, logits, 1), (X, logits, FLOATS), LABEL),
    (guided, (X, logits, 1), (X, logits_of_batch, 1), r"\[any\]; got float32 \[1, 2\]"),
    (lambda x, label: guide.class_conditional(like, label)(x, 0.1), (X, 1),
     (X, FLOATS), LABEL),
    (likelihood.bits_per_dimension, (jnp.float32(1.0), X), (FOUR, X), "`log_density`"),
    (lambda x, draws: likelihood.hutchinson(KEY, x, NORMAL, 0.1, draws=draws),
     (X, jnp.arange(2)), (X, FLOATS), "`draws` must be an integer array"),
    *[(fn, (FLOATS, FLOATS, jnp.arange(2)), (FLOATS, FLOATS, FLOATS), INDEX)
      for fn in (batch, refill)],
    *[(fn, (FLOATS, FLOATS, jnp.arange(2)), (FLOATS, LEVELS, jnp.arange(2)), ROWS)
      for fn in (batch, refill)],
    (record.correct, (jnp.ones((2, 3), int), jnp.ones(2, int)),
     (jnp.ones((2, 3)), jnp.ones(2, int)), "`predictions` must be an integer .* `argm"),
    (record.correct, (jnp.ones((2, 3), int), jnp.ones(2, int)),
     (jnp.ones((2, 3), int), FLOATS), "`label` must be an integer array"),
]  # fmt: skip


@pytest.mark.parametrize("transform", [lambda fn: fn, jax.jit], ids=["eager", "jit"])
@pytest.mark.parametrize("fn, good, bad, error", TABLE)
def test_a_wrong_array_is_refused(fn, good, bad, error, transform):
    run = transform(lambda *arguments: fn(*arguments))
    run(*good)
    with pytest.raises(ValueError, match=error):
        run(*bad)


@pytest.mark.parametrize(
    "given, shape, kind",
    [
        (3, (), int),
        (0.5, (), float),
        ([1, 2], (2,), int),
        (X.astype(jnp.bfloat16), (4, None, 3), float),
        (BYTES, (4, 4, 3), int),
        (KEY, (), None),
    ],
)
def test_numbers_lists_and_arrays_are_checked_alike(given, shape, kind):
    expect("`a`", given, shape, kind)
    with pytest.raises(ValueError, match=r"`a` must be .* of shape \[7, 7, 7, any\]"):
        expect("`a`", given, (7, 7, 7, None), kind)
    if kind is not None:
        other = {int: float, float: int}[kind]
        with pytest.raises(ValueError, match="^`a` must be an? .* array of shape"):
            expect("`a`", given, shape, other)


def test_an_error_is_one_plain_line_without_another_below_it():
    with pytest.raises(ValueError) as caught:
        expect("`x`", X, (), hint="Do this.")
    line = "`x` must be an array of shape []; got float32 [4, 4, 3]. Do this."
    assert str(caught.value) == line and caught.value.__suppress_context__
