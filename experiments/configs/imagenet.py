"""Evaluations of ImageNet at 224 pixels, purified at 256 as published.

They are meant for GPUs and have not been run in this project; a test runs each with
networks of a tenth of the width. The images are `imagenet`, as `purifax.data` reads it:
folders of the WordNet ids, or the official archives.

The score network is OpenAI's unconditional one of 256 x 256: 552,814,086 parameters and
2.2 TFLOP for an image and evaluation, as XLA counts. 150 evaluations are a third of a
petaFLOP for one purification sample, without gradients. With 20 EOT samples and 100
iterations, an attack of one image is 2,000 such samples forward and backward, 2 to 3
exaFLOP.
"""

from dataclasses import replace

from purifax.attack import APGD, PGD, AutoAttack
from purifax.evaluation.settings import Evaluation, Subjects
from purifax.purify import DiffPure, Resized

__all__ = ["diffpure", "diffpure_wrn50"]


def diffpure() -> Evaluation:
    """DiffPure on ImageNet with a ResNet-50: 224 -> 256, the reverse SDE, and back.

        python -m experiments.evaluate --config=imagenet_diffpure --data_dir=DIR

    It needs two converted networks, `runs/imagenet_adm` (OpenAI's
    256x256_diffusion_uncond.pt) and `runs/imagenet_resnet50` (torchvision's). The time
    is 0.15, from which 150 steps go down; resizing samples pixels without antialiasing,
    as the released code does.

    Published at Linf 4/255: 67.79% clean, 40.93% under AutoAttack through an adjoint
    gradient (Nie et al. 2022); 28.13% under later attacks.

    Source: Nie et al. 2022, arXiv 2205.07460, and its released code.
    """
    inside = DiffPure(
        process="VP", steps=150, last_time=1e-5, sampler="sde_in_time", time=0.15
    )
    return Evaluation(
        images=Subjects(name="imagenet", count=512),
        score="runs/imagenet_adm",
        classifier="runs/imagenet_resnet50",
        purifier=Resized(inside, height=256, width=256, antialias=False),
        samples=1,
        radius=4 / 255,
        attacks={
            "blind": PGD(gradient="blind"),
            "bpda": PGD(steps=50, start="image", eot=15, gradient="bpda"),
            "exact": PGD(steps=20, step_size=0.007 * 255 / 4, start="image", eot=20),
            "apgd": APGD(loss="margin", eot=10),
            "autoattack_rand": AutoAttack(version="rand"),
        },
        keys=10,
        chunk=1,
    )


def diffpure_wrn50() -> Evaluation:
    """DiffPure on ImageNet with a WideResNet-50-2, otherwise `imagenet_diffpure`.

        python -m experiments.evaluate --config=imagenet_diffpure_wrn50 --data_dir=DIR

    It needs `runs/imagenet_wrn50`, torchvision's network. Published: 71.16% clean,
    44.39% under AutoAttack; 31.25% under later attacks. For DeiT-S, name its network by
    `--config.classifier`: 73.63%, 43.18% and 32.81%.
    """
    return replace(diffpure(), classifier="runs/imagenet_wrn50")
