"""The small diffusion networks of public tutorials in plain PyTorch, by their names."""

import math

import torch
import torch.nn.functional as F
from torch import nn

__all__ = ["ConvNoise", "TutorialScore"]


class Block(nn.Module):
    def __init__(self, old, new, size, shape):
        super().__init__()
        self.net = nn.Sequential(
            nn.Conv2d(old, new, size, padding=size // 2),
            nn.LayerNorm([new, *shape]),
            nn.GELU(),
        )

    def forward(self, x):
        return self.net(x)


class ConvNoise(nn.Module):
    def __init__(self, channels, widths, size, frequencies, shape):
        super().__init__()
        powers = [2 * math.pi * 1.5**i for i in range(frequencies - 1)]
        self.register_buffer("frequencies", torch.tensor([0, *powers]))
        pairs = zip([channels, *widths], widths, strict=False)
        blocks = [Block(old, new, size, shape) for old, new in pairs]
        last = nn.Conv2d(widths[-1], channels, 3, padding=1)
        self.blocks = nn.ModuleList([*blocks, last])
        sizes = [2 * frequencies, 128, 128, 128, widths[0]]
        layers = []
        for old, new in zip(sizes, sizes[1:], strict=False):
            layers += [nn.Linear(old, new), nn.GELU()]
        self.time_embed = nn.Sequential(*layers[:-1])

    def forward(self, x, t):
        angles = t[:, None] * self.frequencies
        c = self.time_embed(torch.cat([angles.sin(), angles.cos() - 1], dim=1))
        h = self.blocks[0](x) + c[:, :, None, None]
        for block in self.blocks[1:]:
            h = block(h)
        return h


class TutorialScore(nn.Module):
    def __init__(self, channels, widths, features):
        super().__init__()
        fourier, told = nn.Module(), nn.Linear(features, features)
        fourier.W = nn.Parameter(torch.zeros(features // 2), requires_grad=False)
        self.time_embed = nn.ModuleList([fourier, told])
        levels = self.levels = len(widths)
        for i, (old, new) in enumerate(zip([channels, *widths], widths, strict=False)):
            stride = 2 if i else 1
            conv = nn.Conv2d(old, new, 3, stride=stride, bias=False)
            setattr(self, f"conv{i + 1}", conv)
            self._told(f"dense{i + 1}", f"gnorm{i + 1}", new, features, 32 if i else 4)
        for i in range(levels, 1, -1):
            # The published sizes leave one row out on all ways down but the last.
            spare = 0 if i == levels == 4 else 1
            conv = nn.ConvTranspose2d(
                widths[i - 1], widths[i - 2], 3, 2, output_padding=spare, bias=False
            )
            setattr(self, f"tconv{i}", conv)
            dense = f"dense{2 * levels + 1 - i}"
            self._told(dense, f"tgnorm{i}", widths[i - 2], features, 32)
        self.tconv1 = nn.ConvTranspose2d(widths[0], channels, 3)

    def _told(self, dense, norm, width, features, groups):
        holder = nn.Module()
        holder.dense = nn.Linear(features, width)
        setattr(self, dense, holder)
        setattr(self, norm, nn.GroupNorm(min(groups, width), width))

    def forward(self, x, sigma):
        slope = 2 * math.log(25.0)
        t = torch.log(1 + slope * sigma**2) / slope
        angles = 2 * math.pi * t[:, None] * self.time_embed[0].W
        c = F.silu(self.time_embed[1](torch.cat([angles.sin(), angles.cos()], dim=1)))

        def told(h, dense, norm):
            h = h + getattr(self, dense).dense(c)[:, :, None, None]
            return F.silu(getattr(self, norm)(h))

        h, kept = x, []
        for i in range(1, self.levels + 1):
            h = told(getattr(self, f"conv{i}")(h), f"dense{i}", f"gnorm{i}")
            kept.append(h)
        h = kept.pop()
        for i in range(self.levels, 1, -1):
            dense = f"dense{2 * self.levels + 1 - i}"
            h = told(getattr(self, f"tconv{i}")(h), dense, f"tgnorm{i}") + kept.pop()
        return self.tconv1(h)
