"""`purifax.evaluate`: an evaluation of any classifier and purifier in one call."""

import contextlib
import dataclasses
import pathlib
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from purifax import data
from purifax.evaluation import engine, networks, workers
from purifax.evaluation.attacks import ATTACKS
from purifax.evaluation.images import given, share
from purifax.evaluation.plan import Run
from purifax.evaluation.settings import Evaluation, Subjects
from purifax.evaluation.whole import perform
from purifax.recipe import ATTACK, PURIFIER, Kind, is_recipe, nearest
from purifax.report import plots_detection
from purifax.report.display import Report
from purifax.run import lookup, recipes
from purifax.run.config import make
from purifax.run.stop import Stop, Stopped
from purifax.threat import L1, L2, Linf

__all__ = ["evaluate"]

DEFAULT_ATTACKS = ("blind", "bpda", "exact")


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
        Stopped: the process was asked to stop; what is finished is in the work
            directory.

    >>> import jax.numpy as jnp, numpy as np
    >>> brighter = lambda x: jnp.stack([0.4 - jnp.mean(x), jnp.mean(x) - 0.4])
    >>> x = np.stack([np.full((2, 2, 1), v, np.float32) for v in (0.2, 0.7)])
    >>> report = evaluate(brighter, x, [0, 1], attacks=["exact"], threat=Linf(0.1))
    >>> report.accuracy("exact").value
    1.0
    """
    shown = _classified(given(images, labels, names), classifier, names)
    threat = Linf(radius=8 / 255) if threat is None else threat
    roles = {
        "classifier": classifier,
        "score": score,
        "energy": energy,
        "surrogate": surrogate,
    }
    config = Evaluation(
        images=Subjects(name="given images", count=len(shown)),
        **{name: networks.called(found, name) for name, found in roles.items()},
        purifier=None if purifier is None else _recipe(PURIFIER, purifier),
        samples=samples,
        pooling=pooling,
        threat=type(threat).__name__,
        radius=float(threat.radius),
        keys=keys,
        seed=seed,
        **_fields(more),
    )
    config = _under(config, attacks)
    config.check()

    def clean() -> Any:
        if calibration is None:
            raise ValueError(
                "this purifier is calibrated on clean images that are not evaluated: "
                "give calibration=images, or its limit."
            )
        return given(calibration, [0] * len(calibration)).images

    reports = []

    def one(config: Evaluation, folder: pathlib.Path | None) -> bool:
        loaded = engine.load(config, share(shown, config.images), roles, clean)
        reports.append(_report(engine.plan(config, folder, loaded)))
        return True

    if worker == (0, 1):
        one(config, None if workdir is None else pathlib.Path(workdir))
        return reports[0]
    if workdir is None:
        raise ValueError("workers share a work directory: give workdir=.")
    folder = pathlib.Path(workdir)
    workers.run(config, folder, worker, one, _command(config))
    merged = (folder / "summary.json").is_file()
    return Report.read(folder) if merged else reports[0]


def _classified(shown: data.Images, classifier: Any, names: Any) -> data.Images:
    """The images with as many names as the classifier has classes."""
    if names is not None:
        return shown
    shape = shown.images.shape[1:]
    count = networks.classes(networks.classifier(classifier, shape), shape)
    return replace(shown, names=tuple(map(str, range(max(count, len(shown.names))))))


def _fields(more: Mapping[str, Any]) -> dict[str, Any]:
    """Further fields of the config.

    Raises:
        ValueError: there is none of this name.
    """
    known = [field.name for field in dataclasses.fields(Evaluation)]
    for name in more:
        if name not in known:
            raise ValueError(f"evaluate has no argument {name!r}{nearest(name, known)}")
    return dict(more)


def _recipe(kind: Kind, wanted: Any) -> Any:
    """The recipe that a caller means by a name, a class, a recipe or a callable.

    Raises:
        ValueError: there is none of this name, or it is none of these.
    """
    if isinstance(wanted, str):
        return make(kind, wanted)
    if isinstance(wanted, type) and is_recipe(wanted):
        return wanted()
    if is_recipe(wanted):
        return wanted
    if not callable(wanted):
        raise ValueError(
            f"a {kind.word} is a recipe, a name or a callable; got {type(wanted)}."
        )
    return recipes.own(kind, networks.called(wanted, kind.word), wanted)


def _under(config: Evaluation, attacks: Any) -> Evaluation:
    """The config with its attacks, or under a protocol."""
    if isinstance(attacks, str):
        if attacks not in ATTACKS:
            return lookup.protocols().find(attacks, (Evaluation,), config)
        attacks = (attacks,)
    if not isinstance(attacks, Mapping):
        attacks = _numbered(attacks)
    made = {name: _attack(wanted) for name, wanted in attacks.items()}
    return replace(config, attacks=made)


def _attack(wanted: Any) -> Any:
    """The attack that a caller means; see `_recipe`."""
    if not isinstance(wanted, str) or ":" in wanted:
        return _recipe(ATTACK, wanted)
    if wanted in ATTACKS:
        return ATTACKS[wanted]
    known = [name.lower() for name in recipes.known(ATTACK)]
    if wanted.lower().replace("_", "") in known:
        return _recipe(ATTACK, wanted)
    raise ValueError(
        f"no attack is called {wanted!r}{nearest(wanted, [*ATTACKS, *known])}"
    )


def _numbered(attacks: Sequence[Any]) -> dict[str, Any]:
    """Attacks by their names; a second one of the same name gets a number."""
    found: dict[str, Any] = {}
    for wanted in attacks:
        name = wanted if isinstance(wanted, str) else _word(wanted)
        name = name.rpartition(":")[2]
        alike = [known for known in found if known.partition("_")[0] == name]
        found[f"{name}_{len(alike) + 1}" if name in found else name] = wanted
    return found


def _word(wanted: Any) -> str:
    """What a recipe or a callable is called in one word."""
    if hasattr(wanted, "place"):
        return wanted.place.rpartition(":")[2]
    if isinstance(wanted, type):
        return wanted.__name__.lower()
    if is_recipe(wanted):
        return type(wanted).__name__.lower()
    bare = getattr(wanted, "func", wanted)
    return getattr(bare, "__name__", type(bare).__name__).strip("<>")


def _command(config: Evaluation) -> str:
    return f"purifax.evaluate(...)  # {config.classifier}"


def _report(work: Run) -> Report:
    """Runs an evaluation to its end."""
    config, bare = work.config, work.config.purifier is None
    title = "the bare classifier" if bare else f"{_word(config.purifier)} purification"
    command = _command(config)
    with _stop() as stop:
        found = perform(
            work, stop, title=f"{config.images.name}: {title}", command=command
        )
    if found is None:
        raise Stopped("the evaluation was asked to stop; the same call resumes it.")
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
