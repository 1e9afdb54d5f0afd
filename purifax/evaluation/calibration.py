"""The limit of a defence that treats images differently, from validation images."""

from jax import numpy as jnp

from purifax import data
from purifax.evaluation import images
from purifax.evaluation.methods import defence as defences
from purifax.evaluation.settings import Evaluation
from purifax.purify.prior import Prior

__all__ = ["calibrated"]

_MOST = 512
"""Validation images that are looked at."""


def calibrated(config: Evaluation, prior: Prior, data_dir: str | None) -> float:
    """The limit of the config's defence, or 0, without a look at images, if none."""
    if not defences.has_limit(config.defence):
        return 0.0
    clean = images.held_out(config.images, data_dir).images[:_MOST]
    x = data.augment.to_float(jnp.asarray(clean))
    return defences.calibrate(config.defence, prior, x)
