"""Config type of the benchmark: plain values, as in `config`."""

from dataclasses import dataclass, field
from typing import ClassVar

from experiments.training.config import ClassifierNet, EnergyNet, ScoreNet

__all__ = ["Benchmark"]


@dataclass(frozen=True)
class Benchmark:
    """What is timed. Weights are random, since speed does not depend on them.

    `parts` are names of `experiments.benchmarking.suite.PARTS`; () is all of them.
    Networks see `images` images of side `side` at once. Purifiers of `purifiers` (()
    for all) take `steps` steps. Gradients are those of one run of ADP: with each number
    of draws in `eot`, at the fewest of `lengths` steps, and with each number of steps
    in `lengths`, with the fewest draws; an attack works on `attacked` images. Cost is
    fitted against images (doubled from 1), `lengths`, `eot`, the sides in `sides` and
    devices. Chains grow fourfold from 1 to `chains` at most. A training step takes
    `batch` images. Workers purify a data set of `washed` images. Times are medians over
    `repeats`. `peak` is the side of the matrix product that stands for the device's
    peak.
    `compiled` also times PyTorch through `torch.compile`.
    """

    kind: ClassVar[str] = "benchmark"

    net: ScoreNet = field(default_factory=lambda: ScoreNet(name="NCSNv2", width=32))
    classifier: ClassifierNet = field(
        default_factory=lambda: ClassifierNet(name="ResNet", depth=20)
    )
    energy: EnergyNet = field(default_factory=lambda: EnergyNet(name="SmallEnergy"))
    parts: tuple[str, ...] = ()
    purifiers: tuple[str, ...] = ()
    side: int = 32
    sides: tuple[int, ...] = (16, 32, 64)
    channels: int = 3
    images: int = 32
    steps: int = 10
    attacked: int = 4
    eot: tuple[int, ...] = (1, 4, 16)
    lengths: tuple[int, ...] = (1, 4, 16)
    chains: int = 64
    batch: int = 32
    washed: int = 64
    repeats: int = 5
    peak: int = 2048
    compiled: bool = True
    seed: int = 0
