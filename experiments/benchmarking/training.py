"""Steps of training, by Adam: the score network, and the classifier."""

import jax
import numpy as np
from jax import numpy as jnp

from experiments.benchmarking.subject import CLASSES, Row, Subject, row
from experiments.training import objectives, optimisers, state
from experiments.training.config import (
    ClassifierTraining,
    Data,
    Diffusion,
    DiffusionTraining,
    ScoreTraining,
    Train,
)
from experiments.training.config_energy import Training
from purifax import nets
from purifax.run import devices

__all__ = ["rows"]


def rows(subject: Subject) -> list[Row]:
    """One step of each, its batch shared by the devices."""
    config = subject.config
    common = {"data": Data(name="digits"), "train": Train(steps=1, batch=config.batch)}
    of_score: Training = ScoreTraining(net=config.net, **common)
    if subject.prior.noise is not None:
        loss = Diffusion(objective="edm")
        of_score = DiffusionTraining(net=config.net, diffusion=loss, **common)
    of_classes = ClassifierTraining(net=config.classifier, **common)
    return [
        _one(subject, "score network", of_score, subject.network),
        _one(subject, "classifier", of_classes, subject.classifier),
    ]


def _one(subject: Subject, what: str, training: Training, network: nets.Network) -> Row:
    config = subject.config
    mesh = devices.mesh(config.batch)
    one, split = devices.replicated(mesh), devices.sharded(mesh)
    optimiser = optimisers.of_run(training)
    step = state.make_step(
        objectives.objective(training, network.module),
        optimiser,
        augment=lambda key, x: x,
        decay=optimisers.decay(training.optim, training.train.steps),
        log_every=100,
    )
    shardings = {"in_shardings": (one, one, split, split), "out_shardings": (one, one)}
    take = jax.jit(step, **shardings)
    begun = jax.device_put(state.start(network.variables, optimiser), one)
    key = jax.device_put(subject.key, one)
    batch = jax.device_put(_batch(subject), split)
    run, count = lambda: take(begun, key, *batch), config.batch
    return row("training", what, run, count, config.repeats)


def _batch(subject: Subject) -> tuple[jax.Array, jax.Array]:
    """Random images, uint8, and labels."""
    count, drawn = subject.config.batch, np.random.default_rng(subject.config.seed)
    shape = (count, *subject.images.shape[1:])
    images = jnp.asarray(drawn.integers(0, 256, shape, np.uint8))
    return images, jnp.asarray(drawn.integers(0, CLASSES, count, np.int32))
