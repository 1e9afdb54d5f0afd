"""Benchmarks with random weights, whose subject is the machine and not a data set."""

from experiments.benchmarking.config import Benchmark
from experiments.training.config import ClassifierNet, EnergyNet, ScoreNet

PREFIX = ""


def cpu_benchmark() -> Benchmark:
    """Everything timed at a size for a CPU: NCSNv2 at width 32, ResNet-20, 32x32.
    python -m experiments.benchmark --config=cpu_benchmark
    With torch installed, the same networks are timed in PyTorch too.
    `--config.parts=network,torch` times a part of it."""
    return Benchmark()


def gpu_benchmark() -> Benchmark:
    """Everything timed at the published size: NCSNv2 at width 128, WRN-28-10, bfloat16.
    python -m experiments.benchmark --config=gpu_benchmark
    Not run here; meant to take a few minutes on one large GPU."""
    wide = ClassifierNet("WideResNet", depth=28, widen=10, dtype="bfloat16")
    return Benchmark(
        net=ScoreNet("NCSNv2", width=128, dtype="bfloat16"),
        classifier=wide,
        energy=EnergyNet("LightEnergy"),
        images=512,
        attacked=32,
        eot=(1, 4, 15),
        lengths=(1, 3, 10),
        chains=4096,
        batch=128,
        purified=4096,
        peak=8192,
    )
