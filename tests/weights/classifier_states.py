"""The shapes of the arrays of small classifiers, by the names that PyTorch's have."""


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
