"""Classifiers in plain PyTorch that no package of the index has, by their names."""

import torch
from torch import nn
from torch.nn import functional as F

__all__ = ["BiasedWide", "Clip", "DeepMindPreact", "DeepMindWide", "Plain", "Preact"]


def same(h, stride):
    """Zeros around an image as XLA's "SAME" has them for a 3x3 convolution."""
    return F.pad(h, (1, 1, 1, 1) if stride == 1 else (0, 1, 0, 1))


class BiasedBlock(nn.Module):
    def __init__(self, old, new, stride):
        super().__init__()
        self.bn1, self.conv1 = nn.BatchNorm2d(old), nn.Conv2d(old, new, 3, padding=1)
        self.bn2 = nn.BatchNorm2d(new)
        self.conv2 = nn.Conv2d(new, new, 3, stride, 1)
        self.shortcut = nn.Sequential()
        if stride > 1 or old != new:
            self.shortcut = nn.Sequential(nn.Conv2d(old, new, 1, stride))

    def forward(self, x):
        h = self.conv1(F.relu(self.bn1(x)))
        return self.conv2(F.relu(self.bn2(h))) + self.shortcut(x)


class BiasedWide(nn.Module):
    """The wide ResNet of ADP and of the EBM defence."""

    def __init__(self, blocks=1, widen=1, classes=5):
        super().__init__()
        widths = [16, *(16 * widen * 2**i for i in range(3))]
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1)
        for stage in range(3):
            layers = [
                BiasedBlock(
                    widths[stage + (i > 0)],
                    widths[stage + 1],
                    1 + (stage > 0 and not i),
                )
                for i in range(blocks)
            ]
            setattr(self, f"layer{stage + 1}", nn.Sequential(*layers))
        self.bn1 = nn.BatchNorm2d(widths[-1])
        self.linear = nn.Linear(widths[-1], classes)

    def forward(self, x):
        h = self.layer3(self.layer2(self.layer1(self.conv1(x))))
        return self.linear(F.relu(self.bn1(h)).mean(dim=(2, 3)))


