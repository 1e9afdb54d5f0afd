"""Where the blocks of EDM's networks stand in ours, by their names."""

import math
import re
from collections.abc import Mapping

__all__ = ["place"]


def place(path: str, side: int, names: Mapping[str, str]) -> str:
    """The name of a block that EDM names by its part and its height.

    Args:
        side: height of the images.
        names: by part and kind, "enc block"; in ours {k} is the level, {finer} the one
            before, {coarser} the one after, and {i} the number of the block.

    >>> place("enc/16x16_block0", 32, {"enc block": "down{k}_{i}"})
    'down1_0'
    """
    match = re.fullmatch(r"(enc|dec)/(\d+)x\d+_([a-z_]+?)(\d*)", path)
    if match is None:
        return path
    part, rows, kind, i = match.groups()
    k = round(math.log2(side / int(rows)))
    name = names.get(f"{part} {kind}", path)
    return name.format(k=k, i=i, finer=k - 1, coarser=k + 1)
