"""Findings with outcomes that are known exactly, for tests of the report."""

import math

import numpy as np

from purifax.record import Record
from purifax.report.pictures import Pictures
from purifax.report.types import Findings, Result, curve

__all__ = [
    "KEYS",
    "N",
    "PROOF",
    "RADIUS",
    "RESULTS",
    "contents",
    "example",
    "outcomes",
    "result",
]

N, KEYS, RADIUS = 60, 4, 8 / 255
PROOF = {
    "length": 3.0,
    "states": 10.0,
    "state_gap": 0.0,
    "stored_gap": 2e-7,
    "width": 0.001,
    "median": 0.004,
    "worst": 0.03,
    "same_states": True,
    "same_when_stored": True,
    "slopes_agree": True,
}


def outcomes(clean, attacked, keys=KEYS, distance=RADIUS, images=N, first=0):
    """A record of exactly these rates, the same images hard under both."""
    label = np.arange(images) % 3

    def answers(rate):
        right = np.arange(images * keys).reshape(images, keys) < rate * images * keys
        return np.where(right, label[:, None], (label[:, None] + 1) % 3)

    return Record(
        index=np.arange(images) + first + 100,
        label=label,
        clean=answers(clean),
        attacked=answers(attacked),
        distance=np.full(images, distance, np.float32),
    )


def result(model, attack, gradient, attacked, clean=0.9, **changed):
    keys = 1 if model == "undefended" else KEYS
    radius = changed.get("radius", RADIUS)
    record = outcomes(clean, attacked, keys, radius)
    budget = {"steps": 40, "eot": 15, "step_size": 2 / 255}
    given = {"threat": "Linf", "radius": RADIUS, "budget": budget, "record": record}
    given |= {"seeds": {"attack": 7}, "seconds": 12.25, "evaluations": 1_234_567}
    return Result(model, attack, gradient, **given | changed)


RESULTS = (
    result("undefended", "PGD", "exact", 0.1, 1.0),
    result("defended", "blind PGD", "blind", 0.85),
    result("defended", "BPDA+EOT", "bpda", 0.7),
    result("defended", "exact PGD+EOT", "exact", 0.45),
)


def example(**changed):
    step = np.arange(N)[:, None] / N
    images = np.random.default_rng(0).uniform(size=(3, 5, 6, 6, 3))
    given = {
        "title": "A <small> & honest report",
        "dataset": "three classes",
        "num_classes": 3,
        "results": RESULTS,
        "sweep": (result("defended", "BPDA+EOT", "bpda", 0.2, radius=0.5),),
        "curves": (
            curve("runs", "vote", [1, 2, 3], step < [[0.5, 0.6, 0.7]], panel="a"),
            curve("runs", "logits", [1, 2, 3], step < [[0.4, 0.6, 0.8]], panel="b"),
            curve("restarts", "no attack", [0, 5], step < [[0.9, 0.8]], keys=2),
        ),
        "pictures": Pictures(
            *images,
            *np.array([[0, 1, 2, 0, 1]] * 4),
            "PGD",
            ("a", "b"),
            np.stack([images[0, :2], images[2, :2]], 1),
            (0, 5),
        ),
        "models": {"defended": "purified"},
        "seeds": {"training": 3},
        "versions": {"jax": "0.10"},
        "hashes": {"score": "sha256:ab12"},
        "settings": {"sigma": 0.25, "unknown": math.nan},
        "seconds": 99.5,
        "command": "python -m experiments.evaluate --config=example",
        "notes": ("a note",),
    }
    return Findings(**given | changed)


def contents(folder):
    """The bytes of every file below a folder, by its path there."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}
