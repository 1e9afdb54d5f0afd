"""A network read from a public checkpoint, checked and written as a work directory."""

import pathlib
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import flax.errors
import jax
import numpy as np

from purifax import nets, weights
from purifax.run.seal import sealed, unsealed
from purifax.weights import held_out, sanity, sanity_latents
from purifax.weights.folders import CODER
from purifax.weights.labels import asks_class

__all__ = ["Converted", "Implausible", "Written", "describe", "tried", "write"]


@dataclass(frozen=True)
class Converted:
    """A network with the description that its work directory needs.

    Attributes:
        shape: of one image, (H, W, C).
        role: "score", "classifier", "energy" or "autoencoder".
        predicts: what a score network predicts; None is the scaled score.
        temperature: T of p ~ exp(-E / T), for an energy.
        others: a score network as other flags would make it, by the flag; they are
            tried beside it.
        taken: choices that were made in reading, such as the entry of the file, for
            the user and for ``network.json``.
        latent: whether the network works on something else than images.
        autoencoder: of the latents, where it is known.
    """

    network: nets.Network
    shape: tuple[int, int, int]
    role: str = "score"
    predicts: weights.Prediction | None = None
    temperature: float = 1.0
    others: Mapping[str, Callable[[], nets.Network]] = field(default_factory=dict)
    taken: Mapping[str, Any] = field(default_factory=dict)
    latent: bool = False
    autoencoder: "Converted | None" = None


@dataclass(frozen=True)
class Written:
    """What was found out about a network that was written.

    Attributes:
        doubt: a sentence on what is doubtful about it; "" if nothing is.
        table: the errors of a score network and of its neighbouring readings, in
            lines; "" where nothing was tried.
    """

    doubt: str = ""
    table: str = ""


class Implausible(ValueError):
    """A score network that does not denoise as it is read."""

    def __init__(self, refusal: str, table: str) -> None:
        super().__init__(f"{refusal} --anyway converts it as it is.")
        self.table = table


def write(made: Converted, out: str, images: str = "", anyway: bool = False) -> Written:
    """Write a new work directory, completely or not at all.

    A score network is tried on images first; see `sanity`. What was found is written
    into ``network.json`` with it.

    Args:
        images: a folder of images to try a score network on; "" takes digits.
        anyway: whether a network that does worse than nothing, or than in another
            reading, is written as well.

    Raises:
        FileExistsError: there is something at `out` already.
        FileNotFoundError: the folder of images is not there or has none.
        Implausible: the score network does not denoise as it is read.
        ValueError: the network does not take images of this shape.
    """
    _check(made)
    if made.autoencoder is not None:
        _check(made.autoencoder)
    folder = pathlib.Path(out)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise FileExistsError(f"{out} exists already; give a new folder.")
    found = tried(made, images)
    refusal = found.refusal()
    if refusal and not anyway:
        raise Implausible(refusal, found.table())
    part = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    try:
        _save(part, made)
        _record(part, made, found, refusal)
        part.replace(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return Written(refusal or found.doubt(), found.table())


def _save(folder: pathlib.Path, made: Converted) -> None:
    """Write the network, and within the folder its autoencoder."""
    weights.save(
        folder,
        made.network,
        made.shape,
        made.role,
        made.predicts,
        temperature=made.temperature,
    )
    if made.autoencoder is not None:
        (folder / CODER).mkdir()
        _save(folder / CODER, made.autoencoder)


def tried(made: Converted, folder: str = "") -> sanity.Check:
    """The errors of a score network on images; nothing is tried of another one.

    Args:
        folder: of images to try it on; "" takes digits.
    """
    if made.role != "score":
        return sanity.Check((), images="it gives no score")
    if made.latent and (made.autoencoder is None or made.predicts is None):
        return sanity.Check((), images="it works on latent variables")
    if made.autoencoder is not None and made.predicts is not None:
        images, words = held_out.images(made.autoencoder.shape, folder)
        coder, predicts = made.autoencoder.network, made.predicts
        return sanity_latents.check(made.network, predicts, images, words, coder)
    images, words = held_out.images(made.shape, folder)
    return sanity.check(made.network, made.predicts, images, words, made.others)


def _record(part: pathlib.Path, made: Converted, found: Any, refusal: str) -> None:
    """Write into ``network.json`` how the network was read, and how it denoises."""
    path = part / "network.json"
    words = dict(made.taken)
    if found.levels:
        words["check"] = found.words()
    if refusal:
        words["accepted"] = refusal
    text = unsealed(path) | {"converted": words}
    if made.autoencoder is not None:
        text |= {CODER: CODER}
    path.write_bytes(sealed(text))


def describe(made: Converted) -> str:
    """The network in words.

    >>> module = nets.MLP(num_classes=2, widths=())
    >>> values = nets.init(jax.random.key(0), module, np.zeros((2, 2, 1)))
    >>> describe(Converted(nets.Network(module, values), (2, 2, 1), "classifier"))
    'an MLP of 10 parameters for 2 x 2 x 1 images, a classifier'
    """
    kind = type(made.network.module).__name__
    article = "an" if kind[0] in "AEIOMN" or kind.startswith("SN") else "a"
    count = nets.count(made.network.variables)
    height, width, channels = made.shape
    role = {"energy": f"an energy at temperature {made.temperature:g}"}.get(
        made.role, "a classifier"
    )
    if made.role == "score":
        predicts = (made.predicts or weights.Prediction()).predicts
        role = f"which predicts the {predicts.replace('_', ' ')}"
    if made.role == "autoencoder":
        role = "which codes them"
    words = (
        f"{article} {kind} of {count:,} parameters for {height} x {width} x {channels} "
        f"{'latents' if made.latent else 'images'}, {role}"
    )
    if made.autoencoder is None:
        return words
    return f"{words}, and {describe(made.autoencoder)}"


def _check(made: Converted) -> None:
    """Refuse a network that does not take images of this shape."""
    conditions = [jax.ShapeDtypeStruct((), np.float32)] if made.role == "score" else []
    if made.role == "score" and asks_class(made.network.module):
        conditions.append(jax.ShapeDtypeStruct((), np.int32))
    image = jax.ShapeDtypeStruct(made.shape, np.float32)
    try:
        jax.eval_shape(made.network, image, *conditions)
    except (TypeError, ValueError, flax.errors.FlaxError) as error:
        first = str(error).partition("\n")[0]
        raise ValueError(
            f"the network does not take images of shape {made.shape}; is --side right? "
            f"{first}"
        ) from error
