"""What a purifier of an evaluation has to say of itself, and what is asked of it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from jax import Array

from purifax.evaluation.settings import Defence
from purifax.purify.prior import Prior
from purifax.recipe import nearest
from purifax.types import Purifier

__all__ = ["Calibration", "How", "Method", "Path", "Paths", "known", "start"]

Path = Callable[[Array, Array], Array]
"""`path(key, x) -> [T + 1, H, W, C]`, the purified image last."""

Calibration = Callable[[Any, Array], Array]
"""`calibration(prior, images) -> []`, a limit from clean images [N, H, W, C]."""


@dataclass(frozen=True)
class How:
    """In which form a purifier is wanted.

    Attributes:
        limit: what separates images that are treated differently, see `Method.limit`.
        early: it may leave its loop when the image has stopped; no gradient then.
        held: its step sizes are constants to the gradient.
        steps: fewer steps than the defence's, for surrogates; None is all of them.
    """

    limit: Array | float = 0.0
    early: bool = False
    held: bool = False
    steps: int | None = None


class Paths(NamedTuple):
    """The states of a purifier, and where DiffAttack would have them.

    Attributes:
        path: the states of a run.
        reference: the states they are led away from; None is the clean image's path.
        steps: how many there are after the first.
    """

    path: Path
    reference: Path | None
    steps: int


def _anything(defence: Defence) -> None:
    del defence


def _without_limit(defence: Defence) -> Calibration | None:
    del defence


def start(defence: Defence) -> str:
    """Where the purifier starts, in words: the kind of noise and how much of it."""
    for name in ("time", "times", "sigmas"):
        value = getattr(defence, name)
        if value:
            several = value if isinstance(value, tuple) else (value,)
            unit = "time" if name.startswith("time") else "sigma"
            numbers = ", ".join(f"{number:g}" for number in several)
            return f"{defence.noise}, of {unit} {numbers}"
    return f"{defence.noise} {defence.sigma:g}"


@dataclass(frozen=True)
class Method:
    """A purifier by name.

    Attributes:
        build: `(defence, prior, how) -> purifier`, prior a `Prior`; raises ValueError
            where numbers and network do not fit.
        calls: forward passes of the score's network in one run, at most.
        check: raises ValueError where the numbers alone are wrong.
        paths: `(defence, prior) -> Paths`; None if its states cannot be had.
        chain: whether the purifier takes `scan`, and its steps may be more or fewer.
        least: steps that it must have.
        adaptive: whether its step sizes follow the image, so that they can be held.
        limit: how the limit that `How` has is calibrated; None where there is none.
        scored: whether it needs a score; one that does not is built with None.
        manner: its noise in words, and what tells it from others of its name; all of
            it in words if it needs no score.
    """

    build: Callable[[Defence, Any, How], Purifier]
    calls: Callable[[Defence], int]
    check: Callable[[Defence], None] = _anything
    paths: Callable[[Defence, Prior], Paths] | None = None
    chain: bool = True
    least: int = 1
    adaptive: bool = False
    limit: Callable[[Defence], Calibration | None] = _without_limit
    scored: bool = True
    manner: Callable[[Defence], str] = start


def known(name: str, value: str, words: tuple[str, ...]) -> None:
    """Refuses a name that is none of the words.

    Raises:
        ValueError: it is unknown; the nearest is named.
    """
    if value not in words:
        raise ValueError(
            f"defence.{name} is {value!r}, which is unknown{nearest(value, words)}"
        )
