"""Draw the figure of the README: a purifier at work, and what three attacks leave.

    python launch/docs_picture.py

On the left, the states of ADP on attacked digits. On the right, the accuracy of the
defended classifier against the radius of the attack, with 95% intervals. Weights come
with purifax; nothing is downloaded. Four minutes of CPU time.
"""

import pathlib
from typing import Any

import jax
import matplotlib
import numpy as np
from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

import purifax
from purifax import attack, backward, classify, data, purify, record, weights
from purifax.threat import Linf

__all__ = ["draw"]

PICTURE = pathlib.Path(__file__).parent / "docs" / "picture.png"
RADII = (0.05, 0.1, 0.15, 0.2, 0.3)
SAMPLES, STEPS, EOT = 10, 20, 4
"""Purification samples of an answer; steps and EOT samples of the attacks."""

LINES = {
    "blind PGD": (backward.blind, "#9a9a9a"),
    "BPDA+EOT": (backward.straight_through, "#e08a1e"),
    "exact PGD+EOT": (backward.exact, "#1f5fb4"),
}
HEADS = ("clean", "attacked", "noised", "step 1", "step 2", "purified")


def draw(path: pathlib.Path, count: int = 200, radii: tuple[float, ...] = RADII) -> Any:
    """Draw the figure into a file.

    Args:
        count: test images.
        radii: Linf radii of the attacks.

    Returns:
        By the name of the attack, the accuracies at radius 0 and at `radii`.
    """
    matplotlib.use("agg")
    from matplotlib import pyplot as plt

    test = data.load("digits", "test")
    x, labels = data.augment.to_float(test.images[:count]), test.labels[:count]
    classifier = weights.load("digits_classifier")
    prior = purify.Prior(score=weights.score("digits_dsm"))
    adp = purify.ADP(sigma=0.25, level=0.25, rate=0.8, largest=0.25, steps=3)
    purifier = adp.build(prior)
    model = Partial(classify.defend, purifier=purifier, classifier=classifier)
    answer = Partial(classify.mean_probabilities, model=model)
    answer = Partial(answer, draws=jnp.arange(SAMPLES))
    labels = jnp.asarray(labels)

    @jax.jit
    def attacked(key: Array, radius: Array, model: Any) -> Array:
        pgd = Partial(
            attack.pgd,
            model=Partial(classify.each, model=model, draws=jnp.arange(EOT)),
            threat=Linf(radius=radius),
            step_sizes=radius / 4 * jnp.ones(STEPS),
        )
        return purifax.batched(pgd)(key, x, labels)

    @jax.jit
    def right(key: Array, images: Array) -> Array:
        return purifax.batched(answer)(key, images).argmax(-1) == labels

    k_attack, k_answer, k_film = jax.random.split(jax.random.key(0), 3)
    figure, (film, curve) = plt.subplots(
        1, 2, figsize=(10, 3.3), width_ratios=(1.25, 1), layout="constrained"
    )
    values, shown = {}, x
    for name, (gradient, colour) in LINES.items():
        seen = Partial(
            classify.defend, purifier=gradient(purifier), classifier=classifier
        )
        hits = [right(k_answer, x)]
        for radius in radii:
            adversarial = attacked(k_attack, jnp.float32(radius), seen)
            hits.append(right(k_answer, adversarial))
            shown = adversarial if radius <= 0.15 else shown
        bounds = [record.interval(hit.astype(jnp.float32)) for hit in hits]
        low, high = 100 * np.array(bounds).T
        values[name] = [100 * float(hit.mean()) for hit in hits]
        curve.plot([0, *radii], values[name], marker="o", label=name, color=colour)
        curve.fill_between([0, *radii], low, high, color=colour, alpha=0.15, lw=0)
    curve.set(xlabel="radius of the attack (Linf)", ylim=(0, 100))
    curve.set_ylabel("accuracy of the defended classifier (%)")
    curve.legend(frameon=False, loc="lower left")
    curve.spines[["top", "right"]].set_visible(False)
    states = jax.jit(purifax.batched(adp.states(prior).path))(k_film, shown[:4])
    _film(film, [[x[i], shown[i], *states[i]] for i in range(len(states))])
    figure.savefig(path, dpi=110)
    plt.close(figure)
    return values


def _film(axes: Any, rows: list[list[Array]]) -> None:
    """Rows of images, each state beneath its name."""
    wide, gap = len(rows[0]), 1
    side = rows[0][0].shape[0]
    step = side + gap
    canvas = np.ones((len(rows) * step - gap, wide * step - gap))
    for i, row in enumerate(rows):
        for j, image in enumerate(row):
            top, left = i * step, j * step
            canvas[top : top + side, left : left + side] = np.asarray(image)[..., 0]
    axes.imshow(canvas, cmap="gray", vmin=0, vmax=1)
    axes.set_yticks([])
    axes.xaxis.tick_top()
    axes.set_xticks([j * step + side / 2 - 0.5 for j in range(wide)], HEADS)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)


if __name__ == "__main__":
    for name, found in draw(PICTURE).items():
        print(f"{name:14}", *(f"{value:.1f}" for value in found))
