"""DiffAttack's loss: be wrong, and lead the purifier's path away from where it belongs.

    objective = loss + weight deviation
    deviation = mean over steps t of |path_t - reference_t|_2

In a diffusion purifier the path is the reverse process, and the reference the same
image on the way forward, noised with the same noise to the same level. ADP noises once
and then climbs, so it has no forward path: here its reference is the path of the clean
image under the same key (`along_clean`), and the loss drives the two apart.

At the clean image those two paths are one and their distance is 0, where |.|_2 has no
gradient. Computed, the paths differ by rounding, and the gradient of the distance would
be a full unit vector along it. There the deviation is 0 with gradient 0: a first step
from the image follows the classification loss alone.

Both parts are one thing to the attack: `followed` is a model that returns the pair
(logits, deviation) and `deviated` the loss of such pairs. They work in `pgd`, `apgd`
and under `classify.each`, so the deviation is averaged over draws as the loss is.

Where this differs from the paper: steps are given, not sampled anew at each iteration,
since the whole path is at hand; the mean replaces its sum, so the weight does not
depend on the number of steps; its schedule of weights over t is left out.

Source: Kang, Song and Li 2023, arXiv 2311.16124, section 3 (deviated-reconstruction
loss).
"""

from collections.abc import Callable
from dataclasses import dataclass

import jax
from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from purifax import _checks as checks
from purifax import recipe
from purifax.attack.budget import Budget
from purifax.attack.checks import attacking
from purifax.attack.pgd_attack import pgd
from purifax.attack.starts import Start, at_random
from purifax.attack.target import Target
from purifax.classify import cross_entropy, each
from purifax.recipe import typed
from purifax.threat import Threat
from purifax.transform.remat import Scan
from purifax.transform.shard_draws import Axis
from purifax.types import Attack, Classifier, Loss, as_pytree

__all__ = [
    "DiffAttack",
    "along_clean",
    "deviate",
    "deviated",
    "deviation",
    "followed",
]

Path = Callable[[Array, Array], Array]
"""`path(key, x) -> [T + 1, H, W, C]`, the purified image last."""

_TINY = 1e-24


def deviation(path: Array, reference: Array, steps: Array) -> Array:
    """The mean distance between two paths, [].

    Args:
        path, reference: [T + 1, ...].
        steps: [M] integers, the positions compared.

    >>> path = jnp.array([[0.0, 0.0], [3.0, 4.0], [0.0, 1.0]])
    >>> float(deviation(path, 0.0 * path, jnp.array([1, 2])))
    3.0
    """
    gap = (path - reference)[steps]
    axes = tuple(range(1, gap.ndim))
    return jnp.mean(jnp.sqrt(jnp.sum(jnp.square(gap), axis=axes) + _TINY))


def along_clean(key: Array, x: Array, path: Path, clean: Array) -> Array:
    """A reference: the path of the clean image under the same key."""
    del x
    return path(key, clean)


def followed(
    key: Array,
    x: Array,
    path: Path,
    reference: Path,
    classifier: Classifier,
    steps: Array,
    *,
    clean: Array | None = None,
) -> tuple[Array, Array]:
    """Logits [K] of the purified image, and the deviation [] of its path.

    Args:
        path: such as a bound `adp.adaptive_path`, as a `Partial`.
        reference: `along_clean` with `path` and `clean` bound, or the forward states
            of a diffusion.
        steps: [M] integers, positions in the path.
        clean: the image whose path the reference is, for `along_clean`; where x equals
            it, the deviation is 0 with gradient 0, whatever rounding says.
    """
    states = path(key, x)
    gap = deviation(states, reference(jax.random.clone(key), x), steps)
    if clean is not None:
        gap = jnp.where(jnp.any(x != clean), gap, 0.0)
    return classifier(states[-1]), gap


