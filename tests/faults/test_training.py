"""Numbers, images and work directories with which nothing may be trained."""

import dataclasses
import functools
import json
import pathlib
import shutil
import tempfile

import jax
import numpy as np
import pytest
from bad_input import Fault, Line
from training_runs import changed, classifier_run, score_run

from experiments.benchmarking.config import Benchmark
from experiments.certification.config import Certification
from experiments.examples.config_acceleration import Acceleration
from experiments.examples.config_density import Density
from experiments.examples.config_mixture import Mixture
from experiments.poisoning.config import (
    Avatar,
    Eclipse,
    PoisonGrid,
    PureGen,
    Shares,
    Transfer,
    Victim,
)
from experiments.training import loop
from experiments.training.config import (
    ClassifierNet,
    Data,
    Diffusion,
    Drawing,
    EnergyNet,
    Noise,
    Optim,
    Sample,
    ScoreNet,
    Train,
)
from experiments.training.config_energy import Chains, Guard, Strip, Switch
from purifax import weights
from purifax.evaluation.settings import Subjects
from purifax.fleet.start import decide
from purifax.run import hold
from purifax.run.hold import held

CLASSIFIER, SCORE = "train --config=digits_classifier", "train --config=digits_dsm"
NET = ClassifierNet(name="MLP")
COLOUR = ClassifierNet(name="ResNet", depth=8, mean=(0.5, 0.5, 0.5))


@functools.cache
def _trained():
    folder = tempfile.TemporaryDirectory()
    loop.train(classifier_run(steps=3, save_every=1), pathlib.Path(folder.name), None)
    return folder


def run(folder):
    """A finished training with the checkpoints 2 and 3."""
    return pathlib.Path(shutil.copytree(_trained().name, folder / "run"))


def again(folder):
    loop.train(classifier_run(steps=3, save_every=1), folder / "run", None)


def with_file(name, content, act=again):
    """A finished training of which one file has another content."""

    def acted(folder):
        (run(folder) / name).write_bytes(content)
        act(folder)

    return acted


def flip(path, at=0.5, bit=3):
    content = bytearray(path.read_bytes())
    content[int(at * len(content))] ^= 1 << bit
    path.write_bytes(bytes(content))


def data_of(checkpoint, item="ema"):
    """The largest file of an item."""
    files = (path for path in (checkpoint / item).rglob("*") if path.is_file())
    return max(files, key=lambda path: path.stat().st_size)


def load_damaged(damage):
    def acted(folder):
        checkpoint = run(folder) / "checkpoints" / "3"
        damage(checkpoint)
        weights.load(folder / "run")

    return acted


def all_damaged(folder):
    for checkpoint in (run(folder) / "checkpoints").glob("*"):
        flip(data_of(checkpoint, "state"))
    again(folder)


def images(folder, name="train", **arrays):
    """An .npz of 60 grey images of three classes, or of what is given."""
    rng = np.random.default_rng(0)
    plain = {
        "images": rng.integers(0, 256, (60, 8, 8, 1), np.uint8),
        "labels": np.arange(60) % 3,
        "names": np.array(["a", "b", "c"]),
    }
    pathlib.Path(folder, "set").mkdir(exist_ok=True)
    np.savez(folder / "set" / f"{name}.npz", **plain | arrays)


def on(made=classifier_run, test=None, settings=None, **train):
    """A training on images that were made so."""

    def acted(folder):
        images(folder, "train", **train)
        images(folder, "test", **(train if test is None else test))
        config = changed(made(), "data", name="npz", flip=False, **settings or {})
        loop.train(config, folder / "run", str(folder / "set"))

    return acted


def wide(count):
    return np.zeros((60, 8, 8, count), np.uint8)


def made(cls, **fields):
    return lambda folder: cls(**fields)


def ranges(cls, *rows, **always):
    """A row for each field out of its range."""
    return [
        Fault("ranges", f"{cls.__name__}.{f}={v}", made(cls, **always, **{f: v}), says)
        for f, v, says in rows
    ]


def hold_and_train(folder):
    with held(folder / "run"):
        again(folder)


