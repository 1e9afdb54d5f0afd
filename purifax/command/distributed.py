"""The flag `--distributed`: whether this is one of several processes."""

from absl import flags

from purifax.fleet import start

__all__ = ["mode"]

flags.DEFINE_enum(
    "distributed",
    "auto",
    start.MODES,
    "Whether this is one of several processes: as the platform says, surely, or not.",
)


def mode(options: flags.FlagValues) -> str:
    """What `--distributed` says: a name of `fleet.start.MODES`."""
    return options.distributed
