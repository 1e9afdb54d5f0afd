"""Images purified in one line, by weights that come with purifax or by anything else.

    purified = purifax.purify_images(images, "digits_dsm", key=jax.random.key(0))
    purified = purifax.purify_images(images, purifier=purify.JPEG(), key=key)

An edge of the package: it reads weights, compiles, and takes NumPy arrays. The purifier
is the recipe that the card of the weights advises, or the caller's own.
"""

import dataclasses
import functools
from typing import Any

import jax
import numpy as np
from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from purifax import weights
from purifax.bridge.networks import is_tensor
from purifax.data.arrays import check_layout, check_pixels
from purifax.evaluation import own_parts
from purifax.pipelines import purifiers
from purifax.recipe.spelling import nearest
from purifax.run import defaults
from purifax.run.config import plain
from purifax.transform.batching import batched
from purifax.types import Purifier

__all__ = ["purifier", "purify_images"]


def purifier(
    weights: Any = None, purifier: Any = None, *, energy: Any = None, **numbers: Any
) -> Purifier:
    """The purifier `(key, x) -> x` of trained weights, of a recipe or of a callable.

    Args:
        weights: of a score or an energy: a name of `weights.names()`, a work directory,
            "package.module:name", or a callable, `(x, sigma) -> like x`; None for a
            purifier without a network.
        purifier: a recipe such as `purify.ADP(sigma=0.1)`, its name, a callable
            `(key, x) -> x`, which is given `score`, `noise` and `energy` if it asks for
            them, or "package.module:name"; by default what the card of the weights
            advises.
        energy: an energy beside the score, for PureGen; given as weights are.
        numbers: fields of the recipe, in place of its own.

    Returns:
        A pytree for one image, to be passed into `jit`.

    Raises:
        FileNotFoundError: there are no such weights.
        ValueError: they are a classifier's, have no card that advises a purifier, or do
            not fit the one given; or the recipe has no such field.

    >>> purifier("digits_dsm", sigma=0.1).keywords["sigma"]
    0.1
    """
    return _built(_recipe(weights, purifier, numbers), weights, energy)


def purify_images(
    images: Any,
    weights: Any = None,
    *,
    key: Array,
    purifier: Any = None,
    energy: Any = None,
    chunk: int = 256,
    **numbers: Any,
) -> Any:
    """Purifies one image or a batch by trained weights, or by any purifier.

    Args:
        images: a NumPy or JAX array or a torch tensor [N, H, W, C] or [H, W, C], and
            with named weights [N, H, W] or [H, W] where C is 1: uint8, or floating in
            [0, 1].
        weights: a name of `weights.names()`, a work directory, or as in `purifier`.
        key: a typed key, `jax.random.key(0)`. An image's noise is that of its place
            in the batch, and its bits do not depend on its neighbours.
        purifier: in place of the card's; a recipe, a name or a callable, see
            `purifier`.
        energy: see `purifier`.
        chunk: images at once; bounds memory. Another chunk or number of images is
            another compiled program: floats differ by some 1e-7, and uint8 rarely by
            one grey level.
        numbers: fields of the recipe, in place of its own, such as `sigma=0.1`.

    Returns:
        Purified images: of the same kind of array, shape and dtype, in the same range.

    Raises:
        ValueError: another size, range, dtype or order of axes than the weights take;
            what the purifier gives is not finite; or as in `purifier`.
        FileNotFoundError: there are no such weights.

    >>> grey = np.full((2, 8, 8, 1), 128, np.uint8)
    >>> purified = purify_images(grey, "digits_dsm", key=jax.random.key(0))
    >>> purified.shape, purified.dtype
    ((2, 8, 8, 1), dtype('uint8'))
    """
    if is_tensor(images):
        purified = purify_images(
            images.detach().cpu().numpy(),
            weights,
            key=key,
            purifier=purifier,
            energy=energy,
            chunk=chunk,
            **numbers,
        )
        return images.new_tensor(purified)
    given = images if isinstance(images, jax.Array) else np.asarray(images)
    _check_key(key)
    check_pixels(given)
    if chunk < 1:
        raise ValueError(f"chunk must be 1 or more; got {chunk}.")
    with defaults.usual():
        made = _recipe(weights, purifier, numbers)
        bound = _built(made, weights, energy)
    shape = purifiers.image_shape(weights, energy)
    fits = shape is not None and hasattr(made, "seen")  # it makes images fit
    batch = _batch(given, weights, None if fits else shape)
    if fits:
        purifiers.check_seen(made, batch.shape[1:], shape, str(weights))
    scale = 255 if given.dtype == np.uint8 else 1
    with defaults.usual():
        places = (weights or "", energy or "")
        own_parts.try_purifier(made, bound, batch.shape[1:], *places)
        purified = jnp.asarray(batch, jnp.float32) / scale
        if len(batch):
            purified, finite = _run(bound, key, purified, chunk)
            _check_finite(np.asarray(finite), purifier or weights or "the purifier")
            purified = purified * scale
        if scale > 1:
            purified = jnp.round(purified)
    if isinstance(given, jax.Array):
        return purified.astype(given.dtype).reshape(given.shape)
    return np.asarray(purified).astype(given.dtype).reshape(given.shape)


