"""Command lines that no command takes: one line each, and nothing is written."""

import pathlib

import numpy as np
import pytest
from bad_input import Fault, Line
from PIL import Image

from purifax import bridge, fleet
from purifax.data.files import place
from purifax.evaluation.settings import Evaluation, Subjects
from purifax.run import workdir
from purifax.weights import folders


def file(name, text):
    """Makes one file, given the working directory."""

    def make(folder):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    return make


def picture(folder):
    """One image of digits' size in `pics`."""
    (folder / "pics").mkdir()
    Image.fromarray(np.zeros((8, 8), np.uint8)).save(folder / "pics" / "a.png")


def other(folder):
    """A work directory of another kind of config, `other`."""
    file("other/config.json", '{"kind": "nothing"}')(folder)


def unfinished(folder):
    """What a training of 10 steps leaves after its fifth."""
    (folder / "checkpoints" / "5" / "ema").mkdir(parents=True)
    file("config.json", '{"kind": "x", "train": {"steps": 10}}')(folder)
    return folder


def raising(words):
    return file("mine.py", f"def config():\n    {words}\n")


TRAIN = "train --config=digits_dsm --workdir=w"
NETS = "--config.classifier=digits_classifier --config.score=digits_dsm --workdir=w"
EVALUATE = f"evaluate --config=digits_adp {NETS}"
PURIFY = "purify --weights=digits_dsm"
SEED = "from 0 to 4294967295"
MINE = "train --config=mine.py"


def seed(command, flag, value=-1):
    return Line("seeds", f"{command} --{flag}={value}", SEED)


