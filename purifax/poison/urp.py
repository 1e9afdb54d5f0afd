"""One pattern for each class: random noise that a network learns instead of the images.

    delta_i = pattern[y_i]

The pattern of class k comes from `fold_in(key, k)` and does not depend on how many
classes there are.

Source: Huang et al. 2021, arXiv 2101.04898 (class-wise random noise); Tao et al. 2021,
arXiv 2102.04716, P5: uniform at Linf 8/255, or at L2 0.5. ECLIPSE (Wang et al. 2024)
calls it URP, describes it as Gaussian and lists Linf 8/255: both are here.
"""

from dataclasses import dataclass
from typing import ClassVar

import jax
from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from purifax import _checks as checks
from purifax.poison.building import crafted, everywhere
from purifax.poison.context import Context
from purifax.poison.fields import Bounded, Share
from purifax.poison.injection import Poison
from purifax.recipe import typed
from purifax.threat import Threat

__all__ = ["URP", "class_wise", "gaussian_patterns", "random_noise", "uniform_patterns"]


@checks.checked()
def class_wise(key: Array, x: Array, label: Array, patterns: Array) -> Array:
    """The pattern of the image's class; a maker, once `patterns` are bound.

    Args:
        key: not used.
        patterns: [K, H, W, C], one for every class that occurs.

    >>> patterns = jnp.arange(3.0).reshape(3, 1, 1, 1)
    >>> class_wise(None, jnp.zeros((1, 1, 1)), jnp.array(2), patterns).tolist()
    [[[2.0]]]
    """
    del key
    return checks.row(patterns, label).astype(x.dtype)


@checks.checked(radius=checks.at_least_zero)
def uniform_patterns(
    key: Array, classes: Array, shape: tuple[int, ...], radius: Array | float
) -> Array:
    """Uniform noise in [-radius, radius] for each class, [K, H, W, C]: URP.

    Args:
        classes: int [K], `jnp.arange(K)`.
        shape: of one image.
        radius: 8/255 is published.

    >>> uniform_patterns(jax.random.key(0), jnp.arange(3), (2, 2, 1), 8 / 255).shape
    (3, 2, 2, 1)
    """

    def one(k: Array) -> Array:
        k_class = jax.random.fold_in(key, k)
        return radius * jax.random.uniform(k_class, shape, jnp.float32, -1.0, 1.0)

    return jax.vmap(one)(classes)


@checks.checked()
def gaussian_patterns(
    key: Array, classes: Array, shape: tuple[int, ...], threat: Threat
) -> Array:
    """Gaussian noise at the radius of a threat for each class, [K, H, W, C].

    For L2 a uniform direction of exactly that length; for Linf normal entries, the
    largest of them at the radius.

    Args:
        classes: int [K], `jnp.arange(K)`.
        threat: `L2(0.5)` is published.

    >>> from purifax.threat import L2
    >>> args = jax.random.key(0), jnp.arange(3), (2, 2, 1)
    >>> delta = gaussian_patterns(*args, L2(0.5))
    >>> jax.vmap(L2(0.5).distance)(delta, 0 * delta).round(5).tolist()
    [0.5, 0.5, 0.5]
    """

    def one(k: Array) -> Array:
        noise = jax.random.normal(jax.random.fold_in(key, k), shape, jnp.float32)
        return threat.radius * noise / threat.distance(noise, 0 * noise)

    return jax.vmap(one)(classes)


@checks.checked()
def random_noise(key: Array, x: Array, label: Array, threat: Threat) -> Array:
    """A random point of the threat's set for each image: a control that does no harm.

    Source: Huang et al. 2021, arXiv 2101.04898 (sample-wise random noise).

    >>> from purifax.threat import Linf
    >>> x = jnp.full((2, 2, 1), 0.5)
    >>> delta = random_noise(jax.random.key(0), x, jnp.array(0), Linf(0.1))
    >>> bool(jnp.max(jnp.abs(delta)) <= 0.1)
    True
    """
    del label
    return threat.start(key, x) - x


@dataclass(frozen=True)
@typed
class URP(Share, Bounded):
    """Class-wise uniform random noise (URP).

    Source: Tao et al. 2021, arXiv 2102.04716, P5.
    """

    name: ClassVar[str] = "urp"

    def build(self, context: Context) -> Poison:
        """The poison of the victim's images."""
        key, classes = context.key("patterns"), jnp.arange(context.classes)
        patterns = uniform_patterns(key, classes, context.shape, self.radius)
        index = everywhere(context, self.rate)
        maker = Partial(class_wise, patterns=patterns)
        return crafted(context, index, maker, self.threat, self.name)

    def calls(self) -> int:
        """Gradients of a network for one image: none."""
        return 0
