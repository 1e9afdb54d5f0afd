"""The flag `--trust`: modules whose classes may be used when networks are loaded."""

import importlib.util

from absl import flags

from purifax.run.errors import UsageError

__all__ = ["apply"]

flags.DEFINE_multi_string(
    "trust",
    [],
    "Module whose networks may be loaded, package.module; several with commas.",
)


def apply(options: flags.FlagValues) -> None:
    """Trust the modules that `--trust` names; without the flag, do nothing.

    Raises:
        UsageError: one is not there.
    """
    named = (name.strip() for text in options.trust for name in text.split(","))
    if modules := list(filter(None, named)):
        for module in modules:
            if importlib.util.find_spec(module.partition(".")[0]) is None:
                raise UsageError(f"--trust={module}: there is no such module.")
        from purifax import weights

        weights.trust(*modules)  # pyright: ignore[reportAttributeAccessIssue]
