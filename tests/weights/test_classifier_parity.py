"""Classifiers against torchvision, timm and PyTorch, on the same drawn parameters."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from nets import foreign

from purifax.weights import (
    convnext,
    residual,
    swin,
    torchvision,
    vit,
    xcit,
)

pytestmark = pytest.mark.parity

MEAN, STD = foreign.MEAN, foreign.STD
CLASSES = np.random.RandomState(3).standard_normal((5, 6)).astype(np.float32)


def drawn(module):
    """The module with drawn parameters, and its state by name."""
    import torch

    own = module.state_dict().items()
    own = {k: v for k, v in own if v.is_floating_point() and k not in ("mu", "sigma")}
    state = foreign.draw({k: tuple(v.shape) for k, v in own.items()}, seed=0)
    module.load_state_dict({k: torch.tensor(v) for k, v in state.items()}, strict=False)
    return module.eval(), {k: v.numpy() for k, v in module.state_dict().items()}


def gap(module, read, side, *more, mean=MEAN, std=STD, **options):
    """The largest difference of logits, over the largest logit."""
    import torch

    module, state = drawn(module)
    images = np.random.RandomState(1).random_sample((2, side, side, 3)).astype("f4")
    x = (images - np.float32(mean)) / np.float32(std)
    x = torch.from_numpy(x.transpose(0, 3, 1, 2).copy())
    with torch.no_grad():
        expected = module(x, *map(torch.from_numpy, more)).numpy()
    network = read(state, *more, mean=mean, std=std, **options)
    if network.shape is not None and network.shape[0] != side:
        network = type(network)(network.module, network.variables)
    found = jax.jit(jax.vmap(network))(jnp.asarray(images))
    assert np.abs(expected).max() > 0.01
    assert np.ptp(expected, axis=0).max() > 1e-3 * np.abs(expected).max()
    return np.abs(found - expected).max() / np.abs(expected).max()


def small(name):
    """The modules of torchvision at a small width."""
    models = pytest.importorskip("torchvision.models")
    if name == "vit":
        return models.VisionTransformer(32, 8, 2, 2, 128, 96, num_classes=5)
    if name == "convnext":
        from torchvision.models.convnext import CNBlockConfig, ConvNeXt

        widths = ((8, 12, 1), (12, 16, 2), (16, 20, 1), (20, None, 1))
        blocks = [CNBlockConfig(old, new, count) for old, new, count in widths]
        return ConvNeXt(blocks, num_classes=5)
    if name == "swin":
        return models.SwinTransformer(
            [4, 4], 12, [2, 2, 2], [2, 3, 4], [4, 4], num_classes=5
        )
    if name.startswith("wide"):
        return models.wide_resnet50_2(num_classes=5)
    return getattr(models, name)(num_classes=5)


RESNETS = ["resnet18", "resnet34", "resnet50", "resnet101", "resnet152"]


@pytest.mark.parametrize("name", ["vit", "convnext", "swin", "resnet34"])
def test_torchvision(name):
    side = {"vit": 32, "resnet34": 64}.get(name, 72)
    assert gap(small(name), torchvision.model, side) < 2e-5


@pytest.mark.slow
@pytest.mark.parametrize("name", [*RESNETS, "wide_resnet50_2"])
def test_torchvision_resnets_at_full_width(name):
    assert gap(small(name), torchvision.model, 64) < 1e-4


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    ["vit_b_16", "vit_b_32", "convnext_tiny", "convnext_small", "swin_t", "swin_s"],
)
def test_torchvision_transformers_at_full_width(name):
    models = pytest.importorskip("torchvision.models")
    assert gap(getattr(models, name)(), torchvision.model, 224) < 1e-4


TIMM = {
    "vit": (
        "vit_tiny_patch16_224",
        {"embed_dim": 128, "num_heads": 2, "depth": 2, "img_size": 32},
        vit.timm,
        32,
    ),
    "vit_pooled": (
        "vit_tiny_patch16_224",
        {
            "embed_dim": 128,
            "num_heads": 2,
            "depth": 1,
            "img_size": 32,
            "global_pool": "avg",
            "init_values": 1.0,
            "qkv_bias": False,
        },
        vit.timm,
        32,
    ),
    "distilled": (
        "deit_tiny_distilled_patch16_224",
        {"embed_dim": 128, "num_heads": 2, "depth": 2, "img_size": 32},
        vit.timm,
        32,
    ),
    "convnext": (
        "convnext_tiny",
        {"depths": (1, 1, 2, 1), "dims": (8, 12, 16, 20)},
        convnext.timm,
        64,
    ),
    "swin": (
        "swin_tiny_patch4_window7_224",
        {
            "embed_dim": 12,
            "depths": (2, 2),
            "num_heads": (2, 3),
            "window_size": 4,
            "img_size": 64,
        },
        swin.timm,
        64,
    ),
    "xcit": (
        "xcit_nano_12_p16_224",
        {"embed_dim": 32, "num_heads": 4, "depth": 2, "tokens_norm": True},
        xcit.timm,
        48,
    ),
    "xcit_n": ("xcit_nano_12_p16_224", {"depth": 1}, xcit.timm, 32),
}


@pytest.mark.parametrize("name", TIMM)
def test_timm(name):
    timm = pytest.importorskip("timm")
    kind, options, read, side = TIMM[name]
    module = timm.create_model(kind, num_classes=5, **options)
    assert gap(module, read, side) < 2e-5


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("deit_small_patch16_224", vit.timm),
        ("deit_small_distilled_patch16_224", vit.timm),
        ("xcit_small_12_p16_224", xcit.timm),
        ("swin_tiny_patch4_window7_224", swin.timm),
        ("convnext_tiny", convnext.timm),
    ],
)
def test_timm_at_full_width(name, read):
    timm = pytest.importorskip("timm")
    assert gap(timm.create_model(name), read, 224) < 1e-4


def in_torch(name, **options):
    pytest.importorskip("torch")
    from nets import torch_classifiers

    return getattr(torch_classifiers, name)(**options)


@pytest.mark.parametrize(
    ("name", "options", "read", "side"),
    [
        ("BiasedWide", {"blocks": 2, "widen": 2}, residual.biased, 16),
        ("Plain", {}, residual.plain, 16),
        ("Plain", {"widths": (6, 4, 8), "side": 32}, residual.plain, 32),
        ("Preact", {}, torchvision.robustbench, 16),
        ("Preact", {"last": True, "activated": True}, torchvision.robustbench, 16),
        ("DeepMindWide", {"blocks": 2}, torchvision.robustbench, 16),
        ("DeepMindPreact", {}, torchvision.robustbench, 16),
    ],
)
def test_pytorch(name, options, read, side):
    assert gap(in_torch(name, **options), read, side) < 2e-5


def test_settings_that_the_arrays_do_not_tell():
    import torch

    last = in_torch("Preact", last=True)
    assert gap(last, torchvision.robustbench, 16, shortcut="raw") < 2e-5
    assert gap(last, torchvision.robustbench, 16) > 1e-3
    relu = in_torch("DeepMindWide", act=torch.relu)
    assert gap(relu, torchvision.robustbench, 16, activation="relu") < 2e-5
    assert gap(relu, torchvision.robustbench, 16) > 1e-3


@pytest.mark.parametrize("act", ["quick_gelu", "gelu"])
def test_clip(act):
    import torch

    options = {} if act == "quick_gelu" else {"act": torch.nn.functional.gelu}
    tower = in_torch("Clip", **options)
    found = gap(tower, vit.clip, 16, CLASSES, num_heads=2, activation=act)
    assert found < 2e-5


ROBUSTBENCH = {
    "WideResNet": {"depth": 10, "widen_factor": 1, "sub_block1": True},
    "BoostingWideResNet": {"depth": 10, "widen_factor": 1},
    "Ding2020MMANet": {"depth": 10, "widen_factor": 1},
    "RobustWideResNet": {
        "channel_configs": [16, 32, 48, 24],
        "depth_configs": [2, 2, 2],
    },
    "PAF": {},
    "ResNet": {},
    "Bottleneck": {},
}


@pytest.mark.parametrize("name", ROBUSTBENCH)
def test_robustbench(name):
    zoo = pytest.importorskip("robustbench.model_zoo.cifar10")
    from robustbench.model_zoo.architectures import paf_wide_resnet, resnet

    make, options = getattr(zoo, name, None), {}
    if name == "PAF":
        act = paf_wide_resnet.PSSiLU()
        module = paf_wide_resnet.PAF_WideResNet(act, depth=10, widen_factor=1)
    elif name == "ResNet":
        module = resnet.ResNet(resnet.BasicBlock, [2, 2, 2, 2])
    elif name == "Bottleneck":
        module = resnet.ResNet(resnet.Bottleneck, [3, 4, 6, 3])
    else:
        module = make(**ROBUSTBENCH[name])
    if name == "Ding2020MMANet":
        options = {"standardised": True, "mean": (0.0,), "std": (1.0,)}
    if name == "BoostingWideResNet":
        options = {"head": "cosine"}
        module.mu, module.sigma = module.mu * 0, module.sigma * 0 + 1
    assert gap(module, torchvision.robustbench, 32, **options) < 2e-5