def deviated(
    pair: tuple[Array, Array],
    label: Array,
    *,
    loss: Loss = Partial(cross_entropy),
    weight: Array | float = 1.0,
) -> Array:
    """loss(logits) + weight mean deviation, of what `followed` returns.

    Args:
        pair: logits [K] or [S, K], and deviations [] or [S].

    >>> pair = jnp.zeros((3, 2)), jnp.array([1.0, 2.0, 3.0])
    >>> round(float(deviated(pair, jnp.array(0), weight=0.5)), 4)
    1.6931
    """
    logits, gap = pair
    return loss(logits, label) + weight * jnp.mean(gap)


@attacking("classifier", steps=checks.numbers, weight=checks.at_least_zero)
def deviate(
    key: Array,
    x: Array,
    label: Array,
    path: Path,
    classifier: Classifier,
    threat: Threat,
    step_sizes: Array,
    steps: Array,
    draws: Array,
    *,
    reference: Path | None = None,
    weight: Array | float = 1.0,
    loss: Loss = Partial(cross_entropy),
    start: Start = Partial(at_random),
    scan: Scan = jax.lax.scan,
    axis: Axis | None = None,
) -> Array:
    """The last iterate of projected gradient descent on the objective above.

    To use `apgd`, bind `followed` and `deviated` yourself, and `clean` with
    `along_clean`.

    Args:
        path: the purifier's path, see `followed`.
        step_sizes: [T], in pixel units.
        steps: [M] integers, positions in the path that are compared.
        draws: [S] integers, runs averaged in each gradient.
        reference: what the path is led away from, such as `diffpure.forward_path` with
            its levels bound, as a `Partial`; None is the path of x, the clean image.
        weight: of the deviation; 0 is `pgd`.
        scan: runs the loop over steps.
        axis: of the devices that share the draws, see `classify.each`.

    Returns:
        x_adv, in the threat's set around x and in [0, 1].

    >>> from purifax.attack import at_image
    >>> from purifax.threat import Linf
    >>> path = lambda key, x: jnp.stack([x, 2 * x])
    >>> f, x = (lambda x: jnp.stack([jnp.sum(x), 0.0])), jnp.full((1, 1, 1), 0.5)
    >>> sizes, steps = jnp.full(3, 0.1), jnp.array([1])
    >>> args = (jnp.array(0), path, f, Linf(0.25), sizes, steps, jnp.arange(1))
    >>> deviate(jax.random.key(0), x, *args, start=Partial(at_image))
    Array([[[0.25]]], dtype=float32)
    """
    path, classifier = as_pytree(path), as_pytree(classifier)
    clean = x if reference is None else None
    model = Partial(
        followed,
        path=path,
        reference=reference or Partial(along_clean, path=path, clean=x),
        classifier=classifier,
        steps=steps,
        clean=clean,
    )
    seen = Partial(each, model=model, draws=draws, axis=axis)
    objective = Partial(deviated, loss=loss, weight=weight)
    args = (key, x, label, seen, threat, step_sizes)
    return pgd(*args, loss=objective, start=start, scan=scan)


@dataclass(frozen=True)
@typed
class DiffAttack(Budget):
    """PGD with the exact gradient that also drives the purifier's states astray.

    Source: Kang, Song and Li 2023, arXiv 2311.16124.

    Attributes:
        eot: EOT samples averaged in each gradient.
        weight: of the deviation of the states beside the loss.
    """

    eot: int = 20
    weight: float = 1.0
    title = "DiffAttack (exact PGD+EOT)"
    reported = "exact"
    requires = ("purifier", "one_level", "states")

    def __post_init__(self) -> None:
        super().__post_init__()
        recipe.at_least(self, "eot", 1)
        recipe.at_least(self, "weight", 0)

    def build(self, target: Target, threat: Threat) -> Attack:
        """The attack `(key, x, label) -> x_adv`."""
        states = target.states
        return Partial(
            deviate,
            **self.common(threat),
            path=states.path,
            reference=states.reference,
            classifier=target.classifier,
            step_sizes=self.sizes(threat),
            steps=jnp.arange(1, states.steps + 1),
            draws=jnp.arange(self.eot),
            axis=target.axis(self.eot),
            weight=self.weight,
        )

    def calls(self, one: int, answers: int) -> int:
        """Forward passes on one image; see `PGD.calls`."""
        del answers
        return 2 * self.steps * one * self.eot  # and the path of the clean image
