"""Networks alone: forward, gradient in the image, and the share of the device's peak.

The peak is the rate of a large matrix product in the network's precision, measured here
on every device at once. Its share is that of the operations that are done, fewer than
an image's where wide convolutions take fewer products, see `costing.counted`.
"""

from typing import Any

import jax
from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from experiments.benchmarking import cost_model
from experiments.benchmarking.subject import LEVEL, Row, Subject, row
from purifax.run import devices

__all__ = ["called", "product", "rows", "sloped", "told"]


def told(key: Array, x: Array, network: Any) -> Array:
    """The output of a network that is told the noise level."""
    del key
    return network(x, jnp.float32(LEVEL))


def called(key: Array, x: Array, network: Any) -> Array:
    """The output of a network that sees the image alone."""
    del key
    return network(x)


def sloped(key: Array, x: Array, fn: Partial) -> Array:
    """The gradient in the image of the squared length of an output."""
    return jax.grad(lambda y: jnp.sum(jnp.square(fn(key, y))))(x)


def rows(subject: Subject) -> list[Row]:
    """Score network, classifier and energy, forward and with the input's gradient."""
    config, peaks, found = subject.config, {}, []
    networks = (
        ("score network", Partial(told, network=subject.network), config.net),
        ("classifier", Partial(called, network=subject.classifier), config.classifier),
        ("energy", Partial(called, network=subject.prior.energy), config.energy),
    )
    for name, fn, net in networks:
        if net.dtype not in peaks:
            peaks[net.dtype] = product(
                config.peak, net.dtype, subject.mesh.size, config.repeats
            )
            found.append(peaks[net.dtype])
        best = peaks[net.dtype].numbers["flops_a_second"]
        found.append(_one(subject, f"{name}, forward", fn, best))
        slope = Partial(sloped, fn=fn)
        found.append(_one(subject, f"{name}, input gradient", slope, best))
    return found


def _one(subject: Subject, what: str, fn: Partial, best: float) -> Row:
    config = subject.config
    run, bytes_ = subject.program(fn)
    count = cost_model.counted(fn, subject.key, subject.images[0])
    timed = row("network", what, run, config.images, config.repeats)
    where = cost_model.here()
    done = cost_model.counted(fn, subject.key, subject.images[0], platform=where)
    share = done * timed.rate / best
    timed.numbers.update(
        flops_an_image=count, share_of_peak=share, temporary_bytes_a_device=bytes_
    )
    return timed


def product(side: int, dtype: str, shares: int, repeats: int) -> Row:
    """A matrix product on every device at once."""
    a = jax.random.normal(jax.random.key(0), (shares, side, side), jnp.dtype(dtype))
    a = jax.device_put(a, devices.sharded(devices.mesh(shares, shares)))
    run = jax.jit(lambda a: jnp.einsum("nij,njk->nik", a, a))
    what = f"matrix product, side {side}, {dtype}"
    timed = row("network", what, lambda: run(a), shares, repeats)
    timed.numbers["flops_a_second"] = 2 * side**3 * timed.rate
    return timed
