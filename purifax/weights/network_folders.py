"""The network of a folder: written with what it is for, and loaded as a callable."""

import dataclasses
import pathlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from purifax import nets
from purifax.energy import Tempered, checked_temperature
from purifax.run import seal
from purifax.types import Score
from purifax.weights import digests, fitting, folders, pipelines
from purifax.weights.folders import resolve
from purifax.weights.modules import describe, rebuild
from purifax.weights.own import Own, arrays
from purifax.weights.predictions import Prediction
from purifax.weights.states import check_finite

__all__ = [
    "autoencoder",
    "energy",
    "image_shape",
    "load",
    "prediction",
    "role",
    "save",
    "score",
    "write",
]

Trust = Sequence[str] | str


def load(
    workdir: str | pathlib.Path, step: int | None = None, *, trust: Trust = ()
) -> Any:
    """Load the network of a work directory: a callable of one image.

    Args:
        workdir: the folder, the name of a folder in ``runs``, or the name of weights
            that come with the package, as in `resolve`; or a folder of diffusers, as
            in `pipelines`; here and in the functions below.
        step: which checkpoint; the last one by default.
        trust: modules outside purifax that may be imported for this network, such as
            "package.module", beside those of `weights.trust`.

    Returns:
        A `nets.Network` of a Linen module, and an `Own` of another network; both are
        pytrees. A classifier gives logits `[K]`. A score network gives what it
        predicts, such as the scaled score `f(x, sigma)`; see `prediction`, and `score`
        for a score whatever is predicted. The averaged weights are used.

    Raises:
        FileNotFoundError: no such folder, or no network or checkpoint in it.
        ValueError: the checkpoint is damaged; or the network's code is not trusted,
            cannot be imported, or does not fit the stored arrays.
    """
    folder = resolve(workdir)
    if pipelines.is_pipeline(folder):
        if step is not None:
            raise FileNotFoundError(
                f"{folder} was saved by diffusers and has no checkpoint of a step."
            )
        return pipelines.network(folder)
    words = folders.description(folder)
    thing = rebuild(words, trust, folder)
    network = fitting.bound(words, thing, folders.arrays(folder, step))
    if "kind" in words:
        fitting.check_call(network, words)
    return network


def image_shape(workdir: str | pathlib.Path) -> tuple[int, ...]:
    """(H, W, C) of the images that a work directory's network was made for.

    A network of latents was made for the images of its autoencoder.

    Raises:
        FileNotFoundError: no such folder, or no network in it.
    """
    folder = resolve(workdir)
    words = _described(folder)
    if words.get(folders.CODER):
        words = folders.description(folder / folders.CODER)
    return tuple(words["image"])


def autoencoder(workdir: str | pathlib.Path) -> nets.Network | None:
    """The autoencoder beside a network of latents; None beside one of images.

    Raises:
        FileNotFoundError: no such folder, or no network in it; or the autoencoder of
            a network of latents is missing.
        ValueError: as in `load`.
    """
    folder = resolve(workdir)
    if not _described(folder).get(folders.CODER):
        return None
    return load(folder / folders.CODER)


def role(workdir: str | pathlib.Path) -> str:
    """What the network of a work directory is: "score", "classifier", "energy" or
    "autoencoder".

    Raises:
        FileNotFoundError: no such folder, or no network in it.
    """
    return _described(resolve(workdir))["role"]


def prediction(workdir: str | pathlib.Path) -> Prediction:
    """What the score network of a work directory predicts.

    Raises:
        FileNotFoundError: no such folder, or no network in it.
        ValueError: it is a classifier, or predicts something unknown.
    """
    words = _of_role(workdir, "score")
    known = [field.name for field in dataclasses.fields(Prediction)]
    return Prediction(**{name: words[name] for name in known if name in words})


def score(
    workdir: str | pathlib.Path, step: int | None = None, *, trust: Trust = ()
) -> Score:
    """The score `(x, sigma) -> like x` of a work directory, whatever is predicted.

    Args:
        step, trust: as in `load`.

    Raises:
        FileNotFoundError: no such folder, or no network or checkpoint in it.
        ValueError: it is a classifier, or as in `load`.
    """
    return prediction(workdir).score(load(workdir, step, trust=trust))


def energy(
    workdir: str | pathlib.Path, step: int | None = None, *, trust: Trust = ()
) -> Tempered:
    """The energy `x -> []` of a work directory over its temperature: p ~ exp(-E).

    The fields `energy` and `temperature` of the result are the network and the
    temperature at which it was trained.

    Args:
        step, trust: as in `load`.

    Raises:
        FileNotFoundError: no such folder, or no network or checkpoint in it.
        ValueError: it is no energy, or as in `load`.
    """
    words = _of_role(workdir, "energy")
    return Tempered(load(workdir, step, trust=trust), words["temperature"])


