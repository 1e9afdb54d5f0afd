"""Trained networks on disk: write what a network is, and load it as a callable.

A work directory holds ``network.json``, which says how the network is rebuilt, what it
is for and what a score network predicts or at which temperature an energy was trained,
and Orbax checkpoints whose item "ema" is the averaged variables. `load`, `score` and
`energy` need these alone: no config and no training code.

Trained weights that come with the package are found by their name, such as
`load("digits_dsm")`, where there is no work directory of that name. `resolve` gives the
folder that a name means, `names` lists the weights, and `card` says what one was
trained on, how, and what was measured.

A network of one's own is stored with the name of its code:

    weights.save("runs/mine", Network(module, variables), shape, "score")
    weights.save("runs/mine", Partial(function, params), shape, "score")
    weights.save("runs/mine", module, shape, "score", build="package.models:small")
    weights.load("runs/mine", trust="package.models")

for a Linen module; for a function `function(params, x, sigma)`; and for an NNX or
Equinox module, which `package.models.small()` builds with fresh parameters. Loading
imports that code, and so asks for trust in it; see `trust`.

Networks of other people are read from their files without PyTorch, by
`weights.containers`, and from their arrays by name, by one reader for each layout:
`ncsnv2`, `score_sde`, `edm`, `diffusers`, `openai` and `tutorials` for scores;
`residual`, `torchvision` and `convnets` for classifiers; `energies` and `tutorials` for
energies.
"""

from purifax.weights.folders import resolve
from purifax.weights.imports import trust
from purifax.weights.network_folders import (
    energy,
    image_shape,
    load,
    prediction,
    role,
    save,
    score,
)
from purifax.weights.predictions import Prediction
from purifax.weights.shipped import card, names

__all__ = [
    "Prediction",
    "card",
    "energy",
    "image_shape",
    "load",
    "names",
    "prediction",
    "resolve",
    "role",
    "save",
    "score",
    "trust",
]
