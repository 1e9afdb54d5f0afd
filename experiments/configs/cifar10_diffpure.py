"""DiffPure on CIFAR-10 as published: the reverse SDE from time 0.1, 100 steps.

    python -m experiments.evaluate --config=cifar10_diffpure --data_dir=DIR

after `cifar10_ddpmpp` and `cifar10_classifier`. One run an answer, as published: their
figure under BPDA alone pools 150. The other forms of the paper are
`cifar10_diffpure_ode` and `cifar10_diffpure_ddpm`; under L2 0.5 they start from time
0.075 (`--config.threat=L2 --config.radius=0.5 --config.defence.time=0.075`).

For GPUs; not run here. Published at Linf 8/255 with a WRN-28-10: 89.02% clean, 70.64%
under AutoAttack through an adjoint gradient (Nie et al. 2022), which is not the
gradient of the program; 48.28% under Lee and Kim's attack, 46.88% under DiffAttack,
48.05% under the exact gradient of DiffBreak (256 images).

Source: Nie et al. 2022, arXiv 2205.07460, and its released code; the attacks' numbers
as DiffBreak gives them (2025).
"""

from purifax.evaluation.settings import (
    Attack,
    Defence,
    Evaluation,
    Subjects,
)

__all__ = ["config"]


def config() -> Evaluation:
    """The config; see the module's docstring."""
    return Evaluation(
        images=Subjects(name="cifar10", count=512),
        score="runs/cifar10_ddpmpp",
        classifier="runs/cifar10_classifier",
        defence=Defence(
            method="diffuse",
            sampler="sde_in_time",
            process="VP",
            time=0.1,
            last_time=1e-5,
            steps=100,
            runs=1,
        ),
        radius=8 / 255,
        attacks=("blind", "bpda", "exact", "apgd", "autoattack_rand", "deviate"),
        keys=10,
        chunk=1,
        blind=Attack(steps=40),
        bpda=Attack(steps=50, step_size=0.25, eot=15, start="image"),
        exact=Attack(steps=200, step_size=0.007 * 255 / 8, eot=20, start="image"),
        apgd=Attack(steps=100, step_size=2.0, eot=10, start="surface", loss="margin"),
        autoattack_rand=Attack(steps=100, eot=20),
        deviate=Attack(steps=100, eot=10),
    )
