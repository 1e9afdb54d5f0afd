"""summary.json: every number of a report.

A *number* is {"value", "interval": [low, high], "images", "keys"}: a fraction with its
95% interval (Wilson, images as the unit), how many images it is over, and how many
evaluation keys each had. null stands for what is not known or not finite.

An *outcome*, of clean or of attacked images, is

    average     number: mean over images and keys, the expected accuracy under one key
    vote        number: plurality of all keys, ties counted as wrong
    every_key   number: images that are classified correctly under all M keys (worst of
                M)
    deviation   standard deviation over keys of the accuracy under one key; null for one
    worst_of    {m, value, low, high: lists}: the worst of m keys, m = 1..keys

The file:

    schema, title, dataset, classes, command, notes
    interval     {method, confidence, bootstrap_draws, bootstrap_seed}
    models       name -> {description, compression, clean: outcome,
                          worst_case: [{threat, radius, radius_text, attacks,
                                        attacked: outcome}]}
    attacks      [{name, key, model, attack, gradient, threat, radius, radius_text,
                   budget, seeds, images, keys, clean: outcome, attacked: outcome,
                   distance: {median, largest},
                   cost: {network_evaluations, seconds}}]; `key` is the attack's own
                 name and `attack` its printed title; "" without a name
    sweep        the same, for other radii
    curves       [{picture, panel, name, model, gradient, x, y, low, high, images,
                   keys}]
    comparisons  [{kind: order | harm | clean | gain | control, first, second,
                   difference: number, mcnemar: {only_first, only_second, p},
                   verdict: positive | negative | open}]: accuracy of the first minus
                 the second on the same images; McNemar's test on their first keys
    compression  model -> [P], the compression rate of a purifier at P images; see
                 `evaluation.controls`
    probe        name -> [P], statistics of the attacker's gradient at P images
    checks       [{name, status: pass | open | warning | not run | not shown, text}];
                 see `checklist.checks`
    reading      [{level: finding | warning, text}]
    network_evaluations, seconds     of all attacks; of all commands so far
    seeds, versions, hashes, settings
    gradient     {length, states, state_gap, stored_gap, width, median, worst,
                  same_states, same_when_stored, slopes_agree}: the proof of the exact
                 gradient on one image, see `evaluation.gradient_check`; {} without one
    shown        the attack whose images grid.png shows, or null

The model that predicts from one purification sample is called "one run" here, and "one
sample" where it is printed.
"""

import dataclasses
import math
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from purifax import record as records
from purifax.record import Record
from purifax.report import checklist as checking
from purifax.report import comparisons as comparing
from purifax.report import sentences as reading
from purifax.report.types import Curve, Findings, Result, curve, radius_text

__all__ = ["SCHEMA", "curves", "entry", "outcome", "plain", "summarise"]

SCHEMA = 1

_correct = jax.jit(records.correct)


def summarise(findings: Findings) -> dict:
    """The content of summary.json, in plain finite values."""
    results, sweep = findings.results, findings.sweep
    drawn = curves(findings)
    compared = comparing.compare(results)
    summary = {
        "schema": SCHEMA,
        "title": findings.title,
        "dataset": findings.dataset,
        "classes": findings.num_classes,
        "command": findings.command,
        "notes": list(findings.notes),
        "interval": {
            "method": "Wilson, images as the unit; differences by paired bootstrap",
            "confidence": 0.95,
            "bootstrap_draws": comparing.DRAWS,
            "bootstrap_seed": comparing.SEED,
        },
        "models": _models(findings),
        "attacks": [entry(result, findings.num_classes) for result in results],
        "sweep": [entry(result, findings.num_classes) for result in sweep],
        "curves": [dataclasses.asdict(line) for line in drawn],
        "comparisons": compared,
        "probe": dict(findings.probe),
        "compression": dict(findings.compression),
        "checks": checking.checks(findings, drawn, compared),
        "network_evaluations": _total(r.evaluations for r in (*results, *sweep)),
        "seconds": findings.seconds,
        "seeds": dict(findings.seeds),
        "versions": dict(findings.versions),
        "hashes": dict(findings.hashes),
        "settings": dict(findings.settings),
        "gradient": dict(findings.gradient),
        "shown": findings.pictures and findings.pictures.attack,
    }
    summary = {name: plain(value) for name, value in summary.items()}
    return summary | {"reading": reading.sentences(summary)}


def entry(result: Result, num_classes: int) -> dict:
    """One row of "attacks"."""
    record = result.record
    images, keys = np.shape(record.attacked)
    distance = np.asarray(record.distance)
    return {
        "name": result.name,
        "key": result.key,
        "model": result.model,
        "attack": result.attack,
        "gradient": result.gradient,
        "threat": result.threat,
        "radius": float(result.radius),
        "radius_text": radius_text(result.radius),
        "budget": dict(result.budget),
        "seeds": dict(result.seeds),
        "images": images,
        "keys": keys,
        "clean": outcome(record.clean, record.label, num_classes),
        "attacked": outcome(record.attacked, record.label, num_classes),
        "distance": {
            "median": float(np.median(distance)),
            "largest": float(np.max(distance)),
        },
        "cost": {
            "network_evaluations": result.evaluations,
            "seconds": float(result.seconds),
        },
    }


