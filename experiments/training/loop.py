"""The training loop of every kind of network: resumable, one step a call."""

import contextlib
import math
import pathlib
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from experiments.training import (
    energy,
    health,
    multiprocess,
    networks,
    objectives,
    optimisers,
)
from experiments.training.config_energy import (
    EnergyTraining,
    Training,
)
from experiments.training.finish import finish
from experiments.training.finish_energy import measured
from experiments.training.health import Diverged
from experiments.training.logs import Log
from experiments.training.run import (
    Run,
    first_state,
    placing,
    set_up,
    shapes,
    write_down,
)
from experiments.training.state import Checkpoints, State, finite, make_step
from purifax import nets
from purifax.command.flags import typed
from purifax.evaluation.batches import Batches
from purifax.run import devices, workdir
from purifax.run.hold import held
from purifax.run.progress import Progress
from purifax.run.stop import Stop, Stopped

__all__ = ["Diverged", "compiled", "train"]

Step = Callable[[State, np.ndarray, np.ndarray], tuple[State, Any]]


def train(config: Training, folder: pathlib.Path, data_dir: str | None) -> None:
    """Trains to the end, from the start or from where the work directory stands.

    Raises:
        ValueError: a config that cannot be run, a folder of another config, or one
            whose every checkpoint is damaged.
        Held: another process holds the folder.
        Stopped: by SIGTERM or Ctrl-C, which end the run early with everything saved.
        Diverged: the run is lost; the last good checkpoint is kept.
    """
    steady = _is_steady(config, folder / "config.json")
    workdir.check(folder, config, may_grow=("train.steps",) if steady else ())
    with held(folder) if multiprocess.first() else contextlib.nullcontext():
        with Stop() as stop:
            run = set_up(config, folder, data_dir)
            like = shapes(run)
            write_down(run)
            with Checkpoints(folder / "checkpoints", config.train.keep) as checkpoints:
                state, seconds = _start(run, like, checkpoints)
                state, seconds = _loop(run, state, seconds, checkpoints, stop)
            asked, done = multiprocess.any_of(stop.asked, run.mesh), int(state.step)
        if asked:
            words = f"stopped after step {done}, saved. To resume: {typed()}"
            raise Stopped(words if multiprocess.first() else "", stop.number)
        if multiprocess.any_of(_complete(folder, done), run.mesh):
            words = f"{folder} is complete after {done} steps; nothing to do."
            multiprocess.tell(words)
        else:
            finish(run, state, seconds)


def _is_steady(config: Training, path: pathlib.Path) -> bool:
    """Whether a run may be made longer: nothing in it depends on its length."""
    constant = config.optim.schedule == "constant" and not optimisers.switches(config)
    if not constant or not path.is_file():
        return constant
    stored = workdir.stored(path).get("train")
    before = stored.get("steps") if isinstance(stored, dict) else None
    lengths = (before if isinstance(before, int) else 0, config.train.steps)
    warm, still = (optimisers.warms(config.optim, steps) for steps in lengths)
    return warm == still


def _complete(folder: pathlib.Path, steps: int) -> bool:
    """Whether the run of this many steps has written its summary."""
    path = folder / "summary.json"
    return path.exists() and workdir.read_json(path, "steps")["steps"] == steps


def _start(run: Run, like: State, checkpoints: Checkpoints) -> tuple[State, float]:
    """The last saved state, or the one before the first step; the seconds so far."""
    count = nets.count(like.variables)
    where = f"{run.mesh.size} {jax.default_backend()} device(s)"
    if jax.process_count() > 1:
        where += f" of {jax.process_count()} processes"
    words = f"{run.config.net.name} ({count:,} parameters) on {where}"
    if checkpoints.latest() is None:
        multiprocess.tell(f"training {words}, {len(run.train)} images")
        return first_state(run), 0.0
    state, seconds = checkpoints.restore(like)
    multiprocess.tell(f"resuming {words} after step {int(state.step)}")
    return state, seconds


