"""Schedulers of diffusers as purifiers: their own steps, keys and gradients."""

import jax
import numpy as np
import pytest
from jax import numpy as jnp

from purifax import batched, bridge

torch = pytest.importorskip("torch", reason="torch is not installed")
diffusers = pytest.importorskip("diffusers", reason="diffusers is not installed")
pytestmark = pytest.mark.parity
SCHEDULERS = ("DDPMScheduler", "DDIMScheduler", "DPMSolverMultistepScheduler")


def unet(widths=(8, 16)):
    torch.manual_seed(0)
    return diffusers.UNet2DModel(
        sample_size=8,
        in_channels=1,
        out_channels=1,
        block_out_channels=widths,
        down_block_types=("DownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "UpBlock2D"),
        layers_per_block=1,
        norm_num_groups=4,
    ).eval()


X = jnp.full((3, 8, 8, 1), 0.5)


@pytest.mark.parametrize("name", SCHEDULERS)
def test_an_image_is_that_of_its_key_whatever_its_neighbours(name):
    scheduler = getattr(diffusers, name)(num_train_timesteps=100)
    purifier = bridge.from_diffusers(unet(), scheduler, strength=0.3, steps=10)
    key = jax.random.key(0)
    found = jax.jit(batched(purifier))(key, X)
    alone = purifier(jax.random.fold_in(key, 2), X[2])
    np.testing.assert_allclose(found[2], alone, atol=1e-4)
    assert np.abs(found[0] - found[1]).max() > 1e-3
    slope = jax.grad(lambda x: jnp.sum(purifier(key, x) ** 2))(X[0] * 0.9)
    assert np.isfinite(slope).all() and np.abs(slope).max() > 1e-4


def test_a_pipeline_gives_its_own_network_and_scheduler():
    scheduler = diffusers.DDPMScheduler(num_train_timesteps=100)
    pipeline = diffusers.DDPMPipeline(unet(), scheduler)
    one = bridge.from_diffusers(pipeline, strength=0.05, steps=100)
    other = bridge.from_diffusers(pipeline.unet, scheduler, strength=0.05, steps=100)
    found, wanted = (f(jax.random.key(1), X[0]) for f in (one, other))
    np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"strength": 0.0}, r"`strength` must be in \(0, 1\]"),
        ({"steps": 0}, "`steps` must be an integer of 1 or more"),
        ({"scheduler": object()}, "object has no set_timesteps, add_noise, step"),
        ({"pipeline": object()}, "takes a pipeline with a `unet`"),
    ],
)
def test_what_is_no_purifier_is_refused(change, words):
    scheduler = diffusers.DDPMScheduler(num_train_timesteps=100)
    given = {"pipeline": unet(), "scheduler": scheduler} | change
    with pytest.raises(ValueError, match=words):
        bridge.from_diffusers(**given)
