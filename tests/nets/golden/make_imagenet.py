"""Writes imagenet.npz: logits of torchvision's ResNets in PyTorch.

python tests/nets/golden/make_imagenet.py     (where torch is installed)
"""

import pathlib
import sys

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
CASES = {18: ((2, 2, 2, 2), False), 50: ((3, 4, 6, 3), True)}


def images():
    random = np.random.RandomState(1)
    return random.random_sample((2, 34, 40, 3)).astype(np.float32)


def run(depth):
    """Shapes of the arrays by name, and the logits of images without normalisation."""
    import torch
    from nets import foreign, torch_imagenet

    twin = torch_imagenet.ResNet(*CASES[depth], 2, 5).eval()
    own = {k: v for k, v in twin.state_dict().items() if v.ndim}
    shapes = {k: tuple(v.shape) for k, v in own.items()}
    state = foreign.draw(shapes, seed=0)
    tensors = {k: torch.from_numpy(v) for k, v in state.items()}
    twin.load_state_dict(tensors, strict=False)
    x = torch.from_numpy(images().transpose(0, 3, 1, 2).copy())
    with torch.no_grad():
        return shapes, twin(x).numpy()


def main():
    sys.path[:0] = [str(HERE.parents[1]), str(HERE.parents[1] / "support")]
    arrays = {}
    for depth in CASES:
        shapes, output = run(depth)
        arrays[f"{depth}/names"] = np.array(list(shapes))
        arrays[f"{depth}/shapes"] = np.array(
            [[*shape, *[0] * (4 - len(shape))] for shape in shapes.values()]
        )
        arrays[f"{depth}/output"] = output
    np.savez_compressed(HERE / "imagenet.npz", **arrays)


if __name__ == "__main__":
    main()
