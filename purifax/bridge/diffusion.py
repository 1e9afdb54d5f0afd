"""Pipelines and schedulers of diffusers as purifiers.

The image is noised to a step of the scheduler and brought back by the scheduler's own
steps with the network, as DiffPure does:

    x_t = scheduler.add_noise(2 x - 1, z, t_0),   then   x_t = scheduler.step(...).prev

on the last part of the scheduler's timesteps. All random numbers of an image come from
its key. The program is torch's: an exact gradient keeps what torch keeps of a step.

Source: Nie et al. 2022, arXiv 2205.07460; schedulers as diffusers has them.
"""

import copy
import inspect
from typing import Any

from purifax.bridge.forward import check_mode
from purifax.bridge.libraries import pytorch
from purifax.bridge.networks import from_torch, is_torch

__all__ = ["from_diffusers"]


def from_diffusers(
    pipeline: Any, scheduler: Any = None, *, strength: float = 0.1, steps: int = 1000
) -> Any:
    """A purifier `(key, x) -> x` of a pipeline, or of a network and a scheduler.

    Args:
        pipeline: a `DDPMPipeline` or another with `unet` and `scheduler`, or the
            network itself: `unet(x_t, t).sample` on [N, C, H, W] in [-1, 1].
        scheduler: of diffusers, in place of the pipeline's own; it must have
            `set_timesteps`, `add_noise` and `step`.
        strength: up to which share of the scheduler's time the image is noised.
        steps: of the whole way, of which the last `strength` is gone.

    Returns:
        A pytree `(key, x) -> like x`, clipped to [0, 1], as `from_torch` makes it.

    Raises:
        ValueError: no network or scheduler, a strength outside (0, 1], fewer than 1
            step, or a network in training mode.
    """
    network = getattr(pipeline, "unet", pipeline)
    scheduler = getattr(pipeline, "scheduler", None) if scheduler is None else scheduler
    if not is_torch(network):
        raise ValueError(
            "from_diffusers takes a pipeline with a `unet`, or the network; got "
            f"{type(pipeline).__name__}."
        )
    missing = [n for n in _NEEDED if not callable(getattr(scheduler, n, None))]
    if missing:
        raise ValueError(
            f"{type(scheduler).__name__} has no {', '.join(missing)}: give scheduler=, "
            "one of diffusers such as DDPMScheduler."
        )
    check_mode(network)
    if not 0 < strength <= 1:
        raise ValueError(f"`strength` must be in (0, 1]; got {strength}.")
    if not isinstance(steps, int) or steps < 1:
        raise ValueError(f"`steps` must be an integer of 1 or more; got {steps!r}.")
    return from_torch(_purifier(network, scheduler, strength, steps), role="purifier")


_NEEDED = ("set_timesteps", "add_noise", "step")


def _purifier(network: Any, scheduler: Any, strength: float, steps: int) -> Any:
    """The purifier as a module that takes generators."""
    torch = pytorch()

    class Diffused(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = network

        def forward(self, x: Any, generators: Any) -> Any:
            way = copy.deepcopy(scheduler)  # a scheduler remembers its last steps
            way.set_timesteps(steps)
            times = way.timesteps[-max(1, round(strength * len(way.timesteps))) :]
            drawn = [
                torch.randn(x.shape[1:], generator=g, device=x.device, dtype=x.dtype)
                for g in generators
            ]
            at = times[:1].expand(len(x)).to(x.device)
            x_t = way.add_noise(2 * x - 1, torch.stack(drawn), at)
            for t in times:
                scaled = getattr(way, "scale_model_input", lambda x, t: x)(x_t, t)
                told = self.network(scaled, t.to(x.device)).sample
                x_t = _step(way, told, t, x_t, generators)
            return ((x_t + 1) / 2).clamp(0, 1)

    made = Diffused().eval()
    made.__class__.__name__ = f"{type(network).__name__}_{type(scheduler).__name__}"
    return made


def _step(scheduler: Any, told: Any, t: Any, x_t: Any, generators: Any) -> Any:
    """One step, with a generator for each image where the scheduler draws."""
    more = {}
    if "generator" in inspect.signature(scheduler.step).parameters:
        more["generator"] = generators
    found = scheduler.step(told, t, x_t, **more)
    return found.prev_sample
