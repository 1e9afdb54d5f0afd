"""Diffusion UNets against PyTorch's, on the same parameters, through the readers.

The outputs of PyTorch are kept in golden/unets.npz, so the comparison runs without it;
the tests marked `parity` run PyTorch itself and keep that file honest.
"""

import pathlib
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from nets import foreign, foreign_unets

from purifax.weights import diffusers, openai

GOLDEN = pathlib.Path(__file__).parent / "golden" / "unets.npz"


@cache
def golden():
    return dict(np.load(GOLDEN))


@cache
def shapes(name):
    rows = zip(golden()[f"{name}/names"], golden()[f"{name}/shapes"], strict=True)
    return {str(k): tuple(int(n) for n in row if n) for k, row in rows}


def network(name):
    state = foreign.draw(shapes(name), seed=0)
    if name.startswith("openai"):
        return openai.unet(state, **foreign_unets.flags(name))
    return diffusers.unet2d(state, foreign_unets.cases()[name])


@pytest.mark.parametrize("name", foreign_unets.cases())
def test_network_agrees_with_pytorch(name):
    # Not jitted: the cases share most of their operations, and none of their programs.
    found = jax.vmap(network(name))(*map(jnp.asarray, foreign_unets.arguments(name)))
    expected = golden()[f"{name}/output"]
    scale = np.abs(expected).max()
    assert scale > 0.1
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * scale)


@pytest.mark.parity
@pytest.mark.parametrize("name", foreign_unets.cases())
def test_golden_file_is_what_pytorch_gives(name):
    pytest.importorskip("torch", reason="torch is not installed")
    if name.startswith("diffusers"):
        pytest.importorskip("diffusers", reason="diffusers is not installed")
    from nets import unet_twins

    found_shapes, found = unet_twins.run(name)
    assert found_shapes == shapes(name)
    expected = golden()[f"{name}/output"]
    atol = 1e-5 * np.abs(expected).max()
    np.testing.assert_allclose(found, expected, rtol=0, atol=atol)
