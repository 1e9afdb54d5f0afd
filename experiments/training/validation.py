"""Mean loss and accuracy on held-out images, the same draws of noise every time."""

from typing import Any

import flax.linen as nn
import jax
import numpy as np
from jax import Array
from jax.sharding import Mesh

from experiments.training import objectives
from experiments.training.config_energy import Training
from purifax import data
from purifax.evaluation.batches import padded
from purifax.run import devices

__all__ = ["Validation"]


class Validation:
    """`validation(key, variables, images)` gives the mean of each measure.

    The noise of an image depends on its place only, so that two sets of weights are
    compared on the same noise. The last batch is filled up and the filling masked.
    """

    def __init__(self, config: Training, module: nn.Module, mesh: Mesh) -> None:
        self._batch = config.train.batch
        measure = objectives.measure(config, module)

        def sums(
            key: Array,
            variables: Any,
            places: Array,
            images: Array,
            labels: Array,
            real: Array,
        ) -> dict[str, Array]:
            keys = jax.vmap(lambda place: jax.random.fold_in(key, place))(places)
            each = jax.vmap(measure, in_axes=(None, 0, 0, 0))
            found = each(variables, keys, data.augment.to_float(images), labels)
            return jax.tree.map(lambda value: (value * real).sum(), found)

        one, split = devices.replicated(mesh), devices.sharded(mesh)
        rows = (split, split, split, split)
        self._sums = jax.jit(sums, in_shardings=(one, one, *rows), out_shardings=one)
        self._mesh, self._split = mesh, split

    def __call__(
        self,
        key: Array,
        variables: Any,
        images: data.Images,
        most: int | None = None,
    ) -> dict[str, float]:
        """Means over the first `most` images (all by default); {} of no image."""
        count = min(len(images), most or len(images))
        totals: dict[str, float] = {}
        key = devices.everywhere(key, self._mesh)
        for start in range(0, count, self._batch):
            places = np.arange(start, start + self._batch)
            x = padded(images.images, start, self._batch)
            label = padded(images.labels, start, self._batch)
            real = (places < count).astype(np.float32)
            rows = [devices.put(a, self._split) for a in (places, x, label, real)]
            found = self._sums(key, variables, *rows)
            for name, value in found.items():
                totals[name] = totals.get(name, 0.0) + float(value)
        return {name: total / count for name, total in totals.items()}
