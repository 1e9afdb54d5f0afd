"""Purifies image files, a folder of them or an .npz; or a data set, by many workers.

    python -m experiments.purify --weights=cifar10_dsm_small --source=cat.png --out=DIR
    python -m experiments.purify --config=cifar10_adp_small --source=cat.png --out=DIR

`--config` names an evaluation: its defence and score network are used. `--weights`
names weights that come with purifax, and takes the defence their card advises. The
purified images keep their names, `purified.png` shows some before and after, and an
.npz keeps its other arrays. Images must have the size the network was made for. What
is already in `--out` is not overwritten.

    python -m experiments.purify --config=cifar10_adp_small --source=cifar10 --out=DIR
    python -m experiments.purify ... --worker=3/8
    python -m experiments.purify --out=DIR --status
    python -m experiments.purify ... --verify

A named set or a prepared TFDS directory becomes a TFDS data set in `--out`, and so do
a folder or an .npz with `--to=dataset`: in shards, read and written one by one. Any
number of workers may share `--out`, come, go and be killed; the same command goes on,
and no bit depends on who did what. On SLURM, under Open MPI, in an indexed Kubernetes
job and on a TPU slice they know their numbers. An image that cannot be read is left
out and told, and the command ends with 1 when all the others are done.
"""

import dataclasses
import pathlib
import sys

from absl import flags

from purifax.command import flags as flagslib
from purifax.command import worker as workers
from purifax.evaluation.settings import (
    Evaluation,
)
from purifax.run import devices

__all__ = ["main"]

flags.DEFINE_string(
    "source", None, "An image file, a folder, an .npz, a TFDS directory or a set."
)
flags.DEFINE_string("weights", None, "Shipped weights, in place of --config.")
flags.DEFINE_string("out", None, "Where the purified images go: a folder.")
flags.DEFINE_integer("seed", 0, "Of the purifier's noise.")
flags.DEFINE_enum(
    "to", None, ["files", "dataset"], "Files of the same names, or a TFDS data set."
)
flags.DEFINE_string("split", "train", "Of a data set.")
flags.DEFINE_integer("shard_size", 1000, "Images in a shard of a data set, at most.")
flags.DEFINE_float("lease", 600, "Seconds of silence after which a worker is dead.")
flags.DEFINE_bool("npz", False, "Write the whole data set as one .npz, too.")
flags.DEFINE_bool("status", False, "Say how far the data set in --out is, and stop.")
flags.DEFINE_bool("verify", False, "Purify a sample again and compare, and stop.")
flags.DEFINE_integer("sample", 64, "Images that --verify compares.")


def main(config: Evaluation | None, options: flags.FlagValues) -> int:
    """Purifies `--source` into `--out`; or looks at what is there."""
    for name in ("out",) if options.status else ("source", "out"):
        if not options[name].value:
            raise flagslib.UsageError(f"--{name} is needed; see --help.")
    _check(options)
    if options.status:
        from purifax.pipelines import dataset

        return dataset.show(options.out)
    if config is None:
        config = _advised(options)
    if _is_data_set(options):
        return _data_set(config, options)
    devices.prepare(config.chunk)
    from purifax.pipelines import files

    source, out = pathlib.Path(options.source), pathlib.Path(options.out)
    count = files.clean(config, source, out, options.data_dir, options.seed)
    print(f"{count} image(s) purified into {out}", file=sys.stderr)
    return 0


def _check(options: flags.FlagValues) -> None:
    """Refuses numbers and places with which nothing can be written."""
    for name in ("shard_size", "sample", "lease"):
        if not options[name].value > 0:
            raise flagslib.UsageError(
                f"--{name} must be more than 0; got {options[name].value}."
            )
    if pathlib.Path(options.out).is_file():
        raise flagslib.UsageError(
            f"--out={options.out} is a file; it must name a folder."
        )


def _advised(options: flags.FlagValues) -> Evaluation:
    """The evaluation that the card of `--weights` advises, with these weights."""
    from purifax import weights

    name = options.weights
    changed = [word for word in sys.argv if word.lstrip("-").startswith("config.")]
    advice = weights.card(name)["purify"]
    if advice is None:
        known = [n for n in weights.names() if weights.card(n)["purify"]]
        raise flagslib.UsageError(
            f"the card of {name} advises no purifier; those of {', '.join(known)} do."
        )
    if options.config or changed:
        raise flagslib.UsageError(
            f"--weights={name} stands for --config={advice['config']} "
            f"--config.score={name}; write that, to change something."
        )
    config = flagslib.find(advice["config"], (Evaluation,))
    return dataclasses.replace(config, score=name)


def _is_data_set(options: flags.FlagValues) -> bool:
    """Whether a data set is to be made, rather than files."""
    if options.to:
        return options.to == "dataset"
    if options.worker or options.npz or options.verify:
        return True
    from purifax.data import stream_tfds
    from purifax.data.files import is_remote

    if is_remote(options.source):
        return True
    path = pathlib.Path(options.source)
    if path.exists():
        return path.is_dir() and stream_tfds.is_prepared(path)
    return "/" not in options.source and not path.suffix  # the name of a set


def _data_set(config: Evaluation, options: flags.FlagValues) -> int:
    """This process's part of a data set."""
    worker = workers.number(options)
    devices.prepare(config.chunk)
    from purifax.pipelines import dataset

    where = dataset.Place(
        source=options.source,
        out=options.out,
        data_dir=options.data_dir,
        split=options.split,
        shard_size=options.shard_size,
        seed=options.seed,
        worker=worker,
        lease=options.lease,
    )
    if options.verify:
        return dataset.check(config, where, options.sample)
    return dataset.purify(config, where, options.npz)


if __name__ == "__main__":
    flagslib.run(main, (Evaluation,), instead=("status", "weights"))
