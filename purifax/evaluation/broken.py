"""Models and attacks that give no numbers: nothing can be said of their robustness."""

from collections.abc import Mapping

import numpy as np

from purifax.evaluation.plan import Job, Run
from purifax.report.types import NO_ANSWER

__all__ = ["refuse_attack", "refuse_model"]


def refuse_model(work: Run, clean: Mapping[str, np.ndarray]) -> None:
    """Before any attack, refuse a model whose answer to a clean image is not finite.

    Raises:
        ValueError: by whom, to how many images, and the first of them.
    """
    config = work.config
    told = {
        "classifier": (clean["bare"][:, None], "the weights"),
        "defended model": (
            clean[config.pooling][:, :, -1],
            f"the purifier {type(config.purifier).__name__}, its numbers and the "
            "weights of its score",
        ),
    }
    for model, (classes, suspect) in told.items():
        lost = np.flatnonzero((classes == NO_ANSWER).any(1))
        if len(lost):
            raise ValueError(
                f"the {model}'s answers to {len(lost)} of {len(classes)} clean images "
                f"are not finite, the first of them image {work.images.index[lost[0]]};"
                f" nothing can be said about its robustness. Look at {suspect}."
            )


def refuse_attack(job: Job, x_adv: np.ndarray, index: np.ndarray) -> None:
    """Refuse images that are not finite: they would count as answered wrongly.

    Raises:
        ValueError: by which attack, how many images, and the first of them.
    """
    lost = np.flatnonzero(~np.isfinite(x_adv.reshape(len(x_adv), -1)).all(1))
    if len(lost):
        raise ValueError(
            f"the attack {job.attack} gave images that are not finite: {len(lost)} of "
            f"{len(x_adv)}, the first of them image {index[lost[0]]}. Look at its "
            "numbers."
        )
