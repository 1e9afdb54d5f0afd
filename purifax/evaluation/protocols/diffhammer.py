"""DiffHammer: three runs of 50 iterations on shared weaknesses, judged ten times.

    python -m experiments.evaluate --config=cifar10_adp --protocol=diffhammer

Ten draws are weighed by EM in each iteration and their gradients sent back through one
chain; a run each climbs the margin, the cross-entropy and DLR, and the best image is
kept. An answer is one run of the purifier, under 10 keys: the report's average and
worst-of-10 are the protocol's "Avg" and "Rob".

Reproduces: Wang et al. 2024, NeurIPS (DiffHammer), which gives no number for ADP. Its
iterations follow APGD's rule for steps, ours have one length, a tenth of the radius.
Cost an image: 1,500 purifications forward and 150 gradients through the purifier.
"""

from dataclasses import replace

from purifax.attack import DiffHammer
from purifax.evaluation.settings import Evaluation

__all__ = ["protocol"]


def protocol(config: Evaluation) -> Evaluation:
    """The evaluation under this protocol; see the module's docstring."""
    attacks = {"hammer": DiffHammer(steps=50, step_size=0.1, eot=10)}
    return replace(config, attacks=attacks, keys=10, samples=1)
