"""purifax: generative purification in JAX, and its honest evaluation.

Everything is written for one image, `f(key, x)` with `x: float32 [H, W, C]` in
[0, 1]; `batched` maps it over many. The modules:

    noise, schedule, threat     draws, arrays of levels and steps, attack sets
    energy, score, loss         what is learnt, and how
    guide, likelihood           scores made of scores, and densities from them
    sample, purify              chains
    recompute                   what the gradient of a chain keeps
    classify, backward          defended models, and the gradient an attacker uses
    spread                      draws shared by devices
    attack, record, check       the evaluation; gradient_check proves the gradient
    poison                      training sets made harmful, and their budgets
    certify                     radii within which a prediction provably stays

They import jax alone. `purifax.nets` adds flax; `purifax.data` and `purifax.weights`
read files; `purifax.bridge` hands models to tools written in PyTorch.
"""

from purifax.batching import batched

__all__ = ["batched"]

__version__ = "0.1.0"
