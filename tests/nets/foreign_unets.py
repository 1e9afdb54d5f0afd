"""Diffusion UNets compared with PyTorch: their flags and arguments.

"diffusers" cases are configs of `UNet2DModel`; "openai" cases are fields of
`nets.OpenAIUNet`, and beside them the order in which attention's channels lie.
"""

import numpy as np

__all__ = ["arguments", "cases", "flags"]

_OPENAI = {"channels": 3, "width": 8, "blocks": 1, "groups": 4}


def cases():
    """What is compared: name -> flags."""
    return {
        "diffusers ddpm": {
            "block_out_channels": (8, 16),
            "down_block_types": ("DownBlock2D", "AttnDownBlock2D"),
            "up_block_types": ("AttnUpBlock2D", "UpBlock2D"),
            "layers_per_block": 1,
            "attention_head_dim": None,
            "downsample_padding": 0,
            "flip_sin_to_cos": False,
            "freq_shift": 1,
            "norm_eps": 1e-6,
            "norm_num_groups": 4,
        },
        "diffusers defaults": {  # those of diffusers, where they may differ from DDPM's
            "in_channels": 1,
            "out_channels": 2,
            "block_out_channels": (8, 16, 16),
            "down_block_types": ("DownBlock2D", "DownBlock2D", "AttnDownBlock2D"),
            "up_block_types": ("AttnUpBlock2D", "UpBlock2D", "UpBlock2D"),
            "layers_per_block": 1,
            "norm_num_groups": 4,
            "add_attention": False,
        },
        "diffusers classes": {  # a label, and a scale and shift of the time
            "block_out_channels": (8, 16),
            "down_block_types": ("AttnDownBlock2D", "DownBlock2D"),
            "up_block_types": ("UpBlock2D", "AttnUpBlock2D"),
            "layers_per_block": 1,
            "attention_head_dim": 4,
            "norm_num_groups": 4,
            "resnet_time_scale_shift": "scale_shift",
            "num_class_embeds": 5,
            "time_embedding_dim": 24,
        },
        "diffusers fourier": {  # features of log sigma; the output is divided by it
            "block_out_channels": (8, 16),
            "down_block_types": ("DownBlock2D", "AttnDownBlock2D"),
            "up_block_types": ("AttnUpBlock2D", "UpBlock2D"),
            "layers_per_block": 1,
            "norm_num_groups": 4,
            "time_embedding_type": "fourier",
        },
        "openai heads": {  # more heads on the way up
            **_OPENAI,
            "multiples": (1, 2),
            "attention": (1,),
            "heads": 2,
            "heads_up": 4,
        },
        "openai improved": {  # ECLIPSE's choices
            **_OPENAI,
            "multiples": (1, 2),
            "blocks": 2,
            "attention": (1,),
            "heads": 4,
            "time_scale": 0.25,
        },
        "openai guided": {  # those of the ImageNet networks
            **_OPENAI,
            "width": 16,
            "multiples": (0.5, 1),
            "attention": (0, 1),
            "head_width": 4,
            "resize": "block",
            "num_classes": 5,
            "new_order": True,
        },
        "openai plain": {
            **_OPENAI,
            "channels": 1,
            "multiples": (1, 2, 2),
            "attention": (),
            "heads": 2,
            "resize": "plain",
            "scale_shift": False,
            "learned_variance": False,
        },
    }


def flags(name):
    """The flags of a case for `weights.openai.unet`, which no array tells."""
    fields = cases()[name]
    return {
        "num_heads": fields.get("heads"),
        "num_head_channels": fields.get("head_width"),
        "num_heads_upsample": fields.get("heads_up"),
        "use_new_attention_order": fields.get("new_order", False),
        "time_scale": fields.get("time_scale", 1.0),
        "groups": fields["groups"],
    }


def arguments(name):
    """Two images, two times, and two labels where the network is told them."""
    fields = cases()[name]
    channels = fields.get("channels", fields.get("in_channels", 3))
    random = np.random.RandomState(1)
    images = random.uniform(-1, 1, (2, 8, 8, channels)).astype(np.float32)
    classes = {"num_classes", "num_class_embeds"} & fields.keys()
    labels = [np.array([4, 1])] if classes else []
    return [images, np.array([3.0, 250.5], np.float32), *labels]
