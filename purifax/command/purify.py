"""Purify image files, a folder of them or an .npz; or a data set, by many workers.

    purifax purify --weights=cifar10_dsm_small --source=cat.png --out=DIR
    purifax purify --config=mine.py --source=cat.png --out=DIR

`--config` names an evaluation: its purifier and score network are used. `--weights`
names weights that come with purifax, and takes the purifier that their card advises.
The purified images keep their names, `purified.png` shows some before and after, and an
.npz keeps its other arrays. Images must have the size that the network was made for.
A file that is refused (`purifax.data.decode` has the rules) is left out and reported,
and the command ends with 1 when all the others are done. What is already in `--out` is
not overwritten.

    purifax purify --weights=cifar10_dsm_small --source=cifar10 --out=DIR
    purifax purify ... --worker=3/8
    purifax purify --out=DIR --status
    purifax purify ... --verify

A named set or a prepared TFDS directory becomes a TFDS data set in `--out`, and so do
a folder or an .npz with `--to=dataset`: in shards, read and written one by one. Any
number of workers may share `--out`, come, go and be killed; the same command goes on,
and on devices of one kind no bit depends on who did what. On SLURM, under Open MPI, in
an indexed Kubernetes job and on a TPU slice they know their numbers. An image that
cannot be read is left out and reported, and the command ends with 1 when all the others
are done.

What is written has checksums: `--status`, `--verify` and the same command again read
all of it and name what was damaged since, and the same command makes that again. It
also reads the source of the shards that are done, and refuses to go on where that has
changed.
"""

import math
import pathlib
import sys
from collections.abc import Callable, Sequence
from typing import Any

from absl import flags

from purifax.command import cards, trust
from purifax.command import flags as flagslib
from purifax.command import worker as workers
from purifax.evaluation.settings import Evaluation
from purifax.recipe import checks
from purifax.run import devices
from purifax.run.progress import say
from purifax.run.stop import Stopped

__all__ = ["main", "run"]

flags.DEFINE_string(
    "source", None, "An image file, a folder, an .npz, a TFDS directory or a set."
)
flags.DEFINE_string("weights", None, "Shipped weights, in place of --config.")
flags.DEFINE_string("out", None, "Where the purified images go: a folder.")
flags.DEFINE_integer(
    "seed",
    0,
    "Of the purifier's noise.",
    lower_bound=0,
    upper_bound=flagslib.LARGEST_SEED,
)
flags.DEFINE_enum(
    "to",
    None,
    ["files", "dataset", "parquet", "webdataset"],
    "Files of the same names, or a data set: TFDS, parquet or WebDataset tars.",
)
flags.DEFINE_string("split", "train", "Of a data set.")
flags.DEFINE_integer("shard_size", 1000, "Images in a shard of a data set, at most.")
flags.DEFINE_float("lease", 600, "Seconds of silence after which a worker is dead.")
flags.DEFINE_bool("npz", False, "Write the whole data set as one .npz, too.")
flags.DEFINE_bool("folder", False, "Write the whole data set as PNG files, too.")
flags.DEFINE_bool("status", False, "Say how far the data set in --out is, and stop.")
flags.DEFINE_bool("verify", False, "Purify a sample again and compare, and stop.")
flags.DEFINE_bool("dry_run", False, "Count the photos, estimate the time, and stop.")
flags.DEFINE_enum(
    "fit",
    "auto",
    ["auto", "tiled", "resized", "exact"],
    "How photos of other sizes are brought to the network; exact leaves them out.",
)
flags.DEFINE_enum(
    "format",
    "same",
    ["same", "png", "jpg", "webp", "tif", "bmp"],
    "Of purified photos.",
)
flags.DEFINE_integer("quality", 95, "Of JPEG files.", lower_bound=1, upper_bound=100)
flags.DEFINE_integer("sample", 64, "Images that --verify compares.")


def main(
    config: Evaluation | None,
    options: flags.FlagValues,
    find: Callable[[str, Sequence[type]], Any] | None = None,
) -> int:
    """Purify `--source` into `--out`, or look at what is there.

    Args:
        find: the config of a name that a card mentions; None takes the numbers that
            are in the card itself.
    """
    needed = ("source",) if options.dry_run else ("source", "out")
    for name in ("out",) if options.status else needed:
        if not options[name].value:
            raise flagslib.UsageError(f"--{name} is needed; see --help.")
    _check(options)
    if options.status:
        from purifax.pipelines import dataset

        return dataset.show(options.out)
    trust.apply(options)
    if config is None:
        config = _advised(options, find)
    if _is_data_set(options):
        return _data_set(config, options)
    return _files(config, options)


