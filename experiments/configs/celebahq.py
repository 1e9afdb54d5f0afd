"""Evaluations of CelebA-HQ at 256 pixels, for one attribute of a face.

They are meant for GPUs and have not been run in this project; a test runs each with
networks of a tenth of the width. The images are a folder with `no` and `yes`, faces
without and with the attribute. The score network is the published DDPM of 256 x 256,
113.7 million parameters and 0.49 TFLOP for an image and evaluation: 500
evaluations are a quarter of a petaFLOP for one purification sample, without gradients.
"""

from dataclasses import replace

from purifax.attack import PGD
from purifax.evaluation.settings import Evaluation, Subjects
from purifax.purify import DiffPure

__all__ = ["eyeglasses", "smiling"]


def smiling() -> Evaluation:
    """DiffPure on CelebA-HQ, smiling or not: half of DDPM's chain, 500 labels.

        python -m experiments.evaluate --config=celebahq_smiling --data_dir=FOLDER

    It needs `runs/celebahq_ddpm`, converted from the published DDPM of CelebA-HQ, and a
    classifier of the attribute, `runs/celebahq_smiling`. The chain has the small
    variance. Published under BPDA at Linf 16/255, 50 steps and 15 EOT samples, with the
    logits of 20 purification samples averaged.

    Source: Nie et al. 2022, arXiv 2205.07460, and its released code (scripts for
    CelebA-HQ).
    """
    return Evaluation(
        images=Subjects(name="folder", count=512),
        score="runs/celebahq_ddpm",
        classifier="runs/celebahq_smiling",
        purifier=DiffPure(steps=500, sampler="ancestral", variance="small", time=499),
        samples=20,
        pooling="logits",
        radius=16 / 255,
        attacks={
            "blind": PGD(gradient="blind"),
            "bpda": PGD(
                steps=50,
                step_size=2 / 16,
                start="image",
                eot=15,
                gradient="bpda",
            ),
            "exact": PGD(steps=20, step_size=2 / 16, start="image", eot=20),
        },
        keys=5,
        chunk=1,
    )


def eyeglasses() -> Evaluation:
    """DiffPure on CelebA-HQ, eyeglasses or not; otherwise `celebahq_smiling`.

    python -m experiments.evaluate --config=celebahq_eyeglasses --data_dir=FOLDER
    """
    return replace(smiling(), classifier="runs/celebahq_eyeglasses")
