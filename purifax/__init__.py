"""purifax: generative purification in JAX, and its honest evaluation.

Everything is written for one image, `f(key, x)` with `x: float32 [H, W, C]` in
[0, 1]; `batched` maps it over many, and `evaluate` measures how robust a classifier is
behind a purifier. The modules:

    noise, schedule, threat     noise, arrays of levels and steps, attack sets
    energy, score, loss         what is learnt, and how
    guide, likelihood           scores made of scores, and densities from them
    sample, purify              chains, and purifiers made of them
    classify, backward          defended models, and the gradient an attacker uses
    transform                   a one-image function over batches, devices and samples
    attack, poison              attacks at test time, and on training sets
    certify, record             radii within which a prediction provably stays; outcomes
    recipe, types               a method with its numbers; the signatures of all of it

They import jax alone. Around them: `nets` (flax), `data` and `weights` (files),
`evaluation` and `report`, `pipelines` (images, folders and data sets in and out),
`fleet` and `run` (many hosts, one machine), `bridge` (tools written in PyTorch) and
`command` (the command line). `purify_images` purifies images in one line.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from purifax.evaluation.call import evaluate
    from purifax.pipelines.images import purify_images
    from purifax.transform.batching import batched

__all__ = ["batched", "evaluate", "purify_images"]

__version__ = "0.2.0"


def __getattr__(name: str) -> Any:
    # Imported where they are first used: `python -m purifax` must start without jax.
    if name == "batched":
        from purifax.transform.batching import batched

        return batched
    if name == "purify_images":
        from purifax.pipelines.images import purify_images

        return purify_images
    if name == "evaluate":
        from purifax.evaluation.call import evaluate

        return evaluate
    raise AttributeError(f"module 'purifax' has no attribute {name!r}")