def _files(config: Evaluation, options: flags.FlagValues) -> int:
    """Photos or an .npz, as files of the same names."""
    devices.prepare(config.chunk)
    from purifax.pipelines import files, photo_estimate, photo_job

    source, out = pathlib.Path(options.source), pathlib.Path(options.out or "")
    how = photo_job.How(options.fit, options.format, options.quality)
    places = source, options.data_dir, options.seed
    if options.dry_run:
        print(photo_estimate.estimate(config, *places, how))
        return 0
    left_out: list[tuple[str, str]] = []
    try:
        count = files.clean(
            config,
            source,
            out,
            options.data_dir,
            options.seed,
            lambda *file: left_out.append(file),
            how,
        )
    except Stopped as stopped:
        say("stopped; what is written is kept, the same command goes on.")
        return stopped.code
    print(f"{count} image(s) purified into {out}", file=sys.stderr)
    for name, reason in left_out:
        print(f"left out: {name}: {reason}", file=sys.stderr)
    return 1 if left_out else 0


def _check(options: flags.FlagValues) -> None:
    """Refuse numbers and places with which nothing can be written."""
    for name in ("shard_size", "sample", "lease"):
        if not 0 < getattr(options, name) < math.inf:
            raise flagslib.UsageError(
                f"--{name} must be more than 0; got {getattr(options, name)}."
            )
    try:
        checks.seed("--seed", options.seed)
    except ValueError as error:
        raise flagslib.UsageError(f"--seed: {error}") from None
    if options.dry_run and (options.worker or options.status or options.verify):
        raise flagslib.UsageError("--dry_run stands alone, before any work is shared.")
    if not options.out:
        return
    if pathlib.Path(options.out).is_file():
        raise flagslib.UsageError(
            f"--out={options.out} is a file; it must name a folder."
        )
    for name in ("worker", "npz", "folder", "verify") if options.to == "files" else ():
        if options[name].value:
            raise flagslib.UsageError(f"--{name} is for --to=dataset.")
    _check_out(pathlib.Path(options.out), options.source)


def _check_out(out: pathlib.Path, source: str | None) -> None:
    """Refuse a folder that is read, or that is another command's."""
    inside = pathlib.Path(source or "")
    if source and inside.is_dir() and out.resolve().is_relative_to(inside.resolve()):
        raise flagslib.UsageError(
            f"--out={out} lies in --source={source}, whose images it would join; give "
            "a folder beside it."
        )
    for name in ("config.json", "network.json"):
        if (out / name).exists():
            raise flagslib.UsageError(
                f"--out={out} is the work directory of another command (it holds "
                f"{name}); give another --out."
            )


def _advised(
    options: flags.FlagValues, find: Callable[[str, Sequence[type]], Any] | None
) -> Evaluation:
    """The evaluation that the card of `--weights` advises, with these weights."""
    name = options.weights
    advice = cards.advice(name)
    changed = [word for word in sys.argv if word.lstrip("-").startswith("config.")]
    if options.config or changed:
        raise flagslib.UsageError(
            f"--weights={name} stands for --config={advice['config']} "
            f"--config.score={name}; write that, to change something."
        )
    return cards.evaluation(name, advice, find)


def _is_data_set(options: flags.FlagValues) -> bool:
    """Whether a data set is to be made, rather than files."""
    if options.to:
        return options.to != "files"
    if options.worker or options.npz or options.folder or options.verify:
        return True
    from purifax.data import stream_shards, stream_tfds
    from purifax.data.files import is_remote

    if is_remote(options.source):
        return True
    path = pathlib.Path(options.source)
    if path.exists():
        return stream_tfds.is_prepared(path) or stream_shards.holds(path)
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
        form=options.to if options.to in ("parquet", "webdataset") else "tfds",
    )
    if options.verify:
        return dataset.check(config, where, options.sample)
    return dataset.purify(config, where, options.npz, options.folder)


def run(main: Callable[[Any, flags.FlagValues], int | None] = main) -> None:
    """Run this command, with the configs beside the module that defines `main`."""
    instead, places = ("status", "weights"), ("source",)
    flagslib.run(main, (Evaluation,), instead=instead, places=places)
