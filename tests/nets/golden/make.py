"""Writes torch.npz: outputs and input gradients of the PyTorch networks.

python tests/nets/golden/make.py     (where torch is installed)
"""

import pathlib
import sys

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent


def main():
    sys.path[:0] = [str(HERE.parents[1]), str(HERE.parents[1] / "support")]
    from nets import foreign, twins

    arrays = {}
    for name in foreign.cases():
        shapes, output, gradient = twins.run(name)
        arrays[f"{name}/names"] = np.array(list(shapes))
        arrays[f"{name}/shapes"] = np.array(
            [[*shape, *[0] * (4 - len(shape))] for shape in shapes.values()]
        )
        arrays[f"{name}/output"], arrays[f"{name}/gradient"] = output, gradient
    np.savez_compressed(HERE / "torch.npz", **arrays)


if __name__ == "__main__":
    main()
