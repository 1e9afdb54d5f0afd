"""The arguments of public functions, checked by their names.

One name is one idea everywhere, and so has one rule: `@checked` applies the rules of
`BY_NAME` to the arguments of a function, and its keywords replace them where a name
means something of its own:

    @checked(eta=share)
    def ddim(key, x, score, sigmas, *, eta=0.0, scan=...): ...

Ranks, shapes and dtypes are static, so that they are also checked under `jit`. Values
are checked where they are concrete, eagerly or under an eager `vmap`; a traced value
passes. Lists become arrays, and arrays of float64 take the dtype of a smaller image, so
that the result is the same whether a program has `jax_enable_x64` set or not.
"""

from purifax._checks.arrays import array, counts, ends, kept, no_more, rates
from purifax._checks.callables import (
    answer,
    batchable,
    like,
    purifier,
    score,
    tried,
)
from purifax._checks.decorator import BY_NAME, applied, checked, names
from purifax._checks.label_rules import (
    among,
    classes,
    label,
    labels,
    picked,
    row,
    where,
)
from purifax._checks.rules import (
    ONE,
    Rule,
    anything,
    at_least_zero,
    ball,
    chance,
    draws,
    fields,
    flags,
    floats,
    image,
    in_box,
    in_scale,
    levels,
    listed,
    number,
    numbers,
    pixels,
    positive,
    share,
    shares,
    vector,
    whole,
)

__all__ = [
    "BY_NAME",
    "ONE",
    "Rule",
    "among",
    "applied",
    "array",
    "at_least_zero",
    "answer",
    "anything",
    "picked",
    "ball",
    "batchable",
    "chance",
    "checked",
    "classes",
    "counts",
    "draws",
    "ends",
    "fields",
    "flags",
    "floats",
    "image",
    "in_box",
    "in_scale",
    "kept",
    "label",
    "labels",
    "levels",
    "like",
    "listed",
    "names",
    "no_more",
    "number",
    "numbers",
    "pixels",
    "positive",
    "purifier",
    "rates",
    "row",
    "score",
    "share",
    "shares",
    "tried",
    "vector",
    "where",
    "whole",
]
