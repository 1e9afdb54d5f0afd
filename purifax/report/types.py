"""What an evaluation hands to the report: results, curves and pictures."""

import dataclasses
import difflib
import math
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field, replace

import jax
import numpy as np

from purifax import record as records
from purifax.record import Record
from purifax.report.escape import line
from purifax.report.pictures import Pictures

__all__ = [
    "AGGREGATIONS",
    "GRADIENTS",
    "NO_ANSWER",
    "ONE_RUN",
    "PICTURES",
    "THREATS",
    "Curve",
    "Findings",
    "Result",
    "curve",
    "nearest",
    "radius_text",
]

GRADIENTS = {
    "none": "no attack",
    "blind": "of the classifier alone, without the purifier",
    "transfer": "of another model",
    "bpda": "of the classifier, passed straight through the purifier (BPDA)",
    "joint": "of the classifier, combined with the direction of the score",
    "unrolled": "through one step of the purifier",
    "surrogate": "through a purifier with fewer steps or frozen step sizes",
    "black-box": "none: the attack only queries the model",
    "decision-based": "none: the attack only asks for decisions",
    "grafted": "shared by the EOT samples, through every step of one of them",
    "exact": "through every step of the purifier",
    "fixed-key": "through every step, with the noise of the evaluation known",
    "own": "as the attack of the user's own does",
}
"""What the attacker differentiates, by the names that `Result.gradient` may take."""

ONE_RUN = "one run"
"""The model that predicts from one purification sample. It is reported, but not
compared, and printed as `words.ONE_SAMPLE`; the name in summary.json is this one."""

THREATS = {"Linf": "L∞", "L2": "L2", "L1": "L1"}

PICTURES = ("strength", "runs", "iterations", "restarts")
"""Accuracy against radius, purification samples, iterations and restarts."""

AGGREGATIONS = ("logits", "probabilities", "vote")
NO_ANSWER = -1
"""The predicted class where the logits are not finite. It equals no label, so the
prediction counts as wrong."""


_interval = jax.jit(records.interval)


def nearest(kind: str, name: str, known: Sequence[str]) -> str:
    """The error message for an unknown name, with the closest known one."""
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.0)[0]
    return (
        f"unknown {kind} {name!r}; did you mean {close!r}? Known: {', '.join(known)}."
    )


def radius_text(radius: float) -> str:
    """A radius as people write it: 0.15, 8/255, 0.0123."""
    levels = radius * 255.0
    if abs(radius - round(radius, 3)) < 1e-7:
        return f"{radius:g}"
    if abs(levels - round(levels)) < 1e-3:
        return f"{round(levels)}/255"
    return f"{radius:.4g}"


@dataclass(frozen=True)
class Result:
    """One attack on one model, or no attack (gradient "none").

    Attributes:
        model: "undefended", "defended", `ONE_RUN`, or the name of a control.
        attack: the printed title of the attack, any text, as "BPDA+EOT".
        gradient: a name in `GRADIENTS`; decides which attack should be the stronger.
        threat: "Linf", "L2" or "L1".
        radius: in [0, 1] pixel units.
        record: the outcomes per image and key. The clean and the attacked predictions
            of one image use the same evaluation keys, which the attack has not seen.
        budget: what the attack may spend: steps, eot, step_size, restarts, loss...
        seeds: by role, as {"attack": 1, "evaluation": 2}.
        seconds: wall time; nan if unknown.
        evaluations: forward passes of all networks, one image each; None if unknown.
        key: the attack's own name, under which the user asked for it, as "bpda".

    Raises:
        ValueError: an unknown gradient or threat, a negative radius, or a record that
            is empty or whose arrays do not fit each other.
    """

    model: str
    attack: str
    gradient: str
    threat: str
    radius: float
    record: Record
    budget: Mapping[str, int | float | str] = field(default_factory=dict)
    seeds: Mapping[str, int] = field(default_factory=dict)
    seconds: float = math.nan
    evaluations: int | None = None
    key: str = ""

    def __post_init__(self) -> None:
        if self.gradient not in GRADIENTS:
            raise ValueError(nearest("gradient", self.gradient, list(GRADIENTS)))
        if self.threat not in THREATS:
            raise ValueError(nearest("threat", self.threat, list(THREATS)))
        if not (math.isfinite(self.radius) and self.radius >= 0):
            raise ValueError(f"{self.name}: the radius must be 0 or more.")
        shape = np.shape(self.record.clean)
        if len(shape) != 2 or 0 in shape:
            raise ValueError(
                f"{self.name}: the record's `clean` must be [images, keys] with one of "
                f"each at least; got shape {shape}."
            )
        shapes = {f.name: shape[:1] for f in dataclasses.fields(Record)}
        for name, wanted in (shapes | {"clean": shape, "attacked": shape}).items():
            if np.shape(getattr(self.record, name)) != wanted:
                raise ValueError(
                    f"{self.name}: the record's `{name}` has shape "
                    f"{np.shape(getattr(self.record, name))}, not {wanted}."
                )
        if np.unique(np.asarray(self.record.index)).size != shape[0]:
            raise ValueError(f"{self.name}: an image index occurs twice in the record.")

    @property
    def name(self) -> str:
        """Unique among `Findings`: "defended/bpda/Linf 8/255", by the key if given."""
        where = f"{self.threat} {radius_text(self.radius)}"
        return f"{self.model}/{self.key or self.attack}/{where}"


