"""State of a training run, its step, and its checkpoints.

The state is everything the next step depends on. Random numbers and batches are
functions of (seed, step), so a restored state continues with the same bits.
"""

import contextlib
import errno
import logging as python_logging
import os
import pathlib
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import optax
import orbax.checkpoint as ocp
from absl import logging
from jax import Array

from experiments.training import damaged, multiprocess
from experiments.training.objectives import Objective
from purifax.data.augment import to_float
from purifax.types import noun
from purifax.weights import digests

__all__ = ["Checkpoints", "State", "finite", "make_step", "start"]


@noun
@dataclass(frozen=True)
class State:
    """What a step starts from.

    Attributes:
        step: steps done, [].
        variables: parameters and running averages that are trained.
        ema: running average of `variables`; what is evaluated and exported.
        moments: state of the optimiser.
        total: sum of the losses since the last line of the log, []; of an energy, the
            sum of each of `chains.seen`, by name.
        bank: the chains of an energy, [bank, H, W, C]; None elsewhere.
    """

    step: Array
    variables: Any
    ema: Any
    moments: Any
    total: Any
    bank: Array | None = None


def start(variables: Any, optimiser: optax.GradientTransformation) -> State:
    """The state before the first step."""
    copies = jax.tree.map(jnp.array, variables)
    moments = optimiser.init(variables["params"])
    return State(jnp.zeros((), jnp.int32), variables, copies, moments, jnp.zeros(()))


def make_step(
    objective: Objective,
    optimiser: optax.GradientTransformation,
    augment: Callable[[Array, Array], Array],
    decay: Callable[[Array], float | Array],
    log_every: int,
) -> Callable[[State, Array, Array, Array], tuple[State, Array]]:
    """The step `(state, seed key, images uint8 [N, H, W, C], labels [N])`.

    It returns the new state and the batch's loss. The key of a step is the seed key
    folded with the step; `decay` gives that of the averaged weights.
    """

    def step(
        state: State, key: Array, images: Array, labels: Array
    ) -> tuple[State, Array]:
        k_augment, k_loss = jax.random.split(jax.random.fold_in(key, state.step))
        x = to_float(images)
        x = jax.vmap(augment)(jax.random.split(k_augment, len(x)), x)

        def loss_of(params: Any) -> tuple[Array, Any]:
            return objective({**state.variables, "params": params}, k_loss, x, labels)

        params = state.variables["params"]
        slope = jax.value_and_grad(loss_of, has_aux=True)
        (loss, changed), grads = slope(params)
        updates, moments = optimiser.update(grads, state.moments, params)
        params = optax.apply_updates(params, updates)

        variables = {**state.variables, **changed, "params": params}
        share = 1 - decay(state.step)
        average = optax.incremental_update(variables, state.ema, share)
        total = jnp.where(state.step % log_every == 0, 0.0, state.total) + loss
        return State(state.step + 1, variables, average, moments, total), loss

    return step


def finite(state: Any) -> bool:
    """Whether every number of a state is finite."""
    return bool(_finite(state))


@jax.jit
def _finite(state: Any) -> Array:
    floats = [x for x in jax.tree.leaves(state) if jnp.issubdtype(x.dtype, jnp.inexact)]
    return jnp.all(jnp.stack([jnp.all(jnp.isfinite(x)) for x in floats]))


def _but_late_writers(found: Any) -> None:
    """Python's own hook, but for Orbax's writers that report to a loop that is gone.

    Where one file could not be written, the error is raised; those of the other files
    end later, each with a traceback that says nothing more.
    """
    if str(found.exc_value) != "Event loop is closed":
        sys.__unraisablehook__(found)


