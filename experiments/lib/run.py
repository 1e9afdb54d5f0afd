"""What a training run is made of: images, split, network, keys, devices."""

import pathlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array
from jax.sharding import Mesh

from experiments.lib import build, devices, workdir
from experiments.lib.config import ClassifierTraining, Training
from experiments.lib.state import State, start
from experiments.lib.validation import Validation
from purifax import data, nets, weights

__all__ = ["Run", "first_state", "set_up", "shapes", "write_down"]


@dataclass(frozen=True)
class Run:
    """A run; nothing here changes while it trains.

    Attributes:
        train, held: the images trained on, and those of validation.
        test: the images of the final number of a classifier; None for a score network.
        validation: measures variables on images; compiled once for the whole run.
        k_start, k_steps, k_validate, k_pictures: keys by role.
    """

    config: Training
    folder: pathlib.Path
    mesh: Mesh
    train: data.Images
    held: data.Images
    test: data.Images | None
    module: nn.Module
    validation: Validation
    k_start: Array
    k_steps: Array
    k_validate: Array
    k_pictures: Array

    def splits(self) -> dict[str, Any]:
        """Where the images came from, and which are trained on; for JSON."""
        settings = self.config.data
        return {
            "set": settings.name,
            "source": self.train.source,
            "validation": settings.validation,
            "seed": settings.split_seed,
            "parts": data.record(
                {"train": self.train.index, "validation": self.held.index}
            ),
        }


def set_up(config: Training, folder: pathlib.Path, data_dir: str | None) -> Run:
    """Loads and splits the images and builds the network; writes nothing.

    Raises:
        ValueError: a name or number in the config that does not fit.
        DataError: the images are not found.
    """
    build.check(config)
    mesh = devices.mesh(config.train.batch)
    images = data.load(config.data.name, "train", data_dir)
    split = data.splits(images.labels, config.data.validation, config.data.split_seed)
    module = build.network(
        config.net,
        images.images.shape[-1],
        len(images.names),
        variance=build.learns_variance(config),
    )
    scores = not isinstance(config, ClassifierTraining)
    return Run(
        config,
        folder,
        mesh,
        images.take(split["train"]),
        images.take(split["validation"]),
        None if scores else data.load(config.data.name, "test", data_dir),
        module,
        Validation(config, module, mesh),
        *jax.random.split(jax.random.key(config.train.seed), 4),
    )


def shapes(run: Run) -> State:
    """The shapes of the state, and that each device holds a copy.

    Raises:
        ValueError: the network does not take images of this shape.
    """
    where = devices.replicated(run.mesh)
    return jax.tree.map(
        lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=where),
        jax.eval_shape(_fresh(run), run.k_start),
    )


def first_state(run: Run) -> State:
    """The state before the first step, a copy on every device.

    On a CPU it is compiled without optimisation, which takes a fifth of the time for
    the same numbers.
    """
    cpu = run.mesh.devices.flat[0].platform == "cpu"
    options = {"xla_backend_optimization_level": 0} if cpu else None
    where = devices.replicated(run.mesh)
    fresh = jax.jit(_fresh(run), out_shardings=where, compiler_options=options)
    return fresh(run.k_start)


def _fresh(run: Run) -> Callable[[Array], State]:
    """How the state before the first step is made from a key."""
    config = run.config
    optimiser = build.optimiser(config.optim, config.train.steps)
    image = jnp.zeros(run.train.images.shape[1:])
    told = () if isinstance(config, ClassifierTraining) else (jnp.ones(()),)

    def fresh(key: Array) -> State:
        return start(nets.init(key, run.module, image, *told), optimiser)

    return fresh


def write_down(run: Run) -> None:
    """Claims the work directory and writes config, network and splits into it.

    Raises:
        ValueError: the split recorded there is not that of these images.
    """
    workdir.claim(run.folder, run.config)
    path, found = run.folder / "splits.json", run.splits()
    if path.exists() and workdir.read_json(path)["parts"] != found["parts"]:
        raise ValueError(
            f"{path} records other training images than those found now "
            f"({run.train.source}); give the images it names, or another --workdir."
        )
    workdir.write_json(path, found)
    predicts = build.prediction(run.config)
    role = "classifier" if predicts is None else "score"
    shape = run.train.images.shape[1:]
    weights.write(run.folder, run.module, shape, role, predicts)
