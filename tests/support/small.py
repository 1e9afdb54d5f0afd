"""Two tiny networks on digits, trained for a moment, for the tests of commands."""

import dataclasses
import functools
import pathlib
import shutil
import tempfile

from experiments.certification.config import (
    Certification,
)
from experiments.training import loop
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
from purifax.attack import PGD
from purifax.evaluation.attacks import ATTACKS
from purifax.evaluation.settings import Evaluation, Subjects
from purifax.purify import ADP

TINY = {
    "steps": 2,
    "eot": 2,
    "step_size": 0.25,
    "start": "image",
    "loss": "cross_entropy",
    "judge": 2,
    "directions": 2,
    "queries": 4,
}
"""What every attack of the tests may spend, as far as it has such a field."""


def tiny(name, **changes):
    """The attack of a name with the least budget."""
    made = ATTACKS[name]
    known = {field.name for field in dataclasses.fields(made)}
    numbers = {n: v for n, v in TINY.items() if n in known}
    version = getattr(made, "version", None)
    if version is not None:
        kept = {"steps"} | ({"eot"} if version in ("rand", "stochastic") else set())
        kept |= {"judge"} if version == "stochastic" else set()
        kept |= {"queries"} if version != "rand" else set()
        numbers = {n: v for n, v in numbers.items() if n in kept}
    if name == "random":
        numbers["start"] = "random"
    return dataclasses.replace(made, **numbers | changes)


def score_training(steps=40):
    return ScoreTraining(
        data=Data(name="digits"),
        net=ScoreNet(name="SmallScore", fold=2, widths=(16,), blocks=1),
        noise=Noise(law="continuous", smallest=0.05, largest=1.0),
        optim=Optim(learning_rate=5e-3, ema=0.9),
        train=Train(steps=steps, batch=64, validate_every=1000),
        sample=Sample(images=4, levels=2, per_level=1),
    )


def classifier_training(steps=80):
    return ClassifierTraining(
        data=Data(name="digits"),
        net=ClassifierNet(name="MLP"),
        optim=Optim(learning_rate=5e-3, ema=0.0),
        train=Train(steps=steps, batch=64, validate_every=1000),
    )


@functools.cache
def _trained():
    """Both networks, trained once in this process."""
    folder = tempfile.TemporaryDirectory()
    root = pathlib.Path(folder.name)
    loop.train(score_training(), root / "score", None)
    loop.train(classifier_training(), root / "classifier", None)
    return folder


def train(root):
    """Both networks, in root/score and root/classifier."""
    for name in ("score", "classifier"):
        shutil.copytree(pathlib.Path(_trained().name, name), root / name)
    return root


def evaluation(root, **changes):
    """16 digits, two attacks, a purifier of 2 steps and 2 samples."""
    attacks = changes.pop("attacks", ("blind", "exact"))
    if not isinstance(attacks, dict):
        attacks = {name: tiny(name) for name in attacks}
    config = Evaluation(
        images=Subjects(name="digits", count=16),
        score=str(root / "score"),
        classifier=str(root / "classifier"),
        surrogate=str(root / "classifier"),
        purifier=ADP(sigma=0.2, level=0.2, rate=0.3, steps=2),
        samples=2,
        radius=0.2,
        attacks=attacks,
        keys=2,
        chunk=8,
        pictured=8,
        probed=0,
    )
    return dataclasses.replace(config, **changes)


def certification(root, **changes):
    """12 digits, 60 draws; the first 8 attacked at two radii."""
    config = Certification(
        images=Subjects(name="digits", count=12),
        score=str(root / "score"),
        classifier=str(root / "classifier"),
        sigma=0.15,
        selection=20,
        draws=60,
        at_once=20,
        radii=(0.0, 0.1, 2.0),
        attacked=8,
        attack=PGD(steps=3, eot=3, step_size=0.5, start="image", judge=2),
        votes=20,
        chunk=8,
    )
    return dataclasses.replace(config, **changes)
