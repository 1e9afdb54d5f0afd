"""Names of the callables that purifax passes around, and what makes one a pytree.

They are structural: any function, `jax.tree_util.Partial`, Linen, NNX or Equinox
module with the right call is one. Shapes are those of one example; `x` is
`float32 [H, W, C]` in [0, 1].
"""

from collections.abc import Callable
from typing import Any, TypeAlias

import jax
from jax import Array
from jax.tree_util import Partial

__all__ = [
    "Attack",
    "Classifier",
    "Denoiser",
    "Energy",
    "Loss",
    "Model",
    "Perturb",
    "Purifier",
    "ScaledScore",
    "Score",
    "as_pytree",
]

Score: TypeAlias = Callable[[Array, Array], Array]
"""`score(x, sigma) -> like x`, the gradient of log p_sigma at x."""

ScaledScore: TypeAlias = Callable[[Array, Array], Array]
"""`f(x, sigma) -> like x`, sigma times the score: minus the unit noise in x."""

Denoiser: TypeAlias = Callable[[Array, Array], Array]
"""`denoiser(x, sigma) -> like x`, the mean of the clean image given x."""

Energy: TypeAlias = Callable[[Array], Array]
"""`energy(x) -> []`, low where x is natural."""

Perturb: TypeAlias = Callable[[Array, Array, Array], Array]
"""`perturb(key, x, sigma) -> like x`."""

Purifier: TypeAlias = Callable[[Array, Array], Array]
"""`purifier(key, x) -> like x`."""

Classifier: TypeAlias = Callable[[Array], Array]
"""`classifier(x) -> logits [K]`."""

Model: TypeAlias = Callable[[Array, Array], Array]
"""`model(key, x) -> logits [K]`."""

Loss: TypeAlias = Callable[[Array, Array], Array]
"""`loss(logits [K], label []) -> []`, high where the model is wrong."""

Attack: TypeAlias = Callable[[Array, Array, Array], Array]
"""`attack(key, x, label) -> x_adv, like x`."""


def as_pytree(fn: Callable[..., Any]) -> Callable[..., Any]:
    """A pytree callable as it is; a bare function as a `Partial` without leaves.

    >>> as_pytree(abs)
    Partial(<built-in function abs>)
    """
    leaves = jax.tree_util.tree_leaves(fn)
    return Partial(fn) if len(leaves) == 1 and leaves[0] is fn else fn
