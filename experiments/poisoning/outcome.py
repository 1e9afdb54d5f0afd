"""The accuracy of a trained classifier, and whether a poison succeeded."""

import pathlib
from typing import Any

import numpy as np

from experiments.poisoning import store
from experiments.poisoning.context import Context
from experiments.poisoning.victims import Trainer
from purifax import data, nets, record
from purifax.data.poisoned import perturbation
from purifax.record.poisons import natural_accuracy

__all__ = ["of_network", "of_poison", "triggered"]


def of_network(
    network: nets.Network, trainer: Trainer, test: data.Images
) -> dict[str, Any]:
    """Accuracy on clean test images, by class too."""
    said = trainer.predictions(network, test.images)
    members = [test.labels == k for k in range(len(test.names))]
    return {
        "accuracy": float(natural_accuracy(said, test.labels)),
        "by_class": [
            float(natural_accuracy(said[own], test.labels[own]))
            for own in members
            if own.any()
        ],
    }


def of_poison(
    recipe: Any, context: Context, network: nets.Network, place: pathlib.Path
) -> dict[str, Any]:
    """The success of a trigger, or what became of a target; nothing of other poisons.

    "success" is the rate of images of other classes that the trigger turns into its
    class, or 1 where the target is answered as was wanted; "missed" then is 1 where it
    is answered as anything else but its own class.

    Args:
        place: where the poisoned set lies.
    """
    test, trainer = context.test, context.victim
    aim = store.aim_of(recipe, context)
    if not aim:
        return {}
    if hasattr(recipe, "aim"):
        image = test.images[test.index == aim["index"]][:1]
        said = trainer.predictions(network, image)
        became = record.targeted(said, [aim["label"]], [aim["wanted"]])
        missed = float(became.missed[0])
        return {"success": float(became.success), "missed": missed, "target": aim}
    delta = perturbation(place)["delta"]
    said = trainer.predictions(network, triggered(recipe, context, test, delta))
    rate = record.trigger_success(said, test.labels, aim["wanted"])
    return {"success": float(rate), "target": aim}


def triggered(
    recipe: Any, context: Context, test: data.Images, delta: np.ndarray
) -> np.ndarray:
    """Test images with the trigger of a poison, uint8 like them.

    Args:
        delta: the perturbations of the poison, [P, H, W, C].
    """
    x, index = test.images / np.float32(255), np.arange(len(test))
    maker, key = recipe.trigger(context, delta), context.key("tests")
    level = 255 * np.clip(x + context.over(maker, key, index, x, test.labels), 0.0, 1.0)
    return np.rint(level).astype(np.uint8)
