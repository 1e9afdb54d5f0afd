"""Options of diffusers' `AutoencoderKL` and `UNet2DConditionModel`.

Those that change what is computed are used, or must be one of a few choices; all others
are refused by name.
"""

from collections.abc import Mapping
from typing import Any

__all__ = [
    "AUTOENCODER_CHOICES",
    "AUTOENCODER_USED",
    "UNET_CHOICES",
    "UNET_USED",
    "options",
]

Config = Mapping[str, Any]

_SILENT = {"_class_name", "_diffusers_version", "_name_or_path", "_use_default_values"}
_SILENT |= {"sample_size", "force_upcast", "dropout", "upcast_attention"}
"""Options without effect on what is computed in float32 and without training."""

# Options that have one supported value, their default; the first of several.
AUTOENCODER_CHOICES: dict[str, tuple[Any, ...]] = {
    "act_fn": ("silu", "swish"),
}
UNET_CHOICES: dict[str, tuple[Any, ...]] = {
    "act_fn": ("silu", "swish"),
    "addition_embed_type": (None,),
    "attention_type": ("default",),
    "center_input_sample": (False,),
    "class_embed_type": (None,),
    "class_embeddings_concat": (False,),
    "conv_in_kernel": (3,),
    "conv_out_kernel": (3,),
    "cross_attention_norm": (None,),
    "downsample_padding": (1,),
    "dual_cross_attention": (False,),
    "encoder_hid_dim": (None,),
    "encoder_hid_dim_type": (None,),
    "mid_block_only_cross_attention": (None,),
    "mid_block_scale_factor": (1,),
    "mid_block_type": ("UNetMidBlock2DCrossAttn",),
    "num_class_embeds": (None,),
    "only_cross_attention": (False,),
    "projection_class_embeddings_input_dim": (None,),
    "resnet_out_scale_factor": (1,),
    "resnet_skip_time_act": (False,),
    "resnet_time_scale_shift": ("default",),
    "reverse_transformer_layers_per_block": (None,),
    "time_cond_proj_dim": (None,),
    "time_embedding_act_fn": (None,),
    "time_embedding_dim": (None,),
    "time_embedding_type": ("positional",),
    "timestep_post_act": (None,),
}
AUTOENCODER_USED = {
    "block_out_channels": (64,),
    "in_channels": 3,
    "out_channels": 3,
    "down_block_types": ("DownEncoderBlock2D",),
    "up_block_types": ("UpDecoderBlock2D",),
    "latent_channels": 4,
    "latents_mean": None,
    "latents_std": None,
    "layers_per_block": 1,
    "mid_block_add_attention": True,
    "norm_num_groups": 32,
    "scaling_factor": 0.18215,
    "shift_factor": None,
    "use_post_quant_conv": True,
    "use_quant_conv": True,
}
UNET_USED = {
    "attention_head_dim": 8,
    "block_out_channels": (320, 640, 1280, 1280),
    "cross_attention_dim": 1280,
    "down_block_types": (*3 * ("CrossAttnDownBlock2D",), "DownBlock2D"),
    "flip_sin_to_cos": True,
    "freq_shift": 0,
    "in_channels": 4,
    "layers_per_block": 2,
    "norm_eps": 1e-5,
    "norm_num_groups": 32,
    "num_attention_heads": None,
    "out_channels": 4,
    "transformer_layers_per_block": 1,
    "up_block_types": ("UpBlock2D", *3 * ("CrossAttnUpBlock2D",)),
    "use_linear_projection": False,  # the same arithmetic with other axes
    "addition_embed_type_num_heads": 64,  # of an option that is refused
    "addition_time_embed_dim": None,
}


def options(
    kind: str, config: Config, used: Config, choices: Mapping[str, tuple[Any, ...]]
) -> dict[str, Any]:
    """The options of a config that are used; diffusers' defaults where it is silent.

    Raises:
        ValueError: an option is unknown, or has a value that is.
    """
    for name, value in config.items():
        if name in choices and value not in choices[name]:
            wanted = " or ".join(map(repr, choices[name]))
            raise ValueError(f"{kind}: `{name}` is {value!r:.60}; known: {wanted}.")
        if name not in (*used, *choices, *_SILENT):
            raise ValueError(
                f"{kind} has an option {name!r:.60}, which is not known here and may "
                "change what the network computes."
            )
    return {**used, **{name: config[name] for name in config if name in used}}
