"""Writes tutorials.npz: outputs of the tutorials' networks in PyTorch.

python tests/nets/golden/make_tutorials.py     (where torch is installed)
"""

import pathlib
import sys

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
CASES = {
    "noise": {"channels": 1, "widths": (3, 5), "size": 5, "frequencies": 4},
    "score": {"channels": 1, "widths": (4, 8, 8), "features": 6},
}


def inputs(name):
    """Two images NHWC, and their times or levels."""
    shape = (2, 6, 6, 1) if name == "noise" else (2, 28, 28, 1)
    x = np.random.RandomState(1).standard_normal(shape).astype(np.float32)
    return x, np.array([0.3, 0.8], np.float32)


def run(name):
    """Shapes of the arrays by name, and the output (NHWC)."""
    import torch
    from nets import foreign, torch_tutorials

    words = dict(CASES[name])
    kind = torch_tutorials.TutorialScore
    if name == "noise":
        kind, words["shape"] = torch_tutorials.ConvNoise, (6, 6)
    twin = kind(**words)
    shapes = {k: tuple(v.shape) for k, v in twin.state_dict().items()}
    state = foreign.draw(shapes, seed=0)
    if name == "noise":
        state["frequencies"] = twin.frequencies.numpy()
    twin.load_state_dict({k: torch.from_numpy(v) for k, v in state.items()})
    x, level = inputs(name)
    x = torch.from_numpy(x.transpose(0, 3, 1, 2).copy())
    with torch.no_grad():
        output = twin(x, torch.from_numpy(level))
    return shapes, output.permute(0, 2, 3, 1).numpy()


def main():
    sys.path[:0] = [str(HERE.parents[1]), str(HERE.parents[1] / "support")]
    arrays = {}
    for name in CASES:
        shapes, output = run(name)
        arrays[f"{name}/names"] = np.array(list(shapes))
        arrays[f"{name}/shapes"] = np.array(
            [[*shape, *[0] * (4 - len(shape))] for shape in shapes.values()]
        )
        arrays[f"{name}/output"] = output
    np.savez_compressed(HERE / "tutorials.npz", **arrays)


if __name__ == "__main__":
    main()
