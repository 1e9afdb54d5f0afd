"""The generative models of purifiers, trained once for a grid.

ECLIPSE's diffusion learns from the few `sparse` images and copies of them, PureGen's
energy and diffusion from `other` images, AVATAR's diffusion from the victim's before
they were poisoned. AVATAR and PureGen may learn from the images that they are to purify
instead: one model for each set. Each is a work directory of
`experiments.train` in the grid's own, and resumes as any other.
"""

import hashlib
import pathlib
from collections.abc import Callable
from dataclasses import replace
from functools import cache

import numpy as np
from PIL import Image

from experiments.poisoning import splits
from experiments.poisoning.config import PoisonGrid
from experiments.training import loop
from experiments.training.config_energy import Training
from purifax import data
from purifax.data.poisoned import store_images
from purifax.purify.prior import Prior
from purifax.weights import priors

__all__ = ["ENLARGE", "Generators", "enlarged"]

_TURN = 15.0
"""Degrees that a copy is turned by, at most."""


class Generators:
    """The networks of a grid, by role; each is trained when first asked for."""

    def __init__(
        self, config: PoisonGrid, parts: splits.Parts, folder: pathlib.Path
    ) -> None:
        self._config, self._parts, self._folder = config, parts, folder
        self.sparse = cache(self._sparse)
        self.energy = cache(self._energy)
        self.ddpm = cache(self._ddpm)
        self.avatar = cache(self._avatar)

    def prior(self, role: str, pixels: np.ndarray) -> Prior:
        """The network of a role, of others' images or of those that are purified.

        Args:
            role: "sparse", "avatar", "energy" or "ddpm".
            pixels: what is to be purified, uint8 [N, H, W, C].
        """
        if role == "sparse":
            return self.sparse()
        section = "avatar" if role == "avatar" else "puregen"
        if getattr(self._config, section).learns == "found":
            return self.of(role, pixels)
        return getattr(self, role)()

    def _sparse(self) -> Prior:
        given, few = self._config.eclipse, self._parts.sparse
        _some("eclipse", "sparse", few)
        seed = self._config.images.split_seed
        many = enlarged(few, given.enlarge, given.copies, seed)
        return self._trained("eclipse", given.training, many)

    def _energy(self) -> Prior:
        given = self._config.puregen
        if given.energy_from:
            return priors.load(given.energy_from)
        _some("puregen_ebm", "other", self._parts.other)
        return self._trained("energy", given.energy_training, self._parts.other)

    def _ddpm(self) -> Prior:
        given = self._config.puregen
        if given.ddpm_from:
            return priors.load(given.ddpm_from)
        _some("puregen_ddpm", "other", self._parts.other)
        return self._trained("ddpm", given.ddpm_training, self._parts.other)

    def _avatar(self) -> Prior:
        given = self._config.avatar
        return self._trained("avatar", given.training, self._parts.victim)

    def of(self, role: str, pixels: np.ndarray) -> Prior:
        """The model of a role that has learned these images and no others.

        Args:
            role: "energy", "ddpm" or "avatar".
            pixels: uint8 [N, H, W, C].
        """
        config: Training = {
            "energy": self._config.puregen.energy_training,
            "ddpm": self._config.puregen.ddpm_training,
            "avatar": self._config.avatar.training,
        }[role]
        blank = np.zeros(len(pixels), np.int32), np.arange(len(pixels))
        found = data.Images(pixels, *blank, ("any",), "what is to be purified")
        mark = hashlib.sha256(np.ascontiguousarray(pixels).tobytes()).hexdigest()[:16]
        return self._trained(f"{role}-{mark}", config, found)

    def _trained(self, name: str, config: Training, images: data.Images) -> Prior:
        """The network of a training on these images, finished now if need be."""
        place = self._folder / name
        if not (place / "summary.json").exists():
            place.mkdir(parents=True, exist_ok=True)
            store_images(place / "images" / "train.npz", images)
            config = replace(config, data=replace(config.data, name="npz"))
            loop.train(config, place, str(place / "images"))
        return priors.load(place)


def _some(defence: str, field: str, images: data.Images) -> None:
    if not len(images):
        raise ValueError(
            f"'{defence}' learns from clean images, of which there are none: set "
            f"images.{field}."
        )


def enlarged(few: data.Images, how: str, copies: int, seed: int) -> data.Images:
    """The images and so many changed copies of each, [(copies + 1) B]."""
    rng, change = np.random.default_rng(seed), ENLARGE[how]
    rows = [few.images, *(change(rng, few.images) for _ in range(copies))]
    again = few.take(np.tile(np.arange(len(few)), copies + 1))
    return replace(
        again, images=np.concatenate(rows), index=np.arange(len(again.index))
    )


def _duplicate(rng: np.random.Generator, images: np.ndarray) -> np.ndarray:
    del rng
    return images


def _flip(rng: np.random.Generator, images: np.ndarray) -> np.ndarray:
    mirrored = rng.random(len(images)) < 0.5
    return np.where(mirrored[:, None, None, None], images[:, :, ::-1], images)


def _crop(rng: np.random.Generator, images: np.ndarray) -> np.ndarray:
    """Shifts of up to an eighth of the side, filled with zeros."""
    count, height, width, _ = images.shape
    pad = max(1, height // 8)
    wide = np.pad(images, ((0, 0), (pad, pad), (pad, pad), (0, 0)))
    places = rng.integers(0, 2 * pad + 1, (count, 2))
    shifts = zip(wide, places, strict=True)
    return np.stack([x[r : r + height, c : c + width] for x, (r, c) in shifts])


def _rotation(rng: np.random.Generator, images: np.ndarray) -> np.ndarray:
    turned = [
        [
            np.asarray(
                Image.fromarray(channel).rotate(angle, Image.Resampling.BILINEAR)
            )
            for channel in np.moveaxis(image, -1, 0)
        ]
        for image, angle in zip(
            images, rng.uniform(-_TURN, _TURN, len(images)), strict=True
        )
    ]
    return np.moveaxis(np.array(turned), 1, -1)


def _mixup(rng: np.random.Generator, images: np.ndarray) -> np.ndarray:
    share = rng.random(len(images))[:, None, None, None]
    other = images[rng.permutation(len(images))]
    return np.rint(share * images + (1 - share) * other).astype(np.uint8)


ENLARGE: dict[str, Callable[[np.random.Generator, np.ndarray], np.ndarray]] = {
    "duplicate": _duplicate,
    "flip": _flip,
    "crop": _crop,
    "rotation": _rotation,
    "mixup": _mixup,
}
"""How a copy differs from its image: ECLIPSE compares these."""
