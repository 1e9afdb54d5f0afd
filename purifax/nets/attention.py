"""Self-attention over the pixels of an image.

    softmax(q k' / sqrt(ch)) v

for each head of `ch` channels. Each network family computes q, k and v from the image
in its own way and orders their channels in its own way.

Source: Vaswani et al. 2017, arXiv 1706.03762, section 3.2.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import Array

__all__ = ["attend"]


def attend(q: Array, k: Array, v: Array, bias: Array | None = None) -> Array:
    """Attention of each pixel to all pixels, or to all tokens of another sequence.

    Queries and keys are each scaled by ch^(-1/4), so that their product stays in the
    range of a 16-bit float. Products are accumulated, and the softmax is computed, in
    float32.

    Args:
        q: queries, [N, T, heads, ch]; T counts pixels.
        k: keys, [N, S, heads, ch]; S is T unless the keys are of other tokens.
        v: values, like k.
        bias: added to the logits, [N, heads, T, S].

    Returns:
        [N, T, heads, ch], of v's dtype.

    >>> import jax.numpy as jnp
    >>> from purifax.nets.attention import attend
    >>> v = jnp.arange(4.0).reshape(1, 4, 1, 1)
    >>> attend(jnp.zeros_like(v), v, v).ravel()  # a zero query gives the mean
    Array([1.5, 1.5, 1.5, 1.5], dtype=float32)
    """
    scale = jnp.asarray(q.shape[-1] ** -0.25, q.dtype)
    logits = jnp.einsum(
        "nqhc,nkhc->nhqk", q * scale, k * scale, preferred_element_type=jnp.float32
    )
    logits = logits if bias is None else logits + bias
    share = jax.nn.softmax(logits, axis=-1).astype(v.dtype)
    return jnp.einsum("nhqk,nkhc->nqhc", share, v)
