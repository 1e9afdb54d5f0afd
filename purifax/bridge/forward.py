"""A torch module as a function of a batch of images, and what is checked of it."""

import inspect
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import jax
import numpy as np

from purifax.bridge.functions import TorchFunction
from purifax.bridge.layouts import to_first, to_last
from purifax.bridge.libraries import pytorch

__all__ = ["ROLES", "Forward", "check_mode", "named"]

ROLES = ("classifier", "score", "noise", "denoiser", "energy", "purifier")
"""What a module may be: of logits, of images, or, an energy, of one number an image."""

_DRAWING = threading.Lock()
"""Held while torch's global generator is seeded, or watched."""


@dataclass(frozen=True)
class Forward(TorchFunction):
    """The program of a module: images [N, H, W, C], and conditions [N].

    Attributes:
        module: in evaluation mode, on one device.
        role: one of `ROLES`.
        layout: of the images that the module takes and gives.
        draws: "no", "generators" (its `forward` takes one for each image) or "global"
            (torch's own, seeded for each image, which then runs alone). Seeds [N, 2]
            are the last argument where it draws.
    """

    module: Any
    role: str
    layout: str
    draws: str = "no"
    _known: dict = field(default_factory=dict, compare=False, repr=False)

    def tensors(self, *given: Any) -> Sequence[Any]:
        """What the module answers, like the images or [N, K] or [N], in their dtype."""
        check_mode(self.module)
        x = given[0]
        place, dtype = _home(self.module, x.dtype)
        moved = [
            a.to(place, dtype) if a.is_floating_point() else a.to(place) for a in given
        ]
        if self.layout == "NCHW":
            moved[0] = to_first(moved[0]).contiguous()
        found = _only_tensor(self._run(*moved), self.module)
        if self.role == "classifier":
            answer = found
        elif self.role == "energy":
            answer = found.reshape(len(x), -1)
        else:
            first = self.layout == "NCHW" and found.dim() == 4
            answer = to_last(found) if first else found
        _check_connected(given, answer, self.module)
        if self.role == "energy" and answer.shape[1] == 1:  # others are refused
            answer = answer[:, 0]
        return [answer.to(x.device, x.dtype)]

    def _run(self, x: Any, *more: Any) -> Any:
        """The module's own answer."""
        torch = pytorch()

        if self.draws == "no":
            return self.module(x, *more)
        seeds = [int(high) << 32 | int(low) for high, low in more[-1].tolist()]
        if self.draws == "generators":
            drawn = [torch.Generator(x.device).manual_seed(seed) for seed in seeds]
            return self.module(x, *more[:-1], generators=drawn)
        one_by_one, devices = [], [x.device] if x.is_cuda else []
        for i, seed in enumerate(seeds):
            with _DRAWING, torch.random.fork_rng(devices):
                torch.manual_seed(seed)
                alone = self.module(x[i : i + 1], *(a[i : i + 1] for a in more[:-1]))
            one_by_one.append(_only_tensor(alone, self.module))
        return torch.cat(one_by_one)

    def results(self, *shapes: jax.ShapeDtypeStruct) -> list[jax.ShapeDtypeStruct]:
        """Shape and dtype of the answer for one image, from a run on noise.

        Raises:
            ValueError: the module does not take such images, does not give what its
                role gives, draws random numbers unasked, or mixes images of a batch.
        """
        key = tuple((s.shape, str(s.dtype)) for s in shapes)
        if key not in self._known:
            self._known[key] = self._probe(shapes)
        return [jax.ShapeDtypeStruct(self._known[key], shapes[0].dtype)]

    def _probe(self, shapes: Sequence[jax.ShapeDtypeStruct]) -> tuple[int, ...]:
        """The shape of the answer for one image, of a module that keeps the rules."""
        torch = pytorch()

        pair = self._pair(shapes)
        with torch.no_grad():
            together = self._watched(pair)
            _check_shape(together, pair[0], self)
            alone = self._watched([a[:1] for a in pair])
        _check_neighbours(together[0], alone[0], self.module)
        return tuple(together.shape[1:])

    def check_slope(self, wrt: tuple[int, ...], *shapes: jax.ShapeDtypeStruct) -> None:
        """Refuse a gradient in the image that the module cuts off, on noise.

        Raises:
            ValueError: it does.
        """
        torch = pytorch()

        key = ("slope", *((s.shape, str(s.dtype)) for s in shapes))
        if 0 in wrt and key not in self._known:
            x, *more = self._pair(shapes)
            with torch.enable_grad():
                self._named_errors([x.requires_grad_(), *more])
            self._known[key] = ()

    def _pair(self, shapes: Sequence[jax.ShapeDtypeStruct]) -> list[Any]:
        """Two images of noise, with conditions of one and with seeds."""
        torch = pytorch()

        draw = torch.Generator().manual_seed(0)
        dtype = torch.float64 if shapes[0].dtype == np.float64 else torch.float32
        pair = [torch.rand((2, *shapes[0].shape), generator=draw, dtype=dtype)]
        pair += [torch.ones((2, *s.shape), dtype=dtype) for s in shapes[1:]]
        if self.draws != "no":
            pair[-1] = torch.tensor([[1, 2], [3, 4]])
        return pair

    def _watched(self, given: Sequence[Any]) -> Any:
        """The answer, of a module that draws nothing from torch's own generator."""
        torch = pytorch()

        if self.draws == "global":
            return self._named_errors(given)
        with _DRAWING:
            before = torch.get_rng_state()
            found = self._named_errors(given)
            drew = not torch.equal(before, torch.get_rng_state())
        if drew:
            raise ValueError(
                f"{named(self.module)} draws from torch's global generator, so that "
                "its gradient would be that of other numbers. A purifier may take "
                "`generators`, one for each image, or be given with random=True."
            )
        return found

    def _named_errors(self, given: Sequence[Any]) -> Any:
        """The answer; what the module raises becomes one line that names it."""
        try:
            return self.tensors(*given)[0]
        except ValueError:
            raise
        except Exception as error:  # whatever a user's module may raise
            shape = tuple(given[0].shape)
            words = " ".join(str(error).split())[:200]
            raise ValueError(
                f"{named(self.module)} does not take a batch {shape} of layout NHWC, "
                f"handed over as {self.layout}, with {len(given) - 1} further "
                f"argument(s): {type(error).__name__}: {words}"
            ) from error

    def variables(self) -> dict[str, np.ndarray]:
        """Parameters and buffers by name, to tell modules apart by their numbers."""
        state = self.module.state_dict()
        return {
            name: (t.detach().cpu().float() if t.is_floating_point() else t.cpu())
            .contiguous()
            .numpy()
            for name, t in state.items()
            if hasattr(t, "detach")
        }


