"""A torch classifier by the callback and translated: what a trip to the host costs.

Forward and with the gradient in the image, of one and the same module.
"""

from typing import Any

from jax.tree_util import Partial

from experiments.benchmarking import torch_suite
from experiments.benchmarking.network import called, sloped
from experiments.benchmarking.subject import Row, Subject, rows_in_turns

__all__ = ["rows"]


def rows(subject: Subject) -> list[Row]:
    """Two rows for each; nothing where there is no PyTorch or no twin."""
    if torch_suite.why_not(subject):
        return []
    from experiments.benchmarking import torch_networks
    from purifax import bridge

    config = subject.config
    shape = torch_suite.shape(subject.classifier.module)
    module = torch_networks.build(config.classifier.name, shape).eval()
    forms: dict[str, Any] = {
        "callback": bridge.from_torch(module),
        "translated": bridge.from_torch_fx(module, subject.images.shape[1:]),
    }
    found = []
    for what in ("forward", "input gradient"):
        runs = {}
        for name, network in forms.items():
            fn = Partial(called, network=network)
            fn = fn if what == "forward" else Partial(sloped, fn=fn)
            runs[f"classifier, {what}: {name}"] = subject.program(fn)[0]
        pair, over = rows_in_turns("bridge", runs, config.images, config.repeats)
        pair[0].numbers["over_translated"] = over
        found += pair
    return found
