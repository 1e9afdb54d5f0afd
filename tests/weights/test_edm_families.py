"""EDM's network for ImageNet, EDM2's, and Song et al.'s of DDPM."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from nets import foreign
from weights import torch_files

from purifax import nets
from purifax.weights import edm, openai, score_sde
from purifax.weights.labels import fixed

ADM = {
    "img_resolution": 8,
    "in_channels": 3,
    "out_channels": 3,
    "model_channels": 64,
    "channel_mult": [1, 2],
    "num_blocks": 1,
    "attn_resolutions": [4],
    "label_dim": 3,
}
INSIDE = {
    "in_layers.0": "norm0",
    "in_layers.2": "conv0",
    "emb_layers.1": "affine",
    "out_layers.0": "norm1",
    "out_layers.3": "conv1",
    "skip_connection": "skip",
}
# OpenAI's blocks of the network above, by EDM's names.
BLOCKS = {
    "input_blocks.1.0": "enc.8x8_block0",
    "input_blocks.2.0": "enc.4x4_down",
    "input_blocks.3.0": "enc.4x4_block0",
    "middle_block.0": "dec.4x4_in0",
    "middle_block.2": "dec.4x4_in1",
    "output_blocks.0.0": "dec.4x4_block0",
    "output_blocks.1.0": "dec.4x4_block1",
    "output_blocks.1.2": "dec.8x8_up",
    "output_blocks.2.0": "dec.8x8_block0",
    "output_blocks.3.0": "dec.8x8_block1",
}
ENDS = {
    "time_embed.0": "map_layer0",
    "time_embed.2": "map_layer1",
    "input_blocks.0.0": "enc.8x8_conv",
    "out.0": "out_norm",
    "out.2": "out_conv",
}


def adm_state():
    """Drawn arrays by OpenAI's names."""
    module = nets.OpenAIUNet(
        width=64,
        multiples=(1, 2),
        blocks=1,
        attention=(1,),
        head_width=64,
        resize="block",
        groups=0,
        learned_variance=False,
        num_classes=3,
    )
    from weights import trained

    values = nets.init(jax.random.key(0), module, jnp.zeros((8, 8, 3)), 0.0, 0)
    drawn = jax.tree.map(lambda a: np.zeros(a.shape, np.float32), values)
    random = np.random.RandomState(0)
    drawn = jax.tree.map(
        lambda a: (random.standard_normal(a.shape) * 0.1).astype(np.float32), drawn
    )
    return module, trained.openai_state(drawn, module.clone(heads=1))


def as_edm(state):
    """The same arrays by EDM's names, with channels heads x channels x (q, k, v)."""
    made = {}
    for name, array in state.items():
        node, leaf = name.rsplit(".", 1)
        if node in ENDS:
            made[f"model.{ENDS[node]}.{leaf}"] = array
        elif node == "label_emb":
            made["model.map_label.weight"] = array.T.copy()
        else:
            place, layer = node.split(".in_", 1)[0], node
            for theirs, ours in INSIDE.items():
                if node.endswith(f".{theirs}"):
                    place = node.removesuffix(f".{theirs}")
                    made[f"model.{BLOCKS[place]}.{ours}.{leaf}"] = array
                    break
            else:
                place, layer = node.rsplit(".", 1)
                block = (
                    BLOCKS[place.removesuffix(".1") + ".0"]
                    if (not place.startswith("middle"))
                    else BLOCKS["middle_block.0"]
                )
                name = {"norm": "norm2", "qkv": "qkv", "proj_out": "proj"}[layer]
                if layer == "qkv":
                    heads = array.reshape(-1, 3, 64, *array.shape[1:])
                    array = heads.swapaxes(1, 2).reshape(array.shape).copy()
                if layer != "norm" and leaf == "weight":
                    array = array[..., None].copy()
                made[f"model.{block}.{name}.{leaf}"] = array
    return {name: np.ascontiguousarray(array) for name, array in made.items()}


@pytest.fixture(scope="module")
def adm(tmp_path_factory):
    module, state = adm_state()
    raw = torch_files.edm(as_edm(state), {}, inner=("DhariwalUNet", ADM))
    path = tmp_path_factory.mktemp("adm") / "file.pkl"
    path.write_bytes(raw)
    from purifax.weights import containers

    return openai.unet(state, num_head_channels=64, groups=0), containers.read(path)


@pytest.mark.slow
def test_the_network_for_imagenet_is_openais_in_a_preconditioning(adm):
    unet, stored = adm
    found = edm.convert(stored)
    assert isinstance(found.module, nets.ADMDenoiser)
    x, sigma = jax.random.normal(jax.random.key(1), (8, 8, 3)), 0.7
    root = np.sqrt(sigma**2 + 0.25)
    inner = unet(x / root, jnp.float32(np.log(sigma) / 4), jnp.int32(2))
    expected = 0.25 / root**2 * x + 0.5 * sigma / root * inner
    np.testing.assert_allclose(
        found(x, jnp.float32(sigma), jnp.int32(2)), expected, rtol=0, atol=1e-4
    )
    for label, number in (("2", 2), ("none", None)):
        bare, words = fixed(found, label, mean=False)
        assert words["label"].startswith(label)
        told = found(x, jnp.float32(sigma), jnp.int32(number or 0))
        gap = np.abs(bare(x, jnp.float32(sigma)) - told).max()
        assert (gap < 1e-4) == (number is not None)


