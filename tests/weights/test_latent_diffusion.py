"""Stable Diffusion's autoencoder and UNet, and purification in their latents."""

import json
import shutil

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from nets import diffusers_states as small
from nets import foreign
from weights import test_containers

from purifax import nets, purify, weights
from purifax.run.errors import UsageError
from purifax.weights import (
    conversion,
    families,
    latent_diffusion,
    priors,
    sanity_latents,
)

pytestmark = pytest.mark.usefixtures("unoptimised")

NAME = "diffusion_pytorch_model"
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


def written(home):
    """A pipeline as diffusers saves it, and a file of a text's embeddings."""
    unet_config = small.UNETS["1.5"]
    parts = {
        "vae": (small.AUTOENCODER, small.autoencoder_shapes()),
        "unet": (unet_config, small.unet_shapes(unet_config)),
    }
    for name, (config, shapes) in parts.items():
        (home / name).mkdir()
        (home / name / "config.json").write_text(json.dumps(config))
        raw = test_containers.safetensors(foreign.draw(shapes, seed=0))
        (home / name / f"{NAME}.safetensors").write_bytes(raw)
    (home / "scheduler").mkdir()
    chain = {"beta_schedule": "scaled_linear", "beta_start": 0.00085}
    chain |= {"beta_end": 0.012, "num_train_timesteps": 1000}
    (home / "scheduler" / "scheduler_config.json").write_text(json.dumps(chain))
    np.save(home / "text.npy", CONTEXT[None])
    return home


@pytest.fixture
def folder(tmp_path):
    return written(tmp_path)


def read(folder, **flags):
    return families.read("diffusers", str(folder), {"side": 8} | flags)


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    """A pipeline, and the work directory that it was converted into."""
    source = written(tmp_path_factory.mktemp("pipeline"))
    out = tmp_path_factory.mktemp("run") / "out"
    made = read(source, context=str(source / "text.npy"))
    # Drawn weights give no image back.
    with pytest.raises(conversion.Implausible, match="gives digits back") as found:
        conversion.write(made, str(out))
    # Levels for images in [-1, 1], as parts of the latents' width of 16.
    assert "0.0125   0.0375      0.1\n" in found.value.table
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(conversion.sanity_latents, "check", lambda *_: FOUND)
        assert conversion.write(made, str(out), anyway=True).table.endswith(": 2")
    assert conversion.describe(made).endswith("8 x 8 x 3 images, which codes them")
    return source, out


FOUND = sanity_latents.LatentCheck((), images="nothing", coding=2.0)


def test_a_converted_folder_is_a_prior_with_an_autoencoder(stored):
    source, out = stored
    words = json.loads((out / "network.json").read_text())
    assert words["image"] == [4, 4, 4] and weights.image_shape(out) == (8, 8, 3)
    assert weights.role(out) == "score" and "worse" in words["converted"]["accepted"]
    direct, found = latent_diffusion.prior(source, CONTEXT), priors.load(out)
    assert found.autoencoder[2] == direct.autoencoder[2] == found.noise.width
    for ours, theirs in (
        (found.score, direct.score),
        (found.autoencoder, direct.autoencoder),
    ):
        assert len(jax.tree.leaves(ours)) > 20
        jax.tree.map(
            np.testing.assert_array_equal, *map(jax.tree.leaves, (ours, theirs))
        )
    bare = out.with_name("bare")
    shutil.copytree(out, bare, ignore=shutil.ignore_patterns("autoencoder"))
    with pytest.raises(FileNotFoundError, match="no work directory .*bare/autoencoder"):
        priors.load(bare)


def test_a_latent_folder_in_shards_of_a_variant_is_the_same(folder, tmp_path):
    """The network's arrays lie in two shards, the autoencoder's in one file."""
    parts = lambda prior: jax.tree.leaves((prior.network, prior.autoencoder))  # noqa: E731
    whole = latent_diffusion.prior(folder, CONTEXT)
    home = folder / "unet"
    state = foreign.draw(small.unet_shapes(small.UNETS["1.5"]), seed=0)
    (home / f"{NAME}.safetensors").unlink()
    (folder / "vae" / f"{NAME}.safetensors").rename(
        folder / "vae" / f"{NAME}.fp16.safetensors"
    )
    places = {name: f"{NAME}.fp16-{i % 2}.safetensors" for i, name in enumerate(state)}
    for file in set(places.values()):
        part = {name: state[name] for name in state if places[name] == file}
        (home / file).write_bytes(test_containers.safetensors(part))
    index = json.dumps({"weight_map": places})
    (home / f"{NAME}.safetensors.index.fp16.json").write_text(index)
    for variant in ("", "fp16"):
        found = latent_diffusion.prior(folder, CONTEXT, variant=variant)
        same = jax.tree.map(np.array_equal, *map(parts, (found, whole)))
        assert all(jax.tree.leaves(same))


def test_a_latent_folder_asks_for_what_it_lacks(folder, tmp_path):
    text = str(folder / "text.npy")
    with pytest.raises(UsageError, match="give --context=FILE"):
        read(folder)
    with pytest.raises(UsageError, match="no class labels"):
        read(folder, context=text, label="3")
    with pytest.raises(UsageError, match="sample_size is None; give --side"):
        read(folder, context=text, side=None)
    with pytest.raises(UsageError, match="divides by 2"):
        read(folder, context=text, side=17)
    np.save(text, CONTEXT[:, :5])
    with pytest.raises(ValueError, match=r"context must be \[T, 6\]"):
        read(folder, context=text)
    (folder / "model_index.json").write_text(json.dumps({"controlnet": ["d", "C"]}))
    with pytest.raises(ValueError, match="names 'controlnet' beside"):
        read(folder, context=text)
    (folder / "model_index.json").unlink()
    config = small.UNETS["1.5"] | {"_class_name": "UNet2DConditionModel"}
    (folder / "unet" / "config.json").write_text(json.dumps(config))
    (folder / "vae").rename(tmp_path / "away")
    with pytest.raises(ValueError, match="folder of the whole pipeline"):
        read(folder, context=text)


@pytest.mark.slow
def test_latents_are_purified_from_a_folder_with_the_exact_gradient(stored):
    prior = priors.load(stored[1])
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
