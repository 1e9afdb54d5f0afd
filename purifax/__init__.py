"""purifax: generative purification in JAX, and its honest evaluation.

Everything is written for one image, `f(key, x)` with `x: float32 [H, W, C]` in
[0, 1]; `batched` maps it over many. The modules:

    noise, schedule, threat     draws, arrays of levels and steps, attack sets
    energy, score, loss         what is learnt, and how
    guide, likelihood           scores made of scores, and densities from them
    sample, purify              chains
    transform                   from one image to many: batches, devices, memory
    classify, backward          defended models, and the gradient an attacker uses
    attack, record, check       the evaluation; gradient_check proves the gradient
    poison                      training sets made harmful, and their budgets
    certify                     radii within which a prediction provably stays

They import jax alone. `purifax.nets` adds flax; `purifax.data` and `purifax.weights`
read files; `purifax.bridge` hands models to tools written in PyTorch. `purify_images`
purifies images by weights that come with the package, in one line; it is imported
when it is first asked for.
"""

from typing import TYPE_CHECKING, Any

from purifax.transform.batching import batched

if TYPE_CHECKING:
    from purifax.pipelines.images import purify_images

__all__ = ["batched", "purify_images"]

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    if name == "purify_images":
        from purifax.pipelines.images import purify_images

        return purify_images
    raise AttributeError(f"module 'purifax' has no attribute {name!r}")
