"""Auto-PGD for L1 in NumPy, from the published rule alone."""

import math

import numpy as np


def nearest(y, x, radius):
    """The projection onto L1 ball and box, by bisection."""
    delta = y - x
    size, room = np.abs(delta), np.where(delta > 0, 1 - x, x)
    low, high = 0.0, size.max() + 1.0
    if np.minimum(size, room).sum() <= radius:
        return np.clip(y, 0, 1)
    for _ in range(200):
        middle = (low + high) / 2
        inside = np.clip(size - middle, 0, room).sum() <= radius
        low, high = (low, middle) if inside else (middle, high)
    return x + np.sign(delta) * np.clip(size - high, 0, room)


def published_l1(x, here, radius, iterations, value, slope, share=0.2, changed=None):
    """Croce and Hein's rule: iterates, losses, steps, causes.

    A cause is what a checkpoint found: "sparser", or "slower" for a smaller step.
    `changed` entries of the last checkpoint's best image; None is all of them.
    """
    window = max(int(0.04 * iterations), 1)
    changed = x.size if changed is None else changed
    step, direction = radius, slope(here)
    images, losses, steps, causes = [here], [value(here)], [], []
    best, best_loss, best_direction = here, losses[0], direction
    for i in range(iterations):
        steps.append(step)
        order = np.sort(np.abs(direction).ravel())
        place = int(np.clip(math.floor((1 - share) * x.size), 0, x.size - 1))
        signs = np.sign(direction) * (np.abs(direction) >= order[place])
        here = nearest(here + step * signs / np.abs(signs).sum(), x, radius)
        direction = slope(here)
        images.append(here)
        losses.append(value(here))
        if losses[-1] > best_loss:
            best, best_loss, best_direction = here, losses[-1], direction
        if (i + 1) % window == 0:
            now = np.count_nonzero(best != x)
            sparser = now / changed < 0.95
            causes.append("sparser" if sparser else "slower")
            share, changed = now / x.size / 1.5, now
            step = radius if sparser else max(step / 1.5, radius / 10)
            if sparser:
                here, direction = best, best_direction
    return np.array(images), np.array(losses), np.array(steps), causes
