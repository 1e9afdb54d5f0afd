"""EDM's pickles and Song et al.'s checkpoints: the same network from each."""

import pathlib
from functools import cache

import jax
import numpy as np
import pytest
from nets import foreign, foreign_song
from weights import torch_files

from purifax import nets
from purifax.weights import containers, edm, score_sde

GOLDEN = pathlib.Path(__file__).parents[1] / "nets" / "golden" / "song.npz"


@cache
def golden():
    return dict(np.load(GOLDEN))


def shapes(name):
    return foreign.recorded(golden(), name)


@cache
def state(name):
    """In the order of the module, not of the names."""
    drawn = foreign_song.edm_state(shapes(name))
    return {key: drawn[key] for key in shapes(name)}


def pickled(tmp_path, name, class_name="EDMPrecond", **words):
    """What is read of an EDM pickle of these arrays."""
    arrays = {f"model.{key}": array for key, array in state(name).items()}
    arrays["model.enc.8x8_conv.resample_filter"] = np.ones((1, 1), np.float32)
    inner = words.pop("model_type", "SongUNet")
    words = foreign_song.CASES[name] | words
    path = tmp_path / "network.pkl"
    path.write_bytes(torch_files.edm(arrays, {}, class_name, (inner, words)))
    return containers.read(path)


@pytest.mark.parametrize("name", foreign_song.CASES)
def test_an_edm_network_agrees_with_pytorch(tmp_path, name):
    network = edm.convert(pickled(tmp_path, name))
    assert network.module.preconditioning == "edm"
    x, level, label, augmentation = foreign_song.inputs(name)

    @jax.jit
    def run(values):
        told = x, level, False, label, augmentation
        return network.module.apply(values, *told, method="unet")

    expected = golden()[f"{name}/output"]
    scale = np.abs(expected).max()
    assert scale > 0.1
    found = run(network.variables)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * scale)


@pytest.mark.parametrize(
    ("class_name", "kind"), [("VPPrecond", "vp"), ("VEPrecond", "ve")]
)
def test_the_preconditioning_is_that_of_the_class(tmp_path, class_name, kind):
    network = edm.convert(pickled(tmp_path, "NCSN++", class_name))
    assert network.module.preconditioning == kind


FAULTS = [
    ({"class_name": "iDDPMPrecond"}, "this is iDDPMPrecond of a SongUNet"),
    ({"class_name": "Precond3"}, "this is Precond3; EDM's networks are EDMPrecond"),
    ({"model_type": "ViT"}, "is a ViT; SongUNet and DhariwalUNet are read"),
    ({"decoder_type": "skip"}, "not known here: decoder_type='skip'"),
    ({"resample_filter": [1, 2, 1]}, r"resample_filter=\[1, 2, 1\]"),
    ({"num_blocks": 1}, r"does not fit EDM's SongUNet: .* unknown: down0_1"),
    ({"model_channels": 16}, "of a wrong shape: augmentation/kernel"),
]


@pytest.mark.parametrize(("words", "message"), FAULTS)
def test_what_is_no_edm_network_is_named(tmp_path, words, message):
    with pytest.raises(ValueError, match=message):
        edm.convert(pickled(tmp_path, "DDPM++", **words))


def checkpoint(name, form, entry="ema"):
    """A checkpoint of Song et al.; the other entry holds zeros."""
    plain = {k: a for k, a in state(name).items() if "label" not in k}
    modules = foreign_song.all_modules(plain)
    if form == "flax":
        tree = foreign_song.flax_state(modules)
        other = jax.tree.map(np.zeros_like, tree)
        ema, raw = (tree, other) if entry == "ema" else (other, tree)
        return {"params_ema": ema, "optimizer": {"target": raw}, "step": 3}
    names = {
        f"module.all_modules.{i}.{path}": array
        for i, (_, arrays) in enumerate(modules)
        for path, array in arrays.items()
    }
    trained = [a for n, a in names.items() if n != "module.all_modules.0.W"]
    sigmas = {"module.sigmas": np.ones(3, np.float32)}
    if entry == "raw":
        return {"model": sigmas | names, "ema": {}, "step": 3}
    fixed = {n: a if "all_modules.0.W" in n else 0 * a for n, a in names.items()}
    return {"model": sigmas | fixed, "ema": {"shadow_params": trained}, "step": 3}


SAVED = [
    ("DDPM++", "flax", "ema"),
    ("DDPM++", "torch", "ema"),
    ("NCSN++", "torch", "ema"),
    ("NCSN++", "torch", "raw"),
    ("NCSN++", "flax", "raw"),
    ("NCSN++ 256", "torch", "ema"),
    ("NCSN++ 256", "flax", "ema"),
]


@pytest.mark.parametrize(("name", "form", "entry"), SAVED)
def test_song_et_al_save_the_same_network(tmp_path, name, form, entry):
    stored = checkpoint(name, form, entry)
    network = score_sde.convert(stored, entry=entry, attention=(4,), side=8)
    kind = nets.DDPMpp if name == "DDPM++" else nets.NCSNpp
    assert type(network.module) is kind
    expected = dict(edm.convert(pickled(tmp_path, name)).variables["params"])
    for left_out in ("label", "augmentation"):
        expected.pop(left_out, None)
    jax.tree.map(np.testing.assert_array_equal, network.variables["params"], expected)
    assert network.module.filtered == (name != "DDPM++")
    assert network.module.residual_input == (name == "NCSN++")
    assert network.module.pyramids == (name == "NCSN++ 256")


def test_song_et_al_without_averages():
    stored = checkpoint("DDPM++", "torch")
    stored["ema"]["shadow_params"].pop()
    with pytest.raises(ValueError, match="averages are not those of"):
        score_sde.convert(stored)
    with pytest.raises(ValueError, match='`entry` must be "ema" or "raw"'):
        score_sde.convert(stored, entry="average")


@pytest.mark.parametrize("stored", [{}, {"params_ema": {"Dense_0": {"bias": 1.0}}}])
def test_another_checkpoint_is_refused(stored):
    with pytest.raises(ValueError, match="this is not DDPM.*make no UNet"):
        score_sde.convert(stored)


def test_another_attention_is_named():
    with pytest.raises(ValueError, match="does not fit DDPM.*missing: down0_0_att"):
        score_sde.convert(checkpoint("DDPM++", "torch"), attention=(8,), side=8)


@pytest.mark.parity
@pytest.mark.parametrize("name", foreign_song.CASES)
def test_golden_file_is_what_pytorch_gives(name):
    pytest.importorskip("torch", reason="torch is not installed")
    from nets.golden import make_song

    found, output = make_song.run(name)
    assert found == shapes(name)
    expected = golden()[f"{name}/output"]
    atol = 1e-5 * np.abs(expected).max()
    np.testing.assert_allclose(output, expected, rtol=0, atol=atol)
