"""Config type of the benchmark: plain values, as in `config`."""

from dataclasses import dataclass, field
from typing import ClassVar

from experiments.training.config import ClassifierNet, EnergyNet, ScoreNet

__all__ = ["Benchmark"]


@dataclass(frozen=True)
class Benchmark:
    """What is timed. Weights are random, since speed does not depend on them.

    Gradients are those of one run of ADP: with each number of EOT samples in `eot` at
    the fewest of `lengths` steps, and with each number of steps in `lengths` with the
    fewest samples. Cost is fitted against images (doubled from 1), `lengths`, `eot`,
    `sides` and devices. Times are medians.

    Attributes:
        net: the score network.
        classifier: the classifier.
        energy: the energy.
        parts: names of `experiments.benchmarking.suite.PARTS`; () is all of them.
        purifiers: names of purifiers; () is all of them.
        side: height and width of the images.
        sides: heights and widths against which cost is fitted.
        channels: of the images.
        images: that networks see at once.
        steps: of the purifiers.
        attacked: images of an attack.
        eot: numbers of EOT samples in a gradient.
        lengths: numbers of steps of ADP under a gradient.
        chains: most chains at once; they grow fourfold from 1.
        batch: images of a training step.
        washed: images of the data set that workers purify.
        repeats: of each measurement.
        peak: side of the matrix product that stands for the peak of the device.
        compiled: whether PyTorch is timed through `torch.compile` too.
        seed: of weights and images.
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
