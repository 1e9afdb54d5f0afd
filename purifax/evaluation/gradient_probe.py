"""The attacker's gradient itself, looked at on a few images before all else.

A gradient that is zero, not finite, drowned in the noise of its draws, or no better
than a random direction makes a defence look strong. For an image and the exact
gradient at a random start in the threat set:

    zero           share of pixels where the gradient is exactly zero
    finite         1 if all of it is finite
    cosine         between the gradients of two independent batches of draws
    gain           rise of the loss for a tenth of the radius along the gradient,
    gain_random    and along a random direction, both under fresh draws
    promised       that rise, if the loss went on as its gradient says
    spread         largest change of a logit of one run between two keys
    probabilities  1 if the bare classifier's outputs are nonnegative with sum one

Source: Carlini et al. 2019, arXiv 1902.06705, section 3; Croce and Hein 2020, arXiv
2003.01690 (its flags).
"""

from dataclasses import dataclass

import jax
import numpy as np
from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from purifax.attack.budget import LOSSES
from purifax.evaluation import attacks, predictions
from purifax.evaluation.batches import padded
from purifax.evaluation.images import pixels
from purifax.evaluation.plan import Run
from purifax.evaluation.settings import Evaluation
from purifax.record import predicates
from purifax.run.progress import say
from purifax.threat import Threat
from purifax.types import Classifier, Loss, Model

__all__ = ["run"]


def run(work: Run) -> dict[str, tuple[float, ...]]:
    """The probe of the first images, by name; empty if none are asked for."""
    count = min(work.config.probed, len(work.images))
    if count < 1:
        return {}
    found = work.parts.get("probe", _Probe(work, count))
    return {name: tuple(map(float, values)) for name, values in found.items()}


@dataclass(frozen=True)
class _Probe:
    work: Run
    count: int

    def __call__(self) -> dict[str, np.ndarray]:
        say(f"looking at the exact gradient of {self.count} image(s)")
        work, size = self.work, self.work.mesh.shape["batch"]
        rows = (0, -(-self.count // size) * size)
        eot, at_once, loss = _numbers(work.config)
        look = Partial(
            probe,
            seen=work.world.target().model("exact", eot, at_once),
            classifier=work.world.classifier,
            threat=attacks.threat(work.config, work.config.radius),
            loss=LOSSES[loss],
        )
        x = pixels(padded(work.images.images, *rows))
        label = jnp.asarray(padded(work.images.labels, *rows))
        index = jnp.asarray(padded(work.images.index, *rows).astype(np.int32))
        found = predictions.mapped(look, work.mesh)(work.k_probe, index, x, label)
        return {name: np.asarray(v)[: self.count] for name, v in found.items()}


def _numbers(config: Evaluation) -> tuple[int, int | None, str]:
    """EOT samples, those at once, and the loss of the last exact attack.

    Those of the attack "exact" by its general name where there is none.
    """
    found = [made for made in config.attacks.values() if made.reported == "exact"]
    made = found[-1] if found else config.attack("exact")
    loss = getattr(made, "loss", "cross_entropy")
    eot = getattr(made, "eot", None) or (20 if hasattr(made, "version") else 1)
    return eot, getattr(made, "at_once", None), loss


def probe(
    key: Array,
    x: Array,
    label: Array,
    seen: Model,
    classifier: Classifier,
    threat: Threat,
    loss: Loss,
) -> dict[str, Array]:
    """One image: the figures named above, [] each.

    Args:
        seen: the model under attack, [S, K] logits of S draws.
    """
    k_start, k_one, k_two, k_fresh, k_way = jax.random.split(key, 5)
    start = threat.start(k_start, x)

    def height(y: Array, key: Array) -> Array:
        return loss(seen(key, y), label)

    one, two = (jax.grad(height)(start, k) for k in (k_one, k_two))
    way = jax.random.normal(k_way, x.shape, x.dtype)
    step = 0.1 * threat.radius
    climbed = threat.ascend(start, one, step)
    here, along, aside = (
        height(y, jax.random.clone(k_fresh))
        for y in (start, climbed, threat.ascend(start, way, step))
    )
    runs = (seen(jax.random.clone(k), x) for k in (k_one, k_two))
    return {
        "zero": jnp.mean(one == 0.0),
        "finite": jnp.all(jnp.isfinite(one)) + 0.0,
        "cosine": _cosine(one, two),
        "gain": along - here,
        "gain_random": aside - here,
        "promised": jnp.sum(one * (climbed - start)),
        "spread": jnp.max(jnp.abs(jnp.subtract(*(logits[0] for logits in runs)))),
        "probabilities": predicates.probabilities(classifier(x)) + 0.0,
    }


def _cosine(a: Array, b: Array) -> Array:
    lengths = jnp.linalg.norm(a) * jnp.linalg.norm(b)
    return jnp.sum(a * b) / jnp.where(lengths > 0, lengths, 1.0)
