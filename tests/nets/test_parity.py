"""Our networks against the same networks in PyTorch, on the same parameters.

The outputs of PyTorch are kept in golden/torch.npz, so the comparison runs without it;
the tests marked `parity` run PyTorch itself and keep that file honest.
"""

import pathlib
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from nets import foreign

from purifax import nets
from purifax.weights import ncsnv2

GOLDEN = pathlib.Path(__file__).parent / "golden" / "torch.npz"


@cache
def ours(name):
    """Output, input gradient, and change of the scalar along the golden gradient."""
    fields, _ = foreign.cases()[name]
    module = getattr(nets, name.split()[0])(**fields)
    read = ncsnv2.convert
    if name != "NCSNv2":
        module = module.clone(mean=foreign.MEAN, std=foreign.STD)
        read = foreign.variables
    state = foreign.draw(shapes(name), seed=0)
    images, weights = map(jnp.asarray, foreign.inputs(name))

    network = nets.Network(module, read(state))

    def total(x):
        output = jax.vmap(network)(x)
        flat = output.reshape(len(x), -1)
        return jnp.sum(flat * weights[:, : flat.shape[1]]), output

    @jax.jit
    def run(x, direction):
        gradient, output = jax.grad(total, has_aux=True)(x)
        change = jax.jvp(lambda x: total(x)[0], (x,), (direction,))[1]
        return output, gradient, change

    return run(images, golden()[f"{name}/gradient"])


@cache
def golden():
    return dict(np.load(GOLDEN))


def shapes(name):
    rows = zip(golden()[f"{name}/names"], golden()[f"{name}/shapes"], strict=True)
    return {str(k): tuple(int(n) for n in row if n) for k, row in rows}


@pytest.mark.parametrize("name", foreign.cases())
@pytest.mark.parametrize("part", ["output", "gradient"])
def test_network_agrees_with_pytorch(name, part):
    found = ours(name)[part == "gradient"]
    expected = golden()[f"{name}/{part}"]
    scale = np.abs(expected).max()
    assert scale > 0.01
    np.testing.assert_allclose(found, expected, rtol=0, atol=2e-5 * scale)


@pytest.mark.parametrize("name", foreign.cases())
def test_forward_mode_agrees_with_pytorch(name):
    gradient = golden()[f"{name}/gradient"]
    np.testing.assert_allclose(ours(name)[2], np.sum(gradient**2), rtol=1e-4)


def test_the_authors_names_are_those_of_the_twin():
    fields, _ = foreign.cases()["NCSNv2"]
    state = foreign.ncsnv2_state(**fields, seed=0)
    assert {k: v.shape for k, v in state.items()} == shapes("NCSNv2")


@pytest.mark.parity
@pytest.mark.parametrize("name", foreign.cases())
def test_golden_file_is_what_pytorch_gives(name):
    pytest.importorskip("torch", reason="torch is not installed")
    from nets import twins

    found_shapes, output, gradient = twins.run(name)
    assert found_shapes == shapes(name)
    for found, part in ((output, "output"), (gradient, "gradient")):
        expected = golden()[f"{name}/{part}"]
        atol = 1e-5 * np.abs(expected).max()
        np.testing.assert_allclose(found, expected, rtol=0, atol=atol)


@pytest.mark.parity
def test_pytorch_counts_as_many_parameters_at_full_size():
    torch = pytest.importorskip("torch", reason="torch is not installed")
    from experiments.benchmarking import torch_networks

    with torch.device("meta"):
        for name, fields, count in [
            ("NCSNv2", {"width": 128, "channels": 3}, 29_694_083),
            ("WideResNet", {"depth": 28, "widen": 10, "biased": True}, 36_489_290),
            ("WideResNet", {"depth": 28, "widen": 10}, 36_479_194),
            ("ResNet18", {"width": 64}, 11_173_962),
        ]:
            twin = torch_networks.build(name, fields)
            assert sum(p.numel() for p in twin.parameters()) == count
