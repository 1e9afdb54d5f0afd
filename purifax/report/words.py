"""Numbers as a report says them."""

from collections.abc import Sequence

__all__ = ["chance", "paired", "percent", "points", "said", "span"]


def percent(value: float | None) -> str:
    """70.2%."""
    return "unknown" if value is None else f"{100 * value:.1f}%"


def chance(p: float) -> str:
    """= 0.031, of a probability that may be less than a float can hold."""
    return f"= {p:.2g}" if p > 1e-30 else "< 1e-30"


def points(value: float) -> str:
    """The size of a difference: 8.3 points."""
    return f"{100 * abs(value):.1f} points"


def span(interval: Sequence[float | None]) -> str:
    """[65.0, 75.1], in percent or points."""
    # Adding 0 turns -0.0 into 0.0.
    ends = ("?" if e is None else f"{round(100 * e, 1) + 0:.1f}" for e in interval)
    return f"[{', '.join(ends)}]"


def paired(comparison: dict) -> str:
    """(paired 95% interval [2.0, 8.1], 300 images), of a comparison."""
    difference = comparison["difference"]
    low, high = difference["interval"]
    ends = [low, high] if difference["value"] >= 0 else [-high, -low]
    return f"(paired 95% interval {span(ends)}, {difference['images']} images)"


def said(name: str, status: str, text: str) -> dict:
    """One line of the checklist; `report_checks.checks` says what a status means."""
    return {"name": name, "status": status, "text": text}
