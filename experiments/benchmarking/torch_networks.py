"""The same networks in plain PyTorch, written from the papers' descriptions.

NCSNv2 has the names of its authors' checkpoints; the classifiers have ours. Tests
compare our networks with these, and benchmarks time them side by side.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

__all__ = ["build"]


def build(name: str, fields: dict[str, Any]) -> nn.Module:
    """The twin of `getattr(purifax.nets, name)(**fields)`, in inference mode."""
    return globals()[name.split()[0]](**fields).eval()


def conv(
    old: int,
    new: int,
    size: int = 3,
    stride: int = 1,
    dilation: int = 1,
    bias: bool = True,
) -> nn.Conv2d:
    padding = dilation * (size // 2)
    return nn.Conv2d(old, new, size, stride, padding, dilation, bias=bias)


class InstanceNormPlus(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        for name in ("alpha", "gamma", "beta"):
            self.register_parameter(name, nn.Parameter(torch.zeros(width)))

    def forward(self, x: Tensor) -> Tensor:
        mean = x.mean(dim=(2, 3))
        spread = mean.var(dim=1, keepdim=True, unbiased=True)
        mean = (mean - mean.mean(dim=1, keepdim=True)) / torch.sqrt(spread + 1e-5)
        h = F.instance_norm(x, eps=1e-5) + (mean * self.alpha)[..., None, None]
        return self.gamma[:, None, None] * h + self.beta[:, None, None]


class PooledConv(nn.Module):
    def __init__(self, old: int, new: int, size: int) -> None:
        super().__init__()
        self.conv = conv(old, new, size)

    def forward(self, x: Tensor) -> Tensor:
        return F.avg_pool2d(self.conv(x), 2)


class Residual(nn.Module):
    def __init__(
        self, old: int, new: int, down: bool = False, dilation: int = 1
    ) -> None:
        super().__init__()
        middle = old if down else new
        self.normalize1 = InstanceNormPlus(old)
        self.conv1 = conv(old, middle, dilation=dilation)
        self.normalize2 = InstanceNormPlus(middle)
        if down and dilation == 1:
            self.conv2 = PooledConv(middle, new, 3)
            self.shortcut = PooledConv(old, new, 1)
        else:
            self.conv2 = conv(middle, new, dilation=dilation)
            size = 3 if dilation > 1 else 1
            needed = down or old != new
            self.shortcut = conv(old, new, size, dilation=dilation) if needed else None

    def forward(self, x: Tensor) -> Tensor:
        h = self.conv1(F.elu(self.normalize1(x)))
        h = self.conv2(F.elu(self.normalize2(h)))
        return h + (self.shortcut(x) if self.shortcut else x)


class Units(nn.Module):
    def __init__(self, blocks: int, width: int) -> None:
        super().__init__()
        self.blocks = blocks
        for b in range(1, blocks + 1):
            for s in (1, 2):
                self.add_module(f"{b}_{s}_conv", conv(width, width, bias=False))

    def forward(self, x: Tensor) -> Tensor:
        for b in range(1, self.blocks + 1):
            h = x
            for s in (1, 2):
                h = getattr(self, f"{b}_{s}_conv")(F.elu(h))
            x = x + h
        return x


class Fuse(nn.Module):
    def __init__(self, inputs: int, old: int, new: int) -> None:
        super().__init__()
        self.convs = nn.ModuleList([conv(old, new) for _ in range(inputs)])

    def forward(self, inputs: Sequence[Tensor]) -> Tensor:
        size = inputs[0].shape[2:]
        return sum(
            F.interpolate(c(x), size=size, mode="bilinear", align_corners=True)
            for c, x in zip(self.convs, inputs, strict=True)
        )


class ChainedPool(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.convs = nn.ModuleList([conv(width, width, bias=False) for _ in range(2)])

    def forward(self, x: Tensor) -> Tensor:
        x = path = F.elu(x)
        for c in self.convs:
            path = c(F.max_pool2d(path, 5, stride=1, padding=2))
            x = x + path
        return x


class Refine(nn.Module):
    def __init__(self, inputs: int, old: int, new: int, last: bool) -> None:
        super().__init__()
        self.adapt_convs = nn.ModuleList([Units(2, old) for _ in range(inputs)])
        self.msf = Fuse(inputs, old, new) if inputs > 1 else None
        self.crp = ChainedPool(new)
        self.output_convs = Units(3 if last else 1, new)

    def forward(self, *inputs: Tensor) -> Tensor:
        adapted = [c(x) for c, x in zip(self.adapt_convs, inputs, strict=True)]
        h = self.msf(adapted) if self.msf else adapted[0]
        return self.output_convs(self.crp(h))


def stage(old: int, new: int, down: bool = False, dilation: int = 1) -> nn.ModuleList:
    first = Residual(old, new, down, dilation)
    return nn.ModuleList([first, Residual(new, new, False, dilation)])


class NCSNv2(nn.Module):
    def __init__(self, width: int, channels: int) -> None:
        super().__init__()
        wide = 2 * width
        self.begin_conv = conv(channels, width)
        self.res1 = stage(width, width)
        self.res2 = stage(width, wide, True)
        self.res3 = stage(wide, wide, True, 2)
        self.res4 = stage(wide, wide, True, 4)
        self.refine1 = Refine(1, wide, wide, last=False)
        self.refine2 = Refine(2, wide, wide, last=False)
        self.refine3 = Refine(2, wide, width, last=False)
        self.refine4 = Refine(2, width, width, last=True)
        self.normalizer = InstanceNormPlus(width)
        self.end_conv = conv(width, channels)

    def forward(self, x: Tensor) -> Tensor:
        h = self.begin_conv(2 * x - 1)
        stages = []
        for blocks in (self.res1, self.res2, self.res3, self.res4):
            for block in blocks:
                h = block(h)
            stages.append(h)
        h = self.refine1(stages[3])
        for refine, x in zip(
            (self.refine2, self.refine3, self.refine4), stages[2::-1], strict=True
        ):
            h = refine(x, h)
        return self.end_conv(F.elu(self.normalizer(h)))


class WideBlock(nn.Module):
    def __init__(self, old: int, new: int, stride: int, biased: bool) -> None:
        super().__init__()
        self.biased = biased
        strides = (1, stride) if biased else (stride, 1)
        self.bn1, self.bn2 = nn.BatchNorm2d(old), nn.BatchNorm2d(new)
        self.conv1 = conv(old, new, stride=strides[0], bias=biased)
        self.conv2 = conv(new, new, stride=strides[1], bias=biased)
        needed = stride > 1 or old != new
        self.shortcut = conv(old, new, 1, stride, bias=biased) if needed else None

    def forward(self, x: Tensor) -> Tensor:
        h = F.relu(self.bn1(x))
        if self.shortcut:
            x = self.shortcut(x if self.biased else h)
        return x + self.conv2(F.relu(self.bn2(self.conv1(h))))


class BasicBlock(nn.Module):
    def __init__(self, old: int, new: int, stride: int, padded: bool) -> None:
        super().__init__()
        self.stride, self.new = stride, (new - old if padded else 0)
        self.conv1 = conv(old, new, stride=stride, bias=False)
        self.conv2 = conv(new, new, bias=False)
        self.bn1, self.bn2 = nn.BatchNorm2d(new), nn.BatchNorm2d(new)
        self.shortcut = None
        if not padded and (stride > 1 or old != new):
            self.shortcut = conv(old, new, 1, stride, bias=False)
            self.shortcut_bn = nn.BatchNorm2d(new)

    def forward(self, x: Tensor) -> Tensor:
        h = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        if self.shortcut:
            x = self.shortcut_bn(self.shortcut(x))
        elif self.new:
            half = self.new // 2
            x = x[:, :, :: self.stride, :: self.stride]
            x = F.pad(x, (0, 0, 0, 0, half, self.new - half))
        return F.relu(h + x)


class Stages(nn.Module):
    """Stages of blocks, then the spatial mean and a linear layer."""

    def add(
        self,
        word: str,
        counts: Sequence[int],
        widths: Sequence[int],
        block: Any,
        *options: bool,
    ) -> None:
        self.blocks, old = [], widths[0]
        for k, (count, new) in enumerate(zip(counts, widths[1:], strict=True)):
            for i in range(count):
                stride = 2 if k > 0 and i == 0 else 1
                name = f"{word}{k + 1}_{i}"
                self.add_module(name, block(old, new, stride, *options))
                self.blocks.append(name)
                old = new
        self.fc = nn.Linear(old, 10)

    def run(self, h: Tensor) -> Tensor:
        for name in self.blocks:
            h = getattr(self, name)(h)
        return h


class WideResNet(Stages):
    def __init__(self, depth: int, widen: int, biased: bool = False) -> None:
        super().__init__()
        widths = [16, 16 * widen, 32 * widen, 64 * widen]
        self.conv1 = conv(3, 16, bias=biased)
        self.add("block", 3 * [(depth - 4) // 6], widths, WideBlock, biased)
        self.bn1 = nn.BatchNorm2d(64 * widen)

    def forward(self, x: Tensor) -> Tensor:
        h = F.relu(self.bn1(self.run(self.conv1(x))))
        return self.fc(h.mean(dim=(2, 3)))


class ResNet(Stages):
    def __init__(self, depth: int, width: int) -> None:
        super().__init__()
        self.Conv_0, self.bn1 = conv(3, width, bias=False), nn.BatchNorm2d(width)
        widths = [width, width, 2 * width, 4 * width]
        self.add("layer", 3 * [(depth - 2) // 6], widths, BasicBlock, True)

    def forward(self, x: Tensor) -> Tensor:
        h = self.run(F.relu(self.bn1(self.Conv_0(x))))
        return self.fc(h.mean(dim=(2, 3)))


class ResNet18(Stages):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = conv(3, width, bias=False), nn.BatchNorm2d(width)
        widths = [width, *(width * 2**k for k in range(4))]
        self.add("layer", 4 * [2], widths, BasicBlock, False)

    def forward(self, x: Tensor) -> Tensor:
        h = self.run(F.relu(self.bn1(self.conv1(x))))
        return self.fc(h.mean(dim=(2, 3)))
