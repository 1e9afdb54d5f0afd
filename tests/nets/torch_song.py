"""The UNet of Song et al. in plain PyTorch layers, with EDM's names."""

import math

import torch
import torch.nn.functional as F
from torch import nn

__all__ = ["Net"]

HALF = math.sqrt(0.5)


def norm(width):
    return nn.GroupNorm(min(32, width // 4), width, eps=1e-6)


def filters(kind, width):
    one = torch.tensor([1.0, 3, 3, 1] if kind else [1.0, 1])
    kernel = torch.outer(one, one) / one.sum() ** 2
    return kernel.expand(width, 1, -1, -1), (len(one) - 1) // 2


def halved(x, kind):
    kernel, border = filters(kind, x.shape[1])
    return F.conv2d(x, kernel, stride=2, padding=border, groups=x.shape[1])


def doubled(x, kind):
    kernel, border = filters(kind, x.shape[1])
    return F.conv_transpose2d(
        x, 4 * kernel, stride=2, padding=border, groups=x.shape[1]
    )


class Block(nn.Module):
    def __init__(self, old, new, told, change=None, kind=False, attends=False):
        super().__init__()
        self.change, self.kind = change, kind
        self.norm0, self.conv0 = norm(old), nn.Conv2d(old, new, 3, padding=1)
        self.affine = nn.Linear(told, new)
        self.norm1, self.conv1 = norm(new), nn.Conv2d(new, new, 3, padding=1)
        self.skip = nn.Conv2d(old, new, 1) if change or old != new else None
        self.norm2 = norm(new) if attends else None
        self.qkv = nn.Conv2d(new, 3 * new, 1) if attends else None
        self.proj = nn.Conv2d(new, new, 1) if attends else None

    def forward(self, x, c):
        h = F.silu(self.norm0(x))
        if self.change:
            h, x = self.change(h, self.kind), self.change(x, self.kind)
        h = self.conv0(h) + self.affine(c)[:, :, None, None]
        h = self.conv1(F.silu(self.norm1(h)))
        x = ((self.skip(x) if self.skip else x) + h) * HALF
        if self.qkv is None:
            return x
        # Channels hold q, k and v in turn.
        n, width, height, _ = x.shape
        q, k, v = self.qkv(self.norm2(x)).reshape(n, width, 3, -1).unbind(2)
        share = torch.softmax(q.transpose(1, 2) @ k / math.sqrt(width), dim=-1)
        read = (v @ share.transpose(1, 2)).reshape(x.shape)
        return (self.proj(read) + x) * HALF


class Input(nn.Conv2d):
    """Filters on a border of two zeros, then convolves with stride 2."""

    def __init__(self, old, new):
        super().__init__(old, new, 3, stride=2)

    def forward(self, x):
        kernel, _ = filters(True, x.shape[1])
        return super().forward(F.conv2d(x, kernel, padding=2, groups=x.shape[1]))


class Net(nn.Module):
    """The words are those of EDM's SongUNet."""

    def __init__(
        self,
        img_resolution,
        in_channels,
        out_channels,
        model_channels,
        channel_mult,
        num_blocks,
        attn_resolutions,
        label_dim=0,
        augment_dim=0,
        embedding_type="positional",
        channel_mult_noise=1,
        encoder_type="standard",
        resample_filter=(1, 1),
        decoder_type="standard",
    ):
        super().__init__()
        width, told = model_channels, 4 * model_channels
        features = width * channel_mult_noise
        self.width, self.kind = width, len(resample_filter) == 4
        self.label_dim = label_dim
        if embedding_type == "fourier":
            self.map_noise = nn.Module()
            self.map_noise.register_buffer("freqs", torch.zeros(features // 2))
        if label_dim:
            self.map_label = nn.Linear(label_dim, features)
        if augment_dim:
            self.map_augment = nn.Linear(augment_dim, features, bias=False)
        self.map_layer0 = nn.Linear(features, told)
        self.map_layer1 = nn.Linear(told, told)

        self.enc, self.dec = nn.ModuleDict(), nn.ModuleDict()
        old, kept, pyramid = width, [width], in_channels
        for k, mult in enumerate(channel_mult):
            side = img_resolution >> k
            name, attends = f"{side}x{side}", side in attn_resolutions
            if k == 0:
                self.enc[f"{name}_conv"] = nn.Conv2d(in_channels, width, 3, padding=1)
            else:
                self.enc[f"{name}_down"] = Block(old, old, told, halved, self.kind)
                if encoder_type == "residual":
                    self.enc[f"{name}_aux_residual"] = Input(pyramid, old)
                    pyramid = old
                if encoder_type == "skip":
                    self.enc[f"{name}_aux_skip"] = nn.Conv2d(in_channels, old, 1)
                kept.append(old)
            for i in range(num_blocks):
                new = width * mult
                block = Block(old, new, told, attends=attends)
                self.enc[f"{name}_block{i}"] = block
                old = new
                kept.append(old)
        for k, mult in reversed(list(enumerate(channel_mult))):
            side = img_resolution >> k
            name, attends = f"{side}x{side}", side in attn_resolutions
            if k == len(channel_mult) - 1:
                self.dec[f"{name}_in0"] = Block(old, old, told, attends=True)
                self.dec[f"{name}_in1"] = Block(old, old, told)
            else:
                self.dec[f"{name}_up"] = Block(old, old, told, doubled, self.kind)
            for i in range(num_blocks + 1):
                last = attends and i == num_blocks
                block = Block(old + kept.pop(), width * mult, told, attends=last)
                self.dec[f"{name}_block{i}"] = block
                old = width * mult
            if decoder_type == "skip" or k == 0:
                self.dec[f"{name}_aux_norm"] = norm(old)
                out = nn.Conv2d(old, out_channels, 3, padding=1)
                self.dec[f"{name}_aux_conv"] = out

    def forward(self, x, level, label=None, augmentation=None):
        c = self._condition(level, label, augmentation)
        pyramid, kept = x, []
        for name, part in self.enc.items():
            if name.endswith("skip"):
                pyramid = halved(pyramid, self.kind)
                x = kept.pop() + part(pyramid)
            elif name.endswith("residual"):
                x = pyramid = (kept.pop() + part(pyramid)) * HALF
            else:
                x = part(x, c) if isinstance(part, Block) else part(x)
            kept.append(x)
        image = None
        for name, part in self.dec.items():
            if name.endswith("norm"):
                h = F.silu(part(x))
            elif name.endswith("conv"):
                below = 0 if image is None else doubled(image, self.kind)
                image = below + part(h)
            else:
                if "block" in name:
                    x = torch.cat([x, kept.pop()], dim=1)
                x = part(x, c)
        return image

    def _condition(self, level, label, augmentation):
        if hasattr(self, "map_noise"):
            angles = 2 * math.pi * level[:, None] * self.map_noise.freqs
        else:
            half = self.width // 2
            powers = torch.arange(half) / (half - 1)
            angles = level[:, None] * 10_000.0**-powers
        c = torch.cat([angles.sin(), angles.cos()], dim=1)
        if label is not None:
            hot = F.one_hot(label, self.label_dim).float()
            c = c + self.map_label(hot * math.sqrt(self.label_dim))
        if augmentation is not None:
            c = c + self.map_augment(augmentation)
        return F.silu(self.map_layer1(F.silu(self.map_layer0(c))))
