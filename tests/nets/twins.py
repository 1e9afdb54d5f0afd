"""Runs the PyTorch twin of a network on drawn parameters."""

import torch
from nets import foreign

from experiments.benchmarking import torch_networks

__all__ = ["run"]


def run(name):
    """Shapes of the parameters by name, the output, and an input gradient (NHWC)."""
    fields, shape = foreign.cases()[name]
    twin = torch_networks.build(name, fields)
    own = {k: v for k, v in twin.state_dict().items() if v.ndim}
    shapes = {k: tuple(v.shape) for k, v in own.items()}
    state = foreign.draw(shapes, seed=0)
    tensors = {k: torch.from_numpy(v) for k, v in state.items()}
    left = twin.load_state_dict(tensors, strict=False)
    assert all(k.endswith("num_batches_tracked") for k in left.missing_keys)

    images, weights = foreign.inputs(name)
    x = torch.from_numpy(images.transpose(0, 3, 1, 2).copy()).requires_grad_()
    output = twin(x if name == "NCSNv2" else _normalise(x))
    seen = output.permute(0, 2, 3, 1) if output.ndim == 4 else output
    flat = seen.flatten(1)
    torch.sum(flat * torch.from_numpy(weights[:, : flat.shape[1]])).backward()
    gradient = x.grad.permute(0, 2, 3, 1)
    return shapes, seen.detach().numpy(), gradient.numpy()


def _normalise(x):
    mean, std = (torch.tensor(v)[:, None, None] for v in (foreign.MEAN, foreign.STD))
    return (x - mean) / std