class PlainBlock(nn.Module):
    def __init__(self, old, new, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(old, new, 3, stride, 1)
        self.conv2 = nn.Conv2d(new, new, 3, padding=1)
        self.shortcut = nn.Sequential()
        if stride > 1 or old != new:
            self.shortcut = nn.Sequential(nn.Conv2d(old, new, 1, stride))

    def forward(self, x):
        h = self.conv2(F.relu(self.conv1(x)))
        return F.relu(h + self.shortcut(x))


class Plain(nn.Module):
    """ResNet-2B has one stage, ResNet-4B two."""

    def __init__(self, width=3, widths=(6, 6), hidden=5, classes=5, side=16):
        super().__init__()
        self.conv1, old = nn.Conv2d(3, width, 3, 2, 1), width
        self.stages = len(widths)
        for i, new in enumerate(widths):
            layers = PlainBlock(old, new, 2), PlainBlock(new, new, 1)
            setattr(self, f"layer{i + 1}", nn.Sequential(*layers))
            old = new
        pixels = (side // 2 ** (1 + self.stages)) ** 2
        self.linear1 = nn.Linear(old * pixels, hidden)
        self.linear2 = nn.Linear(hidden, classes)

    def forward(self, x):
        h = F.relu(self.conv1(x))
        for i in range(self.stages):
            h = getattr(self, f"layer{i + 1}")(h)
        return self.linear2(F.relu(self.linear1(h.flatten(1))))


class PreactBlock(nn.Module):
    def __init__(self, old, new, stride, activated):
        super().__init__()
        self.activated = activated
        self.bn1 = nn.BatchNorm2d(old)
        self.conv1 = nn.Conv2d(old, new, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(new)
        self.conv2 = nn.Conv2d(new, new, 3, 1, 1, bias=False)
        if stride > 1 or old != new:
            short = nn.Conv2d(old, new, 1, stride, bias=False)
            self.shortcut = nn.Sequential(short)

    def forward(self, x):
        r = F.relu(self.bn1(x))
        short = x
        if hasattr(self, "shortcut"):
            short = self.shortcut(r if self.activated else x)
        return self.conv2(F.relu(self.bn2(self.conv1(r)))) + short


class Preact(nn.Module):
    """PreActResNet-18, with or without the normalisation before the last layer."""

    def __init__(self, width=2, classes=5, last=False, activated=False):
        super().__init__()
        self.conv1, old = nn.Conv2d(3, width, 3, 1, 1, bias=False), width
        for i in range(4):
            new, layers = width * 2**i, []
            for j in range(2):
                stride = 2 if i and not j else 1
                layers.append(PreactBlock(old, new, stride, activated))
                old = new
            setattr(self, f"layer{i + 1}", nn.Sequential(*layers))
        self.bn = nn.BatchNorm2d(old) if last else None
        self.linear = nn.Linear(old, classes)

    def forward(self, x):
        h = self.layer4(self.layer3(self.layer2(self.layer1(self.conv1(x)))))
        h = F.relu(self.bn(h)) if self.bn else h
        return self.linear(h.mean(dim=(2, 3)))


class DeepMindBlock(nn.Module):
    def __init__(self, old, new, stride, act):
        super().__init__()
        self.stride, self.act = stride, act
        self.batchnorm_0 = nn.BatchNorm2d(old)
        self.conv_0 = nn.Conv2d(old, new, 3, stride, bias=False)
        self.batchnorm_1 = nn.BatchNorm2d(new)
        self.conv_1 = nn.Conv2d(new, new, 3, 1, 1, bias=False)
        if old != new:
            self.shortcut = nn.Conv2d(old, new, 1, stride, bias=False)

    def forward(self, x):
        r = self.act(self.batchnorm_0(x))
        short = self.shortcut(r) if hasattr(self, "shortcut") else x
        r = self.conv_0(same(r, self.stride))
        return self.conv_1(self.act(self.batchnorm_1(r))) + short


class DeepMindGroup(nn.Module):
    def __init__(self, *blocks):
        super().__init__()
        self.block = nn.Sequential(*blocks)

    def forward(self, x):
        return self.block(x)


class DeepMindWide(nn.Module):
    """The wide ResNet of Gowal et al. 2020, without its normalisation of images."""

    def __init__(self, blocks=1, widen=1, classes=5, act=F.silu):
        super().__init__()
        self.act = act
        widths = [16, *(16 * widen * 2**i for i in range(3))]
        self.init_conv = nn.Conv2d(3, 16, 3, 1, 1, bias=False)
        groups = []
        for stage in range(3):
            old, new = widths[stage : stage + 2]
            first = DeepMindBlock(old, new, 2 if stage else 1, act)
            more = (DeepMindBlock(new, new, 1, act) for _ in range(blocks - 1))
            groups.append(DeepMindGroup(first, *more))
        self.layer = nn.Sequential(*groups)
        self.batchnorm = nn.BatchNorm2d(widths[-1])
        self.logits = nn.Linear(widths[-1], classes)

    def forward(self, x):
        h = self.act(self.batchnorm(self.layer(self.init_conv(x))))
        return self.logits(h.mean(dim=(2, 3)))


class DeepMindPreactBlock(nn.Module):
    def __init__(self, old, new, stride):
        super().__init__()
        self.stride = stride
        self.batchnorm_0 = nn.BatchNorm2d(old)
        self.conv_2d_1 = nn.Conv2d(old, new, 3, stride, bias=False)
        self.batchnorm_1 = nn.BatchNorm2d(new)
        self.conv_2d_2 = nn.Conv2d(new, new, 3, 1, 1, bias=False)
        if stride > 1 or old != new:
            self.shortcut = nn.Conv2d(old, new, 3, stride, bias=False)

    def forward(self, x):
        r = F.silu(self.batchnorm_0(x))
        short = x
        if hasattr(self, "shortcut"):
            short = self.shortcut(same(x, self.stride))
        r = self.conv_2d_1(same(r, self.stride))
        return self.conv_2d_2(F.silu(self.batchnorm_1(r))) + short


class DeepMindPreact(nn.Module):
    """The pre-activation ResNet-18 of Rebuffi et al. 2021, likewise."""

    def __init__(self, width=2, classes=5):
        super().__init__()
        self.conv_2d, old = nn.Conv2d(3, width, 3, 1, 1, bias=False), width
        for i in range(4):
            new = width * 2**i
            first = DeepMindPreactBlock(old, new, 2 if i else 1)
            layers = first, DeepMindPreactBlock(new, new, 1)
            setattr(self, f"layer_{i}", nn.Sequential(*layers))
            old = new
        self.batchnorm = nn.BatchNorm2d(old)
        self.logits = nn.Linear(old, classes)

    def forward(self, x):
        h = self.layer_3(self.layer_2(self.layer_1(self.layer_0(self.conv_2d(x)))))
        return self.logits(F.silu(self.batchnorm(h)).mean(dim=(2, 3)))


class ClipBlock(nn.Module):
    def __init__(self, width, heads, act):
        super().__init__()
        self.act = act
        self.ln_1, self.ln_2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attn = nn.MultiheadAttention(width, heads, batch_first=True)
        self.mlp = nn.ModuleDict(
            {"c_fc": nn.Linear(width, 4 * width), "c_proj": nn.Linear(4 * width, width)}
        )

    def forward(self, x):
        r = self.ln_1(x)
        x = x + self.attn(r, r, r, need_weights=False)[0]
        return x + self.mlp["c_proj"](self.act(self.mlp["c_fc"](self.ln_2(x))))


def quick_gelu(x):
    return x * torch.sigmoid(1.702 * x)


class Tower(nn.Module):
    def __init__(self, side, patch, width, heads, depth, length, act):
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, patch, patch, bias=False)
        self.class_embedding = nn.Parameter(torch.zeros(width))
        count = (side // patch) ** 2 + 1
        self.positional_embedding = nn.Parameter(torch.zeros(count, width))
        self.ln_pre, self.ln_post = nn.LayerNorm(width), nn.LayerNorm(width)
        blocks = (ClipBlock(width, heads, act) for _ in range(depth))
        self.transformer = nn.ModuleDict({"resblocks": nn.Sequential(*blocks)})
        self.proj = nn.Parameter(torch.zeros(width, length))

    def forward(self, x):
        h = self.conv1(x).flatten(2).transpose(1, 2)
        token = self.class_embedding.expand(len(h), 1, -1)
        h = torch.cat([token, h], 1) + self.positional_embedding
        h = self.transformer["resblocks"](self.ln_pre(h))
        return self.ln_post(h[:, 0]) @ self.proj


class Clip(nn.Module):
    """CLIP's image tower, and the cosines with embeddings of classes."""

    def __init__(
        self, side=16, patch=8, width=16, heads=2, depth=2, length=6, act=quick_gelu
    ):
        super().__init__()
        self.visual = Tower(side, patch, width, heads, depth, length, act)
        self.logit_scale = nn.Parameter(torch.zeros(()))

    def forward(self, x, classes):
        features = F.normalize(self.visual(x), dim=-1)
        return self.logit_scale.exp() * features @ F.normalize(classes, dim=-1).T
