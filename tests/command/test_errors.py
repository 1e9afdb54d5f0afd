"""Wrong input of every command: one line that says what to do, and a code above 0.

Each row is a command line, its exit code (2: the line is wrong, 1: the work failed) and
words of the answer. `{tmp}` is a folder with an empty folder, a text file and damaged
archives, `{run}` one that is not there. Commands run in this process; all of these stop
before anything is compiled.
"""

import errno
import pathlib

import commands
import numpy as np
import pytest

import experiments
from purifax.run import workdir

PLAIN = "--config.score=digits_dsm --config.classifier=digits_classifier"
ABSENT = "--config.score=runs/digits_dms"
EVALUATE = f"evaluate --config=digits_adp {PLAIN} --workdir={{run}}"
TRAIN = "train --config=digits_dsm --workdir={run}"
CERTIFY = f"certify --config=digits_certify {PLAIN} --workdir={{run}}"
PURIFY = "purify --weights=digits_dsm --out={run}"
POISON = "poison --config=digits_poison --workdir={run}"
GRID = "evaluate_poison --config=digits_poison_grid --workdir={run}"
ROWS = [
    # Nothing, or a wrong word.
    ("train", 2, "--config=NAME is needed. Known: cifar"),
    ("evaluate", 2, "--config=NAME is needed. Known: celebahq_eyeglasses,"),
    ("certify", 2, "--config=NAME is needed. Known: cifar10_certify, digits_"),
    ("poison", 2, "--config=NAME is needed. Known: digits_poison."),
    ("evaluate_poison", 2, "--config=NAME is needed. Known: cifar10_poison_grid,"),
    ("convert", 2, "--from=FAMILY is needed; families: adp, "),
    ("purify --config=digits_adp", 2, "--source is needed; see --help"),
    ("ship", 2, "NAME is needed: NAME WORKDIR"),
    ("ship digits_dsm", 2, "WORKDIR is needed: NAME WORKDIR"),
    ("train --confg=digits_dsm", 2, "unknown flag --confg; did you mean --config?"),
    ("mixture digits", 2, "'digits' is not a flag; write --config=NAME"),
    ("train --config=digits_dms", 2, "'digits_dms'; did you mean digits_dsm?"),
    ("evaluate --config=digits_apd", 2, "'digits_apd'; did you mean digits_adp?"),
    ("train --config={tmp}/none.py", 2, "there is no config file {tmp}/none.py"),
    ("train --config=digits_adp", 2, "digits_adp is of type Evaluation; this comm"),
    ("benchmark --config=digits_dsm", 2, "this command takes Evaluation or Bench"),
    ("quickstart --config=digits_dsm", 2, "this command takes Evaluation: "),
    ("mixture --config=digits_adp", 2, "this command takes Mixture: mixture_sampl"),
    ("density --config=digits_adp", 2, "this command takes Density: plane_density"),
    ("accelerate --config=digits_adp", 2, "this command takes Acceleration: digit"),
    ("poison --config=digits_poison_grid", 2, "this command takes Poisoning: dig"),
    ("evaluate_poison --config=digits_poison", 2, "takes PoisonGrid: cifar10_poi"),
    ("evaluate --config=digits_adp --protocol=crocce", 2, "did you mean croce?"),
    ("evaluate --config=digits_adp,digits_dds", 2, "need --workdir for their resu"),
    # Types.
    (f"{TRAIN} --config.train.step=1", 2, "did you mean --config.train.steps?"),
    (f"{TRAIN} --config.train.steps=many", 2, "'many' is not of type int"),
    (f"{EVALUATE} --config.radius=wide", 2, "'wide' is not of type float"),
    ("mixture --config.points=x", 2, "'x' is not of type int"),
    ("benchmark --config=digits_adp --images=some", 2, "flag --images=some: invalid"),
    (f"{PURIFY} --source=digits --to=folder", 2, "should be one of <files|dataset|"),
    (f"{PURIFY} --source=digits --worker=3", 2, "--worker=3 must be like 0/4"),
    # Ranges.
    (f"{TRAIN} --config.train.steps=0", 1, "Train.steps must be 1 or more; got 0"),
    (f"{TRAIN} --config.train.batch=0", 1, "Train.batch must be 1 or more; got 0"),
    (f"{TRAIN} --config.noise.largest=0.01", 1, "Noise.largest must be 0.05 or more"),
    (
        f"{TRAIN} --config.data.validation=2",
        1,
        "validation must be 0 or more and less",
    ),
    (f"{EVALUATE} --config.images.count=9999", 1, "but digits has 500 test images"),
    (f"{EVALUATE} --config.radius=-1", 1, "radius must be 0 or more, in [0, 1] pixel"),
    (f"{EVALUATE} --config.chunk=0", 1, "chunk must be 1 or more; got 0"),
    (f"{EVALUATE} --config.keys=0", 1, "keys must be 1 or more; got 0"),
    (f"{EVALUATE} --sweep=purifier.sigma", 2, "has no values; write FIELD=VALUE,VA"),
    (f"{CERTIFY} --config.sigma=-1", 1, "sigma must be more than 0; got -1"),
    (f"{CERTIFY} --config.draws=0", 1, "draws must be 1 or more; got 0"),
    (f"{CERTIFY} --config.images.count=0", 1, "but digits has 500 test images"),
    (f"{PURIFY} --source=digits --worker=3/2", 2, "workers count from 0 to 1"),
    (f"{PURIFY} --source=digits --shard_size=0", 2, "--shard_size must be more than"),
    ("benchmark --config=digits_adp --images=0", 2, "must be 1 or more"),
    ("benchmark --config=digits_adp --chains=-3", 2, "--chains 0 or more"),
    (f"{POISON} --config.images.train=99999", 1, "digits has 1297 training images"),
    ("mixture --config.calls=0 --workdir={run}", 1, "calls must be 4 or more"),
    ("density --config.steps=0 --workdir={run}", 1, "steps must be 1 or more; got"),
    # Names of networks, methods, sets.
    (f"{TRAIN} --config.net.name=SmallScor", 1, "did you mean SmallScore?"),
    (f"{TRAIN} --config.optim.name=adamw2", 1, "did you mean adamw?"),
    (f"{TRAIN} --config.data.name=digit", 1, "Did you mean 'digits'?"),
    (f"{EVALUATE} --config.purifier=adb", 2, "did you mean adp?"),
    (f"{EVALUATE} --config.attacks=blnd", 2, "did you mean blind?"),
    (f"{EVALUATE} --config.images.split=all", 1, "must be 'test', or 'validation'"),
    (f"{EVALUATE} --config.purifier.time=0.1", 2, "ADP has no field time"),
    (f"{EVALUATE} --sweep=purifier.time=1,2", 2, "ADP has no field time"),
    (f"{POISON} --config.poison=tapp", 2, "did you mean tap?"),
    (f"{GRID} --config.poisons=lspp", 2, "did you mean lsp?"),
    (f"{GRID} --config.defences=jpg:3", 2, "did you mean jpeg?"),
    (f"{GRID} --config.defences=jpeg:300", 2, "JPEG.quality must be from 1 to 100"),
    (f"{POISON} --config.poison.level=-1", 1, "LSP.level must be more than 0"),
    (f"{POISON} --config.poison.radius=1", 2, "LSP has no field radius"),
    (f"{POISON} --config.poison=none", 1, "poison is none; name one"),
    ("cost --pixels=8", 2, "--pixels must be 32 or more"),
    ("cost --pixels=many", 2, "--pixels=many"),
    ("tones --seed=-1", 2, "flag --seed=-1: -1 is not"),
    ("tones --sede=1", 2, "unknown flag --sede"),
    ("benchmark --config.parts=networks --workdir={run}", 2, "mean network?"),
    ("mixture --config.samplers=ddimm --workdir={run}", 2, "no sampler 'ddimm'. K"),
    (f"{PURIFY} --source=digit", 1, "Did you mean 'digits'?"),
    (f"{PURIFY} --source=digits --split=valid", 1, "must be 'train' or 'test'"),
    ("convert --from=diffuser {tmp}/empty {run}", 2, "did you mean diffusers?"),
    ("convert --from=edm {tmp}/file {run} --groups=3", 2, "no flag of edm"),
    # Networks of another role, or of other images.
    (f"{EVALUATE} --config.score=digits_classifier", 1, "which gives no score"),
    (f"{EVALUATE} --config.classifier=digits_dsm", 1, "of role 'score'; name the wo"),
    (f"{EVALUATE} --config.score=mnist_dsm", 1, "28 x 28 x 1; these are 8 x 8 x 1"),
    (f"{CERTIFY} --config.classifier=digits_dsm", 1, "of role 'score'; name the work"),
    (f"{CERTIFY} --config.score=mnist_dsm", 1, "28 x 28 x 1; these are 8 x 8 x 1"),
    (f"benchmark --config=digits_adp {PLAIN} --config.score=mnist_dsm", 1, "28 x 28"),
    (
        f"accelerate {PLAIN} --config.classifier=digits_ddpm --workdir={{run}}",
        1,
        "of role 'score'; name the work",
    ),
    ("purify --weights=digits_classifier --source=x --out=y", 2, "advises no purifier"),
    (f"{PURIFY} --source={{tmp}}/wide.npz", 1, "9 x 8 x 1; the score network of"),
    # What is not there.
    (f"evaluate --config=digits_adp {ABSENT}", 1, "Did you mean 'digits_dsm'?"),
    (f"certify --config=digits_certify {ABSENT}", 1, "work directory runs/digits_dms"),
    ("accelerate", 1, "there is no work directory runs/quickstart/digits"),
    (f"benchmark --config=digits_adp {ABSENT}", 1, "work directory runs/digits_dms"),
    ("train --config=mnist_dsm --data_dir={tmp}/none", 1, "{tmp}/none does not exist"),
    ("evaluate --compare={tmp}/empty,{tmp}/x --workdir={run}", 1, "has no summary"),
    ("evaluate --compare={tmp}/empty,{tmp}/x", 2, "--compare needs --workdir"),
    ("evaluate --merge={tmp}/empty --workdir={run}", 1, "two work directories or"),
    ("purify --weights=digits_dms --source=x --out=y", 1, "known: cifar10_classifier"),
    (f"{PURIFY} --source={{tmp}}/none.png", 1, "there is no file or folder {tmp}/non"),
    (f"{PURIFY} --source={{tmp}}/empty", 1, "holds no image; known endings"),
    ("purify --status --out={tmp}/none", 1, "holds no job: there is no job.json"),
    ("convert --from=diffusers {tmp}/none {run}", 1, "has a config.json"),
    ("ship digits_dsm {tmp}/empty --root={run}", 1, "no training finished"),
    # What cannot be read.
    (
        f"{TRAIN} --config.data.name=npz --data_dir={{tmp}}/broken.npz",
        1,
        "broken.npz is not a readable .npz file (it is no zip",
    ),
    (
        f"{TRAIN} --config.data.name=folder --data_dir={{tmp}}/empty",
        1,
        "holds no images (.bmp",
    ),
    (f"{PURIFY} --source={{tmp}}/broken.npz", 1, "not a readable .npz file (it is no"),
    (f"{PURIFY} --source={{tmp}}/cut.npz", 1, "not a readable .npz file (it is no"),
    (f"{PURIFY} --source={{tmp}}/spoilt.npz", 1, "truncated or damaged (Bad CRC-32"),
    (f"{PURIFY} --source={{tmp}}/floats.npz", 1, "float64 (3, 8, 8, 1); uint8 [N"),
    (f"{PURIFY} --source={{tmp}}/words.png", 1, "cannot be read as an image"),
    ("convert --from=ncsnv2 {tmp}/broken.npz {run}", 1, "of an unknown form"),
    ("convert --from=ncsnv2 {tmp}/floats.npz {run}", 1, "no NCSNv2 checkpoint"),
    # What stands in the way.
    ("train --config=digits_dsm --workdir={tmp}/file", 2, "is a file; --workdir must"),
    (f"{PURIFY} --source=digits --out={{tmp}}/file", 2, "is a file; it must name a f"),
    ("purify --weights=digits_dsm --source={tmp}/grey.npz --out={tmp}/file/x", 1, "/x"),
    (f"{PURIFY} --source=x --config.purifier.sigma=1", 2, "stands for --config=digits"),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """What the rows speak of."""
    tmp = tmp_path_factory.mktemp("errors")
    (tmp / "empty").mkdir()
    (tmp / "file").write_text("words\n")
    (tmp / "words.png").write_text("no picture\n")
    (tmp / "broken.npz").write_bytes(b"PK no")
    np.savez(tmp / "floats.npz", images=np.zeros((3, 8, 8, 1)))
    whole = (tmp / "floats.npz").read_bytes()
    (tmp / "cut.npz").write_bytes(whole[: len(whole) // 2])
    (tmp / "spoilt.npz").write_bytes(whole.replace(bytes(99), b"x" * 99, 1))
    np.savez(tmp / "grey.npz", images=np.zeros((3, 8, 8, 1), np.uint8))
    np.savez(tmp / "wide.npz", images=np.zeros((3, 9, 8, 1), np.uint8))
    return tmp


@pytest.mark.parametrize("line, code, words", ROWS, ids=[row[0] for row in ROWS])
def test_wrong_input_is_one_line_that_says_what_to_do(
    folder, tmp_path, capsys, monkeypatch, line, code, words
):
    monkeypatch.chdir(folder)
    run = tmp_path / "run"
    left, _, told = commands.run(capsys, line.format(tmp=folder, run=run))
    assert told.startswith("error: ") and told.count("\n") == 1, told
    assert words.format(tmp=folder) in told, told
    assert left == code
    assert not run.exists(), "a wrong run claims a folder"


def test_every_command_has_rows():
    there = pathlib.Path(experiments.__file__).parent
    verbs = {path.stem for path in there.glob("[a-z]*.py")}
    assert verbs == {row[0].split()[0] for row in ROWS}


@pytest.mark.parametrize("line", [TRAIN, EVALUATE, CERTIFY, POISON, GRID])
def test_a_full_disk_is_said_with_what_to_do(tmp_path, capsys, monkeypatch, line):
    def full(path, *more, **options):
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr(workdir, "write_json", full)
    left, _, told = commands.run(capsys, line.format(run=tmp_path / "run"))
    assert left == 1 and told.count("\n") == 1
    assert "No space left on device" in told and "Free some space" in told
