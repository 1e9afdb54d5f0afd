"""One evaluation by several workers: each has its images, and the last one merges.

The workers share the work directory and nothing else. Worker i of n evaluates the i-th
range of the images in `part-i-of-n`, resumed as any evaluation is; who finds all parts
done makes the report of all in the work directory itself.
"""

import dataclasses
import pathlib
from collections.abc import Callable

from purifax.evaluation import merging
from purifax.evaluation.settings import (
    Evaluation,
)
from purifax.fleet.lease import Leases
from purifax.report import files
from purifax.run import workdir
from purifax.run.errors import UsageError
from purifax.run.hold import held
from purifax.run.progress import say

__all__ = ["run"]


def run(
    config: Evaluation,
    folder: pathlib.Path,
    worker: tuple[int, int],
    evaluate: Callable[[Evaluation, pathlib.Path], None],
    command: str,
) -> None:
    """Evaluates the share of a worker in its folder, and merges if it is the last.

    Args:
        worker: its number, from 0, and how many there are; (0, 1) does all by itself.
        evaluate: does a config in a folder.

    Raises:
        UsageError: a config of a part of the images.
        ValueError: a folder of another config.
    """
    number, count = worker
    if count == 1:
        evaluate(config, folder)
        return
    if config.images.parts > 1:
        raise UsageError("--worker divides the images; leave --config.images.parts.")
    workdir.check(folder, config)
    parts = [folder / f"part-{i}-of-{count}" for i in range(count)]
    images = dataclasses.replace(config.images, part=number, parts=count)
    evaluate(dataclasses.replace(config, images=images), parts[number])
    left = [part.name for part in parts if not (part / "summary.json").is_file()]
    if left:
        say(f"to be merged by the last worker; not done yet: {', '.join(left)}")
    else:
        _merge(parts, folder, command)


def _merge(parts: list[pathlib.Path], folder: pathlib.Path, command: str) -> None:
    """Makes the report of all parts, unless another worker does it now."""
    places = folder / "leases"
    places.mkdir(exist_ok=True)
    leases = Leases(places)
    if not leases.claim("merge"):
        names = ",".join(map(str, parts))
        say(f"another worker merges now; if it died: --merge={names} --workdir=...")
        return
    try:
        with held(folder):
            print(files.text(merging.merge(parts, folder, command)))
        print(f"report: {folder / 'report.html'}")
    finally:
        leases.release("merge")