def outcome(predictions: ArrayLike, label: ArrayLike, num_classes: int) -> dict:
    """The outcome of [N, M] predicted classes, as the module's head lays it out."""
    images, keys = np.shape(predictions)
    measured = jax.device_get(_measured(predictions, label, num_classes))
    numbers = {
        name: {
            "value": float(value),
            "interval": [float(low), float(high)],
            "images": images,
            "keys": keys,
        }
        for name, (value, low, high) in measured.items()
        if name != "worst_of"
    }
    value, low, high = (ends.tolist() for ends in measured["worst_of"])
    m = list(range(1, keys + 1))
    curve = {"m": m, "value": value, "low": low, "high": high}
    return numbers | {"deviation": _deviation(predictions, label), "worst_of": curve}


def _deviation(predictions: ArrayLike, label: ArrayLike) -> float | None:
    """Of the accuracies under single keys, with n - 1 in the denominator."""
    by_key = np.asarray(_correct(predictions, label)).mean(0)
    return float(np.std(by_key, ddof=1)) if by_key.size > 1 else None


@partial(jax.jit, static_argnums=2)
def _measured(
    predictions: jax.Array, label: jax.Array, num_classes: int
) -> dict[str, tuple[jax.Array, ...]]:
    """Means over images with their intervals, by the names of an outcome."""
    right = records.correct(predictions, label)
    keys = right.shape[1]
    shares = {
        "average": right.mean(1),
        "vote": records.voted(predictions, label, keys, num_classes),
        "every_key": right.all(1),
        "worst_of": records.survival(predictions, label),
    }
    return {
        name: (jnp.mean(share, axis=0, dtype=jnp.float32), *records.interval(share))
        for name, share in shares.items()
    }


def curves(findings: Findings) -> tuple[Curve, ...]:
    """The curves given, and one of accuracy against the radius for each swept attack.

    An attack needs two radii. Radius 0 is the clean accuracy of the same record,
    unless the attack was also run at radius 0.
    """
    groups: dict[tuple[str, str, str], list[Result]] = {}
    for result in (*findings.results, *findings.sweep):
        if result.gradient != "none":
            attack = (result.model, result.key or result.attack, result.threat)
            groups.setdefault(attack, []).append(result)
    swept = [_strength(group) for group in groups.values() if len(group) > 1]
    return (*(line for line in swept if line), *findings.curves)


def plain(value: Any) -> Any:
    """JSON values only: no arrays, no tuples; null for nan and infinities."""
    if isinstance(value, Mapping):
        return {str(name): plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, np.generic) or hasattr(value, "tolist"):
        return plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _strength(group: Sequence[Result]) -> Curve | None:
    """Accuracy against radius on the images that all radii share."""
    group = sorted(group, key=lambda result: result.radius)
    common = set.intersection(
        *(set(np.asarray(result.record.index).tolist()) for result in group)
    )
    if not common:
        return None
    columns = [(r.radius, _share(r.record, r.record.attacked, common)) for r in group]
    if group[0].radius > 0:
        first = group[0].record
        columns.insert(0, (0.0, _share(first, first.clean, common)))
    one = group[0]
    return curve(
        "strength",
        one.attack,
        [radius for radius, _ in columns],
        np.stack([share for _, share in columns], axis=1),
        keys=min(result.record.attacked.shape[1] for result in group),
        model=one.model,
        gradient=one.gradient,
        panel=one.threat,
    )


def _share(record: Record, predictions: ArrayLike, among: set[int]) -> np.ndarray:
    """The rate of correct keys of each image whose index is in `among`."""
    rates = np.asarray(_correct(predictions, record.label)).mean(1)
    return rates[np.isin(np.asarray(record.index), list(among))]


def _models(findings: Findings) -> dict:
    """Each model's clean accuracy and its worst case over attacks of one strength."""
    models = {}
    for name in dict.fromkeys(result.model for result in findings.results):
        results = [result for result in findings.results if result.model == name]
        most = max(results, key=lambda result: np.size(result.record.clean))
        models[name] = {
            "description": findings.models.get(name, ""),
            "compression": _typical(findings.compression.get(name, ())),
            "clean": outcome(
                most.record.clean, most.record.label, findings.num_classes
            ),
            "worst_case": _worst_cases(results, findings.num_classes),
        }
    return models


def _typical(rates: Sequence[float]) -> float | None:
    """The geometric mean; 0 of a purifier that forgets an image."""
    with np.errstate(divide="ignore"):
        return float(np.exp(np.mean(np.log(rates)))) if rates else None


def _worst_cases(results: Sequence[Result], num_classes: int) -> list[dict]:
    """One entry a radius at which several attacks have the same images and keys."""
    entries = []
    for attacks in comparing.grouped(results).values():
        group = [r for r in attacks if r.gradient not in comparing.APART]
        outcomes = {
            (tuple(sorted(np.asarray(r.record.index).tolist())), r.record.clean.shape)
            for r in group
        }
        if len(group) < 2 or len(outcomes) > 1:
            continue
        worst = records.worst_case([result.record for result in group])
        entries.append(
            {
                "threat": group[0].threat,
                "radius": float(group[0].radius),
                "radius_text": radius_text(group[0].radius),
                "attacks": [result.attack for result in group],
                "attacked": outcome(worst.attacked, worst.label, num_classes),
            }
        )
    return entries


def _total(counts: Iterable[int | None]) -> int | None:
    known = [count for count in counts if count is not None]
    return sum(known) if known else None