@dataclass(frozen=True)
class Curve:
    """A line of a picture with its interval band; make it with `curve`.

    Attributes:
        picture: a name in `PICTURES`.
        name: of the line, "BPDA+EOT"; for "runs" a name in `AGGREGATIONS`.
        x, y, low, high: one entry per point, y as a fraction; nan leaves a gap.
        images, keys: number of both that each point is measured on.
        model, gradient: choose the style of the line.
        panel: lines with the same panel share axes, as "clean" or "exact PGD+EOT".
    """

    picture: str
    name: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    images: int
    keys: int
    model: str = "defended"
    gradient: str = "none"
    panel: str = ""

    def __post_init__(self) -> None:
        if self.picture not in PICTURES:
            raise ValueError(nearest("picture", self.picture, PICTURES))
        if self.picture == "runs" and self.name not in AGGREGATIONS:
            raise ValueError(nearest("aggregation", self.name, AGGREGATIONS))
        if self.gradient not in GRADIENTS:
            raise ValueError(nearest("gradient", self.gradient, list(GRADIENTS)))
        if len({len(v) for v in (self.x, self.y, self.low, self.high)}) != 1:
            raise ValueError(f"curve {self.name}: x, y, low and high differ in length.")


def curve(
    picture: str,
    name: str,
    x: Sequence[float],
    outcomes: np.ndarray,
    *,
    keys: int = 1,
    model: str = "defended",
    gradient: str = "none",
    panel: str = "",
) -> Curve:
    """A curve from the outcome of each image at each point.

    Args:
        x: [X], such as numbers of steps.
        outcomes: [N, X] in [0, 1]: whether the image is classified correctly, or under
            which share of its keys.
        keys: number of keys that each entry of `outcomes` is a mean over.
    """
    outcomes = np.asarray(outcomes, np.float32)
    if outcomes.ndim != 2 or outcomes.shape[1] != len(x):
        raise ValueError(
            f"curve {name}: `outcomes` must be [images, {len(x)}], a column per point; "
            f"got shape {outcomes.shape}."
        )
    low, high = jax.device_get(_interval(outcomes))
    return Curve(
        picture=picture,
        name=name,
        x=tuple(float(v) for v in x),
        y=tuple(float(v) for v in outcomes.mean(0)),
        low=tuple(float(v) for v in low),
        high=tuple(float(v) for v in high),
        images=outcomes.shape[0],
        keys=keys,
        model=model,
        gradient=gradient,
        panel=panel,
    )


@dataclass(frozen=True)
class Findings:
    """Everything a report is made of.

    Where two attacks have the same title, each title is followed by the attack's key.

    Attributes:
        results: the rows of the table, at the radii the report is about.
        sweep: the same attacks at other radii; only the strength curves use them.
        curves: all other curves; the strength curves are made from the results.
        models: a line about each model, by name.
        seeds, versions, hashes: provenance, by name; hashes of weights and images.
        probe: statistics of the attacker's gradient, [P] over images, by name; see
            `summary`.
        settings: of the purifier and of training, by name, as plain values.
        seconds: of all commands so far, training included if they trained.
        gradient: figures of the exact gradient's proof; see `gradient_check`.
        compression: rates by model, [P] over images; see `controls.compression`.

    Raises:
        ValueError: no result, two results of one name, or a curve against the radius.
    """

    title: str
    dataset: str
    num_classes: int
    results: tuple[Result, ...]
    sweep: tuple[Result, ...] = ()
    curves: tuple[Curve, ...] = ()
    pictures: Pictures | None = None
    models: Mapping[str, str] = field(default_factory=dict)
    seeds: Mapping[str, int] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    hashes: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, int | float | str] = field(default_factory=dict)
    seconds: float = math.nan
    command: str = ""
    notes: tuple[str, ...] = ()
    probe: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    gradient: Mapping[str, float | bool] = field(default_factory=dict)
    compression: Mapping[str, Sequence[float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.results:
            raise ValueError("an evaluation needs one result at least.")
        seen: set[str] = set()
        for result in (*self.results, *self.sweep):
            if result.name in seen:
                raise ValueError(f"two results are called {result.name!r}.")
            seen.add(result.name)
        if any(line.picture == "strength" for line in self.curves):
            raise ValueError(
                "strength curves are made from `sweep`; give results there."
            )
        keys: dict[str, set[str]] = {}
        for result in (*self.results, *self.sweep):
            if result.gradient != "none":
                keys.setdefault(_title(result), set()).add(result.key)
        shared = {title for title, group in keys.items() if len(group) > 1}
        for name in ("results", "sweep"):
            results = (_titled(result, shared) for result in getattr(self, name))
            object.__setattr__(self, name, tuple(results))


def _title(result: Result) -> str:
    """The printed title on one line; the key where there is no title."""
    return line(result.attack) or result.key


def _titled(result: Result, shared: Set[str]) -> Result:
    title = _title(result)
    if title in shared and result.key:
        title = f"{title} ({result.key})"
    return result if title == result.attack else replace(result, attack=title)
