"""Several configs, one evaluation of each, and all of them side by side."""

import pathlib
from collections.abc import Callable, Mapping

from purifax.evaluation.settings import (
    Evaluation,
)
from purifax.report import compare
from purifax.run import config as configlib
from purifax.run import workdir
from purifax.run.hold import held

__all__ = ["run"]


def run(
    configs: Mapping[str, Evaluation],
    folder: pathlib.Path,
    evaluate: Callable[[Evaluation, pathlib.Path], None],
    command: str,
) -> None:
    """Evaluates each config in a folder of its name, then compares them there.

    Args:
        evaluate: does one in its folder.
        command: written in the comparison.

    Raises:
        ValueError: a config that cannot be run, configs whose numbers may not stand
            side by side, or a folder of another config; before anything is run.
    """
    _alike(configs)
    for name, config in configs.items():
        config.check()
        workdir.check(folder / name, config)
    with held(folder):
        for number, (name, config) in enumerate(configs.items(), 1):
            print(f"\n{number}/{len(configs)} {name}", flush=True)
            evaluate(config, folder / name)
        if len(configs) > 1:
            compare.compare([folder / name for name in configs], folder, command)
            print(f"\n{(folder / 'comparison.md').read_text(encoding='utf-8')}")
            print(f"comparison: {folder / 'comparison.html'}")


def _alike(configs: Mapping[str, Evaluation]) -> None:
    """Refuses other images or another threat before hours are spent on them."""
    first, *others = ((name, _subject(config)) for name, config in configs.items())
    for name, subject in others:
        for field, value in first[1].items():
            if subject[field] != value:
                raise ValueError(
                    f"{field} of {first[0]} is {value} and that of {name} is "
                    f"{subject[field]}; they cannot be compared. "
                    f"--config.{field}=... sets it for all."
                )


def _subject(config: Evaluation) -> dict[str, object]:
    """What has to be the same: the images, and what may be done to them."""
    fields = {name: value for name, _, value in configlib.leaves(config)}
    wanted = ("threat", "radius")
    return {n: v for n, v in fields.items() if n.startswith("images.") or n in wanted}
