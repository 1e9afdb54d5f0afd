"""What RobustBench's code knows of its models and their files do not say.

The names are those of its model zoo, for CIFAR-10 and CIFAR-100; a name that both have
is told apart by the number of classes. ImageNet's models are torchvision's ResNets,
whose normalisation is a default of their reader.
"""

from collections.abc import Mapping
from typing import Any

from purifax.recipe.spelling import nearest

__all__ = ["SETTINGS", "known", "settings"]

_CIFAR10 = {"mean": (0.4914, 0.4822, 0.4465), "std": (0.2471, 0.2435, 0.2616)}
_EXACT = {
    "mean": (0.4913997551666284, 0.48215855929893703, 0.4465309133731618),
    "std": (0.24703225141799082, 0.24348516474564, 0.26158783926049628),
}
_EXACT100 = {
    "mean": (0.5070751592371323, 0.48654887331495095, 0.4409178433670343),
    "std": (0.2673342858792401, 0.2564384629170883, 0.27615047132568404),
}
_WIDE100 = {"mean": (0.5071, 0.4867, 0.4408), "std": (0.2675, 0.2565, 0.2761)}
_OLDER = {"mean": (0.4914, 0.4822, 0.4465), "std": (0.2023, 0.1994, 0.2010)}
_RONY = {"mean": (0.491, 0.482, 0.447), "std": (0.247, 0.243, 0.262)}
_SYMMETRIC = {"mean": (0.5, 0.5, 0.5), "std": (0.5, 0.5, 0.5)}
_DEEPMIND = {"activation": "silu"}

# Settings, then the models that have them.
_CIFAR10_MODELS: list[tuple[Mapping[str, Any], str]] = [
    (
        {},
        "Addepalli2021Towards_RN18 Addepalli2021Towards_WRN34 "
        "Addepalli2022Efficient_RN18 Addepalli2022Efficient_WRN_34_10 "
        "Andriushchenko2020Understanding Carmon2019Unlabeled Chen2021LTD_WRN34_10 "
        "Chen2021LTD_WRN34_20 Cui2020Learnable_34_10 Cui2020Learnable_34_20 "
        "Dai2021Parameterizing Huang2020Self Huang2021Exploring Huang2021Exploring_ema "
        "Jia2022LAS-AT_34_10 Jia2022LAS-AT_70_16 Sehwag2020Hydra Sehwag2021Proxy "
        "Sehwag2021Proxy_R18 Sitawarin2020Improving Sridhar2021Robust "
        "Sridhar2021Robust_34_15 Standard Wang2020Improving Wu2020Adversarial "
        "Wu2020Adversarial_extra Zhang2019Theoretically Zhang2019You "
        "Zhang2020Attacks Zhang2020Geometry",
    ),
    (
        _CIFAR10,
        "Chen2020Efficient Kireev2021Effectiveness_AugMixNoJSD "
        "Kireev2021Effectiveness_Gauss50percent Kireev2021Effectiveness_RLAT "
        "Kireev2021Effectiveness_RLATAugMix Kireev2021Effectiveness_RLATAugMixNoJSD "
        "Rice2020Overfitting Wong2020Fast",
    ),
    (_CIFAR10 | {"head": "cosine"}, "Pang2020Boosting"),
    (
        _DEEPMIND,
        "Gowal2020Uncovering Gowal2020Uncovering_28_10_extra "
        "Gowal2020Uncovering_34_20 Gowal2020Uncovering_70_16 "
        "Gowal2020Uncovering_70_16_extra Gowal2020Uncovering_extra "
        "Gowal2021Improving_28_10_ddpm_100m Gowal2021Improving_70_16_ddpm_100m "
        "Gowal2021Improving_R18_ddpm_100m Pang2022Robustness_WRN28_10 "
        "Pang2022Robustness_WRN70_16 Rade2021Helper_R18_ddpm Rade2021Helper_R18_extra "
        "Rade2021Helper_ddpm Rade2021Helper_extra Rebuffi2021Fixing_106_16_cutmix_ddpm "
        "Rebuffi2021Fixing_28_10_cutmix_ddpm Rebuffi2021Fixing_70_16_cutmix_ddpm "
        "Rebuffi2021Fixing_70_16_cutmix_extra Rebuffi2021Fixing_70_16_cutmix_extra_L2 "
        "Rebuffi2021Fixing_70_16_cutmix_extra_Linf Rebuffi2021Fixing_R18_cutmix_ddpm "
        "Rebuffi2021Fixing_R18_ddpm",
    ),
    (
        _EXACT,
        "Augustin2020Adversarial Augustin2020Adversarial_34_10 "
        "Augustin2020Adversarial_34_10_extra",
    ),
    (_OLDER, "Engstrom2019Robustness"),
    (_RONY, "Rony2019Decoupling"),
    (_SYMMETRIC, "Hendrycks2019Using Hendrycks2020AugMix_WRN Modas2021PRIMEResNet18"),
    ({"standardised": True}, "Ding2020MMA"),
]
_CIFAR100_MODELS: list[tuple[Mapping[str, Any], str]] = [
    (
        {},
        "Addepalli2021Towards_PARN18 Addepalli2021Towards_WRN34 "
        "Addepalli2022Efficient_RN18 Addepalli2022Efficient_WRN_34_10 "
        "Chen2021LTD_WRN34_10 Cui2020Learnable_34_10_LBGAT0 "
        "Cui2020Learnable_34_10_LBGAT6 Cui2020Learnable_34_20_LBGAT6 "
        "Jia2022LAS-AT_34_10 Jia2022LAS-AT_34_20 Sehwag2021Proxy "
        "Sitawarin2020Improving",
    ),
    (
        _DEEPMIND,
        "Gowal2020Uncovering Gowal2020Uncovering_Linf Gowal2020Uncovering_extra "
        "Gowal2020Uncovering_extra_Linf Pang2022Robustness_WRN28_10 "
        "Pang2022Robustness_WRN70_16 Rade2021Helper_R18_ddpm "
        "Rebuffi2021Fixing_28_10_cutmix_ddpm Rebuffi2021Fixing_70_16_cutmix_ddpm "
        "Rebuffi2021Fixing_R18_ddpm",
    ),
    (_WIDE100, "Chen2020Efficient"),
    (_EXACT100, "Rice2020Overfitting Wu2020Adversarial"),
    (_SYMMETRIC, "Hendrycks2019Using Hendrycks2020AugMix_WRN Modas2021PRIMEResNet18"),
]

SETTINGS: dict[int, dict[str, Mapping[str, Any]]] = {
    classes: {name: given for given, names in models for name in names.split()}
    for classes, models in ((10, _CIFAR10_MODELS), (100, _CIFAR100_MODELS))
}
"""By the number of classes and the name: arguments of `torchvision.robustbench`."""


def known(name: str | None) -> bool:
    """Whether a model of RobustBench that is read has this name."""
    return any(name in models for models in SETTINGS.values())


def settings(name: str, classes: int) -> dict[str, Any]:
    """What `torchvision.robustbench` is told for a model of this name.

    Raises:
        ValueError: no model of so many classes that is read has this name.

    >>> settings("Ding2020MMA", 10)
    {'standardised': True}
    """
    models = SETTINGS.get(classes, {})
    if name not in models:
        raise ValueError(
            f"no model of RobustBench for {classes} classes that is read here is "
            f"called {name!r}{nearest(name, list(models))}"
        )
    return dict(models[name])
