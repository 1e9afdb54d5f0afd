"""torchvision's ResNets in plain PyTorch layers, by its names."""

from torch import nn
from torch.nn import functional as F

__all__ = ["ResNet"]


def conv(old, new, size, stride=1):
    return nn.Conv2d(old, new, size, stride, size // 2, bias=False)


class Block(nn.Module):
    def __init__(self, old, width, stride, narrow):
        super().__init__()
        new = 4 * width if narrow else width
        sizes = [(old, width, 3, stride), (width, new, 3, 1)]
        if narrow:
            sizes = [(old, width, 1, 1), (width, width, 3, stride), (width, new, 1, 1)]
        self.count = len(sizes)
        for i, size in enumerate(sizes, start=1):
            setattr(self, f"conv{i}", conv(*size))
            setattr(self, f"bn{i}", nn.BatchNorm2d(size[1]))
        self.downsample = None
        if stride > 1 or old != new:
            layers = conv(old, new, 1, stride), nn.BatchNorm2d(new)
            self.downsample = nn.Sequential(*layers)

    def forward(self, x):
        h = x
        for i in range(1, self.count + 1):
            h = getattr(self, f"bn{i}")(getattr(self, f"conv{i}")(h))
            h = F.relu(h) if i < self.count else h
        return F.relu(h + (self.downsample(x) if self.downsample else x))


class ResNet(nn.Module):
    def __init__(self, counts, narrow, width, classes):
        super().__init__()
        self.conv1, self.bn1 = conv(3, width, 7, 2), nn.BatchNorm2d(width)
        old = width
        for stage, count in enumerate(counts):
            blocks = []
            for i in range(count):
                stride = 2 if stage and not i else 1
                blocks.append(Block(old, width * 2**stage, stride, narrow))
                old = width * 2**stage * (4 if narrow else 1)
            setattr(self, f"layer{stage + 1}", nn.Sequential(*blocks))
        self.fc = nn.Linear(old, classes)

    def forward(self, x):
        h = F.relu(self.bn1(self.conv1(x)))
        h = F.max_pool2d(h, 3, 2, 1)
        for stage in range(1, 5):
            h = getattr(self, f"layer{stage}")(h)
        return self.fc(h.mean(dim=(2, 3)))
