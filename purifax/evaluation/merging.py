"""One report from evaluations that several machines made of disjoint images.

Each machine runs the same command with its own share of the images,

    python -m experiments.evaluate --config=C --config.images.parts=4
        --config.images.part=0 --workdir=DIR0

and one of them makes the report of all: `--merge=DIR0,DIR1,... --workdir=OUT`. An
image's key is folded from its own index, so the record is that of one machine.
"""

import dataclasses
import hashlib
import pathlib
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from typing import Any

import jax.numpy as jnp
import numpy as np

from purifax import record as records
from purifax.evaluation import results as findings
from purifax.report import files, plots_detection
from purifax.report.types import Curve, Findings, Result
from purifax.run import config as configlib
from purifax.run import json_text, workdir

__all__ = ["merge"]

OWN = ("images.part", "score", "classifier", "surrogate")
"""Fields that may differ; that the networks are the same is told by their hashes."""


def merge(folders: Sequence[pathlib.Path], out: pathlib.Path, command: str) -> dict:
    """Writes the report of all `folders` into `out`; gives its summary.

    Raises:
        ValueError: another config, other networks, images that are there twice, or an
            `out` that is one of the folders or holds another run.
        FileNotFoundError: a folder without a finished evaluation.
    """
    if len(folders) < 2:
        raise ValueError("--merge needs two work directories or more, with commas.")
    if out.resolve() in {folder.resolve() for folder in folders}:
        raise ValueError(f"{out} is one of those to merge; give another --workdir.")
    parts = [files.read(folder) for folder in folders]
    config = _same_config(folders)
    _same_networks(folders, parts)
    _disjoint(folders, parts)
    workdir.check(out, config)
    lengths = _lengths(folders)
    merged = _merged(parts, command, list(findings.detection(lengths)))
    workdir.claim(out, config)
    summary = files.write(out, merged)
    if lengths:
        plots_detection.write(out, lengths)
    return summary


def _same_config(folders: Sequence[pathlib.Path]) -> dict[str, Any]:
    """The JSON of the config that all parts share, with nothing divided.

    It is not made into a config, for which a user's own modules would be imported.
    """
    configs = [workdir.stored(folder / "config.json") for folder in folders]
    for folder, other in zip(folders[1:], configs[1:], strict=True):
        changed = [
            f"{name} is {old} in {folders[0]} and {new} in {folder}"
            for name, old, new in configlib.differences(configs[0], other)
            if name not in OWN
        ]
        if changed:
            raise ValueError(f"these are not of one config: {'; '.join(changed)}.")
    images = configs[0].get("images")
    if not isinstance(images, dict):
        raise ValueError(
            f"{folders[0] / 'config.json'} is not the config of an evaluation: it has "
            "no `images`."
        )
    return configs[0] | {"images": images | {"part": 0, "parts": 1}}


def _same_networks(folders: Sequence[pathlib.Path], parts: Sequence[Findings]) -> None:
    for folder, part in zip(folders, parts, strict=True):
        for role, digest in part.hashes.items():
            if role != "images" and digest != parts[0].hashes.get(role):
                raise ValueError(
                    f"the {role} of {folder} has other weights than that of "
                    f"{folders[0]}."
                )


def _disjoint(folders: Sequence[pathlib.Path], parts: Sequence[Findings]) -> None:
    indices = [set(np.asarray(part.results[0].record.index).tolist()) for part in parts]
    for a, b in combinations(range(len(parts)), 2):
        common = indices[a] & indices[b]
        if common:
            raise ValueError(
                f"{folders[a]} and {folders[b]} have {len(common)} images in common, "
                f"such as {min(common)}; give each machine its own images.part."
            )


def _merged(parts: Sequence[Findings], command: str, notes: Sequence[str]) -> Findings:
    first = parts[0]
    digest = hashlib.sha256("".join(p.hashes["images"] for p in parts).encode())
    images = f"of {len(parts)} parts: {digest.hexdigest()}"
    return dataclasses.replace(
        first,
        results=_results([part.results for part in parts]),
        sweep=_results([part.sweep for part in parts]),
        curves=_curves([part.curves for part in parts]),
        probe=_strung([part.probe for part in parts]),
        compression=_strung([part.compression for part in parts]),
        hashes={**first.hashes, "images": images},
        seconds=sum(part.seconds for part in parts),
        command=command,
        notes=(*notes, f"Merged from {len(parts)} evaluations of disjoint images."),
    )


def _strung(parts: Sequence[Mapping[str, Sequence[float]]]) -> dict[str, tuple]:
    """Values of images by name, of all parts."""
    return {
        name: tuple(value for part in parts for value in part.get(name, ()))
        for name in parts[0]
    }


def _results(lists: Sequence[Sequence[Result]]) -> tuple[Result, ...]:
    """Results of one name as one; a name that some parts lack keeps what there is."""
    named: dict[str, list[Result]] = {}
    for result in (result for results in lists for result in results):
        named.setdefault(result.name, []).append(result)
    return tuple(_result(group) for group in named.values())


def _result(group: Sequence[Result]) -> Result:
    counts = [result.evaluations for result in group]
    known = [count for count in counts if count is not None]
    return dataclasses.replace(
        group[0],
        record=records.merge([result.record for result in group]),
        seconds=sum(result.seconds for result in group),
        evaluations=sum(known) if len(known) == len(counts) else None,
    )


def _curves(lists: Sequence[Sequence[Curve]]) -> tuple[Curve, ...]:
    """Curves of one name as one: the mean over all images, and its interval."""
    named: dict[tuple, list[Curve]] = {}
    for line in (line for lines in lists for line in lines):
        name = (line.picture, line.panel, line.name, line.model, line.x)
        named.setdefault(name, []).append(line)
    return tuple(_curve(group) for group in named.values())


def _curve(group: Sequence[Curve]) -> Curve:
    images = sum(line.images for line in group)
    right = sum(line.images * np.array(line.y) for line in group)
    low, high = records.wilson(jnp.asarray(right), images)
    return dataclasses.replace(
        group[0],
        y=_floats(np.asarray(right) / images),
        low=_floats(low),
        high=_floats(high),
        images=images,
    )


def _floats(values: Any) -> tuple[float, ...]:
    return tuple(float(value) for value in values)


def _lengths(folders: Iterable[pathlib.Path]) -> dict[str, np.ndarray]:
    """Lengths of the score by attack, of all parts; empty without a score."""
    paths = [folder / "detection.json" for folder in folders]
    if not all(path.is_file() for path in paths):
        return {}
    read = [_norms(path) for path in paths]
    for path, norms in zip(paths, read, strict=True):
        if norms.keys() != read[0].keys():
            raise ValueError(f"{path} is of other attacks than {paths[0]}.")
    return {name: np.concatenate([part[name] for part in read]) for name in read[0]}


def _norms(path: pathlib.Path) -> dict[str, np.ndarray]:
    """The lengths of the score in a file, by attack."""
    read = json_text.read(path, dict)
    try:
        norms = {name: np.array(one["norms"], float) for name, one in read.items()}
    except (LookupError, TypeError, ValueError):
        norms = {"": np.zeros((0, 0))}
    if any(one.ndim != 1 for one in norms.values()):
        raise ValueError(f"{path} holds no lengths of the score; it is damaged.")
    return norms
