"""Auto-PGD in NumPy, from the published rule alone, and a loss hard to climb."""

import math

import numpy as np

SMALL = (2, 3, 2)
COUNT = math.prod(SMALL)


def wave(x, np):
    """Many bumps and one common ripple: ascent overshoots, and must slow down."""
    a = np.linspace(-1.0, 1.3, COUNT).reshape(SMALL)
    b = np.linspace(0.7, -0.4, COUNT).reshape(SMALL)
    return np.sum(a * np.sin(11 * x)) + 2 * np.sin(6 * np.sum(b * x))


def wave_slope(x):
    a = np.linspace(-1.0, 1.3, COUNT).reshape(SMALL)
    b = np.linspace(0.7, -0.4, COUNT).reshape(SMALL)
    return 11 * a * np.cos(11 * x) + 12 * b * np.cos(6 * np.sum(b * x))


def published(x, radius, norm, iterations):
    """Croce and Hein's rule, written with lists: iterates, losses, steps, causes.

    A cause is what a checkpoint found: "few" rises, "stuck", or "on".
    """

    def project(y):
        if norm == "Linf":
            return np.clip(np.clip(y, x - radius, x + radius), 0, 1)
        delta = y - x
        delta *= min(1.0, radius / max(np.linalg.norm(delta), 1e-30))
        return np.clip(x + delta, 0, 1)

    def direction(g):
        return np.sign(g) if norm == "Linf" else g / np.linalg.norm(g)

    window = max(int(0.22 * iterations), 1)
    until, step, halved = window, 2 * radius, True
    images, losses, steps, causes = [x], [wave(x, np)], [], []
    here, before, slope = x, x, wave_slope(x)
    best, best_loss, best_before = x, losses[0], losses[0]
    for i in range(iterations):
        steps.append(step)
        z, weight = project(here + step * direction(slope)), 0.75 if i else 1.0
        new = project(here + weight * (z - here) + (1 - weight) * (here - before))
        here, before, slope = new, here, wave_slope(new)
        images.append(here)
        losses.append(wave(here, np))
        if losses[-1] > best_loss:
            best, best_loss = here, losses[-1]
        until -= 1
        if until == 0:
            pairs = zip(losses[-window - 1 : -1], losses[-window:], strict=True)
            few = sum(b > a for a, b in pairs) <= 0.75 * window
            stuck = not halved and best_before >= best_loss
            causes.append("few" if few else "stuck" if stuck else "on")
            halved, best_before = few or stuck, best_loss
            if halved:
                step, here, slope = step / 2, best, wave_slope(best)
            smaller = window - max(int(0.03 * iterations), 1)
            window = max(smaller, max(int(0.06 * iterations), 1))
            until = window
    return np.array(images), np.array(losses), np.array(steps), causes
