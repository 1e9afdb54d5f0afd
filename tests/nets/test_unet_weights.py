"""Diffusion UNets of others: which arrays are read, and what is refused."""

import json
import pathlib

import jax
import numpy as np
import pytest
from nets import foreign, foreign_unets
from weights import test_containers, torch_files

from purifax import nets
from purifax.weights import diffusers, modules, openai

GOLDEN = np.load(pathlib.Path(__file__).parent / "golden" / "unets.npz")
DDPM, GUIDED, PLAIN = "diffusers ddpm", "openai guided", "openai plain"


def state(name):
    rows = zip(GOLDEN[f"{name}/names"], GOLDEN[f"{name}/shapes"], strict=True)
    shapes = {str(k): tuple(int(n) for n in row if n) for k, row in rows}
    return foreign.draw(shapes, seed=0)


def config(**changes):
    """As in a file: lists instead of tuples, and more than is needed."""
    found = json.loads(json.dumps(foreign_unets.cases()[DDPM]))
    more = {"_class_name": "UNet2DModel", "_diffusers_version": "0.0.4"}
    return found | more | changes


def assert_same(found, expected):
    assert found.module == expected.module
    jax.tree.map(np.testing.assert_array_equal, found.variables, expected.variables)


def test_fields_are_those_of_the_config_and_of_the_arrays():
    assert diffusers.unet2d(state(DDPM), config()).module == nets.UNet2D(
        widths=(8, 16), blocks=1, attention=(1,), groups=4, out_channels=3
    )
    found = openai.unet(state(GUIDED), **foreign_unets.flags(GUIDED), dropout=0.1)
    assert found.module == nets.OpenAIUNet(
        width=16,
        multiples=(0.5, 1),
        blocks=1,
        attention=(0, 1),
        heads=1,
        head_width=4,
        resize="block",
        num_classes=5,
        groups=4,
        dropout=0.1,
    )
    found = openai.unet(state(PLAIN), **foreign_unets.flags(PLAIN)).module
    assert (found.resize, found.multiples, found.blocks) == ("plain", (1, 2, 2), 1)
    assert not found.scale_shift and not found.learned_variance
    for module in (found, diffusers.unet2d(state(DDPM), config()).module):
        words = json.loads(json.dumps(modules.describe(module)))
        assert modules.rebuild(words) == module


def test_attention_may_have_its_old_names():
    old = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}
    arrays = state(DDPM)
    for new, name in old.items():
        arrays = {k.replace(f".{new}.", f".{name}."): v for k, v in arrays.items()}
    assert arrays.keys() != state(DDPM).keys()
    found, expected = (diffusers.unet2d(a, config()) for a in (arrays, state(DDPM)))
    assert_same(found, expected)


@pytest.mark.parametrize("form", ["safetensors", "bin"])
@pytest.mark.parametrize("inside", [".", "unet"])
def test_a_directory_is_read(tmp_path, form, inside):
    home = tmp_path / inside
    home.mkdir(exist_ok=True)
    (home / "config.json").write_text(json.dumps(config()))
    write = {"safetensors": test_containers.safetensors, "bin": torch_files.archive}
    raw = write[form](state(DDPM))
    (home / f"diffusion_pytorch_model.{form}").write_bytes(raw)
    found = diffusers.load_directory(tmp_path)
    assert_same(found, diffusers.unet2d(state(DDPM), config()))


def test_an_incomplete_directory_says_what_is_missing(tmp_path):
    with pytest.raises(FileNotFoundError, match="its `unet` has a config.json"):
        diffusers.load_directory(tmp_path)
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(FileNotFoundError, match="neither .*safetensors nor .*bin"):
        diffusers.load_directory(tmp_path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"_class_name": "UNet2DConditionModel"}, "knows 'UNet2DModel'"),
        ({"act_fn": "gelu"}, "`act_fn` is 'gelu'; .* knows 'silu' or 'swish'"),
        ({"resnet_time_scale_shift": "ada_group"}, "knows 'default' or 'scale_shift'"),
        ({"resnet_time_scale_shift": "scale_shift"}, "of a wrong shape: .*time/bias"),
        ({"num_class_embeds": 3}, "1 missing: label/embedding"),
        ({"time_embedding_type": "fourier"}, "1 missing: frequencies"),
        ({"down_block_types": ["DownBlock2D"]}, "one pair for each level"),
        ({"down_block_types": 2 * ["DownBlock2D"]}, r"\['DownBlock2D', 'DownBlo"),
        ({"block_out_channels": [16, 16]}, "of a wrong shape: .*down0_0_block"),
        ({"layers_per_block": 2}, "missing: .*down0_1_block"),
        ({"add_attention": False}, "unknown: middle_0_attention/k/bias"),
    ],
)
def test_a_config_that_does_not_fit_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        diffusers.unet2d(state(DDPM), config(**changes))


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ({}, "give either `num_heads`.*got None and None"),
        ({"num_heads": 1, "num_head_channels": 4}, "got 1 and 4"),
        ({"num_heads": 3}, "`num_heads` is 3, but down0_0_attention has 24 channels"),
        ({"num_head_channels": 16}, "`num_head_channels` is 16"),
    ],
)
def test_heads_must_be_given_and_fit(flags, message):
    with pytest.raises(ValueError, match=message):
        openai.unet(state(GUIDED), groups=4, **flags)


def test_all_faults_are_named_at_once():
    arrays = state(GUIDED)
    del arrays["middle_block.0.emb_layers.1.bias"]
    arrays["head.weight"] = np.zeros((3, 3))
    arrays["label_emb.bias"] = np.zeros(7)
    arrays["out.2.bias"] = np.zeros(5)
    with pytest.raises(ValueError) as error:
        openai.unet(arrays, **foreign_unets.flags(GUIDED))
    message = str(error.value)
    assert "1 missing: middle_0_block/time/bias" in message
    assert "2 unknown: head/kernel, label/bias" in message
    assert "1 of a wrong shape: conv_out/bias (5,) for (6,)" in message


def test_another_network_is_refused():
    with pytest.raises(ValueError, match="not an OpenAI.*no `time_embed.0.weight`"):
        openai.unet({"fc.weight": np.zeros((2, 2))}, num_heads=1)
    fewer = {k: v for k, v in state(PLAIN).items() if "output_blocks.5" not in k}
    with pytest.raises(ValueError, match="5 output blocks are not the same number"):
        openai.unet(fewer, num_heads=1)