def compiled(run: Run) -> Step:
    """The jitted step, its batch spread over the devices.

    Each process gives its rows of the batch, those of `devices.own`. What the step
    gives beside the state is the loss, or all of `chains.seen` of an energy.
    """
    config = run.config
    augment, optimiser = networks.augmentation(config.data), optimisers.of_run(config)
    one, split = devices.replicated(run.mesh), devices.sharded(run.mesh)
    if isinstance(config, EnergyTraining):
        spread = partial(jax.lax.with_sharding_constraint, shardings=split)
        step = energy.make_step(config, run.module, optimiser, augment, spread)
    else:
        step = make_step(
            objectives.objective(config, run.module),
            optimiser,
            augment,
            optimisers.decay(config.optim, config.train.steps),
            config.train.log_every,
        )
    state = placing(run)
    jitted = jax.jit(
        step, in_shardings=(state, one, split, split), out_shardings=(state, one)
    )
    key = devices.everywhere(run.k_steps, run.mesh)

    def take(state: State, images: np.ndarray, labels: np.ndarray) -> tuple[State, Any]:
        rows = (devices.joined(mine, run.mesh) for mine in (images, labels))
        return jitted(state, key, *rows)

    return take


def _loop(
    run: Run, state: State, seconds: float, checkpoints: Checkpoints, stop: Stop
) -> tuple[State, float]:
    """Takes steps until the last one or until asked to stop; saves on the way."""
    settings, first = run.config.train, int(state.step)
    if first >= settings.steps:
        return state, seconds
    take = compiled(run)
    mine = devices.own(run.mesh, settings.batch)
    batches = Batches(run.train, settings.batch, settings.seed, mine)
    began = time.monotonic() - seconds
    watch = health.Health(run.config, math.prod(run.train.images.shape[1:]))
    with _Report(run, first) as report:
        for done in range(first + 1, settings.steps + 1):
            state, pending = take(state, *batches(done - 1))
            seen = _numbers(pending)
            fault = watch(seen, done)
            if fault is not None:
                raise _diverged(run, fault, checkpoints)
            report(state, done, seen)
            asked = multiprocess.any_of(stop.asked, run.mesh)
            last = done == settings.steps or asked
            # What looks wrong does not take the place of a good checkpoint.
            if last or (done % settings.save_every == 0 and watch.well):
                seconds = time.monotonic() - began
                _save(run, state, seconds, checkpoints)
            if last:
                break
    return state, seconds


def _numbers(pending: Any) -> dict[str, float]:
    """What a step gave beside the state: the loss, or several numbers by name."""
    named = pending if isinstance(pending, dict) else {"loss": pending}
    return {name: float(value) for name, value in jax.device_get(named).items()}


def _save(run: Run, state: State, seconds: float, checkpoints: Checkpoints) -> None:
    """Saves a state whose every number is finite; refuses any other."""
    if not finite(state):
        fault = health.Fault(f"a weight is not finite at step {int(state.step)}")
        raise _diverged(run, fault, checkpoints)
    checkpoints.save(state, seconds)


def _diverged(run: Run, fault: health.Fault, checkpoints: Checkpoints) -> Diverged:
    """The error that names the step, what is kept and what to try."""
    kept = checkpoints.latest()
    where = "none yet" if kept is None else f"step {kept} in {run.folder}"
    meaning = fault.meaning and f": {fault.meaning}"
    return Diverged(
        f"{fault.found} of {run.config.train.steps}{meaning}. Last good checkpoint: "
        f"{where}. Try {fault.advice}, in another --workdir."
    )


class _Report:
    """Progress and metrics of a run, validation included; the first process writes."""

    def __init__(self, run: Run, first: int) -> None:
        self._run, self._settings = run, run.config.train
        steps = self._settings.steps
        self._rate = optimisers.learning_rate(run.config.optim, steps)
        self._log = Log(run.folder, first) if multiprocess.first() else None
        self._progress = Progress(run.folder.name, first, steps)

    def __enter__(self) -> "_Report":
        return self

    def __exit__(self, *exception: object) -> None:
        if self._log is not None:
            self._progress.close()
            self._log.close()

    def __call__(self, state: State, done: int, seen: Mapping[str, float]) -> None:
        """Shows and writes what is due after step `done`."""
        settings, last = self._settings, done == self._settings.steps
        if self._log is not None:
            self._progress.update(done, seen["loss"], health.words(seen))
        row: dict[str, float] = {}
        if last or done % settings.log_every == 0:
            count = done % settings.log_every or settings.log_every
            sums = _numbers(state.total)
            row |= {name: total / count for name, total in sums.items()}
            row["learning_rate"] = float(jnp.asarray(self._rate(done - 1)))
            row["rate"] = self._progress.rate(done)
        if last or done % settings.validate_every == 0:
            run, most = self._run, settings.validate_images
            found = measured(run, state, most)
            row |= {f"validation_{name}": value for name, value in found.items()}
        if row and self._log is not None:
            self._log.write(done, row)
