"""Config types of purification and evaluation: plain values, as in `config`.

`Defence` names a purifier and how its runs are pooled, `Attack` the budget of one
attack, `Evaluation` puts both to work on images.
"""

from dataclasses import dataclass, field
from typing import ClassVar

__all__ = ["ATTACKS", "Attack", "Defence", "Evaluation", "Subjects", "Surface"]


@dataclass(frozen=True)
class Defence:
    """A purifier in front of a classifier.

    `method` is "none" (the classifier alone, no score needed), "adaptive" (ADP),
    "one_step", "rounds" (ADP again and again, once for each of `sigmas`), "detect"
    (ADP with `sigma` where the score is long, with `calm` times `sigma` elsewhere; the
    threshold lets a share `false_alarms` of clean validation images above it),
    "diffuse" (noise and a sampler back, as DiffPure), "gradual" (`repeats` rounds of
    that from each of `sigmas` or `times`, as Lee and Kim), "gdmp", "mimic",
    "likelihood", "scoreopt", "langevin", "mala", "puregen", "puregen_code", "jpeg" or
    "bit_depth" (the last two need no score).

    `noise` is "gaussian", "binary" or "heteroscedastic" (then with `slope`). The score
    is taken at noise level `level` in each of `steps` steps, or at levels that fall
    geometrically from `level` to `last_level`. `curvature` is "jvp" or
    "difference"; `rate, smallest, largest, stop` bound the adaptive step. The answer
    pools `runs` purifications by `rule`: "probabilities", "logits" or "vote". With
    "adaptive", `sigmas` gives equal shares of the runs a noise level each.

    Diffusion starts at `sigma`, or at `time` of the network's process, or of the one
    that `process` names (see `weights.process`; a chain's times are its labels, -1 is
    clean). `sampler` is "ancestral" (its `variance` "small", "large" or "learned"),
    "ddim" (with `eta`), "sde", "sde_in_time", "euler", "heun" or "dpm_solver". The
    `steps` are spaced evenly in "time", down to `last_time` (None: the clean image), or
    in sigma ("linear"), or by Karras's rule ("karras"). In "gradual" they are those of
    the longest stage, and shorter ones have their share of them.

    "gdmp" goes down as diffusion does, in `repeats` rounds (one number), pulled to the
    input by the `distance` "square" or "ssim", with `strength` (None: the published one
    of 32 x 32 x 3 images; that of "square" is in proportion to the values of an image)
    against attacks of Linf radius `against`. "mimic" starts in noise alone, at `sigma`
    or `time`, and is led by "manhattan" (its `strength` in proportion to the pixels),
    "square" or "ssim". No `distance` is the first named.

    "likelihood" and "scoreopt" take `steps` steps of Adam of `step_size`, in [0, 1]
    units, at levels within `spread` of `sigma`, down an `objective`: "gap", "anchored"
    or "regularised" (with `weight`), or in scoreopt "noised" (ScoreOpt-N, at `sigma`),
    nowhere further than `reach` from the input.

    "langevin" takes `steps` Langevin steps from the image, down an energy or by a score
    at `level` (which is then denoised), with noise of deviation `epsilon` in each, in
    [0, 1] units: half the number published for [-1, 1]. "mala" tests each step of an
    energy as Metropolis did. `temperature` divides the energy in place of the one it
    was trained at.

    "puregen" takes `steps` of those of the evaluation's `energy` and then the diffusion
    of its score from the label `time` down, in `repeats` rounds (one number), for
    images of the `fraction` of highest energy. "puregen_code" has the diffusion of the
    released program.

    "jpeg" has a `quality` and by default `subsampled` chroma, "bit_depth" so many
    `bits`.
    """

    method: str = "adaptive"
    sigma: float = 0.25
    sigmas: tuple[float, ...] = ()
    noise: str = "gaussian"
    slope: float = 0.1
    level: float = 0.25
    last_level: float | None = None
    steps: int = 10
    curvature: str = "jvp"
    rate: float = 0.05
    smallest: float = 1e-5
    largest: float = 0.1
    stop: float = 1e-3
    calm: float = 0.2
    false_alarms: float = 0.05
    runs: int = 10
    rule: str = "probabilities"
    sampler: str = "sde"
    process: str = ""
    time: float | None = None
    times: tuple[float, ...] = ()
    last_time: float | None = None
    repeats: tuple[int, ...] = ()
    spacing: str = "time"
    eta: float = 0.0
    variance: str = "small"
    distance: str = ""
    strength: float | None = None
    against: float = 8 / 255
    step_size: float = 0.05
    spread: float = 0.05
    objective: str = "gap"
    weight: float = 1.0
    reach: float | None = None
    epsilon: float = 0.00625
    temperature: float | None = None
    fraction: float = 1.0
    quality: int = 75
    subsampled: bool = True
    bits: int = 3


