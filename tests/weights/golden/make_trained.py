"""Writes openai_digits.npz: a tiny UNet trained on digits, in OpenAI's layout.

python tests/weights/golden/make_trained.py     (a minute on 2 cores)
"""

import pathlib
import sys

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent


def main():
    sys.path[:0] = [str(HERE.parents[1]), str(HERE.parents[1] / "support")]
    from weights import trained

    from purifax import nets
    from purifax.noise.names import by_name

    module = nets.OpenAIUNet(
        channels=1,
        width=16,
        multiples=(1, 2),
        blocks=1,
        attention=(0, 1),
        heads=2,
        groups=4,
        learned_variance=False,
    )
    chain = by_name("linear", length=1000)
    values, _ = trained.denoiser(module, chain, lambda t: t, steps=300, batch=64)
    state = trained.openai_state(values, module)
    small = {name: array.astype(np.float16) for name, array in state.items()}
    np.savez_compressed(HERE / "openai_digits.npz", **small)


if __name__ == "__main__":
    main()
