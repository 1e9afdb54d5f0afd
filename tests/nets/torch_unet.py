"""OpenAI's diffusion UNet in plain PyTorch, written from the papers' descriptions.

It has the names of the authors' checkpoints. `groups` is 32 there.
"""

import math

import torch
from torch import nn
from torch.nn import functional as F

__all__ = ["UNet"]


def norm(groups, channels):
    return nn.GroupNorm(groups, channels, eps=1e-5)


def doubled(x):
    return F.interpolate(x, scale_factor=2, mode="nearest")


def halved(x):
    return F.avg_pool2d(x, 2)


class Block(nn.Module):
    def __init__(self, old, new, told, groups, scale_shift, resize=None):
        super().__init__()
        self.resize, self.scale_shift = resize, scale_shift
        conv1 = nn.Conv2d(old, new, 3, padding=1)
        self.in_layers = nn.Sequential(norm(groups, old), nn.SiLU(), conv1)
        double = 2 if scale_shift else 1
        self.emb_layers = nn.Sequential(nn.SiLU(), nn.Linear(told, double * new))
        conv2 = nn.Conv2d(new, new, 3, padding=1)
        self.out_layers = nn.Sequential(
            norm(groups, new), nn.SiLU(), nn.Dropout(0.3), conv2
        )
        self.skip_connection = nn.Identity() if old == new else nn.Conv2d(old, new, 1)

    def forward(self, x, c):
        before, conv1 = self.in_layers[:2], self.in_layers[2]
        h = before(x)
        if self.resize:
            h, x = self.resize(h), self.resize(x)
        h, c = conv1(h), self.emb_layers(c)[..., None, None]
        if self.scale_shift:
            scale, shift = c.chunk(2, dim=1)
            h = self.out_layers[1:](self.out_layers[0](h) * (1 + scale) + shift)
        else:
            h = self.out_layers(h + c)
        return self.skip_connection(x) + h


class Attention(nn.Module):
    def __init__(self, channels, groups, heads, new_order):
        super().__init__()
        self.heads, self.new_order = heads, new_order
        self.norm = norm(groups, channels)
        self.qkv = nn.Conv1d(channels, 3 * channels, 1)
        self.proj_out = nn.Conv1d(channels, channels, 1)

    def forward(self, x):
        n, channels, height, width = x.shape
        pixels, each = height * width, channels // self.heads
        qkv = self.qkv(self.norm(x.reshape(n, channels, pixels)))
        if self.new_order:
            q, k, v = qkv.reshape(n, 3, self.heads, each, pixels).unbind(1)
        else:
            q, k, v = qkv.reshape(n, self.heads, 3, each, pixels).unbind(2)
        weights = torch.einsum("nhcq,nhck->nhqk", q, k) / math.sqrt(each)
        read = torch.einsum("nhqk,nhck->nhcq", weights.softmax(dim=-1), v)
        read = self.proj_out(read.reshape(n, channels, pixels))
        return x + read.reshape(x.shape)


class Down(nn.Module):
    def __init__(self, channels, conv):
        super().__init__()
        self.op = (
            nn.Conv2d(channels, channels, 3, stride=2, padding=1) if conv else None
        )

    def forward(self, x):
        return self.op(x) if self.op else halved(x)


class Up(nn.Module):
    def __init__(self, channels, conv):
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1) if conv else None

    def forward(self, x):
        x = doubled(x)
        return self.conv(x) if self.conv else x


class Step(nn.ModuleList):
    def forward(self, x, c):
        for layer in self:
            x = layer(x, c) if isinstance(layer, Block) else layer(x)
        return x


class UNet(nn.Module):
    """Takes the fields of `purifax.nets.OpenAIUNet`, and the order of attention."""

    def __init__(
        self,
        channels,
        width,
        multiples,
        blocks,
        attention,
        groups,
        heads=1,
        heads_up=None,
        head_width=None,
        scale_shift=True,
        resize="conv",
        learned_variance=True,
        num_classes=None,
        time_scale=1.0,
        new_order=False,
    ):
        super().__init__()
        told, self.width, self.time_scale = 4 * width, width, time_scale
        self.time_embed = nn.Sequential(
            nn.Linear(width, told), nn.SiLU(), nn.Linear(told, told)
        )
        self.label_emb = nn.Embedding(num_classes, told) if num_classes else None

        def block(old, new, change=None):
            return Block(old, new, told, groups, scale_shift, change)

        def attend(features, heads=heads):
            count = features // head_width if head_width else heads
            return Attention(features, groups, count, new_order)

        widths = [int(width * multiple) for multiple in multiples]
        h, made = widths[0], [widths[0]]
        self.input_blocks = nn.ModuleList(
            [Step([nn.Conv2d(channels, h, 3, padding=1)])]
        )
        for level, new in enumerate(widths):
            for _ in range(blocks):
                step = Step([block(h, new)])
                h = new
                if level in attention:
                    step.append(attend(h))
                self.input_blocks.append(step)
                made.append(h)
            if level < len(widths) - 1:
                change = block(h, h, halved) if resize == "block" else None
                step = Step([change or Down(h, resize == "conv")])
                self.input_blocks.append(step)
                made.append(h)

        self.middle_block = Step([block(h, h), attend(h), block(h, h)])

        self.output_blocks = nn.ModuleList()
        for level, new in reversed(list(enumerate(widths))):
            for i in range(blocks + 1):
                step = Step([block(h + made.pop(), new)])
                h = new
                if level in attention:
                    step.append(attend(h, heads_up or heads))
                if level and i == blocks:
                    change = block(h, h, doubled) if resize == "block" else None
                    step.append(change or Up(h, resize == "conv"))
                self.output_blocks.append(step)

        out = nn.Conv2d(h, channels * (2 if learned_variance else 1), 3, padding=1)
        self.out = nn.Sequential(norm(groups, h), nn.SiLU(), out)

    def forward(self, x, t, label=None):
        half = self.width // 2
        frequencies = torch.tensor([1e4 ** (-k / half) for k in range(half)])
        angles = self.time_scale * t[:, None] * frequencies
        c = self.time_embed(torch.cat([angles.cos(), angles.sin()], dim=-1))
        if self.label_emb:
            c = c + self.label_emb(label)
        made, h = [], x
        for step in self.input_blocks:
            h = step(h, c)
            made.append(h)
        h = self.middle_block(h, c)
        for step in self.output_blocks:
            h = step(torch.cat([h, made.pop()], dim=1), c)
        return self.out(h)
