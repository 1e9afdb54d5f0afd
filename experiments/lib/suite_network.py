"""Networks alone: forward, gradient in the image, and the share of the device's peak.

The peak is the rate of a large matrix product in the network's precision, measured here
on every device at once.
"""

from typing import Any

import jax
from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from experiments.lib import devices
from experiments.lib.suite_subject import LEVEL, Row, Subject, flops, row

__all__ = ["called", "rows", "told"]


def told(key: Array, x: Array, network: Any) -> Array:
    """The output of a network that is told the noise level."""
    del key
    return network(x, jnp.float32(LEVEL))


def called(key: Array, x: Array, network: Any) -> Array:
    """The output of a network that sees the image alone."""
    del key
    return network(x)


def _slope(key: Array, x: Array, fn: Partial) -> Array:
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
            peaks[net.dtype] = _peak(subject, net.dtype)
            found.append(peaks[net.dtype])
        best = peaks[net.dtype].numbers["flops_a_second"]
        found.append(_one(subject, f"{name}, forward", fn, best))
        slope = Partial(_slope, fn=fn)
        found.append(_one(subject, f"{name}, input gradient", slope, best))
    return found


def _one(subject: Subject, what: str, fn: Partial, best: float) -> Row:
    config = subject.config
    run, bytes_ = subject.program(fn)
    count = flops(fn, subject.key, subject.images[0])
    timed = row("network", what, run, config.images, config.repeats)
    share = count and count * timed.rate / best
    timed.numbers.update(
        flops_an_image=count, share_of_peak=share, temporary_bytes_a_device=bytes_
    )
    return timed


def _peak(subject: Subject, dtype: str) -> Row:
    """A matrix product on every device at once."""
    config, shares = subject.config, subject.mesh.size
    shape = (shares, config.peak, config.peak)
    a = jax.random.normal(subject.key, shape, jnp.dtype(dtype))
    a = jax.device_put(a, devices.sharded(devices.mesh(shares, shares)))
    run = jax.jit(lambda a: jnp.einsum("nij,njk->nik", a, a))
    what = f"matrix product, side {config.peak}, {dtype}"
    timed = row("network", what, lambda: run(a), shares, config.repeats)
    timed.numbers["flops_a_second"] = 2 * config.peak**3 * timed.rate
    return timed
