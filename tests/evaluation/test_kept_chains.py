"""What exact gradients keep of their chains: by memory, shared among what runs."""

import dataclasses

import jax
import pytest
from jax import numpy as jnp
from small import evaluation, tiny, train

from purifax.attack import PGD
from purifax.evaluation import attackers
from purifax.evaluation import engine as driver
from purifax.evaluation.plan import Job
from purifax.run import devices
from purifax.transform import remat
from purifax.weights import priors
from purifax.weights.priors import DTYPES


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return train(tmp_path_factory.mktemp("networks"))


def test_images_and_draws_share_the_memory_of_a_device(root, tmp_path, monkeypatch):
    given, build = [], PGD.build

    def noted(made, target, threat):
        given.append(target.scan)
        return build(made, target, threat)

    monkeypatch.setattr(PGD, "build", noted)
    made = {"exact": tiny("exact", eot=4)}
    config = evaluation(root, attacks=made, chunk=8, memory=2.0**-10)
    work = driver.set_up(config, tmp_path / "one", None)
    for mesh in (devices.grid(8, count=2), devices.grid(2, count=8)):
        other = dataclasses.replace(work, mesh=mesh)
        attackers.attacker(other, Job("exact", 0.1, 8), jnp.arange(8), None)
    assert given == [remat.Within(2**20 // 16), remat.Within(2**20 // 4)]


def test_without_a_memory_the_purifier_decides(root, tmp_path):
    work = driver.set_up(evaluation(root), tmp_path / "own", None)
    assert work.world.scan is None
    with pytest.raises(ValueError, match=r"memory must be GiB of a device.*got -1"):
        evaluation(root, memory=-1.0)


def test_more_memory_keeps_more_and_gives_the_same_gradient(root, tmp_path):
    config = evaluation(root)
    longer = dataclasses.replace(config.purifier, steps=9)
    world = driver.set_up(config, tmp_path / "world", None).world
    x = jnp.full((8, 8, 1), 0.4)

    def slope(memory):
        some = dataclasses.replace(world, recipe=longer, scan=remat.Within(memory))
        model = some.target().one_sample()
        gradient = jax.jit(jax.grad(lambda x, model: model(jax.random.key(0), x)[0]))
        compiled = gradient.lower(x, model).compile()
        bytes_ = compiled.memory_analysis().temp_size_in_bytes
        return bytes_, compiled(x, model)

    (most, first), (least, second) = slope(2**30), slope(0)
    assert most > 2 * least
    assert jnp.allclose(first, second, rtol=1e-3, atol=1e-6) and jnp.any(first != 0)


def test_a_network_computes_in_the_dtype_asked_for(root):
    x = jnp.linspace(0, 1, 64).reshape(8, 8, 1)
    scores = {name: priors.load(root / "score", dtype=name).score for name in DTYPES}
    own = priors.load(root / "score").score(x, 0.2)
    half, full = scores["bfloat16"](x, 0.2), scores["float32"](x, 0.2)
    assert half.dtype == full.dtype == own.dtype == jnp.float32
    assert jnp.array_equal(full, own) and not jnp.array_equal(half, own)
    assert jnp.linalg.norm(half - own) < 0.05 * jnp.linalg.norm(own)
    with pytest.raises(ValueError, match="'bfloat'.*did you mean bfloat16"):
        priors.load(root / "score", dtype="bfloat")
