"""DiffPure by DDPM's chain on CIFAR-10: 100 labels down, ancestral sampling.

    python -m experiments.evaluate --config=cifar10_diffpure_ddpm --data_dir=DIR

after `cifar10_ddpm` and `cifar10_classifier`, with the attacks of `cifar10_diffpure`.
`--config.defence.sampler=ddim --config.defence.steps=5` is the short deterministic form
that later papers attack and defend with. The estimate of the clean image is not
clipped at every step, as DDPM's own code does.

For GPUs; not run here. Published with a WRN-28-10 at Linf 8/255: 87.5% clean, 75.00%
under BPDA, 54.69% under DiffAttack on 64 images (Kang et al. 2023).

Source: Ho et al. 2020, arXiv 2006.11239; Kang, Song and Li 2023, arXiv 2311.16124.
"""

from dataclasses import replace

from experiments.configs import cifar10_diffpure
from purifax.evaluation.settings import (
    Defence,
    Evaluation,
)

__all__ = ["config"]


def config() -> Evaluation:
    """The config; see the module's docstring."""
    given = cifar10_diffpure.config()
    defence = Defence(method="diffuse", sampler="ancestral", time=99, steps=100, runs=1)
    return replace(given, score="runs/cifar10_ddpm", defence=defence)
