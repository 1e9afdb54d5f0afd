"""DDPM++ and NCSN++ with drawn parameters, in the forms their authors save."""

import numpy as np
from nets import foreign

__all__ = ["CASES", "all_modules", "edm_state", "flax_state", "inputs"]

# The words with which EDM makes its networks.
CASES = {
    "DDPM++": {
        "img_resolution": 8,
        "in_channels": 3,
        "out_channels": 3,
        "model_channels": 8,
        "channel_mult": [1, 2],
        "num_blocks": 2,
        "attn_resolutions": [4],
        "label_dim": 3,
        "augment_dim": 2,
    },
    "NCSN++": {
        "img_resolution": 8,
        "in_channels": 1,
        "out_channels": 1,
        "model_channels": 8,
        "channel_mult": [1, 1, 2],
        "num_blocks": 1,
        "attn_resolutions": [4],
        "embedding_type": "fourier",
        "channel_mult_noise": 2,
        "encoder_type": "residual",
        "resample_filter": [1, 3, 3, 1],
    },
    "NCSN++ 256": {  # its pyramids are those of the networks for 256 pixels
        "img_resolution": 8,
        "in_channels": 3,
        "out_channels": 3,
        "model_channels": 8,
        "channel_mult": [1, 1, 2],
        "num_blocks": 1,
        "attn_resolutions": [4],
        "embedding_type": "fourier",
        "channel_mult_noise": 2,
        "encoder_type": "skip",
        "decoder_type": "skip",
        "resample_filter": [1, 3, 3, 1],
    },
}


def inputs(name):
    """Images NHWC, levels, labels and augmentations; the last two may be None."""
    words = CASES[name]
    random = np.random.RandomState(1)
    x = random.standard_normal((2, 8, 8, words["in_channels"])).astype(np.float32)
    label = np.array([1, 2]) if "label_dim" in words else None
    augmentation = None
    if "augment_dim" in words:
        augmentation = random.standard_normal((2, 2)).astype(np.float32)
    return x, np.array([0.3, -1.2], np.float32), label, augmentation


def edm_state(shapes):
    """Arrays by EDM's names."""
    return foreign.draw(shapes, seed=0)


def all_modules(state):
    """The same as (kind, arrays) in the order in which Song et al. number them."""
    groups = {}
    for name, array in state.items():
        *path, leaf = name.split(".")
        groups.setdefault(".".join(path[:2]), {})[".".join([*path[2:], leaf])] = array
    made = []
    for group, arrays in groups.items():
        if group == "map_noise":
            made.append(("GaussianFourierProjection", {"W": arrays["freqs"]}))
        elif group.startswith("map_layer"):
            made.append(("Dense", arrays))
        elif group.endswith("_aux_residual"):
            parts = {f"Conv2d_0.{leaf}": array for leaf, array in arrays.items()}
            made.append(("Downsample", parts))
        elif group.endswith("conv"):
            made.append(("Conv", arrays))
        elif group.endswith("_aux_skip"):  # behind a module without arrays
            parts = {f"Conv.{leaf}": array for leaf, array in arrays.items()}
            made += [("", {}), ("Combine", parts)]
        elif group.endswith("_aux_norm"):
            if made[-1][0] and sum(kind == "Conv" for kind, _ in made) > 1:
                made.append(("", {}))
            made.append(("GroupNorm", arrays))
        elif not group.startswith("map_"):
            made += _block(arrays)
    return made


def flax_state(modules):
    """The train state of Song et al. in Flax, of what `all_modules` gives."""
    tree, seen = {}, {}
    for kind, arrays in modules:
        if not kind:
            continue
        name = f"{kind}_{seen.setdefault(kind, 0)}"
        seen[kind] += 1
        for path, array in arrays.items():
            *nodes, leaf = path.split(".")
            node = tree.setdefault(name, {})
            for step in nodes:
                node = node.setdefault(step, {})
            if leaf == "weight":
                array = array.transpose({4: (2, 3, 1, 0), 2: (1, 0)}.get(array.ndim))
                leaf = "kernel" if array.ndim > 1 else "scale"
                leaf = "weight" if nodes == ["Conv2d_0"] else leaf
            node[leaf] = array
    return tree


def _block(arrays):
    """A residual block and, where EDM's has one, the attention behind it."""
    names = {
        "norm0": "GroupNorm_0",
        "conv0": "Conv_0",
        "affine": "Dense_0",
        "norm1": "GroupNorm_1",
        "conv1": "Conv_1",
        "skip": "Conv_2",
    }
    block, attention = {}, {}
    for path, array in arrays.items():
        layer, leaf = path.split(".")
        if layer in names:
            block[f"{names[layer]}.{leaf}"] = array
        elif layer == "norm2":
            attention[f"GroupNorm_0.{leaf}"] = array
        else:
            parts = [array[i::3] for i in range(3)] if layer == "qkv" else [array]
            for i, part in enumerate(parts, start=0 if layer == "qkv" else 3):
                part = part if leaf == "bias" else part[:, :, 0, 0].T
                attention[f"NIN_{i}.{ {'weight': 'W', 'bias': 'b'}[leaf] }"] = part
    found = [("ResnetBlockBigGANpp", block)]
    return found + ([("AttnBlockpp", attention)] if attention else [])