def named(module: Any) -> str:
    """What a module is called in an error: the torch module Sequential."""
    return f"the torch module {type(module).__name__}"


def takes_generators(module: Any) -> bool:
    """Whether `forward` takes `generators`."""
    return "generators" in inspect.signature(module.forward).parameters


def check_mode(module: Any) -> None:
    """Refuse a module in training mode, whose answers depend on chance and neighbours.

    Raises:
        ValueError: a part of it is in training mode.
    """
    training = [name for name, part in module.named_modules() if part.training]
    if training:
        part = f"its part {training[0]!r}" if training[0] else "it"
        raise ValueError(
            f"{named(module)} is not in evaluation mode: {part} is training, so that "
            "dropout and batch statistics would change its answers. Call .eval()."
        )


def _home(module: Any, dtype: Any) -> tuple[Any, Any]:
    """The device of a module's parameters and the dtype of the first; see `from_torch`.

    Raises:
        ValueError: they are on several devices, or have no values.
    """
    known = [*module.parameters(), *module.buffers()]
    places = sorted({str(one.device) for one in known})
    if len(places) > 1 or places == ["meta"]:
        raise ValueError(
            f"the parameters of {named(module)} must be on one device, with values; "
            f"they are on {', '.join(places)}. Move it with .to(device)."
        )
    floats = [one.dtype for one in known if one.is_floating_point()]
    return (places[0] if places else "cpu"), (floats[0] if floats else dtype)


def _only_tensor(found: Any, module: Any) -> Any:
    """The tensor that a module gave, alone or as `.sample` or `.logits`."""
    torch = pytorch()

    for name in ("sample", "logits"):
        if not isinstance(found, torch.Tensor) and hasattr(found, name):
            found = getattr(found, name)
    if isinstance(found, tuple | list) and len(found) == 1:
        found = found[0]
    if not isinstance(found, torch.Tensor):
        raise ValueError(
            f"{named(module)} must give one tensor, alone or as .sample or .logits; "
            f"it gives {type(found).__name__}. Wrap it in a module that does."
        )
    return found


def _check_shape(found: Any, x: Any, forward: Forward) -> None:
    """Refuse an answer of another shape than the role has, for two images."""
    rank = {"classifier": 2, "energy": 1}.get(forward.role)
    right = found.shape == x.shape if rank is None else found.dim() == rank
    if not right or len(found) != len(x):
        wanted = {"classifier": "logits [N, K]", "energy": "one number an image, [N]"}
        raise ValueError(
            f"{named(forward.module)}, a {forward.role}, must give "
            f"{wanted.get(forward.role, 'images of the shape of its own')}; for two "
            f"images [H, W, C] = {list(x.shape[1:])} it gives {list(found.shape)}."
        )


def _check_neighbours(together: Any, alone: Any, module: Any) -> None:
    """Refuse a module whose answer to an image depends on others of the batch."""
    torch = pytorch()

    if not (torch.isfinite(together).all() and torch.isfinite(alone).all()):
        return  # said where the answers are used
    scale = float(together.abs().max()) + 1e-6
    half = min(torch.finfo(p.dtype).bits for p in _floats(module, together)) < 32
    if float((together - alone).abs().max()) > (0.05 if half else 1e-3) * scale:
        raise ValueError(
            f"{named(module)} answers differently to an image in a batch and alone: "
            "its normalisation uses the statistics of the batch, or it draws random "
            "numbers. An image's answer must not depend on its neighbours."
        )


def _floats(module: Any, found: Any) -> list[Any]:
    return [p for p in module.parameters() if p.is_floating_point()] or [found]


def _check_connected(given: Sequence[Any], found: Any, module: Any) -> None:
    """Refuse a gradient that the module cut off, which would be zero."""
    torch = pytorch()

    followed = torch.is_grad_enabled() and given[0].requires_grad
    # A view made under `torch.no_grad` says that it requires a gradient, and has none.
    own = found.requires_grad and not found._is_view()
    if followed and found.grad_fn is None and not own:
        raise ValueError(
            f"the gradient of {named(module)} in its image is cut off, by "
            "torch.no_grad, .detach() or NumPy: an attack would see zero. Take that "
            "out, or attack it with the gradient of BPDA."
        )
