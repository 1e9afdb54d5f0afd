"""Evaluate a classifier, bare and defended by purification, under attacks.

    python -m experiments.evaluate --config=digits_adp
    python -m experiments.evaluate --config=cifar10_adp_small --data_dir=DIR
    python -m experiments.evaluate --config=digits_adp --protocol=croce
    python -m experiments.evaluate --config=digits_adp --sweep=defence.sigma=0.1,0.2,0.3
    python -m experiments.evaluate --config='digits_d*' --workdir=OUT
    python -m experiments.evaluate --config=digits_adp --worker=0/2

This is `purifax evaluate` with the named configs and protocols of this folder; see
`purifax.command.evaluate` for what is written and how workers share the images.
"""

from absl import flags

from purifax.command import evaluate
from purifax.evaluation.settings import Evaluation

__all__ = ["main"]


def main(
    config: Evaluation | dict[str, Evaluation] | None, options: flags.FlagValues
) -> None:
    """Evaluate `config` in the work directory of the options, or join others."""
    evaluate.main(config, options)


if __name__ == "__main__":
    evaluate.run(main)