SEEDS = [
    seed(TRAIN, "config.train.seed"),
    seed(TRAIN, "config.train.seed", 2**32),
    seed(TRAIN, "config.data.split_seed", 2**64),
    seed("train --config=digits_ddpm", "config.train.seed", 2**64),
    seed("train --config=digits_ebm", "config.train.seed"),
    seed(EVALUATE, "config.seed", 2**32),
    seed(EVALUATE, "config.images.seed"),
    seed(EVALUATE, "config.images.split_seed"),
    seed("certify --config=digits_certify", "config.seed"),
    seed("poison --config=digits_poison", "config.seed", 2**32),
    seed("poison --config=digits_poison", "config.images.split_seed"),
    seed("evaluate_poison --config=digits_poison_grid", "config.seeds", "0,4294967296"),
    seed("benchmark", "config.seed"),
    seed("mixture", "config.seed", 2**64),
    seed("density", "config.seed"),
    seed("accelerate", "config.seed", 2**32),
    Line("seeds", "tones --seed=4294967296", r"range \[0, 4294967295\]"),
    Line("seeds", f"{PURIFY} --source=digits --out=o --seed=-1", "range .0, 42949"),
    Line("seeds", f"{PURIFY} --source=digits --out=o --seed=1.5", "flag --seed=1.5"),
    seed("purifax evaluate", "config.seed"),
    Fault("seeds", "of a bridge", lambda f: bridge.Keys(seed=-1), SEED),
    Fault("seeds", "of a batch", lambda f: fleet.batched_purifier(abs, -1, 2), SEED),
    Fault(
        "seeds",
        "of an evaluation in half",
        lambda f: Evaluation(Subjects("digits"), "x", seed=0.5),
        "type int",
    ),
    Fault("seeds", "of images", lambda f: Subjects("digits", seed=2**32), SEED),
]
CONFIGS = [
    Line("configs", MINE, "mine.py, line 2: ZeroDivisionError", raising("1 / 0")),
    Line(
        "configs",
        "train --config=mine.py:leaves",
        "SystemExit: bye",
        file("mine.py", "def leaves():\n    raise SystemExit('bye')\n"),
    ),
    Line(
        "configs",
        "evaluate --config=mine.py",
        "mine.py, line 2: AssertionError",
        raising("assert False"),
    ),
    Line(
        "configs",
        "certify --config=mine.py",
        "mine.py, line 2: MemoryError",
        raising("raise MemoryError"),
    ),
    Line(
        "configs",
        "density --config=mine.py",
        "mine.py is of type NoneType",
        raising("return None"),
    ),
    Line(
        "configs",
        "poison --config=mine.py",
        "ModuleNotFoundError: No module named 'nosuch'",
        file("mine.py", "import nosuch\n"),
    ),
    Line(
        "configs",
        "mixture --config=mine.py",
        "^error: mine.py: SyntaxError",
        lambda folder: (folder / "mine.py").write_bytes(b"\xff\xfe\x00\x01"),
    ),
    Line(
        "configs",
        "evaluate --config=digits_adp --protocol=mine.py",
        "mine.py is of type int",
        file("mine.py", "def protocol(config):\n    return 5\n"),
    ),
    Line("configs", f"train --config={'a' * 300}.py", "too long.*shorter path"),
]
FLAGS = [
    Line("flags", "train --config=", "--config= is empty; give a value"),
    Line("flags", "train --config=digits_dsm --workdir=", "--workdir= is empty"),
    Line("flags", "train --config=mnist_dsm --data_dir=", "--data_dir= is empty"),
    Line("flags", f"{PURIFY} --source= --out=o", "--source= is empty"),
    Line("flags", f"{PURIFY} --source=digits --out=", "--out= is empty"),
    Line("flags", "evaluate --config=digits_adp --protocol=", "--protocol= is empty"),
    Line("flags", f"{EVALUATE} --sweep=", "--sweep= is empty"),
    Line("flags", f"{EVALUATE} --trust=nosuch.mod", "there is no such module"),
    Line("flags", f"{EVALUATE} --worker=١/٢", "must be like 0/4"),
    Line(
        "flags",
        "evaluate --merge=a,b --compare=c,d --workdir=w",
        "--merge takes finished evaluations; leave out --compare",
    ),
    Line(
        "flags",
        "evaluate --compare=a,b --config=digits_adp --workdir=w",
        "leave out --config",
    ),
    Line("flags", f"{PURIFY} --source=digits --out=o --lease=inf", "more than 0"),
    Line(
        "flags",
        f"{PURIFY} --source=pics --out=o --to=files --npz",
        "--npz is for --to=dataset",
        picture,
    ),
    Line(
        "flags",
        f"{PURIFY} --source=pics --out=o --to=files --worker=0/2",
        "--worker is for --to=dataset",
        picture,
    ),
    Line(
        "flags",
        "benchmark --config=digits_adp --chains=1 --gradient_memory",
        "exclude each other",
    ),
    Line("flags", "train --config=digits_dsm --qqq=3", "known: (?!.*chex).*--config"),
    Line("flags", "benchmark --images=3", "--images is for the config of an evalu"),
    Line("flags", "purifax infos", "'infos' is no verb; did you mean info?"),
]
NUMBERS = [
    Line("numbers", f"{TRAIN} --config.train.steps={10**20}", "jax counts to 21474836"),
    Line("numbers", f"{EVALUATE} --config.keys={2**31}", "jax counts to 21474836"),
    Line(
        "numbers",
        f"{TRAIN} --config.optim.learning_rate=inf",
        "than 0, and finite; got inf",
    ),
    Line("numbers", f"{TRAIN} --config.optim.learning_rate=-1", "more than 0; got -1"),
    Line("numbers", f"{TRAIN} --config.optim.clip=-1", "more than 0; got -1"),
    Line("numbers", f"{TRAIN} --config.optim.warmup=-3", "0 or more; got -3"),
    Line("numbers", f"{TRAIN} --config.optim.beta2=1", "less than 1; got 1"),
    Line("numbers", f"{TRAIN} --config.optim.drops=2,3", "are for schedule=drops"),
    Line("numbers", f"{TRAIN} --config.sample.levels=0", "1 or more; got 0"),
    Line("numbers", f"{TRAIN} --config.sample.images=-4", "0 or more; got -4"),
    Line("numbers", f"{TRAIN} --config.noise.largest=inf", "and finite; got inf"),
    Line("numbers", f"{TRAIN} --config.data.crop=8", "crop=8 may crop"),
    Line("numbers", f"{TRAIN} --config.data.crop=-1", "0 or more; got -1"),
    Line(
        "numbers",
        "train --config=digits_classifier --config.smoothing=7",
        "smoothing must be 0 or more and less than 1; got 7",
    ),
    Line(
        "numbers",
        "train --config=digits_ddpm --config.diffusion.length=0",
        "length must be 2 or more",
    ),
    Line(
        "numbers",
        "train --config=digits_ddpm --config.diffusion.first=-1",
        "first must be more than 0",
    ),
    Line("numbers", f"{EVALUATE} --config.probed=-1", "0 or more images; got -1"),
    Line("numbers", f"{EVALUATE} --config.pictured=-1", "0 or more images; got -1"),
    Line("numbers", f"{EVALUATE} --config.sweep=-1,2", "radii of 0 or more"),
    Line("numbers", f"{EVALUATE} --config.attacks.exact=none", "exact is none; name"),
    Line(
        "numbers",
        "evaluate --config=digits_adp --config.classifier= --config.score=digits_dsm",
        "classifier is empty; name",
    ),
    Line(
        "numbers",
        "poison --config=digits_poison --config.victim.batch=0",
        "Victim.batch must be 1 or more",
    ),
    Line(
        "numbers",
        "poison --config=digits_poison --config.chunk=0",
        "chunk must be 1 or more",
    ),
    Line(
        "numbers",
        "evaluate_poison --config=digits_poison_grid --config.victim.steps=-1",
        "Victim.steps must be 1 or more",
    ),
]
PLACES = [
    Line("places", "train --config=digits_dsm --workdir=s3://b/x", "folder on a disk"),
    Line("places", "mixture --workdir=GS://b/x", "folder on a disk"),
    Line("places", "tones --workdir=s3://b/x", "folder on a disk"),
    Line("places", "train --config=mnist_dsm --data_dir=s3://b/x", "folder on a disk"),
    Line("places", f"{PURIFY} --source=xx://b/x --out=o", "'xx://', which is unknown"),
    Line(
        "places",
        f"{PURIFY} --source=pics --out=s3://b/x --to=files",
        "--out must be a folder on a disk",
        picture,
    ),
    Fault("places", "a store of no kind", lambda f: place("xx://b/x"), "gs:// or s3"),
    Fault(
        "places",
        "a work directory in a store",
        lambda f: workdir.check(pathlib.Path("s3://b/x"), None),
        "must be a folder on a disk",
    ),
    Line("places", "tones --workdir=a", "a is a file; --workdir", file("a", "words")),
    Line("places", "mixture --workdir=a/b", "a is no folder", file("a", "words")),
    Line(
        "places",
        "train --config=digits_dsm --workdir=link",
        "link is no folder",
        lambda folder: (folder / "link").symlink_to(folder / "nowhere"),
    ),
]
CHAINED = [
    Line("chained", f"{PURIFY} --source=pics --out=pics", "lies in --source", picture),
    Line(
        "chained",
        f"{PURIFY} --source=pics --out=pics/../pics/new",
        "lies in --source",
        picture,
    ),
    Line(
        "chained",
        "purifax purify --weights=digits_dsm --source=pics --out=pics/new",
        "a folder beside it",
        picture,
    ),
    Line(
        "chained",
        f"{PURIFY} --source=digits --out=other",
        "work directory of another command",
        other,
    ),
    Line(
        "chained",
        "train --config=digits_classifier --config.data.name=folder --data_dir=pics "
        "--workdir=./pics",
        "is --data_dir, too",
        picture,
    ),
    Line(
        "chained",
        "density --workdir=job",
        "holds job.json, which another command wrote",
        file("job/job.json", "{}"),
    ),
    Line(
        "chained",
        f"{TRAIN.replace('=w', '=net')}",
        "holds network.json",
        file("net/network.json", "{}"),
    ),
    Fault(
        "chained",
        "a training on its way",
        lambda f: folders.arrays(unfinished(f)),
        "unfinished training .5 of 10 steps.: run its command again",
    ),
    Line("chained", "mixture --workdir=other", "another config: kind is noth", other),
]
ROWS = [*SEEDS, *CONFIGS, *FLAGS, *NUMBERS, *PLACES, *CHAINED]


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_bad_input_is_one_clear_line(row, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    row.refused(tmp_path, capsys)
