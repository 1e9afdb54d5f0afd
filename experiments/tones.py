"""Purifies signals of one axis: a backdoor in short tones, and its removal.

    python -m experiments.tones
    python -m experiments.tones --seed=1 --workdir=runs/other

All tones of one class carry a faint, much higher tone, with their right label: what is
trained on them misses clean tones of that class, and hears it in others with the
trigger. The same training set is purified by diffusion, whose score network has learned
clean tones of others. Prints accuracy and success of the trigger after training on each
set, and writes tones.png into --workdir.

A minute of CPU time. Measured, seed 0: 96.2% right and 2.0% triggered after clean
training, 77.2% and 26.3% after poisoned, 94.5% and 7.5% after purified training.
"""

import pathlib

from absl import app, flags

__all__ = ["main"]

_SEED = flags.DEFINE_integer("seed", 0, "of everything that is drawn")
_WORKDIR = flags.DEFINE_string("workdir", "runs/tones", "where the picture goes")


def main(argv: list[str]) -> None:
    """Runs the example with the flags."""
    del argv
    from experiments.lib import signals

    outcomes, shown = signals.run(_SEED.value)
    for one in outcomes:
        print(
            f"trained on {one.name} signals: {100 * one.accuracy:.1f}% right, trigger "
            f"works on {100 * one.success:.1f}%"
        )
    folder = pathlib.Path(_WORKDIR.value)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tones.png").write_bytes(signals.picture(shown, outcomes))
    print(f"picture: {folder / 'tones.png'}")


if __name__ == "__main__":
    app.run(main)
