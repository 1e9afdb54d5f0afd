"""The rows of the makers of poisons; see `rows`.

What is judged is the image that a maker's perturbation gives.
"""

import jax
from jax import numpy as jnp
from jax.tree_util import Partial
from laws.parts import DRAWS, LABEL, LINF, STEPS, Row, light

from purifax import classify
from purifax.poison import (
    ar,
    badnets,
    cuda,
    deepconfuse,
    em,
    entf,
    hypo,
    label_consistent,
    lsp,
    ops,
    rem,
    sep,
    shifts,
    tap,
    urp,
)
from purifax.poison import dune as dune_module
from purifax.threat import Linf


def poisoned(p, threat):
    """The image that TAP's perturbation gives."""
    seen = Partial(shifts.jittered, model=light(p), largest=1.0)
    bound = {"model": seen, "threat": threat, "step_sizes": STEPS}
    verb = tap.targeted_adversarial
    return Partial(_moved, fn=Partial(verb, restarts=jnp.arange(2), **bound))


def _moved(key, x, fn):
    return x + fn(key, x, LABEL)


def robust(p):
    made = Partial(
        rem.robust_error_minimising,
        delta=jnp.zeros((4, 4, 2)),
        model=light(p),
        threat=LINF,
        step_sizes=STEPS,
        adversary=Partial(_darker),
        transform=Partial(_mirrored),
        draws=DRAWS[:1],
    )
    return Partial(_moved, fn=made)


def made(verb, clipped=False, **bound):
    """The image with what a maker adds to it, cut to the box where it leaves that."""
    return Partial(_moved_clipped if clipped else _moved, fn=Partial(verb, **bound))


def ensemble(p, verb, **more):
    """Against two checkpoints, whose logits stand for features."""
    seen = Partial(classify.undefended, classifier=p["classifier"])
    means = jnp.linspace(-1.0, 1.0, 18).reshape(2, 3, 3)
    bound = {"extractors": (seen, seen), "centroids": means, "threat": LINF}
    return made(verb, step_sizes=STEPS[:2], shift=1, **bound, **more)


def against(p, verb, **more):
    """A maker against one network."""
    return made(verb, model=light(p), threat=LINF, step_sizes=STEPS[:2], **more)


def dune(p):
    models, colours = (light(p), light(p)), jnp.linspace(-0.02, 0.02, 6).reshape(3, 2)
    bound = {"models": models, "threat": LINF, "step_sizes": STEPS[:2]}
    return made(dune_module.dual_branch, colours=colours, **bound)


def entangled(p):
    return made(
        entf.entangle,
        extractor=Partial(classify.undefended, classifier=p["classifier"]),
        centroids=jnp.linspace(-1.0, 1.0, 9).reshape(3, 3),
        threat=LINF,
        step_sizes=STEPS[:2],
        restarts=jnp.arange(1),
        loss=Partial(entf.push_loss),
    )


def patterned(p):
    """LSP on the image, which draws within the cluster of its class."""
    del p
    shape = (4, 4, 2)
    clusters = lsp.lsp_clusters(jax.random.key(5), 3, shape, patch=2)
    length = lsp.lsp_length(shape, level=0.01)
    return made(lsp.linearly_separable, True, clusters=clusters, length=length)


def regressed(p):
    del p
    taps = jnp.full((3, 2, 3, 3), 0.125).at[..., 2, 2].set(0.0)
    matrices = ar.ar_matrices(taps, 4, 4)
    return made(ar.autoregressive, True, matrices=matrices, length=0.5)


def blurred(p):
    del p
    filters = cuda.blur_filters(jax.random.key(6), jnp.arange(3))
    return made(cuda.blur, True, filters=filters)


def classwise(p):
    del p
    args = jax.random.key(7), jnp.arange(3), (4, 4, 2), 0.02
    return made(urp.class_wise, True, patterns=urp.uniform_patterns(*args))


def shortcut(p):
    del p
    numbers = jnp.arange(3)
    colours = jnp.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    bound = ops.Shortcuts(numbers, numbers, colours)
    return made(ops.one_pixel, True, shortcuts=bound)


def patch():
    shown, mask = badnets.checker((4, 4, 2))
    return Partial(badnets.stamp, patch=shown, mask=mask)


def generated(p):
    shape = Partial(_bent, w=p["classifier"].keywords["w"])
    return made(deepconfuse.generated, generator=shape, threat=LINF)


def _bent(x, w):
    return jnp.tanh(x + w[0])


def _moved_clipped(key, x, fn):
    return jnp.clip(x + fn(key, x, LABEL), 0.0, 1.0)


def _darker(key, x, label):
    del key, label
    return 0.9 * x


def _mirrored(key, x):
    return jnp.where(jax.random.bernoulli(key), x[:, ::-1], x)


POISONS = [
    Row("tap", lambda p: poisoned(p, LINF), threat=LINF, smooth=False),
    Row("rem", robust, threat=LINF, smooth=False),
    Row(
        "sep_reduced",
        lambda p: ensemble(p, sep.self_ensemble_reduced, visits=STEPS[:2]),
        threat=LINF,
        smooth=False,
    ),
    Row("lsp", patterned),
    Row("ar", regressed),
    Row("ops", shortcut, random=False),
    Row("stamp", lambda p: Partial(_moved_clipped, fn=patch()), random=False),
    Row(
        "additive",
        lambda p: made(badnets.additive, True, pattern=jnp.full((4, 4, 2), 0.1)),
        random=False,
    ),
    Row("generated", generated, random=False, threat=LINF),
    Row(
        "label_consistent",
        lambda p: against(
            p, label_consistent.hardened_trigger, clipped=True, trigger=patch()
        ),
        smooth=False,
    ),
    Row("cuda", blurred, random=False),
    Row("class_wise", classwise, random=False),
    Row(
        "tap_untargeted",
        lambda p: against(p, tap.untargeted_adversarial, restarts=jnp.arange(1)),
        threat=LINF,
        smooth=False,
    ),
    Row("hypo", lambda p: against(p, hypo.hypocritical), threat=LINF, smooth=False),
    Row("mislead", lambda p: against(p, hypo.mislead), threat=LINF, smooth=False),
    Row(
        "minimise",
        lambda p: against(p, em.error_minimising, delta=jnp.zeros((4, 4, 2))),
        threat=LINF,
        smooth=False,
    ),
    Row("dune", dune, threat=Linf(LINF.radius + 0.02), smooth=False),
    Row(
        "sep_features",
        lambda p: ensemble(p, sep.self_ensemble_features),
        random=False,
        threat=LINF,
        smooth=False,
    ),
    Row("entangle", entangled, threat=LINF, smooth=False),
]
