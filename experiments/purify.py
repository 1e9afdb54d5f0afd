"""Purify image files, a folder of them or an .npz; or a data set, by many workers.

    python -m experiments.purify --weights=cifar10_dsm_small --source=cat.png --out=DIR
    python -m experiments.purify --config=cifar10_adp_small --source=cat.png --out=DIR
    python -m experiments.purify --config=cifar10_adp_small --source=cifar10 --out=DIR
    python -m experiments.purify ... --worker=3/8
    python -m experiments.purify --out=DIR --status
    python -m experiments.purify ... --verify

This is `purifax purify` with the named configs of this folder; see
`purifax.command.purify` for what is read and written.
"""

from absl import flags

from experiments import configs
from purifax.command import purify
from purifax.evaluation.settings import Evaluation

__all__ = ["main"]


def main(config: Evaluation | None, options: flags.FlagValues) -> int:
    """Purify `--source` into `--out`, or look at what is there."""
    return purify.main(config, options, configs.find)


if __name__ == "__main__":
    purify.run(main)
