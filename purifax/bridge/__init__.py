"""PyTorch both ways.

Into purifax: `from_torch` runs any torch module inside a JAX program, `from_torch_fx`
translates one of ordinary layers into a JAX function, and `from_diffusers` makes a
purifier of a pipeline, or of a network and a scheduler, of diffusers.

Out of purifax: `as_torch` is a purifax model or purifier as a torch module, and
`as_callable` the same on NumPy arrays.

PyTorch is imported when one of them is called; install it with `purifax[torch]`.
"""

from purifax.bridge.networks import from_torch, is_torch
from purifax.bridge.tools import Keys, as_callable, as_torch

__all__ = ["Keys", "as_callable", "as_torch", "from_torch", "is_torch"]
