"""Tiny training runs on digits, and what they left on disk."""

import dataclasses

import jax
import numpy as np
import orbax.checkpoint as ocp
from etils import epath

from experiments.training import logs
from experiments.training.config import (
    ClassifierNet,
    ClassifierTraining,
    Data,
    Noise,
    Optim,
    Sample,
    ScoreNet,
    ScoreTraining,
    Train,
)

__all__ = ["changed", "classifier_run", "rows", "saved", "score_run", "steps"]

TRAIN = Train(
    steps=12,
    batch=16,
    log_every=4,
    validate_every=8,
    save_every=5,
    validate_images=40,
)


def score_run(**train):
    """A score network of 8 channels, 12 steps."""
    return ScoreTraining(
        data=Data(name="digits", flip=True),
        net=ScoreNet(name="SmallScore", fold=2, widths=(8,), blocks=1),
        noise=Noise(law="continuous", smallest=0.05, largest=1.0),
        optim=Optim(learning_rate=1e-3, ema=0.9),
        train=dataclasses.replace(TRAIN, **train),
        sample=Sample(images=4, smallest=0.05, levels=2, per_level=1),
    )


def classifier_run(**train):
    """A classifier without convolutions, 12 steps."""
    return ClassifierTraining(
        data=Data(name="digits"),
        net=ClassifierNet(name="MLP", widths=(16,)),
        optim=Optim(learning_rate=1e-2, ema=0.0),
        train=dataclasses.replace(TRAIN, **train),
    )


def changed(config, group, **fields):
    """The config with fields of one of its groups replaced."""
    inner = dataclasses.replace(getattr(config, group), **fields)
    return dataclasses.replace(config, **{group: inner})


def rows(folder):
    """Lines of the log without the rate, which is never the same twice."""
    found = logs.read(folder / "metrics.jsonl")
    return [{k: v for k, v in row.items() if k != "rate"} for row in found]


def steps(folder):
    """Steps of the finished checkpoints."""
    found = (folder / "checkpoints").glob("*")
    return sorted(int(path.name) for path in found if path.name.isdigit())


def saved(folder, item="state"):
    """Arrays of the last checkpoint, by name."""
    path = epath.Path(folder).absolute() / "checkpoints" / str(steps(folder)[-1]) / item
    handler = ocp.StandardCheckpointHandler()
    here = jax.sharding.SingleDeviceSharding(jax.local_devices()[0])
    like = jax.tree.map(
        lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=here),
        handler.metadata(path).tree,
    )
    tree = handler.restore(path, args=ocp.args.StandardRestore(like))
    leaves = jax.tree_util.tree_leaves_with_path(tree)
    return {jax.tree_util.keystr(path): np.asarray(leaf) for path, leaf in leaves}
