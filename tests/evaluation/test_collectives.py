"""Devices that share images do not speak to each other: none waits for another."""

import jax
import pytest
from jax import numpy as jnp
from jax.sharding import NamedSharding, PartitionSpec
from jax.tree_util import Partial

import purifax
from purifax import attack, backward, classify, nets, purify, score
from purifax.run import devices
from purifax.threat import Linf
from purifax.transform import sharding

COLLECTIVES = (
    "all-reduce",
    "all-gather",
    "all-to-all",
    "collective-permute",
    "collective-broadcast",
    "reduce-scatter",
)
MANY = 8


def _purifier():
    module = nets.SmallScore(channels=1, fold=2, widths=(8,), blocks=1)
    variables = nets.init(jax.random.key(0), module, jnp.zeros((8, 8, 1)), 0.2)
    network = nets.Network(module, variables)
    return Partial(
        purify.adaptive, score=score.from_noise(network), levels=jnp.full(3, 0.2)
    )


def _linear(x):
    return jnp.stack([x[:4].sum(), x[4:].sum(), x.mean()])


def _attack():
    model = Partial(
        classify.defend,
        purifier=backward.exact(_purifier()),
        classifier=Partial(_linear),
    )
    seen = Partial(classify.each, model=model, draws=jnp.arange(2))
    steps = jnp.full(2, 0.1)
    pgd = Partial(attack.pgd, model=seen, threat=Linf(0.1), step_sizes=steps)
    return Partial(lambda key, x, fn: fn(key, x, jnp.array(0)), fn=pgd)


def _summed(key, x):
    return x + jax.lax.psum(x, "batch")


def _text(program):
    return program.compile().as_text()


@pytest.mark.parametrize("make", [_purifier, _attack])
def test_a_command_on_many_devices_holds_no_collective(make):
    mesh = devices.mesh(2 * MANY, MANY)
    x, index = jnp.full((2 * MANY, 8, 8, 1), 0.5), jnp.arange(2 * MANY)
    text = _text(sharding._program.lower(mesh, make(), jax.random.key(0), index, (x,)))
    assert not [name for name in COLLECTIVES if name in text]


def test_a_collective_would_be_seen():
    mesh = devices.mesh(MANY, MANY)
    x, key = jnp.full((MANY, 8), 0.5), jax.random.key(0)
    fn = Partial(_summed)
    text = _text(sharding._program.lower(mesh, fn, key, jnp.arange(MANY), (x,)))
    assert "all-reduce" in text


def test_images_sharded_by_the_user_need_no_collective():
    """`jit(batched(purifier))` on a sharded batch: the compiler divides it itself."""
    mesh = devices.mesh(2 * MANY, MANY)
    split = NamedSharding(mesh, PartitionSpec("batch"))
    whole = NamedSharding(mesh, PartitionSpec())
    x, purifier = jnp.full((2 * MANY, 8, 8, 1), 0.5), _purifier()

    def run(purifier, key, x):
        return purifax.batched(purifier)(key, x)

    run = jax.jit(run, in_shardings=(whole, whole, split), out_shardings=split)
    text = _text(run.lower(purifier, jax.random.key(0), x))
    assert not [name for name in COLLECTIVES if name in text]
