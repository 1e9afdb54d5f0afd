"""Make a work directory of a public checkpoint, so that every command can name it.

    purifax convert --from=edm edm-cifar10-32x32-uncond-vp.pkl runs/edm

`--from` is the family: whose program wrote the file. PATH is the file, or the folder
for `diffusers`; OUT is a new folder, of which `purifax.weights.load(OUT)` gives the
network, and `purifax.weights.score(OUT)` the score where it has one. Nothing in the
file is run, and PyTorch is not needed. What the arrays do not tell is a flag; each
family has its own.
"""

import sys
from collections.abc import Callable
from typing import Any

from absl import flags

from purifax.command import flags as flagslib
from purifax.weights import conversion, families

__all__ = ["main", "run"]

flags.DEFINE_string("from", None, f"The family: {', '.join(families.FAMILIES)}.")
flags.DEFINE_string("path", None, "The file or folder to read; the first word.")
flags.DEFINE_string("into", None, "The new work directory; the second word.")
flags.DEFINE_string(
    "preset",
    None,
    "A published checkpoint by its author's name; says what arrays do not.",
)
flags.DEFINE_string(
    "entry", None, "Averaged weights (ema), the last (raw), or an entry's own name."
)
flags.DEFINE_integer("side", None, "Height and width of the images.")
flags.DEFINE_list("attention", None, "score_sde: heights of the maps that attend.")
flags.DEFINE_string("process", None, "score_sde: VP, VPDiscrete, SubVP, VEDiscrete.")
flags.DEFINE_float("largest", None, "score_sde: the largest sigma of VE.")
flags.DEFINE_string("label", None, "A class, none for the guess without, or keep.")
flags.DEFINE_integer(
    "num_heads", None, "openai, torchvision, timm, clip: heads of the attention."
)
flags.DEFINE_integer("num_head_channels", None, "openai: channels of a head.")
flags.DEFINE_integer("num_heads_upsample", None, "openai: heads on the way up.")
flags.DEFINE_bool("new_order", None, "openai: use_new_attention_order.")
flags.DEFINE_string("betas", None, "openai: linear or cosine; diffusers: the schedule.")
flags.DEFINE_integer("steps", None, "openai, diffusers: length of the chain.")
flags.DEFINE_string("predicts", None, "diffusers: epsilon, v_prediction or sample.")
flags.DEFINE_string("variant", None, "diffusers: of the files, such as fp16.")
flags.DEFINE_bool("rescaled", None, "openai: rescale_timesteps.")
flags.DEFINE_integer("groups", None, "openai: of the normalisations.")
flags.DEFINE_list("mean", None, "Classifiers: of the normalisation.")
flags.DEFINE_list("std", None, "Classifiers: of the normalisation.")
flags.DEFINE_integer(
    "patch", None, "puregen_ebm, timm's XCiT: side of the squares folded."
)
flags.DEFINE_string(
    "activation", None, "robustbench: silu, relu; clip: quick_gelu, gelu."
)
flags.DEFINE_string("shortcut", None, "robustbench, pre-activation: raw or activated.")
flags.DEFINE_string(
    "context", None, "diffusers of latents: a file of the text's embeddings, [T, D]."
)
flags.DEFINE_string("classes", None, "clip: a file of the classes' embeddings, [K, D].")
flags.DEFINE_float("epsilon", None, "ebm_defense: noise of a step, in -1 to 1.")
flags.DEFINE_string("check", None, "A folder of images to try the score network on.")
flags.DEFINE_bool(
    "anyway", None, "Convert a score network that denoises worse than nothing."
)


def main(config: None, options: flags.FlagValues) -> None:
    """Read `--path` and write `--into`."""
    del config
    for name, word in (("from", "--from=FAMILY"), ("path", "PATH"), ("into", "OUT")):
        if not options[name].value and not (name == "from" and options.preset):
            known = ", ".join(families.FAMILIES)
            raise flagslib.UsageError(f"{word} is needed; families: {known}.")
    given = {
        name: options[name].value
        for name in families.options()
        if options[name].value is not None
    }
    made = families.read(options["from"].value or "", options.path, given)
    try:
        written = conversion.write(
            made, options.into, options.check or "", bool(options.anyway)
        )
    except conversion.Implausible as error:
        print(error.table)
        raise
    words = conversion.describe(made)
    print(f"{options.into} holds {words}, read from {options.path}", file=sys.stderr)
    for name, choice in made.taken.items():
        print(f"{name}: {choice}", file=sys.stderr)
    if written.table:
        print(written.table)
    if written.doubt:
        print(f"warning: {written.doubt}", file=sys.stderr)


def run(main: Callable[[Any, flags.FlagValues], int | None] = main) -> None:
    """Run this command."""
    flagslib.run(main, (), places=("path", "into"))