@dataclass(frozen=True)
class Attack:
    """The budget of one attack.

    `step_size` is a share of the radius; for APGD that of the first step, published as
    2. For the Square attack `steps` are queries and there is no step size. `eot` draws
    are averaged in each gradient (for black-box attacks: in each loss). `start` is
    "random", "surface" (APGD's: random, at the radius) or "image". `loss` is
    "cross_entropy", "margin" or "dlr". Of the last iterate and `candidates` - 1 earlier
    ones, spread evenly, and of all `restarts`, the one of highest expected loss over
    `judge` keys of its own is kept; with one candidate APGD keeps its best iterate.
    `at_once` draws are in memory together in a gradient (None: all of them).
    `directions` is that of SPSA, `weight` that of DiffAttack's deviation, `shorter` the
    steps of the purifier that "surrogate_steps" attacks (0: half of the defence's). For
    AutoAttack `steps` are the iterations of APGD and FAB, and `queries` Square's.
    """

    steps: int = 40
    step_size: float = 0.25
    eot: int = 1
    at_once: int | None = None
    start: str = "random"
    loss: str = "cross_entropy"
    restarts: int = 1
    candidates: int = 1
    judge: int = 10
    directions: int = 0
    queries: int = 5000
    weight: float = 1.0
    shorter: int = 0


@dataclass(frozen=True)
class Subjects:
    """The images: the first `count` of a stratified, shuffled part of a set.

    `split` is "test", or "validation": those which the training configs hold out with
    the same `validation` share and `split_seed`. Choose settings on "validation" only.
    Of the chosen images this run takes share `part` of `parts`, for `--merge`.
    """

    name: str
    split: str = "test"
    count: int = 512
    seed: int = 0
    validation: float = 0.1
    split_seed: int = 0
    part: int = 0
    parts: int = 1


@dataclass(frozen=True)
class Surface:
    """Has an attack converged? Accuracy over its iterations, draws and restarts.

    `attack` is a PGD attack of the evaluation, run on the first `images` images with
    each number of draws in `eot` and answered at each number of iterations in `steps`,
    then with each number of `restarts`. Empty: not run.
    """

    attack: str = "exact"
    steps: tuple[int, ...] = ()
    eot: tuple[int, ...] = ()
    restarts: tuple[int, ...] = ()
    images: int = 64


