"""Readers of classifiers, on arrays whose names and shapes are made here.

`test_classifier_parity` compares what the networks compute with PyTorch.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from nets import foreign
from weights import classifier_states as states
from weights import torch_files

from purifax import nets, weights
from purifax.run.errors import UsageError
from purifax.weights import (
    convnext,
    families,
    residual,
    robustbench_names,
    swin,
    torchvision,
    vit,
    xcit,
)
from purifax.weights.conversion import write

pytestmark = pytest.mark.usefixtures("unoptimised")

CLASSES = np.random.RandomState(3).standard_normal((5, 6)).astype(np.float32)


def clip(state):
    return vit.clip(state, CLASSES, num_heads=2)


def heads(read):
    return lambda state: read(state, num_heads=2)


READERS = {
    "torchvision ViT": (states.torchvision_vit, heads(torchvision.model), 12),
    "timm ViT": (states.timm_vit, heads(vit.timm), 12),
    "distilled DeiT": (lambda: states.timm_vit(distilled=True), heads(vit.timm), 12),
    "CLIP": (states.clip_tower, clip, 12),
    "CLIP of transformers": (states.hugging_face, clip, 12),
    "torchvision ConvNeXt": (states.torchvision_convnext, torchvision.model, 224),
    "timm Swin": (states.timm_swin, swin.timm, 224),
    "timm XCiT": (states.timm_xcit, xcit.timm, 224),
    "XCiT of its authors": (lambda: states.timm_xcit(joint=True), xcit.timm, 224),
    "wide ResNet": (states.common, torchvision.robustbench, 32),
    "DeepMind's wide ResNet": (states.deepmind, torchvision.robustbench, 32),
    "DeepMind's ResNet": (states.deepmind_preact, torchvision.robustbench, 32),
    "biased wide ResNet": (states.biased, residual.biased, None),
    "ResNet-4B": (states.plain4b, residual.plain, None),
}


@pytest.mark.parametrize("name", READERS)
def test_every_array_has_its_place(name):
    """All arrays, and no others, fill the variables; each is found there."""
    make, read, side = READERS[name]
    state = foreign.draw(make(), seed=0)
    network = read(state)
    assert network.shape == (None if side is None else (side, side, 3))
    found = sum(np.size(leaf) for leaf in jax.tree.leaves(network.variables))
    text = ("ln_final", "text_projection", "relative_position_index")
    given = sum(np.size(a) for n, a in state.items() if not n.startswith(text[:2]))
    given -= sum(np.size(a) for n, a in state.items() if n.endswith(text[2]))
    assert found == given + (CLASSES.size if "CLIP" in name else 0)
    values = np.sort(np.concatenate([np.ravel(a) for a in state.values()]))
    ours = np.concatenate([np.ravel(a) for a in jax.tree.leaves(network.variables)])
    assert np.isin(ours, np.concatenate([values, CLASSES.ravel()])).all()


@pytest.mark.parametrize("name", READERS)
def test_a_missing_array_is_named(name):
    make, read, _ = READERS[name]
    state = foreign.draw(make(), seed=0)
    last = [name for name in state if name.endswith("bias")][-1]
    del state[last]
    with pytest.raises(ValueError, match="1 missing|this is not|does not fit"):
        read(state)


def test_both_names_of_clip_are_one_network():
    """Queries, keys and values of one layer, or of three."""
    state = foreign.draw(states.hugging_face(), seed=0)
    names = {
        "vision_model.embeddings.class_embedding": "class_embedding",
        "vision_model.embeddings.patch_embedding.weight": "conv1.weight",
        "vision_model.embeddings.position_embedding.weight": "positional_embedding",
    }
    other = {f"visual.{new}": state[old] for old, new in names.items()}
    other |= {"logit_scale": state["logit_scale"]}
    other["visual.proj"] = state["visual_projection.weight"].T
    for old, new in (("pre_layrnorm", "ln_pre"), ("post_layernorm", "ln_post")):
        for leaf in ("weight", "bias"):
            other[f"visual.{new}.{leaf}"] = state[f"vision_model.{old}.{leaf}"]
    for i in range(2):
        old, new = (
            f"vision_model.encoder.layers.{i}",
            f"visual.transformer.resblocks.{i}",
        )
        parts = {"layer_norm1": "ln_1", "layer_norm2": "ln_2", "mlp.fc1": "mlp.c_fc"}
        parts |= {"mlp.fc2": "mlp.c_proj", "self_attn.out_proj": "attn.out_proj"}
        for leaf in ("weight", "bias"):
            for a, b in parts.items():
                other[f"{new}.{b}.{leaf}"] = state[f"{old}.{a}.{leaf}"]
            joined = [state[f"{old}.self_attn.{n}_proj.{leaf}"] for n in "qkv"]
            other[f"{new}.attn.in_proj_{leaf}"] = np.concatenate(joined)
    first, second = clip(state), clip(other)
    assert first.module == second.module
    jax.tree.map(np.testing.assert_array_equal, first.variables, second.variables)


def test_what_cannot_be_read_is_refused():
    state = foreign.draw(states.timm_vit(), seed=0)
    with pytest.raises(ValueError, match="does not tell how many heads"):
        vit.timm(state)
    with pytest.raises(
        ValueError, match=r"must be \[K, 6\], as long as those of images"
    ):
        vit.clip(foreign.draw(states.clip_tower(), seed=0), CLASSES[:, :5], num_heads=2)
    swin2 = foreign.draw(states.timm_swin(), seed=0) | {
        "layers.0.logit_scale": np.ones(1)
    }
    with pytest.raises(ValueError, match="Swin of the second version"):
        swin.timm(swin2)
    with pytest.raises(ValueError, match="folds patches of 1, 2, ... 4 pixels; got 3"):
        xcit.timm(foreign.draw(states.timm_xcit(), seed=0), patch=3)
    with pytest.raises(ValueError, match="no `stage0_0.depthwise"):
        convnext.timm(
            {"stem.0.weight": np.ones((2, 3, 4, 4)), "head.fc.weight": CLASSES}
        )


def test_settings_by_the_name_in_robustbench(tmp_path):
    path = str(tmp_path / "state.npz")
    np.savez(path, **foreign.draw(states.common() | states.layer("fc", 10, 64), seed=0))
    made = families.read("robustbench", path, {"preset": "Hendrycks2019Using"})
    assert made.network.module.mean == made.network.module.std == (0.5,) * 3
    made = families.read("robustbench", path, {"preset": "Ding2020MMA"})
    assert made.network.module.standardised
    with pytest.raises(UsageError, match="did you mean Standard?"):
        families.read("robustbench", path, {"preset": "Standrad"})
    assert sum(map(len, robustbench_names.SETTINGS.values())) > 90


def test_of_the_last_and_the_best_robustbench_takes_the_last(tmp_path):
    path = tmp_path / "file"
    last, best = (foreign.draw(states.common(), seed=seed) for seed in (0, 1))
    path.write_bytes(torch_files.archive({"last": last, "best": best}))
    for given, state in (({}, last), ({"entry": "best"}, best)):
        made = families.read("robustbench", str(path), given)
        assert made.taken["entry"] == given.get("entry", "last")
        found = jax.tree.leaves(made.network.variables)
        assert any(np.array_equal(leaf, state["fc.bias"]) for leaf in found)


def test_clip_is_converted_with_its_classes(tmp_path):
    path, classes = str(tmp_path / "clip.npz"), str(tmp_path / "classes.npy")
    np.savez(path, **foreign.draw(states.clip_tower(), seed=0))
    with pytest.raises(UsageError, match="give --classes=FILE"):
        families.read("clip", path, {})
    np.save(classes, CLASSES)
    made = families.read("clip", path, {"classes": classes, "num_heads": 2})
    assert made.shape == (12, 12, 3)
    write(made, str(tmp_path / "out"))
    again = weights.load(tmp_path / "out")
    assert isinstance(again, nets.Network) and again.module.activation == "quick_gelu"
    assert again(jnp.full((12, 12, 3), 0.5)).shape == (5,)
