"""The table of laws: a row for each sampler, purifier, gradient, model, attack, maker.

A row binds a one-image function `fn(key, x)` to parameters. What it promises beyond the
laws that hold for all: `random` (another key, another result), `boxed` (images in
[0, 1]), `smooth` (a reverse-mode gradient), `threat` (stays in that set around x).
"""

import jax
from jax import numpy as jnp
from jax.tree_util import Partial
from laws.attack_rows import ATTACKS
from laws.parts import (
    DRAWS,
    LEVELS,
    STEPS,
    Row,
    adaptive,
    first,
    keyless,
    model,
    shorter,
)
from laws.poison_rows import POISONS

from purifax import (
    backward,
    certify,
    classify,
    energy,
    guide,
    noise,
    purify,
    sample,
)
from purifax.purify import (
    adp,
    adp_rounds,
    curvature,
    distance,
    gdmp,
    jpeg,
    likelihood_ascent,
    likelihood_gaps,
    mimic,
    project,
    puregen,
    puregen_filter,
)
from purifax.purify.adp_early import adaptive_chain, adaptive_early
from purifax.score import denoise
from purifax.threat import Linf
from purifax.transform.continuous_batching import continuously_batched

DOWN = jnp.array([0.3, 0.15, 0.0])


def fit(p, recipe):
    """A recipe that fits images to a purifier, whose parts have another size."""
    return recipe.around(Partial(_drawn_to, towards=p["score"].means[0, :1, :1]))


def _drawn_to(key, x, towards):
    noise = 0.1 * jax.random.normal(key, x.shape, x.dtype)
    return jnp.clip(0.7 * x + 0.3 * towards + noise, 0, 1)


def descent(name, verb, random=True, **bound):
    return Row(
        name,
        lambda p: first(Partial(verb, score=p["score"], sigmas=DOWN, **bound)),
        random=random,
        boxed=False,
    )


def diffusion(p, verb=purify.diffuse, **bound):
    return Partial(verb, score=p["score"], noise=noise.VP(), **bound)


def down(p, verb, **bound):
    """A purifier along `DOWN`, with one scale for each step."""
    scales = {"scales": jnp.array([0.4, 0.2])}
    return Partial(verb, score=p["score"], sigmas=DOWN, **scales | bound)


def _in_a_slot(p):
    """ADP of one image in a batch of one slot."""
    chain = adaptive(p, adaptive_chain)()
    return Partial(_only, fn=continuously_batched(chain, slots=1))


def _only(key, x, fn):
    return fn(key, x[None])[0]


def _orthogonal(p):
    weights = p["score"].means
    return Partial(purify.orthogonal, basis=project.orthonormal(weights))


def seen(p):
    """A classifier of noised images, and a score that knows the class."""
    return Partial(_seen, fn=p["classifier"]), Partial(_of_class, fn=p["score"])


def _coloured(key, x, fn):
    """A purifier of three channels, on images of two."""
    return fn(key, jnp.concatenate([x, x[:, :, :1]], axis=2))


def _turned(x, factor):
    """A code of images: upside down, and times a factor."""
    return factor * x[::-1]


def _seen(x, sigma, fn):
    return fn(x / (1 + sigma))


def _of_class(x, sigma, label, fn):
    return fn(x, sigma) + 0.1 * label.astype(x.dtype)


def chain(p, verb, **bound):
    """A chain of the energy of the mixture, at a temperature."""
    how = {"step_sizes": STEPS / 10, "temperature": 0.5}
    return Partial(verb, energy=pair(p), **how | bound)


def pair(p):
    """The energy of the mixture."""
    known = p["score"]
    return energy.Mixture(known.means, known.variances, known.log_weights)


def by_classifier(p):
    return guide.by_classifier(p["score"], seen(p)[0], jnp.array(1), 2.0)


def classifier_free(p):
    conditional = guide.class_conditional(seen(p)[1], jnp.array(1))
    return guide.classifier_free(conditional, guide.bounded(p["score"]), 2.0)


