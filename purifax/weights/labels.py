"""Networks of class labels as networks without: for one class, or for none.

The embedding of a label is added to that of the time, and so a fixed one is a part of a
bias, exactly. Without a class EDM's code adds nothing; networks that were never trained
without one are given the mean of the embeddings of all classes, which is a guess.
"""

import math
from typing import Any

import numpy as np

from purifax import nets
from purifax.run.errors import UsageError

__all__ = ["asks_class", "fixed"]

GUESS, KEEP = "none", "keep"


def asks_class(module: Any) -> bool:
    """Whether a network must be given a class label.

    >>> asks_class(nets.OpenAIUNet(num_classes=10)), asks_class(nets.SongUNet())
    (True, False)
    """
    kinds = (nets.OpenAIUNet, nets.UNet2D)
    return isinstance(module, kinds) and module.num_classes is not None


def fixed(
    network: nets.Network, label: str | None, mean: bool = True
) -> tuple[nets.Network, dict[str, Any]]:
    """The network for a class, and what was chosen in words.

    Args:
        label: the number of a class; "none", for the guess without one; "keep", for
            the network as it is, which `weights.load` gives.
        mean: whether the guess is the mean of all classes, or nothing, as in EDM.

    Raises:
        UsageError: the network has labels and none was given, though it needs one; it
            has none and one was given; or there is no such class.
    """
    module: Any = network.module
    count = getattr(module, "num_classes", None) or 0
    if not count:
        if label is not None:
            raise UsageError("this network has no class labels; leave --label.")
        return network, {}
    if label is None and mean:
        raise UsageError(
            f"this network is given one of {count} classes: give --label=NUMBER, "
            "--label=none for the guess without a class, or --label=keep to give the "
            "class at each call from Python."
        )
    if label == KEEP:
        return network, {"label": "given at each call"}
    chosen = GUESS if label is None else label
    if chosen != GUESS and not (chosen.isdecimal() and int(chosen) < count):
        raise UsageError(
            f"--label is a class from 0 to {count - 1}, none or keep; got {label}."
        )
    if isinstance(module, nets.EDM2):
        number = None if chosen == GUESS else int(chosen)
        merged = nets.Network(module.clone(fixed=number), network.variables)
    elif isinstance(module, nets.SongUNet):
        merged = _into_song(network, chosen)
    else:
        merged = _into_time(network, chosen, mean)
    words = chosen if chosen != GUESS else "none, the guess without a class"
    return merged, {"label": words}


def _into_time(network: nets.Network, label: str, mean: bool) -> nets.Network:
    """A row of the embedding added to the last bias of the time's."""
    params = dict(network.variables["params"])
    rows = np.asarray(params.pop("label")["embedding"], np.float64)
    guess = rows.mean(axis=0) if mean else np.zeros(rows.shape[1])
    row = guess if label == GUESS else rows[int(label)]
    second = params["time"]["dense2"]
    bias = np.asarray(np.asarray(second["bias"], np.float64) + row, np.float32)
    params["time"] = params["time"] | {"dense2": second | {"bias": bias}}
    return _without(network, params)


def _into_song(network: nets.Network, label: str) -> nets.Network:
    """The label's features, behind the first dense layer, in its bias."""
    params = dict(network.variables["params"])
    dense = {k: np.asarray(a, np.float64) for k, a in params.pop("label").items()}
    features = dense["bias"]
    if label != GUESS:
        features = (
            features + math.sqrt(len(dense["kernel"])) * dense["kernel"][int(label)]
        )
    first = {k: np.asarray(a, np.float64) for k, a in params["time_0"].items()}
    bias = first["bias"] + features @ first["kernel"]
    params["time_0"] = params["time_0"] | {"bias": np.asarray(bias, np.float32)}
    return _without(network, params)


def _without(network: nets.Network, params: dict[str, Any]) -> nets.Network:
    module: Any = network.module
    nothing = 0 if isinstance(module, nets.SongUNet) else None
    variables = {**network.variables, "params": params}
    return nets.Network(module.clone(num_classes=nothing), variables)
