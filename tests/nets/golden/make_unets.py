"""Writes unets.npz: outputs of PyTorch's diffusion UNets.

python tests/nets/golden/make_unets.py     (where torch and diffusers are installed)
"""

import pathlib
import sys

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent


def main():
    sys.path[:0] = [str(HERE.parents[1]), str(HERE.parents[1] / "support")]
    from nets import foreign_unets, unet_twins

    arrays = {}
    for name in foreign_unets.cases():
        shapes, output = unet_twins.run(name)
        arrays[f"{name}/names"] = np.array(list(shapes))
        arrays[f"{name}/shapes"] = np.array(
            [[*shape, *[0] * (4 - len(shape))] for shape in shapes.values()]
        )
        arrays[f"{name}/output"] = output
    np.savez_compressed(HERE / "unets.npz", **arrays)


if __name__ == "__main__":
    main()
