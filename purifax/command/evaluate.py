"""Evaluate a classifier, bare and defended by purification, under attacks.

    purifax evaluate --list
    purifax evaluate --config.purifier=mypackage.mine:Smooth --config.radius=0.1
    purifax evaluate --config=mine.py
    purifax evaluate --config=mine.py:small --workdir=OUT
    purifax evaluate --config=mine.py --sweep=purifier.sigma=0.1,0.2,0.3
    purifax evaluate --config=mine.py,other.py --workdir=OUT
    purifax evaluate --compare=runs/mine,runs/other --workdir=OUT
    purifax evaluate --config=mine.py --worker=0/2

The function `config()` of the file, or the one that is named behind a colon, returns a
`purifax.evaluation.settings.Evaluation`; without one, it is that of
`purifax.command.start`, digits by the weights that come with the package, of which
every field may be replaced. The command prints a table and writes
record.npz, summary.json, report.md, report.html, pictures and the adversarial images
(parts/) into the work directory. The same command again resumes. With --sweep, once for
each field, it evaluates every combination of values and writes sweep.csv, sweep.json
and, for one field, sweep.png. Several configs, with commas or as a pattern, are
evaluated one after another and set side by side, as --compare does with finished
evaluations.

Several workers may share the work directory and the images, each told its number by
`--worker`, srun, mpirun or launch/local.sh; the last one to end merges their reports.
"""

import pathlib
from collections.abc import Callable
from typing import Any

from absl import flags

from purifax.command import flags as flagslib
from purifax.command import trust
from purifax.command import worker as workers
from purifax.evaluation.settings import Evaluation
from purifax.run import devices
from purifax.run.hold import held

__all__ = ["evaluate", "main", "run"]

flags.DEFINE_string("protocol", None, "Attack as this protocol does; a name or a path.")
flags.DEFINE_list("merge", None, "Work directories whose report is to be made.")
flags.DEFINE_list("compare", None, "Work directories to be set side by side.")
flags.DEFINE_multi_string("sweep", [], "FIELD=VALUE,VALUE: evaluate at every value.")
flags.DEFINE_bool("list_protocols", False, "List the protocols and stop.")
flags.DEFINE_bool("list", False, "List the purifiers and the attacks and stop.")


def main(
    config: Evaluation | dict[str, Evaluation] | None, options: flags.FlagValues
) -> None:
    """Evaluate `config` in the work directory of the options, or join others."""
    if config is None:
        _check_joining(options)
        return merge(options) if options.merge else compare(options)
    worker = workers.number(options)
    devices.prepare(_chunk(config, options))
    trust.apply(options)
    command, folder = flagslib.typed(), pathlib.Path(options.workdir)

    def one(config: Evaluation, inside: pathlib.Path) -> None:
        evaluate(config, inside, options.data_dir, command)

    if worker[1] > 1:
        from purifax.evaluation import workers as dividing

        dividing.run(_alone(config, options), folder, worker, one, command)
    elif isinstance(config, dict):
        from purifax.evaluation import many

        many.run(config, folder, one, command)
    elif options.sweep:
        from purifax.evaluation import sweep

        sweep.run(config, options.sweep, folder, one)
    else:
        one(config, folder)


def _check_joining(options: flags.FlagValues) -> None:
    """Refuse what would have no effect beside `--merge` or `--compare`."""
    one, *others = (
        name
        for name in ("merge", "compare", "config", "protocol", "sweep", "worker")
        if options[name].value
    )
    if others:
        raise flagslib.UsageError(
            f"--{one} takes finished evaluations; leave out --{others[0]}."
        )


def _alone(
    config: Evaluation | dict[str, Evaluation], options: flags.FlagValues
) -> Evaluation:
    """The one config that workers may share."""
    if isinstance(config, dict) or options.sweep:
        raise flagslib.UsageError(
            "workers share one evaluation: one --config and no --sweep, or "
            "--distributed=off."
        )
    return config


def _chunk(
    config: Evaluation | dict[str, Evaluation], options: flags.FlagValues
) -> int:
    """The largest chunk of images that will be worked on at once."""
    if not isinstance(config, dict):
        return config.chunk
    if options.sweep:
        raise flagslib.UsageError("--sweep takes one config; name one with --config.")
    return max(one.chunk for one in config.values())


def merge(options: flags.FlagValues) -> None:
    """Make one report of the work directories named by `--merge`."""
    from purifax.evaluation import merging
    from purifax.report import files

    if options.workdir is None:
        raise flagslib.UsageError("--merge needs --workdir, where the report goes.")
    out = pathlib.Path(options.workdir)
    folders = [pathlib.Path(folder) for folder in options.merge]
    with held(out):
        print(files.text(merging.merge(folders, out, flagslib.typed())))
    print(f"report: {out / 'report.html'}")


def compare(options: flags.FlagValues) -> None:
    """Set the work directories named by `--compare` side by side."""
    from purifax.report import compare as comparing

    if options.workdir is None:
        raise flagslib.UsageError("--compare needs --workdir, where the table goes.")
    out = pathlib.Path(options.workdir)
    folders = [pathlib.Path(folder) for folder in options.compare]
    with held(out):
        comparing.compare(folders, out, flagslib.typed())
    print((out / "comparison.md").read_text(encoding="utf-8"))
    print(f"comparison: {out / 'comparison.html'}")


def evaluate(
    config: Evaluation,
    folder: pathlib.Path,
    data_dir: str | None,
    command: str,
    began: float | None = None,
) -> None:
    """Evaluate, report and print.

    Args:
        command: to be told to the user for resuming, and written in the report.
        began: `time.monotonic()` when the whole command began, training included.

    Raises:
        Stopped: a signal asked for it; finished parts are saved.
        Held: another process holds the folder.
    """
    from purifax.evaluation import engine, whole
    from purifax.report import files, plots_detection
    from purifax.run.recipes import place
    from purifax.run.stop import Stop, Stopped

    made = config.purifier
    word = "no" if made is None else getattr(made, "place", "") or place(type(made))
    title = f"{config.images.name}: {word} purification"
    with held(folder):
        with Stop() as stop:
            work = engine.set_up(config, folder, data_dir)
            found = whole.perform(work, stop, title=title, command=command, began=began)
        if found is None:
            words = f"stopped; finished parts are saved. To resume: {command}"
            raise Stopped(words, stop.number)
        summary = files.write(folder, found.findings)
        if found.norms:
            plots_detection.write(folder, found.norms)
        print(files.text(summary))
    print(f"report: {folder / 'report.html'}")


def run(main: Callable[[Any, flags.FlagValues], int | None] = main) -> None:
    """Run this command, with the configs beside the module that defines `main`."""
    named = {"instead": ("merge", "compare"), "several": True}
    start = str(pathlib.Path(__file__).with_name("start.py"))
    default = start if main.__module__ == __name__ else None
    flagslib.run(main, (Evaluation,), default, **named)
