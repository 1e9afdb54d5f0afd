"""The row of the checklist about the controls of a purifier; see `controls`."""

from collections.abc import Sequence

from purifax.report.comparisons import moved
from purifax.report.types import Result
from purifax.report.words import NOISE_ALONE, check_row, paired, points

__all__ = ["checks"]


def checks(compared: Sequence[dict], results: Sequence[Result]) -> list[dict]:
    """Whether the network of the purifier adds anything to its noise.

    Args:
        compared: the comparisons of `comparisons.compare`.
    """
    if all(result.model != "defended" for result in results):
        return []
    name = "The network of the purifier adds to its noise"
    found = [
        c
        for c in compared
        if c["kind"] == "control" and c["second"].startswith(f"{NOISE_ALONE}/")
    ]
    if not found:
        text = (
            "Its noise was not tried alone: the control was not asked for, no attack "
            "follows the exact gradient, or the purifier has no noise of its own."
        )
        return [check_row(name, "not run", text)]
    attacks = [r for r in results if r.model == NOISE_ALONE and r.gradient != "none"]
    if not any(map(moved, attacks)):
        text = "The attack on the noise alone moved no image."
        return [check_row(name, "not shown", text)]
    return [_row(name, comparison) for comparison in found]


def _row(name: str, comparison: dict) -> dict:
    size = f"{points(comparison['difference']['value'])} {paired(comparison)}"
    if comparison["verdict"] == "positive":
        return check_row(name, "pass", f"It keeps {size} more than its noise alone.")
    if comparison["verdict"] == "open":
        text = f"It is not told apart from its noise alone: they differ by {size}."
        return check_row(name, "open", text)
    text = f"It keeps {size} less than its noise alone, each under its own attack."
    return check_row(name, "warning", text)
