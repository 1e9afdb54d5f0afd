"""An image continued by reflection to a multiple of what a network halves it by.

A network that halves its input k times takes sides that are multiples of 2^k. Half of
what is missing is added at each end, and cut off again from the result.
"""

from dataclasses import dataclass

from jax import Array

from purifax import _checks as checks
from purifax import recipe
from purifax.purify import fitted, patches
from purifax.recipe import typed
from purifax.types import Purifier

__all__ = ["Padded", "padded"]


@checks.checked(x=checks.image)
def padded(key: Array, x: Array, purifier: Purifier, *, factor: int) -> Array:
    """Purify the image with sides that are multiples of `factor`.

    Args:
        x: [H, W, C].

    Returns:
        The image, [H, W, C]; that of a purifier that changes nothing is x.

    >>> import jax
    >>> shape = lambda key, x: x * x.shape[0]
    >>> padded(jax.random.key(0), jax.numpy.ones((5, 4, 1)), shape, factor=4)[0, 0]
    Array([8.], dtype=float32)
    """
    rows, columns = (patches.multiples(n, factor) for n in x.shape[:2])
    parts = patches.cut(x, rows, columns)
    return patches.join(purifier(key, parts[0])[None], rows, columns, x.shape)


@dataclass(frozen=True)
@typed
class Padded(fitted.Fitted):
    """Another purifier on the image, reflected to sides that its network can halve.

    Attributes:
        purifier: the purifier of the larger image.
        factor: the sides become multiples of it: 2^k for a network that halves k times.
    """

    factor: int = 4

    def __post_init__(self) -> None:
        super().__post_init__()
        recipe.at_least(self, "factor", 1)

    def around(self, purifier: Purifier) -> Purifier:
        """The purifier of any image, of that of the padded one."""
        return fitted.bound(padded, purifier, factor=self.factor)

    def axes(self, shape: tuple[int, ...]) -> tuple[patches.Axis, patches.Axis]:
        """Where the parts of an image of shape (H, W, C) lie."""
        rows, columns = (patches.multiples(n, self.factor) for n in shape[:2])
        return rows, columns

    def parts(self, x: Array) -> Array:
        """The padded image, [1, h, w, C]."""
        return patches.cut(x, *self.axes(x.shape))

    def seen(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """(h, w, C) of the padded image."""
        return (*(-(-n // self.factor) * self.factor for n in shape[:2]), *shape[2:])

    def words(self) -> str:
        """The factor in words."""
        return f"padded to multiples of {self.factor}: {self.purifier.words()}"
