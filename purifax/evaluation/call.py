"""`purifax.evaluate`: an evaluation of any classifier and purifier in one call."""

import contextlib
import pathlib
import threading
import typing
from collections.abc import Iterator, Sequence
from typing import Any

from purifax.evaluation import arguments, engine, networks, workers
from purifax.evaluation.images import given, share
from purifax.evaluation.plan import Run
from purifax.evaluation.settings import Evaluation, Subjects
from purifax.evaluation.whole import perform
from purifax.recipe.kinds import PURIFIER
from purifax.report import plots_detection
from purifax.report.display import Report
from purifax.run import defaults
from purifax.run.hold import held
from purifax.run.stop import Stop, Stopped
from purifax.threat import L1, L2, Linf

__all__ = ["evaluate"]

DEFAULT_ATTACKS = ("blind", "bpda", "exact")


@defaults.usual()
def evaluate(
    classifier: Any,
    images: Any,
    labels: Any,
    *,
    purifier: Any = None,
    score: Any = None,
    energy: Any = None,
    surrogate: Any = None,
    threat: Linf | L2 | L1 | None = None,
    attacks: Any = DEFAULT_ATTACKS,
    samples: int = 10,
    pooling: str = "probabilities",
    keys: int = 5,
    seed: int = 0,
    names: Sequence[str] | None = None,
    calibration: Any = None,
    workdir: str | pathlib.Path | None = None,
    worker: tuple[int, int] = (0, 1),
    **more: Any,
) -> Report:
    """Evaluates a classifier, bare and purified, under attacks.

    Args:
        classifier: `(x) -> logits [K]` of one image [H, W, C] in [0, 1]; or the name or
            folder of a network; or "package.module:name".
        images: [N, H, W, C], uint8, or floats in [0, 1].
        labels: integers [N].
        purifier: a recipe such as `purify.ADP(sigma=0.1)`, its name, any
            `(key, x) -> x`, or None for the bare classifier.
        score: of the purifier: `(x, sigma) -> like x`, or a name or folder.
        energy: `(x) -> []`, or a name or folder, where the purifier needs one.
        surrogate: another classifier, for attacks that transfer.
        threat: `Linf`, `L2` or `L1`, by default Linf of 8/255.
        attacks: a protocol ("full", or the path of a file); or names, recipes and
            callables `(key, x, label) -> x_adv`, mixed, as a sequence or as a mapping
            from names of your own. See `purifax.attack` for recipes, and
            `attack.own.Own` for what a callable may ask for.
        samples: purification samples pooled in one answer.
        pooling: "probabilities", "logits" or "vote".
        keys: fresh keys under which every answer is given.
        seed: of all keys.
        names: of the classes.
        calibration: clean images [N, H, W, C] that are not evaluated, for purifiers
            that are calibrated on such.
        workdir: a folder in which everything is stored as it is done; the same call
            resumes there. None keeps it in memory.
        worker: this process and how many there are, each making the same call; they
            share the work directory, and the last one merges their reports.
        more: further fields of `evaluation.Evaluation`, such as `chunk`, `sweep`,
            `swept`, `surface`, `memory` and `skip_wrong`.

    Returns:
        The report: the table in a terminal, the page in a notebook; see `Report`. Of
        several workers that of all, or of this one's share while others are at work.

    Raises:
        ValueError: arguments that make no sense, or a work directory of another call.
        Held: another process is at work in the work directory.
        Stopped: the process was asked to stop; what is finished is in the work
            directory.

    >>> import jax.numpy as jnp, numpy as np
    >>> brighter = lambda x: jnp.stack([0.4 - jnp.mean(x), jnp.mean(x) - 0.4])
    >>> x = np.stack([np.full((2, 2, 1), v, np.float32) for v in (0.2, 0.7)])
    >>> report = evaluate(brighter, x, [0, 1], attacks=["exact"], threat=Linf(0.1))
    >>> report.accuracy("exact").value
    1.0
    """
    arguments.check_worker(worker, workdir)
    norm, radius = arguments.limits(threat)
    shown = arguments.shown(given(images, labels, names), classifier, names)
    roles = {
        "classifier": classifier,
        "score": score,
        "energy": energy,
        "surrogate": surrogate,
    }
    config = Evaluation(
        images=Subjects(name="given images", count=len(shown)),
        **{name: networks.called(found, name) for name, found in roles.items()},
        purifier=None if purifier is None else arguments.recipe(PURIFIER, purifier),
        samples=samples,
        pooling=pooling,
        threat=norm,
        radius=radius,
        keys=keys,
        seed=seed,
        **arguments.fields(more),
    )
    config = arguments.under(config, attacks)
    config.check()

    def clean() -> Any:
        if calibration is None:
            raise ValueError(
                "this purifier is calibrated on clean images that are not evaluated: "
                "give calibration=images, or its limit."
            )
        return given(calibration, [0] * len(calibration)).images

    reports = []

    def one(config: Evaluation, folder: pathlib.Path | None) -> None:
        loaded = engine.load(config, share(shown, config.images), roles, clean)
        with contextlib.nullcontext() if folder is None else held(folder):
            reports.append(_report(engine.plan(config, folder, loaded)))

    if worker[1] == 1:
        one(config, None if workdir is None else pathlib.Path(workdir))
        return reports[0]
    folder = pathlib.Path(typing.cast(str, workdir))
    workers.run(config, folder, worker, one, _command(config))
    merged = (folder / "summary.json").is_file()
    return Report.read(folder) if merged else reports[0]


def _command(config: Evaluation) -> str:
    return f"purifax.evaluate(...)  # {config.classifier}"


def _report(work: Run) -> Report:
    """Runs an evaluation to its end."""
    config, bare = work.config, work.config.purifier is None
    title = (
        "the bare classifier"
        if bare
        else f"{arguments.word(config.purifier)} purification"
    )
    command = _command(config)
    with _stop() as stop:
        found = perform(
            work, stop, title=f"{config.images.name}: {title}", command=command
        )
    if found is None:
        words = "the evaluation was asked to stop; the same call resumes it."
        raise Stopped(words, stop.number)
    report = Report(found.findings)
    if work.folder is not None:
        report.save(work.folder)
        if found.norms:
            plots_detection.write(work.folder, found.norms)
    return report


@contextlib.contextmanager
def _stop() -> Iterator[Stop]:
    """Signals ask for a stop where this is the main thread; elsewhere nothing does."""
    stop = Stop()
    if threading.current_thread() is threading.main_thread():
        with stop:
            yield stop
    else:
        yield stop
