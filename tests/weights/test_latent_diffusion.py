"""Stable Diffusion's autoencoder and UNet, and purification in their latents."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from nets import diffusers_states as small
from nets import foreign
from weights import test_containers

from purifax import nets, purify
from purifax.weights import latent_diffusion

pytestmark = pytest.mark.usefixtures("unoptimised")

CONTEXT = np.random.RandomState(4).standard_normal((5, 6)).astype(np.float32)
X = jnp.asarray(np.random.RandomState(5).random_sample((8, 8, 3)), jnp.float32)
Z = jnp.asarray(np.random.RandomState(6).standard_normal((4, 4, 4)), jnp.float32)


def coder(**config):
    state = foreign.draw(small.autoencoder_shapes(), seed=0)
    return latent_diffusion.autoencoder(state, small.AUTOENCODER | config)


def unet(kind="1.5", **config):
    config = small.UNETS[kind] | config
    state = foreign.draw(small.unet_shapes(config), seed=1)
    return latent_diffusion.conditional_unet(state, config, CONTEXT)


def test_an_autoencoder_is_read_whole():
    network = coder(scaling_factor=0.5, shift_factor=0.25)
    z = nets.encoder(network)(X)
    assert z.shape == (4, 4, 4) and nets.decoder(network)(z).shape == X.shape
    np.testing.assert_allclose(network(X), nets.decoder(network)(z), rtol=1e-5)
    plain = nets.encoder(coder(scaling_factor=1.0))(X)
    np.testing.assert_allclose(z, (plain - 0.25) * 0.5, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("kind", small.UNETS)
def test_a_unet_is_read_whole_and_sees_its_context(kind):
    network = unet(kind)
    found = network(Z, 7)
    assert found.shape == Z.shape
    np.testing.assert_array_equal(found, network(Z, 7, CONTEXT))
    assert np.abs(found - network(Z, 7, -CONTEXT)).max() > 1e-3


def test_what_is_not_known_is_refused():
    with pytest.raises(ValueError, match="option 'sharpness', which is not known"):
        coder(sharpness=1)
    with pytest.raises(ValueError, match="addition_embed_type` is 'text_time'"):
        unet(addition_embed_type="text_time")
    with pytest.raises(ValueError, match=r"context must be \[T, 6\]"):
        config = small.UNETS["1.5"]
        latent_diffusion.conditional_unet({}, config, CONTEXT[:, :5])
    state = foreign.draw(small.autoencoder_shapes(), seed=0)
    state.pop("quant_conv.bias")
    with pytest.raises(ValueError, match="1 missing: quant_conv/bias"):
        latent_diffusion.autoencoder(state, small.AUTOENCODER)


@pytest.fixture
def folder(tmp_path):
    """A pipeline as diffusers saves it."""
    unet_config = small.UNETS["1.5"]
    parts = {
        "vae": (small.AUTOENCODER, small.autoencoder_shapes()),
        "unet": (unet_config, small.unet_shapes(unet_config)),
    }
    for name, (config, shapes) in parts.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.json").write_text(json.dumps(config))
        raw = test_containers.safetensors(foreign.draw(shapes, seed=0))
        path = tmp_path / name / "diffusion_pytorch_model.safetensors"
        path.write_bytes(raw)
    (tmp_path / "scheduler").mkdir()
    chain = {"beta_schedule": "scaled_linear", "beta_start": 0.00085}
    chain |= {"beta_end": 0.012, "num_train_timesteps": 1000}
    file = tmp_path / "scheduler" / "scheduler_config.json"
    file.write_text(json.dumps(chain))
    return tmp_path


def test_latents_are_purified_from_a_folder_with_the_exact_gradient(folder):
    prior = latent_diffusion.prior(folder, CONTEXT)
    assert prior.noise.width == 16
    recipe = purify.Latent(sigma=0.02, steps=1)
    run = recipe.build(prior)
    key, push = jax.random.key(0), jnp.cos(jnp.arange(X.size)).reshape(X.shape)
    found = jax.jit(run)(key, X)
    assert found.shape == X.shape and 0 <= found.min() and found.max() <= 1

    def total(x):
        return jnp.sum(push * run(key, x))

    slope = jnp.vdot(jax.jit(jax.grad(total))(X), push)
    step = 2e-3
    ends = (jax.jit(total)(X + sign * step * push) for sign in (1, -1))
    difference = np.subtract(*map(float, ends)) / (2 * step)
    np.testing.assert_allclose(slope, difference, rtol=3e-2, atol=1e-2)


def test_an_autoencoder_is_needed():
    with pytest.raises(ValueError, match="Latent needs an autoencoder"):
        purify.Latent().build(purify.Prior(score=lambda x, s: -x))


def test_the_purifier_sees_latents_in_its_own_units():
    """Of a linear code, purifying is the code's conjugate of what is done to u."""

    def shift(key, u):
        return u + 0.01

    found = purify.latent(
        None, 0.5 * X, shift, lambda x: 4 * x, lambda z: z / 4, width=8.0
    )
    np.testing.assert_allclose(found, 0.5 * X + 0.01 * 8 / 4, rtol=1e-5)


@pytest.mark.parity
def test_the_autoencoder_agrees_with_diffusers():
    diffusers = pytest.importorskip("diffusers")
    import torch

    module = diffusers.AutoencoderKL(**small.AUTOENCODER).eval()
    shapes = {k: tuple(v.shape) for k, v in module.state_dict().items()}
    assert shapes == small.autoencoder_shapes()
    state = foreign.draw(shapes, seed=0)
    module.load_state_dict({k: torch.from_numpy(v) for k, v in state.items()})
    network = latent_diffusion.autoencoder(state, dict(module.config))
    x = torch.from_numpy(np.array(X).transpose(2, 0, 1)[None])
    with torch.no_grad():
        z = module.encode(2 * x - 1).latent_dist.mean * module.config.scaling_factor
        y = (module.decode(z / module.config.scaling_factor).sample + 1) / 2
    found = nets.encoder(network)(X)
    for ours, theirs in ((found, z), (nets.decoder(network)(found), y)):
        theirs = theirs[0].permute(1, 2, 0).numpy()
        assert np.abs(theirs).max() > 0.01
        scale = np.abs(theirs).max()
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=2e-5 * scale)


@pytest.mark.parity
@pytest.mark.parametrize("kind", small.UNETS)
def test_the_unet_agrees_with_diffusers(kind):
    diffusers = pytest.importorskip("diffusers")
    import torch

    module = diffusers.UNet2DConditionModel(**small.UNETS[kind]).eval()
    shapes = {k: tuple(v.shape) for k, v in module.state_dict().items()}
    assert shapes == small.unet_shapes(small.UNETS[kind])
    state = foreign.draw(shapes, seed=1)
    module.load_state_dict({k: torch.from_numpy(v) for k, v in state.items()})
    config = dict(module.config)
    network = latent_diffusion.conditional_unet(state, config, CONTEXT)
    z = torch.from_numpy(np.array(Z).transpose(2, 0, 1)[None])
    for label in (0, 7, 999):
        with torch.no_grad():
            theirs = module(z, label, torch.from_numpy(CONTEXT)[None]).sample
        theirs = theirs[0].permute(1, 2, 0).numpy()
        atol = 2e-5 * np.abs(theirs).max()
        np.testing.assert_allclose(network(Z, label), theirs, rtol=0, atol=atol)
