"""The networks of an evaluation: by folder or name, or a user's own callables.

A torch module may stand wherever a callable may, see `bridge.from_torch`.
"""

import hashlib
import marshal
import pathlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from types import CodeType
from typing import Any

import jax
import numpy as np
from jax import numpy as jnp

from purifax import weights
from purifax.bridge.networks import module_called, torch_networks
from purifax.purify.prior import Prior
from purifax.run.recipes import built, load
from purifax.run.workdir import fingerprint
from purifax.types import Classifier, as_pytree
from purifax.weights import priors

__all__ = ["called", "classes", "classifier", "digest", "fits", "prior", "seen"]


def classifier(
    place: Any, shape: Sequence[int], field: str = "classifier"
) -> Classifier:
    """A classifier of one image.

    Args:
        place: a work directory or a name of weights, "package.module:name", or the
            callable itself.
        shape: (H, W, C) of the images that it will see.
        field: what it is called in an error.

    Raises:
        ValueError: the network is none, or does not take such images.
        FileNotFoundError: no such folder, or no network or checkpoint in it.
    """
    own = _own(place, "classifier")
    if own is not None:
        classes(own, shape, field)
        return own
    role = weights.role(place)
    if role != "classifier":
        raise ValueError(
            f"{field} is {place}, which holds a network of role {role!r}; name the "
            "work directory of a classifier."
        )
    fits(place, shape, field)
    return weights.load(place)


def prior(
    score: Any, energy: Any, dtype: str, shape: Sequence[int], needs: Sequence[str]
) -> Prior:
    """What a purifier is built from.

    Args:
        score, energy: each a work directory or name, "package.module:name", a callable,
            or "" where there is none.
        dtype: what networks by name compute in.
        shape: (H, W, C) of the images.
        needs: parts that the purifier needs.

    Raises:
        ValueError: a part is needed and was not given, or does not fit the images.
    """
    if not _is_given(score) and not _is_given(energy):
        if "score" in needs or "energy" in needs:
            part = "score" if "score" in needs else "energy"
            raise ValueError(
                f"this purifier needs a {part}: give the {part} network's work "
                "directory or name, or a callable of your own."
            )
        return Prior()
    own = _own(score, "score") if _is_given(score) else None
    if own is not None:
        known = Prior(score=own)
    elif _is_given(score):
        known = priors.load(score, "", dtype)
        fits(score, shape, "score")
    else:
        known = Prior()
    if not _is_given(energy):
        return known
    beside = _own(energy, "energy")
    if beside is not None:
        return replace(known, energy=beside, temperature=known.temperature or 1.0)
    if own is None and _is_given(score):
        return priors.load(score, energy, dtype)
    other = priors.load(energy, "", dtype)
    if other.energy is None:
        raise ValueError(f"{energy} gives no energy; train one, as digits_ebm does.")
    fits(energy, shape, "energy")
    return replace(
        known,
        score=known.score or other.score,
        energy=other.energy,
        temperature=other.temperature,
    )


def seen(purifier: Any, shape: Sequence[int]) -> tuple[int, ...]:
    """(H, W, C) of what the networks of a purifier's recipe see of such an image.

    It is the image's, unless the recipe tiles, pads or resizes.

    >>> from purifax.purify import Resized
    >>> seen(Resized(height=256, width=256), (224, 224, 3))
    (256, 256, 3)
    """
    inside = getattr(purifier, "seen", None)
    return tuple(shape) if inside is None else inside(tuple(shape))


def _is_given(place: Any) -> bool:
    return place is not None and not (isinstance(place, str) and not place)


