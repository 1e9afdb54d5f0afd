"""DDPM++, NCSN++ and EDM's networks: sizes, conventions, resampling and training.

That they agree with PyTorch is tested where their weights are read, tests/weights.
"""

from functools import cache

import flax
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from nets import tools

from purifax import nets, noise
from purifax.nets import resample

TINY = {"channels": 1, "width": 8, "multiples": (1,), "blocks": 1, "attention": ()}
X = 2 * tools.example(2, 4, 4, 1) - 1
SIGMA = jnp.array([0.3, 4.0])
S = SIGMA.reshape(-1, 1, 1, 1)
FULL = [
    (nets.DDPMpp(blocks=8), 106_632_579),
    (nets.NCSNpp(), 62_758_915),
    (nets.SongUNet(augmentations=9), 55_733_891),
]


@pytest.mark.parametrize(("module", "count"), FULL)
def test_published_sizes(module, count):
    values, output = tools.shapes(module, jnp.zeros((32, 32, 3)), 1.0)
    assert nets.count(values) == count
    assert output.shape == (32, 32, 3) and output.dtype == jnp.float32


def told(kind, sigma=SIGMA, **fields):
    """A network whose UNet gives x plus 0.01 times what it is told."""

    class Told(kind):
        def unet(self, x, level, train, label=None, augmentation=None):
            return x + 0.01 * level.reshape(-1, 1, 1, 1)

    return Told(**fields).apply({}, X, sigma)


def test_ddpmpp_is_told_the_time():
    np.testing.assert_allclose(told(nets.DDPMpp), X + 0.01 * S, rtol=1e-6)


def test_ncsnpp_sees_centred_images_and_the_logarithm_of_sigma():
    expected = 2 * X - 1 + 0.01 * jnp.log(S)
    np.testing.assert_allclose(told(nets.NCSNpp), expected, rtol=1e-5)


def test_edm_is_preconditioned_as_published():
    f = X / np.sqrt(S**2 + 0.09) + 0.01 * np.log(S) / 4
    expected = 0.09 / (S**2 + 0.09) * X + S * 0.3 / np.sqrt(S**2 + 0.09) * f
    found = told(nets.SongUNet, spread=0.3)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_the_older_preconditionings_are_their_processes():
    """A VP network is told 999 t and predicts noise; a VE network half of sigma."""
    t = 999 * noise.VP(width=1.0).time(SIGMA).reshape(-1, 1, 1, 1)
    f = X / np.sqrt(S**2 + 1) + 0.01 * t
    found = told(nets.SongUNet, preconditioning="vp")
    np.testing.assert_allclose(found, X - S * f, rtol=1e-4, atol=1e-5)
    f = X + 0.01 * np.log(S / 2)
    found = told(nets.SongUNet, preconditioning="ve")
    np.testing.assert_allclose(found, X + S * f, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", ["edm", "vp", "ve"])
def test_a_denoiser_keeps_an_image_without_noise(kind):
    found = told(nets.SongUNet, jnp.zeros(2), preconditioning=kind)
    np.testing.assert_array_equal(found, X)


@cache
def variables(name, **fields):
    module = getattr(nets, name)(**TINY, **fields)
    return module, tools.variables(module, X[0], SIGMA[0])


def test_dropout_is_for_training():
    module, values = variables("DDPMpp")
    jax.eval_shape(module.apply, values, X, SIGMA)
    with pytest.raises(flax.errors.InvalidRngError):
        jax.eval_shape(lambda v: module.apply(v, X, SIGMA, train=True), values)


def test_short_floats_are_an_option_of_the_computation():
    module, values = variables("NCSNpp", dtype=jnp.bfloat16)
    assert {a.dtype for a in jax.tree.leaves(values)} == {jnp.dtype("float32")}
    program = jax.make_jaxpr(module.apply)(values, X, SIGMA)
    assert program.out_avals[0].dtype == jnp.float32
    convolved = [
        {str(operand.aval.dtype) for operand in step.invars}
        for step in program.jaxpr.eqns
        if step.primitive.name == "purifax_conv"
    ]
    assert len(convolved) == 12 and set.union(*convolved) == {"bfloat16"}


def test_frequencies_are_not_trained():
    """No step of the derivative reads the change of the frequencies."""
    module, values = variables("NCSNpp")

    def change(name, tangent):
        def run(array):
            params = values["params"] | {name: array}
            return module.apply({"params": params}, X, SIGMA)

        return jax.jvp(run, (values["params"][name],), (tangent,))[1]

    def read(name, array):
        program = jax.make_jaxpr(lambda tangent: change(name, tangent))(array).jaxpr
        return any(program.invars[0] in step.invars for step in program.eqns)

    assert not read("frequencies", jnp.ones(8))
    assert read("conv_in", values["params"]["conv_in"])


FAULTS = [
    (nets.DDPMpp(multiples=(1, 1, 1)), (10, 12, 3), "divide by 4; got 10 x 12 x 3"),
    (nets.DDPMpp(), (32, 32, 1), "images with 3 channels"),
    (nets.NCSNpp(embedding="sines"), (32, 32, 3), "`embedding` must be"),
    (nets.SongUNet(preconditioning="edn"), (32, 32, 3), "`preconditioning` must be"),
]


@pytest.mark.parametrize(("module", "shape", "words"), FAULTS)
def test_bad_input_is_named(module, shape, words):
    with pytest.raises(ValueError, match=words):
        tools.shapes(module, jnp.zeros(shape), 1.0)


def filtered(x, up, padding, stride, dilation):
    """A depthwise convolution with the filter (1, 3, 3, 1)."""
    one = np.array([1.0, 3, 3, 1], np.float32)
    kernel = np.outer(one, one) / 64 * up
    return jax.lax.conv_general_dilated(
        x,
        jnp.asarray(np.tile(kernel[:, :, None, None], (1, 1, 1, x.shape[-1]))),
        (stride, stride),
        [padding, padding],
        lhs_dilation=(dilation, dilation),
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
        feature_group_count=x.shape[-1],
    )


RESAMPLED = {
    "filtered_halve": (1, (1, 1), 2, 1),
    "filtered_double": (4, (2, 2), 1, 2),
    "blur": (1, (2, 2), 1, 1),
}


@pytest.mark.parametrize("name", RESAMPLED)
def test_filters_are_convolutions(name):
    x = tools.example(2, 6, 4, 3)
    found = getattr(resample, name)(x)
    np.testing.assert_allclose(found, filtered(x, *RESAMPLED[name]), atol=1e-6)


@pytest.mark.parametrize("name", ["double", "filtered_double"])
def test_doubling_is_the_adjoint_of_halving_times_four(name):
    x, y = tools.example(1, 6, 4, 2), tools.example(1, 3, 2, 2, seed=3)
    down = getattr(resample, name.replace("double", "halve"))(x)
    up = getattr(resample, name)(y)
    np.testing.assert_allclose(4 * jnp.vdot(down, y), jnp.vdot(x, up), rtol=1e-5)
