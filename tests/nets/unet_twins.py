"""Runs diffusion UNets of PyTorch on drawn parameters."""

import torch
from nets import foreign, foreign_unets, torch_unet

__all__ = ["build", "run"]


def build(name):
    """The network of a case, in inference mode."""
    fields = foreign_unets.cases()[name]
    if name.startswith("openai"):
        return torch_unet.UNet(**fields).eval()
    import diffusers

    return diffusers.UNet2DModel(**fields).eval()


def run(name):
    """Shapes of the parameters by name, and the output (NHWC)."""
    twin = build(name)
    shapes = {k: tuple(v.shape) for k, v in twin.state_dict().items()}
    state = foreign.draw(shapes, seed=0)
    twin.load_state_dict({k: torch.from_numpy(v) for k, v in state.items()})
    images, *told = map(torch.from_numpy, foreign_unets.arguments(name))
    with torch.no_grad():
        output = twin(images.permute(0, 3, 1, 2), *told)
    return shapes, getattr(output, "sample", output).permute(0, 2, 3, 1).numpy()
