"""A network read from a public checkpoint, checked and written as a work directory."""

import pathlib
import shutil
from dataclasses import dataclass

import flax.errors
import jax
import numpy as np

from purifax import nets, weights
from purifax.weights import plausible

__all__ = ["Converted", "describe", "write"]


@dataclass(frozen=True)
class Converted:
    """A network with the description that its work directory needs.

    Attributes:
        shape: of one image, (H, W, C).
        role: "score", "classifier" or "energy".
        predicts: what a score network predicts; None is the scaled score.
        temperature: T of p ~ exp(-E / T), for an energy.
    """

    network: nets.Network
    shape: tuple[int, int, int]
    role: str = "score"
    predicts: weights.Prediction | None = None
    temperature: float = 1.0


def write(made: Converted, out: str) -> str:
    """Write a new work directory, completely or not at all.

    Returns:
        A sentence on what is doubtful about the network; "" if nothing is.

    Raises:
        FileExistsError: there is something at `out` already.
        ValueError: the network does not take images of this shape, or its score points
            the wrong way.
    """
    _check(made)
    folder = pathlib.Path(out)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise FileExistsError(f"{out} exists already; give a new folder.")
    doubt = ""
    if made.role == "score":
        doubt = plausible.doubt(made.network, made.shape, made.predicts)
    part = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    try:
        weights.save(
            part,
            made.network,
            made.shape,
            made.role,
            made.predicts,
            temperature=made.temperature,
        )
        part.replace(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return doubt


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
    return (
        f"{article} {kind} of {count:,} parameters for {height} x {width} x {channels} "
        f"images, {role}"
    )


def _check(made: Converted) -> None:
    """Refuse a network that does not take images of this shape."""
    conditions = [jax.ShapeDtypeStruct((), np.float32)] if made.role == "score" else []
    if isinstance(made.network.module, nets.OpenAIUNet):
        labels = made.network.module.num_classes
        conditions += [jax.ShapeDtypeStruct((), np.int32)] if labels else []
    image = jax.ShapeDtypeStruct(made.shape, np.float32)
    try:
        jax.eval_shape(made.network, image, *conditions)
    except (TypeError, ValueError, flax.errors.FlaxError) as error:
        first = str(error).partition("\n")[0]
        raise ValueError(
            f"the network does not take images of shape {made.shape}; is --side right? "
            f"{first}"
        ) from error
