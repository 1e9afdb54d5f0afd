"""Callables of a user's that are not what their place asks for."""

import numpy as np
from jax import numpy as jnp

__all__ = []

number = 3


def of_nothing():
    return 1


def of_one(x):
    return x


def of_two(key, x):
    return x


def of_three(key, x, label):
    return x


def of_four(a, b, c, d):
    return a


def swapped(x, key):
    return x


def label_first(label, key, x):
    return x


def by_name_only(*, key, x):
    return x


def needs_more(key, x, *, strength):
    return x


def gives_nothing(*given):
    return None


def gives_text(*given):
    return "text"


def gives_three(*given):
    return jnp.zeros(3)


def gives_two(*given):
    return given[-1], given[-1]


def gives_nan(key, x, *label):
    return x * jnp.nan


def gives_integers(key, x, *label):
    return jnp.zeros(x.shape, int)


def uses_numpy(key, x, *label):
    return np.asarray(x)


def fails(*given):
    raise KeyError("inside")


def fails_in_lines(*given):
    raise RuntimeError("one line\nand another")


def branches(key, x, *label):
    return x if x.sum() > 0 else -x


class Class:
    def __call__(self, x):
        return x


instance = Class()


def gives_a_mean(x):
    return jnp.mean(x)


def gives_a_batch(x):
    return jnp.zeros((4, 10))


def gives_one_class(x):
    return jnp.zeros(1)


def gives_nan_logits(x):
    return jnp.full(10, jnp.nan) * x.sum()


def gives_three_classes(x):
    return jnp.zeros(3) + x.sum()


def score_of_nothing():
    return lambda x: x


def score_of_three(x, sigma, t):
    return x


def score_of_vectors(x, sigma):
    return jnp.zeros(3)


def score_swapped(sigma, x):
    return x


def energy_of_images(x):
    return x