def another_host(folder):
    with held(folder / "run"):
        words = json.loads((folder / "run" / hold.NAME).read_text())
    (folder / "run").mkdir()
    words |= {"machine": "elsewhere", "node": "elsewhere"}
    (folder / "run" / hold.NAME).write_text(json.dumps(words))
    again(folder)


def hold_run(folder):
    (folder / "run").mkdir()
    words = {"machine": "elsewhere", "node": "elsewhere", "process": 7, "started": "1"}
    words |= {"since": "now", "command": "a training", "token": "x"}
    (folder / "run" / hold.NAME).write_text(json.dumps(words))


def start(**environment):
    return lambda folder: decide(environment)


ROWS = [
    *ranges(
        Optim,
        ("learning_rate", -1.0, "learning_rate must be more than 0; got -1"),
        ("learning_rate", 0.0, "learning_rate must be more than 0"),
        ("learning_rate", float("inf"), "learning_rate must be .* and finite"),
        ("beta1", 1.0, "beta1 must be 0 or more and less than 1"),
        ("beta2", -0.1, "beta2 must be 0 or more and less than 1"),
        ("eps", 0.0, "eps must be more than 0"),
        ("momentum", 1.5, "momentum must be 0 or more and less than 1"),
        ("weight_decay", -1e-4, "weight_decay must be 0 or more"),
        ("warmup", -1, "warmup must be 0 or more"),
        ("clip", 0.0, "clip must be more than 0"),
        ("ema", 1.0, "ema must be 0 or more and less than 1"),
        ("ema", -0.5, "ema must be 0 or more"),
        ("factor", 0.0, "factor must be more than 0"),
        ("name", "adm", "did you mean adam"),
        ("drops", (0.5,), "drops are for schedule=drops"),
        ("schedule", "drops", "drops are for schedule=drops, and needed there"),
        ("schedule", "cosin", "did you mean cosine"),
    ),
    *ranges(
        Train,
        ("batch", -1, "batch must be 1 or more"),
        ("log_every", 0, "log_every must be 1 or more"),
        ("validate_every", 0, "validate_every must be 1 or more"),
        ("save_every", -5, "save_every must be 1 or more"),
        ("keep", 0, "keep must be 1 or more"),
        ("seed", -1, "seed must be a whole number from 0"),
        ("seed", 2**32, "seed must be a whole number from 0"),
        ("validate_images", -1, "validate_images must be 1 or more"),
        steps=3,
    ),
    *ranges(
        Data,
        ("validation", 1.0, "validation must be 0 or more and less than 1"),
        ("validation", -0.1, "validation must be 0 or more"),
        ("split_seed", -1, "split_seed must be a whole number"),
        ("crop", -1, "crop must be 0 or more"),
        name="digits",
    ),
    *ranges(
        Noise,
        ("smallest", 0.0, "smallest must be more than 0"),
        ("largest", 0.001, "largest must be 0.02 or more"),
        ("levels", 0, "levels must be 1 or more"),
        ("law", "lader", "did you mean ladder"),
    ),
    *ranges(
        Sample,
        ("images", -1, "images must be 0 or more"),
        ("levels", 0, "levels must be 1 or more"),
        ("per_level", 0, "per_level must be 1 or more"),
        ("rate", -1.0, "rate must be more than 0"),
    ),
    *ranges(
        Diffusion,
        ("length", 1, "length must be 2 or more"),
        ("first", 0.0, "first must be more than 0"),
        ("last", 1.5, "last must be 0 or more and less than 1"),
        ("cap", 0.0, "cap must be more than 0"),
        ("weight", -1.0, "weight must be 0 or more"),
        ("deviation", 0.0, "deviation must be more than 0"),
        ("spread", -0.5, "spread must be more than 0"),
        ("label_scale", 0.0, "label_scale must be more than 0"),
        ("labels", 0, "labels must be 1 or more"),
        ("mean", float("inf"), "mean must be from -20 to 20"),
        ("objective", "simpel", "did you mean simple"),
    ),
    *ranges(
        Drawing,
        ("steps", 0, "steps must be 1 or more"),
        ("images", -2, "images must be 0 or more"),
        ("sampler", "ancestrel", "did you mean ancestral"),
    ),
    *ranges(
        ScoreNet,
        ("width", 0, "width must be 1 or more"),
        ("widths", (8, 0), "widths must be 1 or more; got 0"),
        ("widths", (), "widths is empty"),
        ("blocks", 0, "blocks must be 1 or more"),
        ("fold", -2, "fold must be 1 or more"),
        ("spread", 0.0, "spread must be more than 0"),
        ("dropout", 1.0, "dropout must be 0 or more and less than 1"),
        ("groups", 0, "groups must be 1 or more"),
        ("multiples", (1.0, -2.0), "multiples must be more than 0"),
        ("attention", (-1,), "attention must be 0 or more"),
        ("activation", "swich", "did you mean swish"),
        ("dtype", "float16", "dtype is 'float16'"),
        name="SmallScore",
    ),
    *ranges(
        ClassifierNet,
        ("widths", (0,), "widths must be 1 or more"),
        ("depth", 0, "depth must be 1 or more"),
        ("widen", -1, "widen must be 1 or more"),
        ("std", (0.0,), "std must be more than 0"),
        ("mean", (float("inf"),), "mean must be from"),
        name="MLP",
    ),
    *ranges(EnergyNet, ("hidden", 0, "hidden must be 1"), name="SmallEnergy"),
    *ranges(
        Chains,
        ("preset", "pureebm_cod", "did you mean pureebm_code"),
        ("temperature", 0.0, "temperature must be more than 0"),
        ("epsilon", -1.0, "epsilon must be more than 0"),
        ("steps", 0, "steps must be 1 or more"),
        ("bank", -1, "bank must be 0 or more"),
        ("start", "dta", "did you mean data"),
        ("when", "durin", "Chains.when is 'durin'"),
        ("rejuvenation", 2.0, "rejuvenation must be from 0 to 1"),
        ("data_noise", -0.1, "data_noise must be 0 or more"),
    ),
    *ranges(Switch, ("at", 0.0, "more than 0"), ("at", 2.0, "from 0 to 1")),
    *ranges(Guard, ("gap", 0.0, "more than 0"), ("patience", 0, "more than 0")),
    *ranges(Strip, ("at", (5, 1), "from few to many"), ("images", -1, "0 or more")),
    *ranges(
        Shares,
        ("train", 0, "train must be 1 or more"),
        ("sparse", -1, "sparse must be 0 or more"),
        ("test", -3, "test must be 1 or more"),
        name="digits",
    ),
    *ranges(
        Victim,
        ("batch", 0, "batch must be 1 or more"),
        ("crop", -1, "crop must be 0 or more"),
        ("optim", Optim(warmup=9), "warmup=9 does not end in a run of 9 steps"),
        net=NET,
        steps=9,
    ),
    *ranges(Victim, ("steps", 0, "steps must be 1 or more"), net=NET),
    *ranges(Transfer, ("how", "linaer", "mean linear"), ("steps", 0, "1 or more")),
    *ranges(Eclipse, ("copies", -1, "0 or more"), ("enlarge", "flop", "mean flip")),
    *ranges(Avatar, ("learns", "clear", "did you mean clean")),
    *ranges(PureGen, ("learns", "others", "did you mean other")),
    *ranges(
        PoisonGrid,
        ("seeds", (0, -1), "seeds must be a whole number"),
        ("chunk", 0, "chunk must be 1 or more"),
        images=Shares(name="digits"),
        victim=Victim(net=NET, steps=3),
    ),
    *ranges(
        Certification,
        ("sigma", float("inf"), "sigma must be more than 0, and finite"),
        ("seed", -1, "seed must be a whole number from 0"),
        ("copies_sigma", float("inf"), "copies_sigma must be 0 or more"),
        images=Subjects(name="digits"),
        score="digits_dsm",
        classifier="digits_classifier",
    ),
    *ranges(
        Benchmark,
        ("channels", 0, "channels must be 1 or more"),
        ("peak", 0, "peak must be 1 or more"),
        ("eot", (0,), "eot must be 1 or more"),
        ("seed", -1, "seed must be a whole number from 0"),
    ),
    *ranges(
        Density,
        ("learning_rate", 0.0, "learning_rate must be more than 0"),
        ("deviations", (0.1, -0.1, 0.1), "deviations must be more than 0"),
        ("weights", (0.0, 0.5, 0.5), "weights must be more than 0"),
        ("step_size", float("inf"), "step_size must be more than 0"),
        ("seed", -1, "seed must be a whole number from 0"),
    ),
    *ranges(
        Mixture,
        ("deviations", (0.0, 0.1, 0.1), "deviations must be more than 0"),
        ("means", ((0.1,), (0.2, 0.3), (0.1, 0.1)), "points of the plane"),
        ("means", (), "equally many"),
        ("last", 0.0, "last must be more than 0"),
    ),
    *ranges(
        Acceleration,
        ("rates", (0.1, -1.0), "rates must be more than 0"),
        ("alpha", 0.0, "alpha must be more than 0"),
        ("filtered", 0, "filtered must be 1 or more"),
        score="digits_dsm",
        classifier="digits_classifier",
    ),
    Fault(
        "ranges",
        "smoothing of 2",
        lambda f: dataclasses.replace(classifier_run(), smoothing=2.0),
        "smoothing must be 0 or more and less than 1; got 2",
    ),
    Line("ranges", f"{CLASSIFIER} --config.optim.learning_rate=-1", "more than 0"),
    Line("ranges", f"{CLASSIFIER} --config.smoothing=2", "less than 1; got 2"),
    Line("ranges", f"{CLASSIFIER} --config.net.widths=0", "widths must be 1 or more"),
    Line("agreement", f"{SCORE} --config.optim.warmup=1600", "does not end in a run"),
    Fault(
        "agreement",
        "a warm-up as long as the run",
        lambda f: changed(classifier_run(), "optim", warmup=12),
        "warmup=12 does not end in a run of 12 steps",
    ),
    *[
        Fault(
            "agreement",
            f"drops at {drops} after a warm-up of {warmup}",
            lambda f, given=given: changed(classifier_run(), "optim", **given),
            "drops must be rising fractions of the run",
        )
        for drops, warmup in [
            ((1.0,), 0),
            ((1.5,), 0),
            ((0.0,), 0),
            ((-0.5,), 0),
            ((0.5, 0.25), 0),
            ((0.5, 0.51), 0),
            ((0.25, 0.75), 4),
        ]
        for given in [{"schedule": "drops", "drops": drops, "warmup": warmup}]
    ],
    Fault("agreement", "all images held out", on(settings={"validation": 0.999}), "no"),
    Fault(
        "agreement",
        "a class held out",
        on(settings={"validation": 0.96}),
        "leaves no training image of 1 of the classes, such as",
    ),
    Fault(
        "agreement",
        "nothing held out that should be",
        on(settings={"validation": 0.001}),
        "data.validation=0.001 of 60 images is none",
    ),
    Line(
        "agreement",
        f"{CLASSIFIER} --config.data.validation=0.99999",
        "data.validation=0.99999 of 1297 images leaves none to train on",
    ),
    Fault(
        "agreement",
        "test images of other classes",
        on(test={"names": np.array(["a", "b", "d"])}),
        "name different classes; make them agree",
    ),
    Fault(
        "agreement",
        "test images of more classes",
        on(test={"names": np.array(["a", "b", "c", "d"])}),
        "name different classes; make them agree",
    ),
    Fault(
        "agreement",
        "test images of another size",
        on(test={"images": np.zeros((60, 9, 8, 1), np.uint8)}),
        r"training images are \[8, 8, 1\] and test images \[9, 8, 1\]",
    ),
    Fault(
        "agreement",
        "test images in colour",
        on(test={"images": wide(3)}),
        r"training images are \[8, 8, 1\] and test images \[8, 8, 3\]",
    ),
    Fault(
        "agreement",
        "one class only",
        on(labels=np.zeros(60, int), names=np.array(["a"])),
        "images of one class only",
    ),
    Fault(
        "agreement",
        "labels of one of three classes",
        on(labels=np.ones(60, int)),
        "images of one class only",
    ),
    Fault("agreement", "four channels", on(images=wide(4)), "images of 4 channels"),
    Fault("agreement", "two channels", on(score_run, images=wide(2)), "C = 1 or 3"),
    Fault(
        "agreement",
        "a crop as wide as the image",
        on(settings={"crop": 8}),
        "crop=8 may crop from images of 8 x 8 pixels",
    ),
    Fault(
        "agreement",
        "means of three channels for grey images",
        on(lambda: dataclasses.replace(classifier_run(), net=COLOUR)),
        r"net.mean has 3 numbers, but the images have 1 channel",
    ),
    *[
        Fault("damage", f"{name} of {content}", with_file(name, content), says)
        for name, content, says in [
            ("splits.json", b"[]", "splits.json must hold a dictionary"),
            ("splits.json", b"5", "splits.json must hold"),
            ("splits.json", b"", "splits.json is not valid JSON"),
            ("splits.json", b"\xff", "splits.json is not valid JSON"),
            ("config.json", b"[]", "config.json must hold a dictionary"),
            ("config.json", b'{"ki', "config.json is not valid JSON"),
            ("summary.json", b"[]", "summary.json must hold a dict"),
            ("summary.json", b"{}", "summary.json is damaged: it has no steps"),
        ]
    ],
    Fault("damage", "every checkpoint", all_damaged, r"whole \(3: state/.*; 2: state/"),
    *[
        Fault("damage", f"the weights: {name}", load_damaged(damage), says)
        for name, damage, says in [
            ("a bit of the data", lambda c: flip(data_of(c)), "3 is damaged: ema/"),
            ("a bit of a name", lambda c: flip(c / "ema" / "_METADATA"), "_METADATA"),
            ("a bit of a digest", lambda c: flip(c / "digests.json"), "digests.json"),
            ("a file cut", lambda c: data_of(c).write_bytes(b"1"), "as it was written"),
            ("a file lost", lambda c: data_of(c).unlink(), "is missing"),
            ("an item lost", lambda c: shutil.rmtree(c / "ema"), "it has no ema"),
            ("no digests", lambda c: (c / "digests.json").unlink(), "json is missing"),
            ("a bit of Orbax's", lambda c: flip(c / "_CHECKPOINT_METADATA"), "as it"),
        ]
    ],
    Fault("two at once", "a training on this machine", hold_and_train, "is held by"),
    Fault("two at once", "a training elsewhere", another_host, "on elsewhere since"),
    *[
        Line(
            "two at once", f"{line} --workdir=run", "run is held by process 7", hold_run
        )
        for line in (
            "train --config=digits_classifier",
            "evaluate --config=digits_adp",
            "certify --config=digits_certify",
            "poison --config=digits_poison",
            "evaluate_poison --config=digits_poison_grid",
            "density",
            "mixture",
            "accelerate",
            "benchmark",
            "evaluate --config=digits_adp --sweep=purifier.sigma=0.1,0.2",
            "purifax evaluate",
        )
    ],
    Fault("start", "PMI_RANK=2 of 2", start(PMI_RANK="2", PMI_SIZE="2"), "from 0"),
    Fault("start", "PMI_RANK=x", start(PMI_RANK="x", PMI_SIZE="2"), "must be a number"),
    *[
        Fault(
            "start",
            f"a coordinator {where!r}",
            start(
                PURIFAX_COORDINATOR=where,
                PURIFAX_NUM_PROCESSES="2",
                PURIFAX_PROCESS_ID="0",
            ),
            "must be host:port of process 0",
        )
        for where in ("node1", ":29517", "node1:", "node1:x", "node1:0", "node1:70000")
    ],
]


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_bad_input_is_one_clear_line(row, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    row.refused(tmp_path, capsys)


def test_a_finished_training_is_left_alone(tmp_path):
    folder = run(tmp_path)
    before = jax.tree.leaves(weights.load(folder).variables)
    again(tmp_path)
    after = jax.tree.leaves(weights.load(folder).variables)
    assert all((a == b).all() for a, b in zip(before, after, strict=True))
