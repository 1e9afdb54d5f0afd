"""ADP and its attack as a plain PyTorch program: Python loops over batches.

How public implementations are driven, written from the paper: two evaluations a step,
the second a probe ahead, and a loop that Python goes through step by step.
"""

from collections.abc import Callable

import torch
from torch import Tensor

__all__ = ["adaptive", "attack_gradient"]

Net = Callable[[Tensor], Tensor]


def adaptive(
    x: Tensor,
    f: Net,
    steps: int,
    *,
    sigma: float = 0.25,
    rate: float = 0.05,
    smallest: float = 1e-5,
    largest: float = 0.1,
    stop: float = 1e-3,
    probe: float = 1e-3,
) -> Tensor:
    """`purifax.purify.adp` with `by_difference`, for a batch [N, C, H, W]."""
    x = (x + sigma * torch.randn_like(x)).clamp(0, 1)
    active = torch.ones(len(x), 1, 1, 1, dtype=torch.bool)
    for _ in range(steps):
        v = f(x)
        ahead = f(x + probe * v)
        square = (v * v).sum((1, 2, 3), keepdim=True) + 1e-24
        bend = (1 - (v * ahead).sum((1, 2, 3), keepdim=True) / square) / probe
        newton = rate / torch.where(bend * largest > rate, bend, 1.0)
        flat = torch.where(bend >= 0, largest, smallest)
        size = torch.where(bend * largest > rate, newton, flat)
        size = size.clamp(smallest, largest)
        active = active & (size > stop)
        x = torch.where(active, (x + size * v).clamp(0, 1), x)
    return x


def attack_gradient(
    x: Tensor,
    labels: Tensor,
    f: Net,
    classifier: Net,
    steps: int,
    draws: int,
    *,
    exact: bool,
) -> Tensor:
    """The gradient of the cross-entropy over several draws, one after another.

    Args:
        exact: through the purifier, with everything stored; otherwise at the purified
            image (BPDA).
    """
    total = torch.zeros_like(x)
    for _ in range(draws):
        seen = x.detach().requires_grad_()
        if exact:
            purified = adaptive(seen, f, steps)
        else:
            with torch.no_grad():
                purified = adaptive(seen, f, steps)
            purified = seen = purified.requires_grad_()
        loss = torch.nn.functional.cross_entropy(classifier(purified), labels)
        total = total + torch.autograd.grad(loss, seen)[0]
    return total / draws