SAMPLERS = [
    descent("ancestral", sample.ancestral),
    descent("sde", sample.sde),
    descent("euler", sample.euler, random=False),
    descent("ddim", sample.ddim, eta=0.5),
    descent("heun", sample.heun, churn=1.0),
    descent("dpm_solver", sample.dpm_solver, random=False),
    descent("predictor_corrector", sample.predictor_corrector),
    descent("preconditioned", sample.preconditioned, filters=sample.Filters(1.1, 0.9)),
    Row(
        "momentum",
        lambda p: first(
            Partial(sample.momentum, score=p["score"], sigmas=LEVELS, step_sizes=STEPS)
        ),
        boxed=False,
    ),
    Row(
        "preconditioned_langevin",
        lambda p: first(
            Partial(
                sample.preconditioned_langevin,
                score=p["score"],
                sigmas=LEVELS,
                step_sizes=STEPS,
                filters=sample.Filters(1.1, 0.9),
            )
        ),
        boxed=False,
    ),
    Row(
        "by_classifier",
        lambda p: first(
            Partial(sample.sde, score=by_classifier(p), sigmas=DOWN),
        ),
        boxed=False,
    ),
    Row(
        "classifier_free",
        lambda p: first(Partial(sample.sde, score=classifier_free(p), sigmas=DOWN)),
        boxed=False,
    ),
    Row(
        "langevin",
        lambda p: first(
            Partial(sample.langevin, score=p["score"], sigmas=LEVELS, step_sizes=STEPS)
        ),
        boxed=False,
    ),
    Row("mala", lambda p: first(chain(p, sample.mala)), boxed=False),
    Row(
        "annealed_langevin",
        lambda p: first(
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
        lambda p: first(
            Partial(
                keyless,
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
        lambda p: Partial(keyless, fn=Partial(denoise, sigma=0.2, score=p["score"])),
        random=False,
        boxed=False,
    ),
]

PURIFIERS = [
    Row("adaptive", adaptive),
    Row("adaptive_without_noise", lambda p: adaptive(p, sigma=0.0), random=False),
    Row("adaptive_binary", lambda p: adaptive(p, perturb=Partial(noise.binary))),
    Row(
        "adaptive_heteroscedastic",
        lambda p: adaptive(
            p,
            perturb=Partial(noise.heteroscedastic, score=p["score"], level=0.2),
        ),
    ),
    Row(
        "adaptive_by_difference",
        lambda p: adaptive(p, curvature=Partial(curvature.by_difference)),
    ),
    Row("adaptive_held", lambda p: adaptive(p, curvature=Partial(curvature.held))),
    Row("adaptive_early", lambda p: adaptive(p, adaptive_early), smooth=False),
    Row("adaptive_refilled", _in_a_slot, smooth=False),
    Row("adaptive_trace", lambda p: first(adaptive(p, adp.adaptive_trace))),
    Row(
        "detect",
        lambda p: Partial(
            purify.detect,
            purifier=adaptive(p),
            score=p["score"],
            level=0.2,
            limit=3.0,
        ),
    ),
    Row(
        "rounds",
        lambda p: Partial(
            adp_rounds.rounds, purifier=adaptive(p), sigmas=jnp.array([0.2, 0.1])
        ),
    ),
    Row("tiled", lambda p: fit(p, purify.Tiled(height=3, width=3, overlap=2))),
    Row("padded", lambda p: fit(p, purify.Padded(factor=3))),
    Row("resized", lambda p: fit(p, purify.Resized(height=6, width=3))),
    Row("one_step", lambda p: Partial(purify.one_step, score=p["score"], sigma=0.2)),
    Row("diffuse", lambda p: diffusion(p, times=jnp.array([0.1, 0.05, 0.0]))),
    Row(
        "diffuse_in_time",
        lambda p: diffusion(
            p, purify.diffuse_in_time, times=jnp.array([0.1, 0.05, 1e-5])
        ),
    ),
    Row(  # of one stage: `diffuse` with `sde`, within `repeat` and `chain`
        "gradual",
        lambda p: diffusion(
            p,
            purify.gradual,
            stages=((jnp.array([0.1, 0.05, 0.0]), DRAWS[:2]),),
            sampler=Partial(sample.sde),
        ),
    ),
    Row(
        "guided_by_ssim",
        lambda p: down(p, purify.guided, distance=Partial(distance.dissimilarity)),
    ),
    Row("gdmp", lambda p: down(p, gdmp.guided_rounds, draws=DRAWS[:2])),
    Row("mimic", lambda p: down(p, mimic.mimic_from_noise)),
    Row(
        "mimic_by_square",
        lambda p: down(
            p, mimic.mimic_from_noise, distance=Partial(distance.mean_square)
        ),
    ),
    Row(
        "maximise",
        lambda p: Partial(
            purify.maximise,
            score=p["score"],
            sigmas=LEVELS,
            step_sizes=STEPS,
            objective=Partial(likelihood_gaps.regularised_gap),
            threat=Linf(radius=0.1),
        ),
    ),
    Row(
        "maximise_noised",
        lambda p: Partial(
            likelihood_ascent.maximise_noised,
            score=p["score"],
            sigma=0.2,
            step_sizes=STEPS,
        ),
    ),
    Row("energy_langevin", lambda p: chain(p, purify.langevin), boxed=False),
    Row("energy_mala", lambda p: chain(p, purify.mala), boxed=False),
    Row(
        "puregen_ddpm",
        lambda p: Partial(
            puregen.puregen_ddpm,
            score=p["score"],
            noise=noise.VPDiscrete(),
            times=jnp.array([90, 60, 30, -1]),
        ),
    ),
    Row(  # with all of PureGen's parts
        "filtered",
        lambda p: Partial(
            puregen_filter.filtered,
            purifier=Partial(
                puregen.puregen_rounds,
                purifiers=[chain(p, purify.langevin), adaptive(p)],
                draws=DRAWS[:2],
            ),
            energy=pair(p),
            limit=0.0,
        ),
    ),
    Row(
        "latent",
        lambda p: Partial(
            purify.latent,
            purifier=adaptive(p),
            encode=Partial(_turned, factor=3.0),
            decode=Partial(_turned, factor=1 / 3.0),
            width=4.0,
        ),
    ),
    Row("bit_depth", lambda p: Partial(purify.bit_depth), random=False),
    Row(
        "jpeg", lambda p: Partial(_coloured, fn=Partial(purify.jpeg_420)), random=False
    ),
    Row("jpeg_full", lambda p: Partial(jpeg.jpeg_444), random=False),
    Row(
        "grayscale",
        lambda p: Partial(_coloured, fn=Partial(purify.grayscale)),
        random=False,
    ),
    Row("gaussian_noise", lambda p: Partial(purify.noised)),
    Row("orthogonal", _orthogonal, random=False, boxed=False),
    Row(
        "dds",
        lambda p: Partial(certify.dds, score=p["score"], sigma=0.2),
        random=False,
    ),
]

GRADIENTS = [
    Row("exact", lambda p: backward.exact(adaptive(p))),
    Row("straight_through", lambda p: backward.straight_through(adaptive(p))),
    Row("surrogate", lambda p: backward.surrogate(adaptive(p), shorter(p))),
    Row("blind", lambda p: backward.blind(adaptive(p)), random=False),
]

MODELS = [
    Row(
        "undefended",
        lambda p: Partial(classify.undefended, classifier=p["classifier"]),
        random=False,
        boxed=False,
    ),
    Row("defend", model, boxed=False),
    Row(
        "each",
        lambda p: Partial(classify.each, model=model(p), draws=DRAWS),
        boxed=False,
    ),
    Row(
        "each_two_levels",
        lambda p: Partial(
            classify.each,
            model=model(p),
            draws=DRAWS,
            knobs={"sigma": jnp.array([0.1, 0.1, 0.25])},
        ),
        boxed=False,
    ),
    Row(
        "mean_logits",
        lambda p: Partial(classify.mean_logits, model=model(p), draws=DRAWS),
        boxed=False,
    ),
    Row(
        "mean_probabilities",
        lambda p: Partial(classify.mean_probabilities, model=model(p), draws=DRAWS),
        boxed=False,
    ),
    Row(
        "vote",
        lambda p: Partial(classify.vote, model=model(p), draws=DRAWS),
        random=False,
    ),
    Row(
        "noised",
        lambda p: Partial(certify.noised, model=model(p), sigma=0.2),
        boxed=False,
    ),
    Row(
        "diffsmooth",
        lambda p: Partial(
            certify.diffsmooth,
            purifier=Partial(certify.dds, score=p["score"], sigma=0.2),
            classifier=p["classifier"],
            copies=DRAWS,
        ),
        boxed=False,
    ),
]

ROWS = SAMPLERS + PURIFIERS + GRADIENTS + MODELS + ATTACKS + POISONS


def images(count=8):
    keys = jax.random.split(jax.random.key(3), count)
    return jax.vmap(lambda k: jax.random.uniform(k, (4, 4, 2)))(keys)