def test_improved_ddpms_labels_count_down_from_the_largest_level():
    """At level u_j the label is M - 1 - j, and alpha_bar is that of the cosine."""
    from purifax.nets import precondition

    levels = precondition._improved()
    kept = np.sin(np.pi / 2 * np.arange(1001) / 1000 / 1.008) ** 2
    inner = 1 / (1 + levels[300] ** 2)
    np.testing.assert_allclose(inner, kept[300] / kept[1000], rtol=1e-6)
    sigma = jnp.float32([levels[300] * 1.0001])
    skip, out, scale, label = precondition.precondition("iddpm", sigma, 0.5)
    assert float(label[0]) == 699 and float(skip[0]) == 1
    np.testing.assert_allclose(scale[0], 1 / np.sqrt(1 + levels[300] ** 2), rtol=1e-3)
    assert float(out[0]) == -float(sigma[0])


EDM2 = {
    "img_resolution": 8,
    "img_channels": 3,
    "label_dim": 3,
    "model_channels": 8,
    "channel_mult": [1, 2],
    "num_blocks": 1,
    "attn_resolutions": [4],
    "channels_per_head": 4,
}


def edm2_stored(state):
    inner = {
        "class_name": "UNet",
        "state": {"_init_kwargs": EDM2, "_parameters": state},
    }
    outer = {"sigma_data": 0.5, "_modules": {"unet": inner}}
    return {"ema": {"class_name": "Precond", "state": outer}}


def test_edm2_agrees_with_pytorch():
    torch = pytest.importorskip("torch")
    from weights import torch_edm2

    shapes = torch_edm2.shapes(8, 3, 8, (1, 2), 1, (4,), 3)
    state = foreign.draw(shapes, seed=0)
    state |= {n: np.float32(0.7) for n in shapes if n.endswith("_gain")}
    network = edm.convert(edm2_stored(state))
    random = np.random.RandomState(1)
    x = random.standard_normal((2, 8, 8, 3)).astype(np.float32)
    sigma, label = np.array([0.3, 2.0], np.float32), np.array([2, 0])
    tensors = {n: torch.as_tensor(state[n]) for n in shapes}  # in their order
    theirs = torch_edm2.denoise(
        tensors,
        torch.from_numpy(x.transpose(0, 3, 1, 2).copy()),
        torch.from_numpy(sigma),
        torch.from_numpy(label),
        head=4,
    )
    found = jax.vmap(network)(*map(jnp.asarray, (x, sigma, label)))
    expected = theirs.permute(0, 2, 3, 1).numpy()
    np.testing.assert_allclose(found, expected, rtol=0, atol=2e-5)
    bare, _ = fixed(network, "2", mean=False)
    np.testing.assert_allclose(
        bare(jnp.asarray(x[0]), jnp.float32(0.3)), expected[0], rtol=0, atol=2e-5
    )


@pytest.mark.slow
def test_ddpm_of_song_et_al_attends_once_on_the_way_up(tmp_path):
    """Like diffusers' DDPM where all attention on the way up but the last is silent."""
    from purifax.weights import score_sde_layout

    each = nets.UNet2D(channels=1, widths=(32, 64), blocks=1, attention=(1,))
    once = each.clone(last_attention=True)
    x, t = jax.random.normal(jax.random.key(0), (8, 8, 1)), jnp.float32(70)
    values = nets.init(jax.random.key(1), each, x, 0.0)
    random = np.random.RandomState(0)
    values = jax.tree.map(
        lambda a: (random.standard_normal(a.shape) * 0.2).astype(np.float32), values
    )
    params = dict(values["params"])
    silent = {leaf: 0 * a for leaf, a in params["up1_0_attention"]["out"].items()}
    params["up1_0_attention"] = params["up1_0_attention"] | {"out": silent}
    expected = nets.Network(each, {"params": params})(x, t)

    modules = score_sde_layout.order(once, numbered=True)
    names = {ours: (number, kind) for number, (kind, ours) in modules.items()}
    state = {}
    for path, array in _leaves(params):
        node = next((n for n in names if path == n or path.startswith(n + "/")), None)
        if node is None:
            assert path.startswith("up1_0_attention")
            continue
        number, kind = names[node]
        inner = {v: k for k, v in score_sde_layout._LAYERS.get(kind, {}).items()}
        layer, _, leaf = path.removeprefix(node).strip("/").rpartition("/")
        theirs = inner.get(layer, layer)
        state[".".join(filter(None, [number, theirs, _torch(theirs, leaf)]))] = _turned(
            array, theirs
        )
    state = {
        f"module.all_modules.{name}": a for name, a in sorted(state.items(), key=_at)
    }
    stored = {"model": state, "ema": {"shadow_params": list(state.values())}}
    found = score_sde.convert(stored, attention=(4,), side=8)
    assert found.module == once
    found = nets.Network(once, found.variables)(x, t)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)


def _leaves(tree, path=""):
    for name, item in tree.items():
        if isinstance(item, dict):
            yield from _leaves(item, f"{path}{name}/")
        else:
            yield f"{path}{name}", item


def _torch(layer, leaf):
    if layer.startswith("NIN"):
        return {"kernel": "W", "bias": "b"}[leaf]
    return {"kernel": "weight", "scale": "weight"}.get(leaf, leaf)


def _turned(array, layer):
    if layer.startswith("NIN"):
        return array.reshape(array.shape[-2:]) if array.ndim > 1 else array
    return array.transpose({4: (3, 2, 0, 1), 2: (1, 0)}.get(array.ndim, (0,)))


def _at(item):
    return int(item[0].split(".")[0])
