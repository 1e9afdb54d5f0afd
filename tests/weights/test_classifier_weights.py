"""Readers of classifiers, on arrays whose names and shapes are made here.

`test_classifier_parity` compares what the networks compute with PyTorch.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from nets import foreign

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


def layer(name, *shape):
    """Weight and bias of a layer."""
    return {f"{name}.weight": shape, f"{name}.bias": shape[:1]}


def averaged(name, width):
    parts = ("weight", "bias", "running_mean", "running_var")
    return {f"{name}.{part}": (width,) for part in parts}


def encoder(names, width=8, depth=2):
    """Shapes of the blocks of a transformer, by the names of their eight parts."""
    shapes = {}
    for i in range(depth):
        norm1, qkv, proj, norm2, fc1, fc2 = (name.format(i) for name in names)
        shapes |= layer(norm1, width) | layer(norm2, width) | layer(proj, width, width)
        joint = "." if qkv.endswith("qkv") else "_"
        shapes |= {f"{qkv}{joint}weight": (3 * width, width)}
        shapes |= {f"{qkv}{joint}bias": (3 * width,)}
        shapes |= layer(fc1, 4 * width, width) | layer(fc2, width, 4 * width)
    return shapes


def torchvision_vit(width=8):
    name = "encoder.layers.encoder_layer_{}."
    parts = ("ln_1", "self_attention.in_proj", "self_attention.out_proj", "ln_2")
    shapes = encoder([name + part for part in (*parts, "mlp.0", "mlp.3")], width)
    shapes |= {"class_token": (1, 1, width)} | layer("conv_proj", width, 3, 4, 4)
    shapes |= {"encoder.pos_embedding": (1, 10, width)} | layer("encoder.ln", width)
    return shapes | layer("heads.head", 5, width)


def timm_vit(width=8, distilled=False):
    parts = ("norm1", "attn.qkv", "attn.proj", "norm2", "mlp.fc1", "mlp.fc2")
    shapes = encoder([f"blocks.{{}}.{part}" for part in parts], width)
    tokens = ("cls_token", "dist_token")[: 1 + distilled]
    shapes |= dict.fromkeys(tokens, (1, 1, width)) | layer("norm", width)
    shapes |= {"pos_embed": (1, 9 + len(tokens), width)}
    shapes |= layer("patch_embed.proj", width, 3, 4, 4) | layer("head", 5, width)
    return shapes | (layer("head_dist", 5, width) if distilled else {})


def clip_tower(width=8):
    name = "visual.transformer.resblocks.{}."
    parts = ("ln_1", "attn.in_proj", "attn.out_proj", "ln_2", "mlp.c_fc", "mlp.c_proj")
    shapes = encoder([name + part for part in parts], width)
    shapes |= {"visual.class_embedding": (width,), "visual.proj": (width, 6)}
    shapes |= {"visual.positional_embedding": (10, width)}
    shapes |= {"visual.conv1.weight": (width, 3, 4, 4), "logit_scale": ()}
    shapes |= layer("visual.ln_pre", width) | layer("visual.ln_post", width)
    return shapes | layer("ln_final", 7) | {"text_projection": (7, 6)}


def hugging_face(width=8):
    """The same tower by the names of transformers."""
    shapes = {"logit_scale": (), "visual_projection.weight": (6, width)}
    for name in ("pre_layrnorm", "post_layernorm"):
        shapes |= layer(f"vision_model.{name}", width)
    at = "vision_model.embeddings"
    shapes |= {f"{at}.class_embedding": (width,)}
    shapes |= {f"{at}.patch_embedding.weight": (width, 3, 4, 4)}
    shapes |= {f"{at}.position_embedding.weight": (10, width)}
    for i in range(2):
        at = f"vision_model.encoder.layers.{i}"
        for name in ("layer_norm1", "layer_norm2"):
            shapes |= layer(f"{at}.{name}", width)
        for name in ("q_proj", "k_proj", "v_proj", "out_proj"):
            shapes |= layer(f"{at}.self_attn.{name}", width, width)
        shapes |= layer(f"{at}.mlp.fc1", 4 * width, width)
        shapes |= layer(f"{at}.mlp.fc2", width, 4 * width)
    return shapes


def torchvision_convnext(widths=(4, 6)):
    shapes = layer("features.0.0", 4, 3, 4, 4) | layer("features.0.1", 4)
    for stage, width in enumerate(widths):
        at = f"features.{2 * stage + 1}.0"
        shapes |= layer(f"{at}.block.0", width, 1, 7, 7) | layer(f"{at}.block.2", width)
        shapes |= layer(f"{at}.block.3", 4 * width, width)
        shapes |= layer(f"{at}.block.5", width, 4 * width)
        shapes |= {f"{at}.layer_scale": (width, 1, 1)}
    shapes |= layer("features.2.0", 4) | layer("features.2.1", 6, 4, 2, 2)
    return shapes | layer("classifier.0", 6) | layer("classifier.2", 5, 6)


def timm_swin(widths=(4, 8)):
    shapes = layer("patch_embed.proj", 4, 3, 2, 2) | layer("patch_embed.norm", 4)
    for stage, width in enumerate(widths):
        for i in range(2):
            at = f"layers.{stage}.blocks.{i}"
            parts = ("norm1", "attn.qkv", "attn.proj", "norm2", "mlp.fc1", "mlp.fc2")
            names = [f"{at}.{part}" for part in parts]
            shapes |= encoder(names, width, 1)
            shapes |= {f"{at}.attn.relative_position_bias_table": (9, 2)}
            shapes |= {f"{at}.attn.relative_position_index": (4, 4)}
    shapes |= layer("layers.1.downsample.norm", 16)
    shapes |= {"layers.1.downsample.reduction.weight": (8, 16)}
    return shapes | layer("norm", 8) | layer("head.fc", 5, 8)


def timm_xcit(width=8, joint=False):
    shapes = {"cls_token": (1, 1, width)} | layer("norm", width)
    for i, (old, new) in enumerate(((3, 4), (4, 8))):
        shapes |= {f"patch_embed.proj.{2 * i}.0.weight": (new, old, 3, 3)}
        shapes |= averaged(f"patch_embed.proj.{2 * i}.1", new)
    shapes |= layer("pos_embed.token_projection", width, 64, 1, 1)
    at = "blocks.0"
    shapes |= {f"{at}.gamma{i}": (width,) for i in (1, 2, 3)}
    shapes |= {f"{at}.attn.temperature": (2, 1, 1)}
    for i in (1, 2, 3):
        shapes |= layer(f"{at}.norm{i}", width)
    shapes |= layer(f"{at}.attn.qkv", 3 * width, width)
    for name in ("blocks.0", "cls_attn_blocks.0"):
        shapes |= layer(f"{name}.attn.proj", width, width)
        shapes |= layer(f"{name}.mlp.fc1", 4 * width, width)
        shapes |= layer(f"{name}.mlp.fc2", width, 4 * width)
    shapes |= averaged(f"{at}.local_mp.bn", width)
    for i in (1, 2):
        shapes |= layer(f"{at}.local_mp.conv{i}", width, 1, 3, 3)
    at = "cls_attn_blocks.0"
    shapes |= {f"{at}.gamma{i}": (width,) for i in (1, 2)}
    shapes |= layer(f"{at}.norm1", width) | layer(f"{at}.norm2", width)
    if joint:
        shapes |= layer(f"{at}.attn.qkv", 3 * width, width)
    else:
        for name in "qkv":
            shapes |= layer(f"{at}.attn.{name}", width, width)
    return shapes | layer("head", 5, width)


def wide(names=("conv1", "block{}.layer.0.", "bn{}", "conv{}", "convShortcut")):
    """A wide ResNet of depth 10 in the common names, or in others."""
    stem, block, norm, conv, short = names
    shapes, old, first = {f"{stem}.weight": (16, 3, 3, 3)}, 16, "{}" in conv
    for stage, new in enumerate((16, 32, 64), start=1):
        at = block.format(stage if first and "block{" in block else stage - 1)
        shapes |= averaged(at + norm.format(1), old) | averaged(
            at + norm.format(2), new
        )
        shapes |= {f"{at}{conv.format(1)}.weight": (new, old, 3, 3)}
        shapes |= {f"{at}{conv.format(2)}.weight": (new, new, 3, 3)}
        if old != new:
            shapes |= {f"{at}{short}.weight": (new, old, 1, 1)}
        old = new
    return shapes


def common():
    return wide() | averaged("bn1", 64) | layer("fc", 5, 64)


def deepmind():
    renamed = {}
    for name, shape in wide(
        ("init_conv", "layer.{}.block.0.", "bn{}", "conv{}", "shortcut")
    ).items():
        for i in (1, 2):
            name = name.replace(f".bn{i}.", f".batchnorm_{i - 1}.")
            name = name.replace(f".conv{i}.", f".conv_{i - 1}.")
        renamed[name] = shape
    return renamed | averaged("batchnorm", 64) | layer("logits", 5, 64)


def biased():
    shapes, old = layer("conv1", 16, 3, 3, 3), 16
    for stage, new in enumerate((16, 32, 64), start=1):
        at = f"layer{stage}.0"
        shapes |= averaged(f"{at}.bn1", old) | averaged(f"{at}.bn2", new)
        shapes |= layer(f"{at}.conv1", new, old, 3, 3)
        shapes |= layer(f"{at}.conv2", new, new, 3, 3)
        if old != new:
            shapes |= layer(f"{at}.shortcut.0", new, old, 1, 1)
        old = new
    return shapes | averaged("bn1", 64) | layer("linear", 5, 64)


def plain4b():
    shapes, old = layer("conv1", 3, 3, 3, 3), 3
    for stage in (1, 2):
        for i in range(2):
            at = f"layer{stage}.{i}"
            shapes |= layer(f"{at}.conv1", 6, old, 3, 3)
            shapes |= layer(f"{at}.conv2", 6, 6, 3, 3)
            if i == 0:
                shapes |= layer(f"{at}.shortcut.0", 6, old, 1, 1)
            old = 6
    return shapes | layer("linear1", 7, 6 * 4) | layer("linear2", 5, 7)


def deepmind_preact():
    shapes, old = {"conv_2d.weight": (2, 3, 3, 3)}, 2
    for stage, new in enumerate((2, 4, 8, 16)):
        for i in range(2):
            at = f"layer_{stage}.{i}"
            shapes |= averaged(f"{at}.batchnorm_0", old)
            shapes |= averaged(f"{at}.batchnorm_1", new)
            shapes |= {f"{at}.conv_2d_1.weight": (new, old, 3, 3)}
            shapes |= {f"{at}.conv_2d_2.weight": (new, new, 3, 3)}
            if old != new:
                shapes |= {f"{at}.shortcut.weight": (new, old, 3, 3)}
            old = new
    return shapes | averaged("batchnorm", 16) | layer("logits", 5, 16)


def clip(state):
    return vit.clip(state, CLASSES, num_heads=2)


def heads(read):
    return lambda state: read(state, num_heads=2)


READERS = {
    "torchvision ViT": (torchvision_vit, heads(torchvision.model), 12),
    "timm ViT": (timm_vit, heads(vit.timm), 12),
    "distilled DeiT": (lambda: timm_vit(distilled=True), heads(vit.timm), 12),
    "CLIP": (clip_tower, clip, 12),
    "CLIP of transformers": (hugging_face, clip, 12),
    "torchvision ConvNeXt": (torchvision_convnext, torchvision.model, 224),
    "timm Swin": (timm_swin, swin.timm, 224),
    "timm XCiT": (timm_xcit, xcit.timm, 224),
    "XCiT of its authors": (lambda: timm_xcit(joint=True), xcit.timm, 224),
    "wide ResNet": (common, torchvision.robustbench, 32),
    "DeepMind's wide ResNet": (deepmind, torchvision.robustbench, 32),
    "DeepMind's ResNet": (deepmind_preact, torchvision.robustbench, 32),
    "biased wide ResNet": (biased, residual.biased, None),
    "ResNet-4B": (plain4b, residual.plain, None),
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
    state = foreign.draw(hugging_face(), seed=0)
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
    state = foreign.draw(timm_vit(), seed=0)
    with pytest.raises(ValueError, match="does not tell how many heads"):
        vit.timm(state)
    with pytest.raises(
        ValueError, match=r"must be \[K, 6\], as long as those of images"
    ):
        vit.clip(foreign.draw(clip_tower(), seed=0), CLASSES[:, :5], num_heads=2)
    swin2 = foreign.draw(timm_swin(), seed=0) | {"layers.0.logit_scale": np.ones(1)}
    with pytest.raises(ValueError, match="Swin of the second version"):
        swin.timm(swin2)
    with pytest.raises(ValueError, match="folds patches of 1, 2, ... 4 pixels; got 3"):
        xcit.timm(foreign.draw(timm_xcit(), seed=0), patch=3)
    with pytest.raises(ValueError, match="no `stage0_0.depthwise"):
        convnext.timm(
            {"stem.0.weight": np.ones((2, 3, 4, 4)), "head.fc.weight": CLASSES}
        )


def test_settings_by_the_name_in_robustbench(tmp_path):
    path = str(tmp_path / "state.npz")
    np.savez(path, **foreign.draw(common() | layer("fc", 10, 64), seed=0))
    made = families.read("robustbench", path, {"preset": "Hendrycks2019Using"})
    assert made.network.module.mean == made.network.module.std == (0.5,) * 3
    made = families.read("robustbench", path, {"preset": "Ding2020MMA"})
    assert made.network.module.standardised
    with pytest.raises(UsageError, match="did you mean Standard?"):
        families.read("robustbench", path, {"preset": "Standrad"})
    assert sum(map(len, robustbench_names.SETTINGS.values())) > 90


def test_clip_is_converted_with_its_classes(tmp_path):
    path, classes = str(tmp_path / "clip.npz"), str(tmp_path / "classes.npy")
    np.savez(path, **foreign.draw(clip_tower(), seed=0))
    with pytest.raises(UsageError, match="give --classes=FILE"):
        families.read("clip", path, {})
    np.save(classes, CLASSES)
    made = families.read("clip", path, {"classes": classes, "num_heads": 2})
    assert made.shape == (12, 12, 3)
    write(made, str(tmp_path / "out"))
    again = weights.load(tmp_path / "out")
    assert isinstance(again, nets.Network) and again.module.activation == "quick_gelu"
    assert again(jnp.full((12, 12, 3), 0.5)).shape == (5,)
