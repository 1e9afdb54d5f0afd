"""ADP under a natural corruption of CIFAR-10-C: no attack, no added noise.

    python -m experiments.evaluate --config=cifar10_c_adp --data_dir=DIR
        --config.images.name=cifar10_c:fog:3 --workdir=runs/fog_3

after `cifar10_dsm` and `cifar10_classifier`; `--config.score=runs/cifar10_dsm_small
--config.classifier=runs/cifar10_classifier_small` takes the small networks. Every
corruption and severity (1 to 5) is a run of its own. As published the purifier is
deterministic here; the published variant that adds noise where the score is long is
`--config.defence.method=detect --config.defence.sigma=0.25 --config.defence.runs=10`.

A forward pass only: 20 score evaluations an image. Not run here on the real corrupted
images, which are not part of what is downloaded with CIFAR-10.
"""

from purifax.evaluation.settings import (
    Defence,
    Evaluation,
    Subjects,
)

__all__ = ["config"]


def config() -> Evaluation:
    """The config; see the module's docstring."""
    return Evaluation(
        images=Subjects(name="cifar10_c:gaussian_noise:5", count=1000),
        score="runs/cifar10_dsm",
        classifier="runs/cifar10_classifier",
        defence=Defence(sigma=0.0, runs=1),
        attacks=(),
        keys=1,
    )
