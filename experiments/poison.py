"""Poison the training images of a set, verify the budget and store the result.

    python -m experiments.poison --config=digits_poison
    python -m experiments.poison --config=digits_poison --config.poison=tap
    python -m experiments.poison --config=digits_poison --config.poison=my.module:Mine

`--config.poison` is any poison of `purifax.poison`, with its numbers as fields
(`--config.poison.steps=20`), or one of your own: a function `(key, image, label) ->
perturbation`, or a recipe with `build(context)`, see `purifax.poison.Context`.

Writes train.npz (as a victim would find it), test.npz (clean), poison.npz (positions
and perturbations), poison.json (the poison, budget, hashes) and poison.png into the
work directory, and both splits as a TFDS data set (tfds/). To train a classifier on it:

    python -m experiments.train --config=digits_classifier --config.data.name=poisoned \
        --data_dir=runs/digits_poison --workdir=runs/victim

which refuses images that are shuffled, missing or altered. `experiments.purify` takes
train.npz as its source.
"""

import pathlib

from absl import flags

from experiments.poisoning.config import (
    Poisoning,
)
from purifax.command import flags as flagslib
from purifax.run import devices

__all__ = ["main"]


def main(config: Poisoning, options: flags.FlagValues) -> None:
    """Poison the images of `config` into the work directory of the options."""
    devices.prepare(config.victim.batch)
    from experiments.poisoning import craft

    folder = pathlib.Path(options.workdir)
    print(craft.run(config, folder, options.data_dir))


if __name__ == "__main__":
    flagslib.run(main, (Poisoning,))
