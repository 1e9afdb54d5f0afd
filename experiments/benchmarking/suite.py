"""The benchmark as a whole: its parts, its file, its table and its pictures."""

import dataclasses
import pathlib
from collections.abc import Callable
from typing import Any

import jax

from experiments.benchmarking import (
    chains,
    choices,
    gradients,
    network,
    plots,
    purifiers,
    scaling,
    start,
    torch_bridge,
    torch_suite,
    training,
    workers,
)
from experiments.benchmarking import (
    compile as suite_compile,
)
from experiments.benchmarking.config import (
    Benchmark,
)
from experiments.benchmarking.subject import Row, Subject, subject
from purifax.recipe.spelling import nearest
from purifax.run import workdir
from purifax.run.config import (
    encode,
)
from purifax.run.errors import UsageError
from purifax.run.extras import extra
from purifax.run.progress import Progress

__all__ = ["PARTS", "check", "measure", "words"]

PARTS: dict[str, Callable[[Subject], list[Row]]] = {
    "network": network.rows,
    "purifiers": purifiers.rows,
    "gradients": gradients.rows,
    "choices": choices.rows,
    "chains": chains.rows,
    "scaling": scaling.rows,
    "training": training.rows,
    "workers": workers.rows,
    "torch": torch_suite.rows,
    "bridge": torch_bridge.rows,
    "start": start.rows,
    "compile": suite_compile.rows,
}
"""What is timed, in this order; compiling comes last, since it empties the caches."""


def check(config: Benchmark) -> None:
    """Refuses names of what cannot be timed.

    Raises:
        UsageError: what is wrong with them.
    """
    own = [name for name in config.purifiers if ":" in name]
    for names, known in (
        (config.parts, PARTS),
        (config.purifiers, (*purifiers.PURIFIERS, *own)),
    ):
        for name in names:
            if name not in known:
                hint = nearest(name, tuple(known))
                raise UsageError(f"there is nothing to time named {name!r}{hint}")


def measure(config: Benchmark, folder: pathlib.Path, command: str) -> dict[str, Any]:
    """Times everything; writes ``benchmark.json``, ``benchmark.md`` and pictures.

    Raises:
        UsageError: see `check`.
    """
    check(config)
    given = subject(config)
    names = [name for name in PARTS if name in (config.parts or PARTS)]
    shown, rows = Progress("benchmark", 0, len(names), unit="part"), []
    for done, name in enumerate(names, 1):
        rows += PARTS[name](given)
        shown.update(done)
    shown.close()
    told = [dataclasses.asdict(row) | {"images_a_second": row.rate} for row in rows]
    found = {
        "config": encode(config),
        "rows": told,
        "fits": scaling.fits(told),
        "without": {"torch": torch_suite.why_not(given)},
        "devices": f"{given.mesh.size} {jax.devices()[0].device_kind}",
        "command": command,
        "versions": workdir.versions(),
    }
    folder.mkdir(parents=True, exist_ok=True)
    workdir.write_json(folder / "benchmark.json", found)
    (folder / "benchmark.md").write_text(words(found) + "\n", encoding="utf-8")
    with extra("pictures"):
        for name, picture in plots.pictures(found).items():
            (folder / f"{name}.png").write_bytes(picture)
    return found


def words(found: dict[str, Any]) -> str:
    """Tables in Markdown, one a part."""
    parts = [f"Timed on {found['devices']}, median of {found['config']['repeats']}."]
    for part in dict.fromkeys(row["part"] for row in found["rows"]):
        mine = [row for row in found["rows"] if row["part"] == part]
        names = list(dict.fromkeys(n for row in mine for n in row["numbers"]))
        head = [part, "images", "seconds", "spread", "images/s", *map(_title, names)]
        lines = [head, ["---"] * len(head), *(_cells(row, names) for row in mine)]
        parts.append("\n".join(f"| {' | '.join(line)} |" for line in lines))
    parts += _fitted(found["fits"])
    reason = found["without"]["torch"]
    if reason and {"torch", "bridge"}.intersection(found["config"]["parts"] or PARTS):
        parts.append(f"No comparison with PyTorch: {reason}.")
    return "\n\n".join(parts)


def _fitted(fits: dict[str, dict[str, float]]) -> list[str]:
    """The lines fitted to the times of the scaling, if there are any."""
    if not fits:
        return []
    head = ["seconds against", "fixed", "each", "largest error", "power"]
    lines = [head, ["---"] * len(head)]
    for axis, fit in fits.items():
        numbers = [f"{fit['fixed']:.3g}", f"{fit['each']:.3g}"]
        error, power = f"{100 * fit['largest_error']:.0f}%", f"{fit['power']:.2f}"
        lines.append([axis, *numbers, error, power])
    return ["\n".join(f"| {' | '.join(line)} |" for line in lines)]


def _title(name: str) -> str:
    known = {
        "temporary_bytes_a_device": "MiB a device",
        "peak_host_bytes": "MiB of the process at most",
    }
    return known.get(name, name.replace("_", " "))


def _cells(row: dict[str, Any], names: list[str]) -> list[str]:
    plain = [row["what"], str(row["images"]), f"{row['seconds']:.4g}"]
    plain += [f"{100 * row['spread']:.0f}%", f"{row['images_a_second']:.4g}"]
    return plain + [_number(name, row["numbers"].get(name)) for name in names]


def _number(name: str, value: Any) -> str:
    if value is None:
        return "–"
    if name in ("temporary_bytes_a_device", "peak_host_bytes"):
        return f"{value / 2**20:.1f}"
    return f"{value:.3g}" if isinstance(value, float) else str(value)
