"""The end of a training run: final numbers in ``summary.json``, then pictures."""

from typing import Any

from experiments.training import drawings, multiprocess, networks, pictures
from experiments.training.config import (
    DiffusionTraining,
    ScoreTraining,
)
from experiments.training.config_energy import (
    EnergyTraining,
)
from experiments.training.finish_energy import finish_energy, measured
from experiments.training.run import Run
from experiments.training.state import State
from purifax import nets
from purifax.purify import descent
from purifax.run import devices, workdir
from purifax.run.config import (
    encode,
)
from purifax.run.extras import extra
from purifax.run.progress import say

__all__ = ["finish"]


def finish(run: Run, state: State, seconds: float) -> None:
    """Measures the averaged weights on whole sets, writes the summary, and draws.

    All processes measure; the first one writes and draws, and the others wait for it.
    """
    sets = {"validation": run.held}
    found: dict[str, Any] = {"validation": measured(run, state)}
    if run.test is not None:
        sets["test"] = run.test
        found["test"] = run.validation(run.k_validate, state.ema, run.test)
    if isinstance(run.config, EnergyTraining):
        found["chains"] = finish_energy(run, state)
    if multiprocess.first():
        counts = {"train": len(run.train)} | {name: len(sets[name]) for name in sets}
        _write(run, state, seconds, counts, found)
        with extra("picture of the network"):
            _draw(run, devices.here(state.ema, run.mesh))
    multiprocess.wait("the end")


def _write(
    run: Run,
    state: State,
    seconds: float,
    counts: dict[str, int],
    found: dict[str, Any],
) -> None:
    """Writes ``summary.json`` and says the line."""
    summary = {
        "steps": int(state.step),
        "seconds": round(seconds, 1),
        "parameters": nets.count(state.variables),
        "images": counts,
        **found,
        "weights_sha256": workdir.fingerprint(state.ema),
        "splits": run.splits(),
        "config": encode(run.config),
        "versions": workdir.versions(),
    }
    workdir.write_json(run.folder / "summary.json", summary)
    print(_words(run.folder.name, summary), flush=True)


def _words(name: str, summary: dict[str, Any]) -> str:
    """One line: steps, time, and the final numbers."""
    numbers = [
        f"{part} {measure} {value:.4g}"
        for part in ("validation", "test")
        for measure, value in summary.get(part, {}).items()
    ]
    took = f"{summary['steps']} steps in {summary['seconds']:.0f} s"
    return f"{name}: {', '.join([took, *numbers])}"


def _draw(run: Run, variables: Any) -> None:
    """Writes the two pictures of a score network; none of anything else."""
    predicts = networks.prediction(run.config)
    if predicts is None:
        return
    network = nets.Network(run.module, variables)
    score = predicts.score(network)
    shown = (run.held if len(run.held) else run.train).images[:10]
    pictures.denoising(run.folder / "denoising.png", run.k_pictures, score, shown)
    path, shape = run.folder / "samples.png", run.train.images.shape[1:]
    if isinstance(run.config, ScoreTraining) and run.config.sample.images:
        asked = run.config.sample
        say(f"drawing {asked.images} samples, {asked.levels * asked.per_level} steps")
        pictures.samples(path, run.k_pictures, score, asked, shape)
    if isinstance(run.config, DiffusionTraining) and run.config.drawing.images:
        asked = run.config.drawing
        say(f"drawing {asked.images} samples, {asked.steps} steps each")
        sampler = descent.sampler(asked.sampler, variance=predicts.variance(network))
        down = drawings.whole(predicts.noise(), asked.steps)
        pictures.drawn(
            path, run.k_pictures, score, sampler, down, (asked.images, *shape)
        )
