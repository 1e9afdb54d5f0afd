"""JPEG and fewer grey levels as methods of a `Defence`: no score, no randomness."""

from jax.tree_util import Partial

from purifax import purify
from purifax.evaluation.methods.method import How, Method
from purifax.evaluation.settings import Defence
from purifax.purify.prior import Prior

__all__ = ["METHODS"]


def _check_jpeg(defence: Defence) -> None:
    if not 1 <= defence.quality <= 100:
        raise ValueError(f"defence.quality must be 1 to 100; got {defence.quality}.")


def _check_bits(defence: Defence) -> None:
    if not 1 <= defence.bits <= 8:
        raise ValueError(f"defence.bits must be 1 to 8; got {defence.bits}.")


def _jpeg(defence: Defence, prior: Prior | None, how: How) -> Partial:
    del prior, how
    coder = purify.jpeg_420 if defence.subsampled else purify.jpeg_444
    return Partial(coder, quality=float(defence.quality))


def _bits(defence: Defence, prior: Prior | None, how: How) -> Partial:
    del prior, how
    return Partial(purify.bit_depth, bits=float(defence.bits))


def _words(defence: Defence) -> str:
    """What it does to an image."""
    if defence.method == "bit_depth":
        return f"{defence.bits} bits for each channel"
    chroma = "4:2:0" if defence.subsampled else "4:4:4"
    return f"JPEG of quality {defence.quality}, {chroma}"


def _no_calls(defence: Defence) -> int:
    del defence
    return 0


_KIND = {"chain": False, "scored": False, "manner": _words}

METHODS = {
    "jpeg": Method(_jpeg, _no_calls, _check_jpeg, **_KIND),
    "bit_depth": Method(_bits, _no_calls, _check_bits, **_KIND),
}
