"""Writes song.npz: outputs of DDPM++ and NCSN++ in PyTorch.

python tests/nets/golden/make_song.py     (where torch is installed)
"""

import pathlib
import sys

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent


def run(name):
    """Shapes of the arrays by name, in the module's order, and the output (NHWC)."""
    import torch
    from nets import foreign_song, torch_song

    twin = torch_song.Net(**foreign_song.CASES[name])
    shapes = {k: tuple(v.shape) for k, v in twin.state_dict().items()}
    state = foreign_song.edm_state(shapes)
    twin.load_state_dict({k: torch.from_numpy(v) for k, v in state.items()})
    x, *told = foreign_song.inputs(name)
    told = [None if item is None else torch.from_numpy(item) for item in told]
    with torch.no_grad():
        output = twin(torch.from_numpy(x.transpose(0, 3, 1, 2).copy()), *told)
    return shapes, output.permute(0, 2, 3, 1).numpy()


def main():
    sys.path[:0] = [str(HERE.parents[1]), str(HERE.parents[1] / "support")]
    from nets import foreign_song

    arrays = {}
    for name in foreign_song.CASES:
        shapes, output = run(name)
        arrays[f"{name}/names"] = np.array(list(shapes))
        arrays[f"{name}/shapes"] = np.array(
            [[*shape, *[0] * (4 - len(shape))] for shape in shapes.values()]
        )
        arrays[f"{name}/output"] = output
    np.savez_compressed(HERE / "song.npz", **arrays)


if __name__ == "__main__":
    main()
