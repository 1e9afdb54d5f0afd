"""What a training run is made of: images, split, network, keys, devices."""

import dataclasses
import pathlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array
from jax.sharding import Mesh

from experiments.training import (
    energy,
    energy_recipes,
    fitting,
    multiprocess,
    networks,
    optimisers,
)
from experiments.training.config import ClassifierTraining
from experiments.training.config_energy import (
    EnergyTraining,
    Training,
)
from experiments.training.state import State, start
from experiments.training.validation import Validation
from purifax import data, nets
from purifax.data.sources import OWN
from purifax.data.split import parts_record
from purifax.run import devices, workdir
from purifax.weights import network_folders

__all__ = ["Run", "first_state", "placing", "set_up", "shapes", "write_down"]


@dataclass(frozen=True)
class Run:
    """A run; nothing here changes while it trains.

    Attributes:
        train, held: the images trained on, and those of validation.
        test: the images of the final number of a classifier; None otherwise.
        validation: measures variables on images; compiled once for the whole run.
        k_start, k_steps, k_validate, k_pictures, k_bank: keys by role.
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
    k_bank: Array

    def recipe(self) -> energy_recipes.Recipe:
        """The numbers of the chains of an energy's run."""
        return energy_recipes.recipe(self.config.chains)

    def splits(self) -> dict[str, Any]:
        """Where the images came from, and which are trained on; for JSON."""
        settings = self.config.data
        return {
            "set": settings.name,
            "source": self.train.source,
            "validation": settings.validation,
            "seed": settings.split_seed,
            "parts": parts_record(
                {"train": self.train.index, "validation": self.held.index}
            ),
        }


def set_up(config: Training, folder: pathlib.Path, data_dir: str | None) -> Run:
    """Loads and splits the images and builds the network; writes nothing.

    Raises:
        ValueError: a name or number in the config that does not fit.
        DataError: the images are not found.
    """
    networks.check(config)
    mesh = devices.mesh(config.train.batch)
    images = data.load(config.data.name, "train", data_dir)
    classifies = isinstance(config, ClassifierTraining)
    test = data.load(config.data.name, "test", data_dir) if classifies else None
    fitting.check_images(images, test)
    fitting.check_crop(config.data.crop, images.images.shape[1:])
    for part in (images, test):
        if part is not None and config.data.name in OWN:
            multiprocess.tell(part.summary())
    split = data.splits(images.labels, config.data.validation, config.data.split_seed)
    module = networks.network(
        config.net,
        images.images.shape[-1],
        len(images.names),
        variance=networks.learns_variance(config),
    )
    fitting.check_split(config.data, images, split, classifies)
    if isinstance(config, EnergyTraining):
        energy_recipes.fit(config, len(split["train"]), mesh.size)
    return Run(
        config,
        folder,
        mesh,
        images.take(split["train"]),
        images.take(split["validation"]),
        test,
        module,
        Validation(config, module, mesh),
        *jax.random.split(jax.random.key(config.train.seed), 5),
    )


def placing(run: Run) -> State:
    """Where the state is: a copy on every device, and a share of the bank."""
    one, split = devices.replicated(run.mesh), devices.sharded(run.mesh)
    bank = split if _banked(run) else None
    return State(one, one, one, one, one, bank)


def _banked(run: Run) -> bool:
    return isinstance(run.config, EnergyTraining) and run.recipe().banked


def shapes(run: Run) -> State:
    """The shapes of the state, and where its parts are, as in `placing`.

    Raises:
        ValueError: the network does not take images of this shape.
    """
    fresh = jax.eval_shape(_fresh(run), run.k_start)
    if _banked(run):
        shape = (run.recipe().size(len(run.train)), *run.train.images.shape[1:])
        bank = jax.ShapeDtypeStruct(shape, jnp.float32)
        fresh = dataclasses.replace(fresh, bank=bank)

    def placed(where: Any, part: Any) -> Any:
        return jax.tree.map(
            lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=where),
            part,
        )

    return jax.tree.map(placed, placing(run), fresh)


def first_state(run: Run) -> State:
    """The state before the first step, placed as `placing` says.

    On a CPU it is compiled without optimisation, which takes a fifth of the time for
    the same numbers.
    """
    cpu = run.mesh.devices.flat[0].platform == "cpu"
    options = {"xla_backend_optimization_level": 0} if cpu else None
    where = placing(run)
    alone = dataclasses.replace(where, bank=None)
    fresh = jax.jit(_fresh(run), out_shardings=alone, compiler_options=options)
    state = fresh(devices.everywhere(run.k_start, run.mesh))
    if not _banked(run):
        return state
    bank = energy.first_bank(run.k_bank, run.train.images, run.recipe())
    return dataclasses.replace(state, bank=devices.put(bank, where.bank))


def _fresh(run: Run) -> Callable[[Array], State]:
    """How the state before the first step is made from a key."""
    config = run.config
    optimiser = optimisers.of_run(config)
    image = jnp.zeros(run.train.images.shape[1:])
    told = (jnp.ones(()),) if networks.knows_noise(config) else ()

    def fresh(key: Array) -> State:
        state = start(nets.init(key, run.module, image, *told), optimiser)
        if not isinstance(config, EnergyTraining):
            return state
        total = {name: jnp.zeros(()) for name in energy.seen(run.recipe())}
        return dataclasses.replace(state, total=total)

    return fresh


def write_down(run: Run) -> None:
    """Claims the work directory and writes config, network and splits into it.

    The first process does so for all.

    Raises:
        ValueError: the split recorded there is not that of these images.
    """
    if not multiprocess.first():
        return
    workdir.claim(run.folder, run.config)
    path, found = run.folder / "splits.json", run.splits()
    if path.exists() and workdir.read_json(path, "parts")["parts"] != found["parts"]:
        raise ValueError(
            f"{path} records other training images than those found now "
            f"({run.train.source}); give the images it names, or another --workdir."
        )
    workdir.write_json(path, found)
    predicts, shape = networks.prediction(run.config), run.train.images.shape[1:]
    if isinstance(run.config, EnergyTraining):
        heat = energy_recipes.recipe(run.config.chains).temperature
        network_folders.write(run.folder, run.module, shape, "energy", temperature=heat)
        return
    role = "classifier" if predicts is None else "score"
    network_folders.write(run.folder, run.module, shape, role, predicts)
