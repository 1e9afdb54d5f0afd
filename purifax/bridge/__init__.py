"""PyTorch both ways.

Into purifax: `from_torch` runs any torch module inside a JAX program, `from_torch_fx`
translates one of ordinary layers into a JAX function, and `from_diffusers` makes a
purifier of a pipeline, or of a network and a scheduler, of diffusers.

Out of purifax: `as_torch` is a purifax model or purifier as a torch module, and
`as_callable` the same on NumPy arrays.

PyTorch is imported when one of them is called; install it with `purifax[torch]`.
"""

from purifax.bridge.diffusion import from_diffusers
from purifax.bridge.networks import from_torch, is_torch
from purifax.bridge.tools import Keys, as_callable, as_torch
from purifax.bridge.translation import Untranslatable, from_torch_fx

__all__ = [
    "Keys",
    "Untranslatable",
    "as_callable",
    "as_torch",
    "from_diffusers",
    "from_torch",
    "from_torch_fx",
    "is_torch",
]
