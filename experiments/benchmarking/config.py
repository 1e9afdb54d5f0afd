"""Config type of the benchmark: plain values, as in `config`."""

from dataclasses import dataclass, field
from typing import ClassVar

from experiments.training.config import ClassifierNet, EnergyNet, ScoreNet
from purifax.recipe import at_least, typed

__all__ = ["Benchmark"]


@dataclass(frozen=True)
@typed
class Benchmark:
    """What is timed. Weights are random, since speed does not depend on them.

    Cost is fitted against images (doubled from 1), `lengths`, `eot`, `sides` and
    devices. Times are medians over `repeats`.

    Attributes:
        net: the score network.
        classifier: the classifier.
        energy: the energy.
        parts: names of `experiments.benchmarking.suite.PARTS`; () is all of them.
        purifiers: names of `experiments.benchmarking.purifiers.PURIFIERS`, or
            "package.module:name" for one's own; () is all of the former.
        side: height and width of the images.
        sides: those against which cost is fitted.
        channels: of the images.
        images: that networks see at once.
        steps: of a purifier.
        attacked: images that an attack works on.
        eot: numbers of EOT samples of a gradient of ADP, at the fewest of `lengths`.
        lengths: numbers of steps of such a gradient, with the fewest EOT samples.
        chains: up to which their number grows, fourfold from 1.
        batch: images of a training step.
        purified: images of the data set that workers purify.
        repeats: how often each thing is timed.
        peak: side of the matrix product that stands for the device's peak.
        compiled: whether PyTorch is also timed through `torch.compile`.
        seed: of the weights and images.
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
    purified: int = 64
    repeats: int = 5
    peak: int = 2048
    compiled: bool = True
    seed: int = 0

    def __post_init__(self) -> None:
        work = ("images", "steps", "attacked", "chains", "batch", "purified", "peak")
        for name in ("side", "channels", "repeats", *work):
            at_least(self, name, 1)
        for name in ("eot", "lengths", "sides"):
            at_least(self, name, 1)
            if not getattr(self, name):
                raise ValueError(f"Benchmark.{name} must name numbers of 1 or more.")