@dataclass(frozen=True)
class Evaluation:
    """A classifier, bare and defended, against a list of attacks.

    `score`, `classifier`, `surrogate` (only for the attack "transfer") and `energy`
    (only for the defence "puregen") are work directories of `experiments.train`. The
    networks of score and energy compute in `dtype`, "float32" or "bfloat16" ("": as
    they were trained).
    `attacks` are names of the fields below, in the order they are run. `sweep` are
    further radii, at which `swept` attacks are run on the first `sweep_images` images.
    Every answer is given under `keys` fresh keys. `surface` asks whether an attack has
    converged. The exact gradient is looked at on `probed` images. `chunk` images are
    worked on at once. `memory` GiB of a device may be kept by the exact gradients of
    their chains, by the fastest way that fits (0: long chains are recomputed in two
    levels, others step by step). `skip_wrong` leaves images unattacked that the
    defended model gets wrong under every key as they are.
    """

    kind: ClassVar[str] = "evaluation"

    images: Subjects
    score: str
    classifier: str
    surrogate: str = ""
    energy: str = ""
    dtype: str = ""
    defence: Defence = field(default_factory=Defence)
    threat: str = "Linf"
    radius: float = 8 / 255
    attacks: tuple[str, ...] = ("blind", "bpda", "exact")
    sweep: tuple[float, ...] = ()
    swept: tuple[str, ...] = ()
    sweep_images: int = 128
    surface: Surface = Surface()
    probed: int = 32
    keys: int = 5
    chunk: int = 64
    memory: float = 0.0
    seed: int = 0
    pictured: int = 8
    skip_wrong: bool = False
    blind: Attack = Attack()
    transfer: Attack = Attack()
    bpda: Attack = Attack(eot=15, start="image")
    approximate: Attack = Attack(start="image")
    vote: Attack = Attack(eot=15, start="image")
    joint_score: Attack = Attack(eot=15, start="image")
    joint_full: Attack = Attack(eot=15, start="image")
    unrolled: Attack = Attack(eot=15, start="image")
    surrogate_steps: Attack = Attack(eot=15, start="image")
    held: Attack = Attack(eot=20)
    exact: Attack = Attack(eot=20)
    spsa: Attack = Attack(eot=4, directions=64, loss="margin", start="image")
    apgd: Attack = Attack(steps=100, step_size=2.0, eot=20, start="surface")
    apgd_held: Attack = Attack(
        steps=10, step_size=2.0, eot=200, start="surface", loss="margin"
    )
    apgd_bpda: Attack = Attack(steps=100, step_size=2.0, eot=20, start="surface")
    square: Attack = Attack(steps=1000, eot=20, loss="margin")
    random: Attack = Attack(steps=100, eot=20, loss="margin")
    deviate: Attack = Attack(eot=20)
    hammer: Attack = Attack(steps=50, eot=10)
    fixed_key: Attack = Attack()
    autoattack_standard: Attack = Attack(steps=100)
    autoattack_plus: Attack = Attack(steps=100)
    autoattack_rand: Attack = Attack(steps=100, eot=20)
    autoattack_stochastic: Attack = Attack(steps=100, eot=20, judge=20, queries=1000)


ATTACKS = {
    "blind": ("blind PGD", "blind"),
    "transfer": ("transfer PGD", "transfer"),
    "bpda": ("BPDA+EOT", "bpda"),
    "approximate": ("approximate input", "bpda"),
    "vote": ("BPDA+EOT (sign vote)", "bpda"),
    "joint_score": ("joint (score)", "joint"),
    "joint_full": ("joint (full)", "joint"),
    "unrolled": ("one-step unrolling", "unrolled"),
    "surrogate_steps": ("surrogate PGD+EOT", "surrogate"),
    "held": ("held-step PGD+EOT", "surrogate"),
    "exact": ("exact PGD+EOT", "exact"),
    "spsa": ("SPSA", "black-box"),
    "apgd": ("exact APGD+EOT", "exact"),
    "apgd_held": ("held-step APGD+EOT", "surrogate"),
    "apgd_bpda": ("BPDA APGD+EOT", "bpda"),
    "square": ("Square", "black-box"),
    "random": ("random search", "black-box"),
    "deviate": ("exact PGD+EOT, deviating", "exact"),
    "hammer": ("DiffHammer", "grafted"),
    "fixed_key": ("PGD, noise known", "fixed-key"),
    "autoattack_standard": ("AutoAttack standard", "exact"),
    "autoattack_plus": ("AutoAttack plus", "exact"),
    "autoattack_rand": ("AutoAttack rand", "exact"),
    "autoattack_stochastic": ("AutoAttack stochastic", "exact"),
}
"""What a report calls each attack, and the gradient it goes by there."""
