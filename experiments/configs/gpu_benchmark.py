"""Everything timed at the published size: NCSNv2 at width 128, WRN-28-10, bfloat16.

    python -m experiments.benchmark --config=gpu_benchmark

For accelerators; meant to take a few minutes on one large GPU. Weights are random. Not
run here.
"""

from experiments.benchmarking.config import (
    Benchmark,
)
from experiments.training.config import (
    ClassifierNet,
    EnergyNet,
    ScoreNet,
)

__all__ = ["config"]


def config() -> Benchmark:
    """The config; see the module's docstring."""
    return Benchmark(
        net=ScoreNet(name="NCSNv2", width=128, dtype="bfloat16"),
        classifier=ClassifierNet(
            name="WideResNet", depth=28, widen=10, dtype="bfloat16"
        ),
        energy=EnergyNet(name="LightEnergy"),
        images=512,
        attacked=32,
        eot=(1, 4, 15),
        lengths=(1, 3, 10),
        chains=4096,
        batch=128,
        washed=4096,
        peak=8192,
    )
