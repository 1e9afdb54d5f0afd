"""The flag `--trust`: modules whose classes may be used when networks are loaded."""

from absl import flags

__all__ = ["apply"]

flags.DEFINE_multi_string(
    "trust",
    [],
    "Module whose networks may be loaded, package.module; several with commas.",
)


def apply(options: flags.FlagValues) -> None:
    """Trust the modules that `--trust` names; without the flag, do nothing."""
    named = (name.strip() for text in options.trust for name in text.split(","))
    if modules := list(filter(None, named)):
        from purifax import weights

        weights.trust(*modules)  # pyright: ignore[reportAttributeAccessIssue]
