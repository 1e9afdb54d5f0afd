"""What was chosen for speed, each beside what it was chosen over.

    convolution in a loop   the input gradient of `nets.conv`, over that of `lax`
    draws together          the draws of a gradient as one batch, over one at a time
    slope by jvp            ADP's derivative by one forward-mode pass, over a difference
    a batch kept full       chains of 1 to T steps that leave room, over waiting for all
    steps in one program    ADP as one program, over a Python loop that waits each step
    bfloat16                the score network in bfloat16, over float32
    freed memory kept       a step of BPDA in memory kept from the last, over one before
                            which it was given back

Which is faster depends on the device: a row's "over" is its time over the other's.
"""

from collections.abc import Callable
from typing import Any

import jax
from jax import Array, lax
from jax import numpy as jnp
from jax.tree_util import Partial

from experiments.benchmarking.gradients import slope
from experiments.benchmarking.network import told
from experiments.benchmarking.refill import kept_full
from experiments.benchmarking.subject import LEVEL, Row, Subject, rows_in_turns
from purifax import nets
from purifax.nets.conv import conv
from purifax.purify import ADP
from purifax.run import allocator

__all__ = ["CHOICES", "rows"]

Pair = tuple[Callable[[], Any], Callable[[], Any], int]
"""What was chosen, the other, and how many images either takes."""


def rows(subject: Subject) -> list[Row]:
    """Two rows for each choice: it, with its time over the other's, and the other."""
    found, repeats = [], subject.config.repeats
    for name, make in CHOICES.items():
        chosen, other, images = make(subject)
        runs = {name: chosen, f"{name}: not so": other}
        pair, over = rows_in_turns("choices", runs, images, repeats)
        pair[0].numbers["over_the_other"] = over
        found += pair
    return found


def _programs(
    subject: Subject, fns: list[Any], images: int | None = None, draws: int = 1
) -> Pair:
    chosen, other = (subject.program(fn, images, draws)[0] for fn in fns)
    return chosen, other, images or subject.config.images


def _convolution(subject: Subject) -> Pair:
    """The gradient through a loop of convolutions as wide as the network."""
    width = getattr(subject.network.module, "width", subject.config.channels)
    kernel = jax.random.normal(subject.key, (3, 3, width, width)) / (3 * width)
    steps = jnp.arange(subject.config.steps)
    fns = [
        Partial(_rolled, form=Partial(form), kernel=kernel, steps=steps)
        for form in (conv, _plain)
    ]
    return _programs(subject, fns)


def _plain(x: Array, kernel: Array, strides: tuple[int, int], padding: str) -> Array:
    labels = ("NHWC", "HWIO", "NHWC")
    return lax.conv_general_dilated(
        x, kernel, strides, padding, dimension_numbers=labels
    )


def _rolled(key: Array, x: Array, form: Partial, kernel: Array, steps: Array) -> Array:
    del key

    def end(x: Array) -> Array:
        wide = jnp.tile(x[None, ..., :1], kernel.shape[-1])
        step = jax.checkpoint(lambda h, _: (_layer(h, form, kernel), None))
        return jnp.sum(jnp.square(lax.scan(step, wide, steps)[0]))

    return jax.grad(end)(x)


def _layer(h: Array, form: Partial, kernel: Array) -> Array:
    return h + 0.1 * jnp.tanh(form(h, kernel, (1, 1), "SAME"))


def _draws(subject: Subject) -> Pair:
    config = subject.config
    draws, length = max(config.eot), min(config.lengths)
    target = subject.target(ADP(level=LEVEL, steps=length))
    models = (target.model("exact", draws, at_once) for at_once in (None, 1))
    return _programs(subject, [slope(m) for m in models], config.attacked, draws)


def _slopes(subject: Subject) -> Pair:
    ways = ("jvp", "difference")
    return _programs(subject, [_adp(subject, curvature=way) for way in ways])


def _one_program(subject: Subject) -> Pair:
    """The other loop's step is a program too, and the host waits for each, as the
    conditions in the public Python loops make it do.
    """
    whole, once, images = _programs(subject, [_adp(subject), _adp(subject, steps=1)])

    def loop() -> None:
        for _ in range(subject.config.steps):
            jax.block_until_ready(once())

    return whole, loop, images


def _bfloat16(subject: Subject) -> Pair:
    module, variables = subject.network.module, subject.network.variables
    networks = (
        nets.Network(module.clone(dtype=dtype), variables)
        for dtype in (jnp.bfloat16, jnp.float32)
    )
    return _programs(subject, [Partial(told, network=n) for n in networks])


def _kept(subject: Subject) -> Pair:
    """With the second of the numbers of draws: large blocks are never kept."""
    config = subject.config
    draws, length = sorted(config.eot)[:2][-1], min(config.lengths)
    fn = slope(subject.target(ADP(level=LEVEL, steps=length)).model("bpda", draws))
    run, _ = subject.program(fn, config.attacked, draws)

    def anew() -> Any:
        allocator.give_back()
        return run()

    return run, anew, config.attacked


def _adp(subject: Subject, **changes: Any) -> Any:
    numbers = {"level": LEVEL, "steps": subject.config.steps} | changes
    return subject.purifier(ADP(**numbers))


CHOICES: dict[str, Callable[[Subject], Pair]] = {
    "convolution in a loop": _convolution,
    "draws together": _draws,
    "slope by jvp": _slopes,
    "a batch kept full": kept_full,
    "steps in one program": _one_program,
    "bfloat16": _bfloat16,
    "freed memory kept": _kept,
}
"""By name, how what was chosen and the other are built."""