def write(
    workdir: str | pathlib.Path,
    network: Any,
    shape: Sequence[int],
    role: str,
    predicts: Prediction | None = None,
    *,
    temperature: float = 1.0,
    build: str | Callable[..., Any] = "",
    arguments: Mapping[str, Any] | None = None,
) -> None:
    """Write ``network.json``, which tells `load` how to rebuild a network.

    For programs that write their own checkpoints, whose item "ema" is `arrays` of the
    network.

    Args:
        workdir: an existing folder.
        network: a Linen module, or one of the networks that `save` takes.
        shape: of one image, (H, W, C).
        role: "score", "classifier" or "energy".
        predicts: what a score network predicts; None is the scaled score.
        temperature: T of p ~ exp(-E / T), where an energy was trained at it.
        build, arguments: as in `save`.

    Raises:
        ValueError: a temperature that is not positive, or a network that another
            process could not rebuild.
    """
    words = _words(network, shape, role, predicts, temperature, build, arguments)
    _store(pathlib.Path(workdir), words)


def save(
    workdir: str | pathlib.Path,
    network: Any,
    shape: Sequence[int],
    role: str,
    predicts: Prediction | None = None,
    *,
    temperature: float = 1.0,
    build: str | Callable[..., Any] = "",
    arguments: Mapping[str, Any] | None = None,
) -> None:
    """Make a work directory of a network, so that `load` and every command can name it.

    A network from outside `purifax.nets` is rebuilt at once and run on one image beside
    the given one; where they differ, nothing is written.

    Args:
        workdir: a new folder, or one without a checkpoint.
        network: of one image: a `nets.Network` of any Linen module; a `Partial` of a
            function of a module and its parameters, nested dictionaries and lists of
            arrays; or, with `build`, an NNX or Equinox module or another callable
            pytree. An NNX module is run in inference mode.
        shape: of one image, (H, W, C).
        role: "score", "classifier" or "energy".
        predicts: what a score network predicts; None is the scaled score.
        temperature: T of p ~ exp(-E / T), where an energy was trained at it.
        build: the function, or its "package.module:name", that makes the network with
            fresh parameters, into which `load` puts the stored arrays. For a `Network`
            it makes the Linen module.
        arguments: plain values for `build`, by the names of its arguments.

    Raises:
        FileExistsError: the folder has a checkpoint already.
        ValueError: a network that another process could not rebuild, or that does not
            give for one image what its role asks for.
    """
    import orbax.checkpoint as ocp

    folder = pathlib.Path(workdir).absolute()
    if any((folder / "checkpoints").glob("*")):
        raise FileExistsError(f"{workdir} has a checkpoint already.")
    words = _words(network, shape, role, predicts, temperature, build, arguments)
    stored = arrays(network, build)
    check_finite(words["module"], stored)
    if "kind" in words:
        _check(network, words, stored)
    with ocp.CheckpointManager(folder / "checkpoints") as manager:
        item = ocp.args.StandardSave(stored)
        manager.save(0, args=ocp.args.Composite(ema=item))
    digests.seal(folder / "checkpoints" / "0")
    _store(folder, words)


def _check(network: Any, words: Mapping[str, Any], stored: Any) -> None:
    """Refuse a network from outside purifax that could not be loaded as it is."""
    thing = rebuild(words, words["module"].partition(":")[0])
    again = fitting.bound(words, thing, stored)
    fitting.check_call(again, words)
    if not isinstance(again, type(network)):
        network = Own.of(words["module"], network)
    fitting.check_same(network, again, words)


def _words(
    network: Any,
    shape: Sequence[int],
    role: str,
    predicts: Prediction | None,
    temperature: float,
    build: str | Callable[..., Any],
    arguments: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """The content of ``network.json``."""
    made = describe(network, build, arguments)
    words = {**made, "image": list(shape), "role": role}
    if role == "score":
        words |= (predicts or Prediction()).words()
    if role == "energy":
        words |= {"temperature": float(checked_temperature(temperature))}
    return words


def _store(folder: pathlib.Path, words: Mapping[str, Any]) -> None:
    path = folder / "network.json"
    part = path.with_name(path.name + ".part")
    part.write_bytes(seal.sealed(words))
    part.replace(path)


def _of_role(workdir: str | pathlib.Path, role: str) -> dict[str, Any]:
    """The words of a work directory whose network has this role."""
    folder = resolve(workdir)
    words = _described(folder)
    if words["role"] != role:
        article = "an" if words["role"][0] in "ae" else "a"
        raise ValueError(
            f"{folder} holds {article} {words['role']}, which gives no {role}."
        )
    return words


def _described(folder: pathlib.Path) -> dict[str, Any]:
    """What is said of the network of a folder, a work directory or one of diffusers."""
    if pipelines.is_pipeline(folder):
        return pipelines.words(folder)
    return folders.description(folder)