class Checkpoints:
    """The checkpoints of a work directory; writing goes on while training continues.

    Each has three items: "state" (all but the average), "ema" (the averaged variables
    alone, for `purifax.weights.load`) and "clock" (seconds of training so far); and the
    digests of their files, which are there as soon as the checkpoint is. Those newer
    than the newest whole one are set aside at once.

    Raises:
        ValueError: all that are there are damaged; each is named.
    """

    def __init__(self, folder: pathlib.Path, keep: int) -> None:
        if multiprocess.first():
            damaged.set_aside(folder)
        multiprocess.wait("whole checkpoints")
        self._saving: pathlib.Path | None = None
        # An error of the thread that saves is logged by Orbax, and raised here too.
        logging.set_verbosity(logging.FATAL)
        sys.unraisablehook = _but_late_writers
        python_logging.getLogger("asyncio").setLevel(python_logging.CRITICAL)
        options = ocp.CheckpointManagerOptions(
            max_to_keep=keep,
            async_options=ocp.AsyncOptions(post_finalization_callback=self._seal),
        )
        self._manager = ocp.CheckpointManager(folder.absolute(), options=options)

    def __enter__(self) -> "Checkpoints":
        return self

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        """Waits for the last save to be on disk.

        Raises:
            OSError: it could not be written.
        """
        try:
            self._finish()
            self._manager.close()
        except Exception as later:
            if error is None:
                raise
            error.add_note(f"Then the last checkpoint was not finished: {later}")

    def latest(self) -> int | None:
        """Steps done at the last complete checkpoint."""
        return self._manager.latest_step()

    def save(self, state: State, seconds: float) -> None:
        """Saves the state in the background, unless this step is saved already.

        Raises:
            OSError: the last one could not be written.
        """
        step = int(state.step)
        if self.latest() == step:
            return
        self._finish()
        items = ocp.args.Composite(
            state=ocp.args.StandardSave(_without_average(state)),
            ema=ocp.args.StandardSave(state.ema),
            clock=ocp.args.JsonSave({"seconds": seconds}),
        )
        self._saving = pathlib.Path(self._manager.directory, str(step))
        with _written(self._saving):
            self._manager.save(step, args=items)

    def _seal(self) -> None:
        """Digests of the items of a checkpoint, just before it gets its name."""
        assert self._saving is not None
        for place in self._saving.parent.glob(f"{self._saving.name}.*"):
            digests.seal(place, of_items=True)

    def _finish(self) -> None:
        """Waits for the save under way, and adds the digests of its last files."""
        if self._saving is None:
            return
        saving = self._saving
        with _written(saving):
            try:
                self._manager.wait_until_finished()
            finally:
                self._saving = None
            if multiprocess.first():
                digests.seal(saving)

    def restore(self, shapes: State) -> tuple[State, float]:
        """The last saved state, placed on devices as `shapes` says, and its seconds.

        Raises:
            ValueError: it has another bank of chains, or none.
        """
        self._same_bank(shapes.bank)
        items = ocp.args.Composite(
            state=ocp.args.StandardRestore(_without_average(shapes)),
            ema=ocp.args.StandardRestore(shapes.ema),
            clock=ocp.args.JsonRestore(),
        )
        found: Any = self._manager.restore(self.latest(), args=items)
        state = State(**found.state, ema=found.ema)
        return state, float(found.clock["seconds"])

    def _same_bank(self, wanted: Any) -> None:
        """Refuses a bank of another shape, which would be cut or filled up."""
        path = self._manager.directory / str(self.latest())
        found = (
            ocp.StandardCheckpointHandler().metadata(path / "state").tree.get("bank")
        )
        banks = (found, wanted)
        shapes = [None if bank is None else tuple(bank.shape) for bank in banks]
        if shapes[0] != shapes[1]:
            raise ValueError(
                f"{path} holds a bank of chains of shape "
                f"{shapes[0]}, and this run has {shapes[1]}: it was saved with another "
                "size of the bank or other images. Give another --workdir."
            )


@contextlib.contextmanager
def _written(checkpoint: pathlib.Path) -> Iterator[None]:
    """Within it, what a full disk raises, whatever that is, becomes one clear error."""
    try:
        yield
    except Exception as error:
        chain = f"{error} {error.__cause__ or error.__context__}"
        for number in (errno.ENOSPC, errno.EDQUOT):
            if os.strerror(number) in chain or getattr(error, "errno", 0) == number:
                raise OSError(
                    number, "the checkpoint was not written: no space", str(checkpoint)
                ) from error
        raise


def _without_average(state: State) -> dict[str, Any]:
    names = ("step", "variables", "moments", "total", "bank")
    kept = {name: getattr(state, name) for name in names}
    return {name: value for name, value in kept.items() if value is not None}
