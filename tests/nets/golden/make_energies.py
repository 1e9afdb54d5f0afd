"""Writes energies.npz: energies and forces of published networks in PyTorch.

python tests/nets/golden/make_energies.py     (where torch is installed)
"""

import pathlib
import sys

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
CASES = {
    "sngan": ("SNGAN", {"channels": 3, "width": 6, "patch": 1}),
    "sngan in patches": ("SNGAN", {"channels": 2, "width": 6, "patch": 2}),
    "light": ("Light", {"channels": 3, "width": 4}),
    "tutorial": ("Tutorial", {"channels": 1, "widths": (3, 4), "hidden": 5}),
}
SIDES = {"sngan": 12, "sngan in patches": 16, "light": 32, "tutorial": 12}


def inputs(name):
    """Two images NHWC."""
    side, channels = SIDES[name], CASES[name][1]["channels"]
    shape = (2, side, side, channels)
    return np.random.RandomState(1).random_sample(shape).astype(np.float32)


def run(name):
    """Shapes of the arrays by name, energies [2], and their gradient (NHWC)."""
    import torch
    from nets import foreign, torch_energies

    kind, words = CASES[name]
    if kind == "Tutorial":
        words = {**words, "maps": 16}
    twin = getattr(torch_energies, kind)(**words)
    shapes = {k: tuple(v.shape) for k, v in twin.state_dict().items()}
    state = foreign.draw(shapes, seed=0)
    twin.load_state_dict({k: torch.from_numpy(v) for k, v in state.items()})
    return shapes, *torch_energies.energy(twin, inputs(name))


def main():
    sys.path[:0] = [str(HERE.parents[1]), str(HERE.parents[1] / "support")]
    arrays = {}
    for name in CASES:
        shapes, output, gradient = run(name)
        arrays[f"{name}/names"] = np.array(list(shapes))
        arrays[f"{name}/shapes"] = np.array(
            [[*shape, *[0] * (4 - len(shape))] for shape in shapes.values()]
        )
        arrays[f"{name}/output"] = output
        arrays[f"{name}/gradient"] = gradient.astype(np.float32)
    np.savez_compressed(HERE / "energies.npz", **arrays)


if __name__ == "__main__":
    main()
