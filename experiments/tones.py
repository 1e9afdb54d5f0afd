"""Purify signals of one axis: a backdoor in short tones, and its removal.

    python -m experiments.tones
    python -m experiments.tones --seed=1 --workdir=runs/other

All tones of one class carry a faint, much higher tone, with their right label: what is
trained on them misses clean tones of that class, and hears it in others with the
trigger. The same training set is purified by diffusion, whose score network has learned
clean tones of others. Prints accuracy and success of the trigger after training on each
set, and writes tones.png into --workdir.

Half a minute of CPU time. Measured, seed 0: 97.5% right and 0.7% triggered after clean
training, 78.5% and 23.9% after poisoned, 95.7% and 7.5% after purified training.
"""

import pathlib

from absl import flags

from purifax.command import flags as flagslib
from purifax.run import devices

__all__ = ["main"]

_WORDS = "Of everything that is drawn."
flags.DEFINE_integer(
    "seed",
    0,
    _WORDS,
    allow_override=True,
    lower_bound=0,
    upper_bound=flagslib.LARGEST_SEED,
)


def main(config: None, options: flags.FlagValues) -> None:
    """Run the example, print the outcomes and write the picture."""
    del config
    devices.prepare(1)
    from experiments.examples import signals
    from purifax.run.extras import extra

    outcomes, shown = signals.run(options.seed)
    for one in outcomes:
        print(
            f"trained on {one.name} signals: {100 * one.accuracy:.1f}% right, trigger "
            f"works on {100 * one.success:.1f}%"
        )
    folder = pathlib.Path(options.workdir or "runs/tones")
    with extra("tones.png"):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "tones.png").write_bytes(signals.picture(shown, outcomes))
    print(f"picture: {folder / 'tones.png'}")


if __name__ == "__main__":
    flagslib.run(main, ())
