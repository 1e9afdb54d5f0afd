"""Folders as diffusers saves them: shards, variants, averages, classes, VE."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from nets import test_unet_weights
from weights import test_containers

from purifax import weights
from purifax.run.errors import UsageError
from purifax.weights import diffusers_files, families

NAME = "diffusion_pytorch_model"
DDPM = {"beta_schedule": "linear", "num_train_timesteps": 100}


def write(home, case="diffusers ddpm", variant="", shards=0, factor=1.0, **config):
    """A folder of one model, whole or in shards."""
    home.mkdir(parents=True)
    words = test_unet_weights.config(sample_size=8)
    words |= json.loads(json.dumps(test_unet_weights.foreign_unets.cases()[case]))
    (home / "config.json").write_text(json.dumps(words | config))
    state = test_unet_weights.state(case)
    state = {name: factor * array for name, array in state.items()}
    if variant == "fp16":
        state = {name: array.astype(np.float16) for name, array in state.items()}
    dot = f".{variant}" if variant else ""
    if not shards:
        raw = test_containers.safetensors(state)
        (home / f"{NAME}{dot}.safetensors").write_bytes(raw)
        return
    places = {name: i % shards for i, name in enumerate(state)}
    files = [f"{NAME}-{i:05}-of-{shards:05}{dot}.safetensors" for i in range(shards)]
    for i, file in enumerate(files):
        part = {name: state[name] for name, place in places.items() if place == i}
        (home / file).write_bytes(test_containers.safetensors(part))
    index = {"weight_map": {name: files[place] for name, place in places.items()}}
    text = json.dumps(index | {"metadata": {"total_size": 1}})
    (home / f"{NAME}.safetensors.index{dot}.json").write_text(text)


def pipe(folder, scheduler=None):
    (folder / "scheduler").mkdir(parents=True)
    text = json.dumps(DDPM if scheduler is None else scheduler)
    (folder / "scheduler" / "scheduler_config.json").write_text(text)
    return str(folder)


@pytest.mark.parametrize(("variant", "shards"), [("", 3), ("fp16", 0), ("fp16", 2)])
def test_shards_and_variants_are_the_same_network(tmp_path, variant, shards):
    write(tmp_path / "pipe" / "unet", variant=variant, shards=shards)
    made = families.read("diffusers", pipe(tmp_path / "pipe"), {})
    expected = test_unet_weights.diffusers.unet2d(
        test_unet_weights.state("diffusers ddpm"), test_unet_weights.config()
    )
    rtol = 1e-3 if variant else 0
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=rtol, atol=1e-4 * rtol),
        made.network.variables,
        expected.variables,
    )


def test_of_several_variants_the_plain_one_is_taken_or_the_named(tmp_path):
    write(tmp_path / "unet")
    state = test_unet_weights.state("diffusers ddpm")
    raw = test_containers.safetensors({n: 2 * a for n, a in state.items()})
    (tmp_path / "unet" / f"{NAME}.non_ema.safetensors").write_bytes(raw)
    for variant, factor in (("", 1), ("non_ema", 2)):
        found = diffusers_files.arrays(tmp_path / "unet", variant)["conv_in.bias"]
        np.testing.assert_array_equal(found, factor * state["conv_in.bias"])
    with pytest.raises(FileNotFoundError, match="'fp16'. It has the variants non_ema"):
        diffusers_files.arrays(tmp_path / "unet", "fp16")


def test_an_index_that_names_what_is_not_there_is_refused(tmp_path):
    write(tmp_path / "unet", shards=2)
    path = tmp_path / "unet" / f"{NAME}.safetensors.index.json"
    index = json.loads(path.read_text())
    places = index["weight_map"]
    path.write_text(
        json.dumps({"weight_map": places | {"more": places["conv_in.bias"]}})
    )
    with pytest.raises(ValueError, match="in no shard: more"):
        diffusers_files.arrays(tmp_path / "unet")
    path.write_text(json.dumps({"weight_map": {"conv_in.bias": "../secret"}}))
    with pytest.raises(ValueError, match="files in its folder"):
        diffusers_files.arrays(tmp_path / "unet")


def test_averaged_weights_are_taken_and_the_others_are_offered(tmp_path):
    write(tmp_path / "unet")
    write(tmp_path / "unet_ema", factor=2.0)
    folder, found = pipe(tmp_path), {}
    for entry, given in (("ema", {}), ("raw", {"entry": "raw"})):
        made = families.read("diffusers", folder, given)
        found[entry] = made.network.variables["params"]["conv_out"]["bias"]
        assert made.taken["entry"].startswith("unet_ema" if entry == "ema" else "unet")
        assert "--entry=" in made.taken["other entries"]
    np.testing.assert_array_equal(found["ema"], 2 * found["raw"])


def test_a_class_is_a_part_of_the_network(tmp_path):
    write(tmp_path / "unet", case="diffusers classes")
    folder = pipe(tmp_path)
    with pytest.raises(UsageError, match="one of 5 classes: give --label=NUMBER"):
        families.read("diffusers", folder, {})
    with pytest.raises(UsageError, match="from 0 to 4, none or keep; got 5"):
        families.read("diffusers", folder, {"label": "5"})
    labelled = families.read("diffusers", folder, {"label": "keep"}).network
    fixed = families.read("diffusers", folder, {"label": "3"}).network
    guess = families.read("diffusers", folder, {"label": "none"}).network
    x, t = jax.random.normal(jax.random.key(0), (8, 8, 3)), jnp.float32(7)
    np.testing.assert_allclose(
        fixed(x, t), labelled(x, t, jnp.int32(3)), rtol=0, atol=1e-5
    )
    rows = labelled.variables["params"]["label"]["embedding"]
    last = labelled.variables["params"]["time"]["dense2"]["bias"]
    found = guess.variables["params"]["time"]["dense2"]["bias"]
    np.testing.assert_allclose(found, last + rows.mean(axis=0), rtol=1e-5)


def test_a_fourier_network_under_ve_is_a_scaled_score(tmp_path):
    """diffusers' output is the score: it is divided by sigma."""
    write(tmp_path / "unet", case="diffusers fourier")
    words = {"_class_name": "ScoreSdeVeScheduler", "sigma_max": 50, "sigma_min": 0.01}
    made = families.read("diffusers", pipe(tmp_path, words | {"snr": 0.15}), {})
    assert made.predicts.predicts == "scaled_score"
    assert made.predicts.process == {"name": "VE", "smallest": 0.01, "largest": 50.0}
    x, sigma = jax.random.uniform(jax.random.key(0), (8, 8, 3)), jnp.float32(0.3)
    theirs = test_unet_weights.diffusers.load_directory(tmp_path)
    np.testing.assert_allclose(
        made.predicts.score(made.network)(x, sigma), theirs(x, sigma), rtol=1e-5
    )
    other = pipe(tmp_path / "other")
    write(tmp_path / "other" / "unet", case="diffusers fourier")
    with pytest.raises(ValueError, match="given sigma, and its scheduler is no"):
        families.read("diffusers", other, {})


def test_a_folder_stands_for_a_work_directory_and_is_tried(tmp_path):
    write(tmp_path / "pipe" / "unet")
    folder = pipe(tmp_path / "pipe")
    assert weights.role(folder) == "score"
    assert weights.image_shape(folder) == (8, 8, 3)
    assert weights.prediction(folder).predicts == "noise"
    with pytest.raises(ValueError, match="convert --from=diffusers"):  # drawn weights
        weights.load(folder)
    with pytest.raises(ValueError, match="which gives no energy"):
        weights.energy(folder)
    with pytest.raises(FileNotFoundError, match="no checkpoint of a step"):
        weights.load(folder, step=3)
    (tmp_path / "pipe" / "vae").mkdir()
    with pytest.raises(ValueError, match="--context=FILE"):
        weights.role(folder)
