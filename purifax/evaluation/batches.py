"""Batches as a pure function of (seed, step), so that a resumed run repeats.

The training images are read through in a new order each epoch; a batch may span two
epochs, so no image is left out.
"""

import numpy as np

from purifax.data import Images

__all__ = ["Batches", "padded"]


class Batches:
    """The training batches of a run: `batches(step)` is the batch of that step.

    Args:
        rows: which of each batch are wanted, of a process that feeds only those.
    """

    def __init__(
        self, images: Images, batch: int, seed: int, rows: slice = slice(None)
    ) -> None:
        self._images, self._batch, self._seed = images, batch, seed
        self._rows = rows
        self._orders: dict[int, np.ndarray] = {}

    def __call__(self, step: int) -> tuple[np.ndarray, np.ndarray]:
        """Images uint8 [N, H, W, C] and labels int32 [N] of a step."""
        places = np.arange(step * self._batch, (step + 1) * self._batch)[self._rows]
        epochs, within = np.divmod(places, len(self._images))
        orders = {int(epoch): self._order(int(epoch)) for epoch in np.unique(epochs)}
        self._orders = orders
        pairs = zip(epochs, within, strict=True)
        chosen = np.array([orders[int(epoch)][i] for epoch, i in pairs])
        return self._images.images[chosen], self._images.labels[chosen]

    def _order(self, epoch: int) -> np.ndarray:
        """The order of an epoch; the one in use is remembered, never needed."""
        if epoch in self._orders:
            return self._orders[epoch]
        rng = np.random.default_rng([self._seed, epoch])
        return rng.permutation(len(self._images))


def padded(array: np.ndarray, start: int, batch: int) -> np.ndarray:
    """`batch` rows from `start`; rows beyond the end repeat the last one."""
    rows = np.minimum(np.arange(start, start + batch), len(array) - 1)
    return array[rows]
