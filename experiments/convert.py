"""Make a work directory of a public checkpoint, so that every command can name it.

    python -m experiments.convert --from=edm edm-cifar10-32x32-uncond-vp.pkl runs/edm

This is `purifax convert`; see `purifax.command.convert`.
"""

from absl import flags

from purifax.command import convert

__all__ = ["main"]


def main(config: None, options: flags.FlagValues) -> None:
    """Read `--path` and write `--into`."""
    convert.main(config, options)


if __name__ == "__main__":
    convert.run(main)