def _own(place: Any, role: str) -> Callable[..., Any] | None:
    """A user's callable; None for a folder or a name of weights.

    "package.module:name" names a callable, or a function without parameters that
    returns one. A torch module becomes a callable of the role.
    """
    if isinstance(place, pathlib.PurePath):
        return None
    if not isinstance(place, str):
        if not callable(place):
            raise ValueError(
                f"a network is a name, a folder or a callable; got {type(place)}."
            )
        return as_pytree(module_called(place, role))
    if ":" not in place or pathlib.Path(place).exists():
        return None
    found = load(place)
    if not callable(found):
        raise ValueError(f"{place} is a {type(found).__name__}; name a callable.")
    return as_pytree(module_called(built(found), role))


def is_own(place: Any) -> bool:
    """Whether a network is a callable, or named as "package.module:name".

    >>> is_own("mine:score"), is_own("digits_dsm")
    (True, False)
    """
    if isinstance(place, str):
        return ":" in place and not pathlib.Path(place).exists()
    return callable(place)


def called(place: Any, field: str) -> str:
    """What a network is called in a config and a report."""
    if not _is_given(place):
        return ""
    if isinstance(place, str | pathlib.PurePath):
        return str(place)
    bare = getattr(place, "func", place)
    name = getattr(bare, "__qualname__", type(bare).__qualname__)
    module = getattr(bare, "__module__", "")
    return f"{module}:{name}" if module else f"the caller's {field}"


def classes(found: Classifier, shape: Sequence[int], field: str = "classifier") -> int:
    """How many classes a classifier tells apart.

    Raises:
        ValueError: it cannot take one such image, or does not give logits [K].
    """
    x = jax.ShapeDtypeStruct(tuple(shape), jnp.float32)
    try:
        logits = jax.eval_shape(found, x)
    except Exception as error:  # whatever a user's own function may raise
        first = " ".join(str(error).split())[:200]
        raise ValueError(
            f"the {field} must take one image {tuple(shape)} and give logits [K]; it "
            f"raises {type(error).__name__}: {first}"
        ) from error
    given = getattr(logits, "shape", None)
    if given is None or len(given) != 1:
        raise ValueError(
            f"the {field} must give logits [K] for one image {tuple(shape)}; it gives "
            f"{given if given is not None else type(logits).__name__}. Is it written "
            "for a batch? Then wrap it: lambda x: classify(x[None])[0]."
        )
    return given[0]


def digest(found: Any) -> str:
    """sha256 of a network: its parameters, and of a bare function its code."""
    if hasattr(found, "variables"):
        return fingerprint(found.variables)
    arrays = [leaf for leaf in jax.tree.leaves(found) if _is_array(leaf)]
    words = [fingerprint(arrays), *_codes(found, 0)]
    words += [fingerprint(inside.variables) for inside in torch_networks(found)]
    return hashlib.sha256("".join(words).encode()).hexdigest()


def _is_array(leaf: Any) -> bool:
    return isinstance(leaf, jax.Array | np.ndarray | float | int | bool)


def _codes(found: Any, depth: int) -> list[str]:
    """Digests of a function's code and of what it closes over, three deep."""
    bare = getattr(found, "func", found)
    code = getattr(bare, "__code__", None)
    if not isinstance(code, CodeType) or depth > 3:
        return []
    words = [hashlib.sha256(marshal.dumps(code.replace(co_filename=""))).hexdigest()]
    for cell in bare.__closure__ or ():
        inside = cell.cell_contents
        if callable(inside):
            words += _codes(inside, depth + 1)
        else:
            words.append(
                fingerprint([x for x in jax.tree.leaves(inside) if _is_array(x)])
            )
    return words


def fits(place: str | pathlib.Path, shape: Sequence[int], field: str) -> None:
    """Refuses a network made for other images.

    Raises:
        ValueError: it takes images of another shape.
    """
    made = weights.image_shape(place)
    if tuple(made) != tuple(shape):
        raise ValueError(
            f"{field} is {place}, made for images of {_size(made)}; these are "
            f"{_size(shape)}. Name a network trained on such images."
        )


def _size(shape: Sequence[int]) -> str:
    return " x ".join(map(str, shape))