def _recipe(network: Any, wanted: Any, numbers: dict[str, Any]) -> Any:
    """The recipe that is wanted, or else advised; see `purifier`."""
    _check_role(network)
    made = purifiers.advised(network) if wanted is None else purifiers.recipe(wanted)
    if made is None:
        raise ValueError(
            f"{network or 'a purifier without weights'} has no card that advises a "
            "purifier: give purifier=, a recipe such as purify.ADP(sigma=0.1), its "
            "name or a callable."
        )
    return _changed(made, numbers)


def _built(made: Any, network: Any, energy: Any) -> Purifier:
    """The purifier of a recipe."""
    bound = purifiers.build(made, network or "", energy or "")
    knobs = made.knobs(1) if hasattr(made, "knobs") else None
    if not knobs:
        return bound
    return Partial(bound, **{name: values[0] for name, values in knobs.items()})


def _changed(made: Any, numbers: dict[str, Any]) -> Any:
    """The recipe with other numbers.

    Raises:
        ValueError: it has no such field; of a callable there are none.
    """
    if not numbers:
        return made
    name = plain(made)["recipe"]
    own = hasattr(made, "place")
    known = [] if own else [field.name for field in dataclasses.fields(made)]
    for number in numbers:
        if own:
            raise ValueError(f"{name} is a callable, which takes no {number}=.")
        if number not in known:
            hint = nearest(number, known)
            raise ValueError(f"{name} has no number {number!r}{hint}")
    return dataclasses.replace(made, **numbers)


@functools.partial(jax.jit, static_argnames="chunk")
def _run(bound: Purifier, key: Array, x: Array, chunk: int) -> tuple[Array, Array]:
    """The purified images in [0, 1], and which of them are finite, [N]."""
    purified = batched(bound, chunk)(key, x)
    finite = jnp.all(jnp.isfinite(purified), axis=tuple(range(1, purified.ndim)))
    return jnp.clip(purified, 0, 1), finite


def _check_finite(finite: np.ndarray, made: Any) -> None:
    """Refuses a purifier whose images hold NaN or infinity; bytes would hide them."""
    if not finite.all():
        lost = np.flatnonzero(~finite)
        raise ValueError(
            f"{made!r:.80} gave images that are not finite: {len(lost)} of "
            f"{len(finite)}, the first of them image {lost[0]}. Look at its numbers "
            "and at the weights."
        )


def _check_role(network: Any) -> None:
    """Refuses the name or folder of a classifier."""
    if purifiers.image_shape(network) is None or weights.role(network) != "classifier":
        return
    purify = [n for n in weights.names() if weights.role(n) != "classifier"]
    raise ValueError(
        f"{network} holds a classifier, which does not purify; these do: "
        f"{', '.join(purify)}."
    )


def _check_key(key: Any) -> None:
    """Refuses numbers and raw keys."""
    dtype = getattr(key, "dtype", None)
    if dtype is None or not jnp.issubdtype(dtype, jax.dtypes.prng_key):
        raise ValueError(
            f"key must be a typed key such as jax.random.key(0); got {key!r:.40}."
        )


def _batch(x: Any, name: Any, shape: tuple[int, ...] | None) -> Any:
    """The images as [N, H, W, C].

    Args:
        shape: of the images that the network takes; None if it does not say.

    Raises:
        ValueError: they have another size, or their channels stand first.
    """
    if shape is None:
        if x.ndim == 4:
            check_layout(x.shape)
            return x
        if x.ndim == 3 and x.shape[-1] in (1, 3):
            if x.shape[0] in (1, 3) and x.shape[1] > 3:
                raise ValueError(
                    f"got an array of shape {x.shape}, in which channels may come "
                    "first or last; give a batch, such as images[None] of [H, W, C]."
                )
            return x[None]
        raise ValueError(
            f"got an array of shape {x.shape}; images are [H, W, C], alone or in a "
            "batch, with 1 or 3 channels where one stands alone."
        )
    if x.shape[-3:] == shape and x.ndim in (3, 4):
        return x.reshape(-1, *shape)
    if shape[-1] == 1 and x.shape[-2:] == shape[:2] and x.ndim in (2, 3):
        return x.reshape(-1, *shape)
    height, width, channels = shape
    wanted = f"{name} takes images [{height}, {width}, {channels}], alone or in a batch"
    hint = _hint(x.shape, shape)
    raise ValueError(f"got an array of shape {x.shape}; {wanted}. {hint}")


def _hint(got: tuple[int, ...], shape: tuple[int, ...]) -> str:
    """What to do with images of another shape."""
    height, width, channels = shape
    if len(got) in (3, 4) and got[-3:] == (channels, height, width):
        axes = (1, 2, 0) if len(got) == 3 else (0, 2, 3, 1)
        return f"Channels come last here: images.transpose{axes}."
    fit = [
        name
        for name in weights.names()
        if got[-3:] == weights.image_shape(name) and weights.role(name) != "classifier"
    ]
    if fit and len(got) in (3, 4):
        return f"Weights for such images: {', '.join(fit)}."
    return f"Resize them to {height} x {width}, or train weights for their size."
