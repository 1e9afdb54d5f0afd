"""Vision transformers as networks, from their arrays by name.

    torchvision   ViT ("encoder.layers.encoder_layer_0.ln_1")
    timm          ViT and DeiT, distilled ones included ("blocks.0.norm1")
    clip          the image tower of CLIP with embeddings of classes: OpenAI's and
                  open_clip's names ("visual.transformer.resblocks.0.ln_1") or Hugging
                  Face's ("vision_model.encoder.layers.0.layer_norm1")

Widths, depth, patch and image size follow from the arrays, the number of heads from the
width: 64 channels each, but for the few widths of `_HEAD_WIDTHS`.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from purifax import nets
from purifax.weights import states, torch_names

__all__ = ["clip", "timm", "torchvision"]

Arrays = Mapping[str, np.ndarray]
Numbers = tuple[float, ...]

_HEAD_WIDTHS = {1280: 80, 1408: 88, 1664: 104}
"""Channels of an attention head by the width of a token: ViT-H, -g and -G."""

_BLOCK = r"^block(\d+)\."
_IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
_CLIP = ((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711))

_TORCHVISION = (
    (r"^class_token$", "token"),
    (r"^conv_proj\.", "patches."),
    (r"^encoder\.pos_embedding$", "positions"),
    (r"^encoder\.layers\.encoder_layer_(\d+)\.", r"block\1."),
    (r"^encoder\.ln\.", "norm."),
    (r"^heads\.head\.", "head."),
    (r"\.ln_([12])\.", r".norm\1."),
    (r"\.self_attention\.in_proj_", ".attn.qkv."),
    (r"\.self_attention\.out_proj\.", ".attn.proj."),
    (r"\.mlp\.(0|linear_1)\.", ".mlp.fc1."),
    (r"\.mlp\.(3|linear_2)\.", ".mlp.fc2."),
)
_TIMM = (
    (r"^cls_token$", "token"),
    (r"^dist_token$", "token_dist"),
    (r"^patch_embed\.proj\.", "patches."),
    (r"^pos_embed$", "positions"),
    (r"^blocks\.(\d+)\.", r"block\1."),
    (r"^fc_norm\.", "norm."),
    (r"\.ls([12])\.gamma$", r".gamma\1"),
)
_OPENAI = (
    (r"^class_embedding$", "token"),
    (r"^conv1\.", "patches."),
    (r"^positional_embedding$", "positions"),
    (r"^ln_pre\.", "norm_pre."),
    (r"^ln_post\.", "norm."),
    (r"^transformer\.resblocks\.(\d+)\.", r"block\1."),
    (r"\.ln_([12])\.", r".norm\1."),
    (r"\.ls_([12])\.gamma$", r".gamma\1"),
    (r"\.attn\.in_proj_", ".attn.qkv."),
    (r"\.attn\.out_proj\.", ".attn.proj."),
    (r"\.mlp\.c_fc\.", ".mlp.fc1."),
    (r"\.mlp\.c_proj\.", ".mlp.fc2."),
)
_HUGGING_FACE = (
    (r"^embeddings\.class_embedding$", "token"),
    (r"^embeddings\.patch_embedding\.", "patches."),
    (r"^embeddings\.position_embedding\.weight$", "positions"),
    (r"^pre_layrnorm\.", "norm_pre."),
    (r"^post_layernorm\.", "norm."),
    (r"^encoder\.layers\.(\d+)\.", r"block\1."),
    (r"\.layer_norm([12])\.", r".norm\1."),
    (r"\.self_attn\.out_proj\.", ".attn.proj."),
    (r"\.self_attn\.", ".attn."),
)


def torchvision(
    state: Arrays,
    *,
    mean: Numbers = _IMAGENET[0],
    std: Numbers = _IMAGENET[1],
    num_heads: int | None = None,
) -> nets.Network:
    """A ViT of torchvision.

    Args:
        state: name to array, in PyTorch's layout.
        num_heads: of the attention, where the width does not tell.

    Raises:
        ValueError: named arrays are missing, unknown or of a wrong shape.
    """
    arrays = torch_names.renamed(states.lasting(state), _TORCHVISION)
    options = {"mean": mean, "std": std}
    return _network("a ViT of torchvision", arrays, num_heads, options)


def timm(
    state: Arrays,
    *,
    mean: Numbers = _IMAGENET[0],
    std: Numbers = _IMAGENET[1],
    num_heads: int | None = None,
) -> nets.Network:
    """A ViT or DeiT of timm, and of DeiT's own code.

    Args:
        state: name to array, in PyTorch's layout.
        mean, std: of the normalisation; ImageNet's by default, as DeiT has them. The
            ViTs of "augreg" have 0.5 and 0.5.
        num_heads: of the attention, where the width does not tell.

    Raises:
        ValueError: named arrays are missing, unknown or of a wrong shape.
    """
    found = states.lasting(state)
    options: dict[str, Any] = {"mean": mean, "std": std}
    if "dist_token" in found:
        options["head"] = "distilled"
    if "fc_norm.weight" in found:
        options |= {"pool": "mean", "norm_first": False}
    arrays = torch_names.renamed(found, _TIMM)
    return _network("a ViT of timm", arrays, num_heads, options)


def clip(
    state: Arrays,
    classes: np.ndarray,
    *,
    activation: str = "quick_gelu",
    mean: Numbers = _CLIP[0],
    std: Numbers = _CLIP[1],
    num_heads: int | None = None,
) -> nets.Network:
    """CLIP's image tower as a zero-shot classifier.

    Args:
        state: name to array, of the whole model or of the tower; of the text's tower
            only the factor `logit_scale` is used, which is 100 where it is not stored.
        classes: embeddings of the classes' texts, [K, D], of any length: the cosines
            with them are the logits, times the factor.
        activation: "quick_gelu", which OpenAI's weights have, or "gelu", the default
            of open_clip's; the arrays do not tell.
        num_heads: of the attention, where the width does not tell.

    Raises:
        ValueError: named arrays are missing, unknown or of a wrong shape; or the
            embeddings are not [K, D].
    """
    kind, found = "CLIP's image tower", states.lasting(state)
    scale = found.get("logit_scale", np.asarray(np.log(100), np.float32))
    if "vision_model.embeddings.class_embedding" in found:
        arrays = _hugging_face(found)
    else:
        inside = "visual.class_embedding" in found
        tower = {
            name.removeprefix("visual."): array
            for name, array in found.items()
            if not inside or name.startswith("visual.")
        }
        arrays = torch_names.renamed(tower, _OPENAI)
        arrays.pop("logit_scale", None)
    states.have(kind, arrays, {"proj": 2})
    classes = np.asarray(classes, np.float32)
    length = arrays["proj"].shape[1]
    if classes.ndim != 2 or classes.shape[1] != length or not np.any(classes, 1).all():
        raise ValueError(
            f"the embeddings of classes must be [K, {length}], as long as those of "
            f"images, and none of them zero; got {list(classes.shape)}."
        )
    arrays |= {"classes": classes, "log_scale": np.reshape(scale, (1,))}
    arrays["proj.weight"] = arrays.pop("proj").T
    options = {"head": "zero_shot", "embedding": length, "activation": activation}
    options |= {"epsilon": 1e-5, "mean": mean, "std": std, "num_classes": len(classes)}
    return _network(kind, arrays, num_heads, options)


def _hugging_face(found: Arrays) -> dict[str, np.ndarray]:
    """The arrays of a `CLIPModel` or `CLIPVisionModelWithProjection` by our names."""
    tower = {
        name.removeprefix("vision_model."): array
        for name, array in found.items()
        if name.startswith("vision_model.") and not name.endswith("position_ids")
    }
    arrays = torch_names.renamed(tower, _HUGGING_FACE)
    for name in [name for name in arrays if ".attn.q_proj." in name]:
        parts = (arrays.pop(name.replace(".q_", f".{part}_"), None) for part in "qkv")
        parts = [part for part in parts if part is not None]
        arrays[name.replace("q_proj", "qkv")] = np.concatenate(parts)
    if "visual_projection.weight" in found:
        arrays["proj"] = found["visual_projection.weight"].T
    return arrays


def _network(
    kind: str, arrays: dict[str, np.ndarray], num_heads: int | None, options: Any
) -> nets.Network:
    """The network of arrays by our names, in PyTorch's layout."""
    patches, positions, first = "patches.weight", "positions", "block0.mlp.fc1.weight"
    states.have(kind, arrays, {patches: 4, first: 2})
    width, channels, patch = arrays[patches].shape[:3]
    for name in ("token", "token_dist"):
        if name in arrays:
            arrays[name] = np.reshape(arrays[name], -1)
    tokens = sum(name in arrays for name in ("token", "token_dist"))
    if positions in arrays:
        arrays[positions] = np.reshape(arrays[positions], (-1, width))
    states.have(kind, arrays, {positions: 2})
    side = _side(kind, len(arrays[positions]) - tokens) * patch
    if "num_classes" not in options:
        states.have(kind, arrays, {"head.weight": 2})
        options["num_classes"] = len(arrays["head.weight"])
    module = nets.VisionTransformer(
        side=side,
        patch=patch,
        width=width,
        depth=torch_names.count(arrays, _BLOCK),
        heads=num_heads or _heads(kind, width),
        hidden=len(arrays[first]),
        has_token=tokens > 0,
        first_norm="norm_pre.weight" in arrays,
        patch_bias="norm_pre.weight" not in arrays or "patches.bias" in arrays,
        use_bias="block0.attn.qkv.bias" in arrays,
        scaled="block0.gamma1" in arrays,
        **options,
    )
    by_path = torch_names.by_path(arrays, kept=("positions", "classes"))
    shape = (side, side, channels)
    variables = states.fitted(kind, by_path, module, shape)
    return nets.Network(module, variables, shape)


def _side(kind: str, count: int) -> int:
    """The patches along a side of a square image."""
    side = round(max(count, 0) ** 0.5)
    if side < 1 or side**2 != count:
        raise ValueError(
            f"{kind} with positions of {count} patches has no square images."
        )
    return side


def _heads(kind: str, width: int) -> int:
    channels = _HEAD_WIDTHS.get(width, 64)
    if width % channels:
        raise ValueError(
            f"{kind} of width {width} does not tell how many heads its attention has; "
            "give `num_heads`."
        )
    return width // channels
