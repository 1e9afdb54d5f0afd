"""Defences of a training set by name: "jpeg:75", "eclipse", "jpeg:75+cutout:4".

A defence is a sequence of parts joined by "+". Those of `washing` change the set once;
those of `hardening`, which must come after them, change every batch that is trained on,
those of `revising` the set in the course of the training. A number after ":" replaces
the published one. `WHOLE` are defences of several parts.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from experiments.poisoning import augment_batches, filter_set, purify_set
from purifax.recipe import nearest

__all__ = ["NONE", "ORACLE", "RANGES", "WHOLE", "Part", "Remedy", "remedy"]

NONE, ORACLE = "none", "oracle removal"

WHOLE = {
    "eclipse": "eclipse_ddpm+grayscale:0.4+gaussian_noise:0.05",
    "eclipse_once": "eclipse_ddpm+grayscale_once:0.4+gaussian_noise_once:0.05",
    "eclipse_grayscale": "eclipse_ddpm+grayscale:0.4",
    "eclipse_noise": "eclipse_ddpm+gaussian_noise:0.05",
    "compensation": "grayscale:0.4+gaussian_noise:0.05",
}
"""ECLIPSE as in its code, which corrupts anew every time an image is trained on; as in
its paper, which corrupts the set once; and without one or the other of its three
modules. Alone they are "eclipse_ddpm", "grayscale:0.4" and "gaussian_noise:0.05"."""

RANGES = {
    "jpeg": (1, 100),
    "bit_depth": (1, 8),
    "grayscale": (0, 1),
    "grayscale_once": (0, 1),
    "gaussian_noise": (0, math.inf),
    "gaussian_noise_once": (0, math.inf),
    "bernoulli_noise": (0, 1),
    "cutout": (1, math.inf),
    "ueraser_max": (1, math.inf),
    "adversarial": (0, 255),
    "puregen_filt": (0, 1),
    "puregen_reps": (1, math.inf),
    "epic": (0, 1),
}
"""What the number after a part may be, both ends included; of the others, anything
that is not negative."""


@dataclass(frozen=True)
class Part:
    """The name of a part, and the number given with it."""

    name: str
    number: float | None = None

    def __str__(self) -> str:
        return self.name if self.number is None else f"{self.name}:{self.number:g}"


@dataclass(frozen=True)
class Remedy:
    """A defence: what is done to the set, and then to every batch."""

    once: tuple[Part, ...] = ()
    always: tuple[Part, ...] = ()

    @property
    def washed(self) -> str:
        """A name for what is done to the set, the same for equal parts."""
        return "+".join(map(str, self.once))


def remedy(name: str) -> Remedy:
    """The parts of a defence.

    Raises:
        ValueError: an unknown part, a number that is none or out of its range, or parts
            in the wrong order.

    >>> remedy("jpeg:75+cutout").always
    (Part(name='cutout', number=None),)
    """
    if name == NONE:
        return Remedy()
    parts = [_part(word, name) for word in WHOLE.get(name, name).split("+")]
    once = [part for part in parts if part.name in purify_set.PARTS]
    if parts[: len(once)] != once:
        raise ValueError(
            f"defence {name!r} changes the set after a part that changes batches; put "
            f"{', '.join(map(str, once))} first."
        )
    return Remedy(tuple(once), tuple(parts[len(once) :]))


def _part(word: str, name: str) -> Part:
    stem, colon, number = word.partition(":")
    parts = (*purify_set.PARTS, *augment_batches.PARTS, *filter_set.PARTS)
    known: Sequence[str] = (NONE, *WHOLE, *parts)
    if stem not in parts:
        raise ValueError(
            f"defence {name!r} has an unknown part {stem!r}{nearest(stem, known)}"
        )
    if not colon:
        return Part(stem)
    try:
        value = float(number)
    except ValueError:
        raise ValueError(
            f"defence {name!r}: {number!r} after {stem!r} is not a number."
        ) from None
    least, most = RANGES.get(stem, (0, math.inf))
    if not least <= value <= most:
        raise ValueError(
            f"defence {name!r}: the number after {stem!r} must be "
            f"{f'{least} to {most}' if most < math.inf else f'{least} or more'}."
        )
    return Part(stem, value)
