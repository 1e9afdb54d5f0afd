"""Published energy networks in plain PyTorch, by their arrays' names."""

import torch
import torch.nn.functional as F
from torch import nn

__all__ = ["Light", "SNGAN", "Tutorial"]


class Block(nn.Module):
    """Two convolutions and a shortcut; `kind` is "first", "down" or "same"."""

    def __init__(self, old, new, kind):
        super().__init__()
        self.kind = kind
        self.c1 = nn.Conv2d(old, new, 3, padding=1)
        self.c2 = nn.Conv2d(new, new, 3, padding=1)
        if kind != "same":
            self.c_sc = nn.Conv2d(old, new, 1)

    def forward(self, x):
        r = self.c1(x if self.kind == "first" else F.relu(x))
        r = self.c2(F.relu(r))
        if self.kind == "same":
            return x + r
        if self.kind == "first":
            return F.avg_pool2d(r, 2) + self.c_sc(F.avg_pool2d(x, 2))
        return F.avg_pool2d(r, 2) + F.avg_pool2d(self.c_sc(x), 2)


class SNGAN(nn.Module):
    def __init__(self, channels, width, patch):
        super().__init__()
        self.patch = patch
        kinds = ("first", "down", "same", "same")
        widths = [channels * patch**2, width, width, width]
        for i, (old, kind) in enumerate(zip(widths, kinds, strict=True)):
            setattr(self, f"block{i + 1}", Block(old, width, kind))
        self.l5 = nn.Linear(width, 1, bias=False)

    def forward(self, x):
        h = F.pixel_unshuffle(x, self.patch)
        for i in range(4):
            h = getattr(self, f"block{i + 1}")(h)
        return self.l5(F.relu(h).mean(dim=(2, 3)))[:, 0]


class Light(nn.Module):
    def __init__(self, channels, width):
        super().__init__()
        layers = [nn.Conv2d(channels, width, 3, padding=1)]
        for i in range(3):
            old = width * 2**i
            layers += [nn.LeakyReLU(0.05), nn.Conv2d(old, 2 * old, 4, 2, 1)]
        layers += [nn.LeakyReLU(0.05), nn.Conv2d(8 * width, 1, 4)]
        self.f = nn.Sequential(*layers)

    def forward(self, x):
        return self.f(x)[:, 0, 0, 0]


class Tutorial(nn.Module):
    """Says how likely an image is: minus the energy."""

    def __init__(self, channels, widths, hidden, maps):
        super().__init__()
        layers, old = [], channels
        for i, new in enumerate(widths):
            size, border = (3, 1) if i else (5, 4)
            layers += [nn.Conv2d(old, new, size, 2, border), nn.SiLU()]
            old = new
        layers += [nn.Flatten(), nn.Linear(maps * old, hidden), nn.SiLU()]
        self.cnn_layers = nn.Sequential(*layers, nn.Linear(hidden, 1))

    def forward(self, x):
        return self.cnn_layers(x)[:, 0]


def energy(twin, x):
    """The twin's energies of images NHWC in [0, 1], and their gradient."""
    x = torch.from_numpy(x).requires_grad_()
    output = twin(2 * x.permute(0, 3, 1, 2) - 1)
    output = -output if isinstance(twin, Tutorial) else output
    (gradient,) = torch.autograd.grad(output.sum(), x)
    return output.detach().numpy(), gradient.numpy()
