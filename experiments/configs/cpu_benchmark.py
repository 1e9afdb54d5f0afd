"""Everything timed at a size for a CPU: NCSNv2 at width 32, ResNet-20, 32x32 images.

    python -m experiments.benchmark --config=cpu_benchmark

Weights are random; nothing has to be trained first. With torch installed, the same
networks in PyTorch beside them. `--config.parts=network,torch` times a part of it.
"""

from experiments.benchmarking.config import (
    Benchmark,
)

__all__ = ["config"]


def config() -> Benchmark:
    """The config; see the module's docstring."""
    return Benchmark()
