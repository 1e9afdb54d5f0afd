"""Configs of scaled-down Stable Diffusion, and the shapes of its arrays by name."""

__all__ = ["AUTOENCODER", "UNETS", "autoencoder_shapes", "unet_shapes"]

AUTOENCODER = {
    "block_out_channels": [8, 12],
    "down_block_types": ["DownEncoderBlock2D"] * 2,
    "up_block_types": ["UpDecoderBlock2D"] * 2,
    "layers_per_block": 1,
    "norm_num_groups": 4,
}
_UNET = {
    "block_out_channels": [8, 16],
    "down_block_types": ["CrossAttnDownBlock2D", "DownBlock2D"],
    "up_block_types": ["UpBlock2D", "CrossAttnUpBlock2D"],
    "layers_per_block": 1,
    "norm_num_groups": 4,
    "cross_attention_dim": 6,
}
UNETS = {
    "1.5": _UNET | {"attention_head_dim": 2},
    "2.1": _UNET | {"attention_head_dim": [2, 4], "use_linear_projection": True},
}


def conv(name, old, new, size=3):
    return {f"{name}.weight": (new, old, size, size), f"{name}.bias": (new,)}


def dense(name, old, new, bias=True):
    return {f"{name}.weight": (new, old)} | ({f"{name}.bias": (new,)} if bias else {})


def norm(name, width):
    return {f"{name}.weight": (width,), f"{name}.bias": (width,)}


def residual(name, old, new, time=0):
    shapes = norm(f"{name}.norm1", old) | conv(f"{name}.conv1", old, new)
    shapes |= norm(f"{name}.norm2", new) | conv(f"{name}.conv2", new, new)
    if time:
        shapes |= dense(f"{name}.time_emb_proj", time, new)
    return shapes | (conv(f"{name}.conv_shortcut", old, new, 1) if old != new else {})


def attention(name, width):
    """Of the autoencoder's middle."""
    shapes = norm(f"{name}.group_norm", width)
    for part in ("to_q", "to_k", "to_v", "to_out.0"):
        shapes |= dense(f"{name}.{part}", width, width)
    return shapes


def middle(name, width, attend, time=0):
    shapes = residual(f"{name}.resnets.0", width, width, time)
    shapes |= residual(f"{name}.resnets.1", width, width, time)
    return shapes | attend(f"{name}.attentions.0", width)


def autoencoder_shapes(config=AUTOENCODER, latent=4):
    first, last = config["block_out_channels"]
    shapes = {}
    for part, new, out in (("encoder", first, 2 * latent), ("decoder", last, 3)):
        old = 3 if part == "encoder" else latent
        shapes |= conv(f"{part}.conv_in", old, new)
        shapes |= middle(f"{part}.mid_block", last, attention)
        end = last if part == "encoder" else first
        shapes |= norm(f"{part}.conv_norm_out", end)
        shapes |= conv(f"{part}.conv_out", end, out)
    name = "encoder.down_blocks"
    shapes |= residual(f"{name}.0.resnets.0", first, first)
    shapes |= conv(f"{name}.0.downsamplers.0.conv", first, first)
    shapes |= residual(f"{name}.1.resnets.0", first, last)
    name = "decoder.up_blocks"
    for i, (old, new) in enumerate(((last, last), (last, first))):
        shapes |= residual(f"{name}.{i}.resnets.0", old, new)
        shapes |= residual(f"{name}.{i}.resnets.1", new, new)
    shapes |= conv(f"{name}.0.upsamplers.0.conv", last, last)
    shapes |= conv("quant_conv", 2 * latent, 2 * latent, 1)
    return shapes | conv("post_quant_conv", latent, latent, 1)


def unet_shapes(config):
    first, last = config["block_out_channels"]
    linear, time = config.get("use_linear_projection"), 4 * first

    def transformer(name, width):
        shapes = norm(f"{name}.norm", width)
        for part in ("proj_in", "proj_out"):
            layer = dense if linear else lambda *a: conv(*a, 1)
            shapes |= layer(f"{name}.{part}", width, width)
        name = f"{name}.transformer_blocks.0"
        for i in (1, 2, 3):
            shapes |= norm(f"{name}.norm{i}", width)
        for i, other in ((1, width), (2, config["cross_attention_dim"])):
            at = f"{name}.attn{i}"
            shapes |= dense(f"{at}.to_q", width, width, False)
            shapes |= dense(f"{at}.to_k", other, width, False)
            shapes |= dense(f"{at}.to_v", other, width, False)
            shapes |= dense(f"{at}.to_out.0", width, width)
        shapes |= dense(f"{name}.ff.net.0.proj", width, 8 * width)
        return shapes | dense(f"{name}.ff.net.2", 4 * width, width)

    shapes = conv("conv_in", 4, first) | norm("conv_norm_out", first)
    shapes |= conv("conv_out", first, 4)
    shapes |= dense("time_embedding.linear_1", first, time)
    shapes |= dense("time_embedding.linear_2", time, time)
    shapes |= residual("down_blocks.0.resnets.0", first, first, time)
    shapes |= transformer("down_blocks.0.attentions.0", first)
    shapes |= conv("down_blocks.0.downsamplers.0.conv", first, first)
    shapes |= residual("down_blocks.1.resnets.0", first, last, time)
    shapes |= middle("mid_block", last, transformer, time)
    shapes |= residual("up_blocks.0.resnets.0", 2 * last, last, time)
    shapes |= residual("up_blocks.0.resnets.1", last + first, last, time)
    shapes |= conv("up_blocks.0.upsamplers.0.conv", last, last)
    for i, old in enumerate((last + first, 2 * first)):
        shapes |= residual(f"up_blocks.1.resnets.{i}", old, first, time)
        shapes |= transformer(f"up_blocks.1.attentions.{i}", first)
    return shapes
