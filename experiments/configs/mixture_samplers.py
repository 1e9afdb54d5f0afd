"""Every sampler on a mixture of three Gaussians in the plane, 60 calls of the score.

python -m experiments.mixture --config=mixture_samplers
"""

from experiments.examples.config_mixture import (
    Mixture,
)

__all__ = ["config"]


def config() -> Mixture:
    """The config; see the module's docstring."""
    return Mixture()
