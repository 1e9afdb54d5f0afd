"""Who has which images: the victim, the defender, others; and the test.

Every part is drawn by class. Parts never overlap: what a purifier has learned from is
neither poisoned nor tested on.
"""

from dataclasses import dataclass

import numpy as np

from experiments.poisoning.config import Shares
from experiments.training import fitting
from purifax import data
from purifax.data.sources import OWN
from purifax.data.split import hold_out
from purifax.evaluation.images import fingerprint
from purifax.run.progress import say

__all__ = ["Parts", "disjoint", "parts"]


@dataclass(frozen=True)
class Parts:
    """The images of each role.

    Attributes:
        victim: clean, in the order of their index; what may be poisoned.
        sparse: clean, of the defender.
        other: clean, from elsewhere.
        test: what is reported on.
    """

    victim: data.Images
    sparse: data.Images
    other: data.Images
    test: data.Images

    def record(self) -> dict[str, dict[str, int | str]]:
        """How many images each has, and their sha256; for JSON."""
        return {
            name: {"count": len(part), "sha256": fingerprint(part)}
            for name, part in vars(self).items()
        }


def parts(shares: Shares, data_dir: str | None) -> Parts:
    """The images as `Shares` divides them.

    Raises:
        ValueError: more are asked for than there are, or test images of other classes.
        DataError: the images are not found.
    """
    train = data.load(shares.name, "train", data_dir)
    test = data.load(shares.name, "test", data_dir)
    fitting.check_images(train, test)
    if shares.name in OWN:
        say(train.summary())
        say(test.summary())
    count = len(train) - shares.other if shares.train is None else shares.train
    wanted = count + shares.other
    if not 0 <= shares.sparse < count or wanted > len(train) or shares.other < 0:
        raise ValueError(
            f"images.train={shares.train}, sparse={shares.sparse} and "
            f"other={shares.other} do not fit: {shares.name} has {len(train)} training "
            "images, and sparse is a part of train."
        )
    rest, other = _cut(train, np.arange(len(train)), shares.other, shares.split_seed)
    _, collected = _cut(train, rest, count, shares.split_seed)
    victim, sparse = _cut(train, collected, shares.sparse, shares.split_seed)
    one, two, three = (train.take(np.sort(part)) for part in (victim, sparse, other))
    found = Parts(one, two, three, _tested(shares, test))
    disjoint(found)
    return found


def _cut(
    images: data.Images, among: np.ndarray, count: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Positions left, and `count` positions drawn by class, among some."""
    left, held = hold_out(images.labels[among], count, seed)
    return among[left], among[held]


def _tested(shares: Shares, test: data.Images) -> data.Images:
    if shares.test is None:
        return test
    if not 1 <= shares.test <= len(test):
        raise ValueError(
            f"images.test={shares.test}, but {shares.name} has {len(test)} test images."
        )
    _, held = hold_out(test.labels, shares.test, shares.split_seed)
    return test.take(np.sort(held))


def disjoint(found: Parts) -> None:
    """Refuses parts that share an image.

    Raises:
        ValueError: names the two parts and how many they share.
    """
    roles = ("victim", "sparse", "other")
    for number, role in enumerate(roles):
        for second in roles[number + 1 :]:
            one, two = (getattr(found, name).index for name in (role, second))
            shared = np.intersect1d(one, two)
            if len(shared):
                raise ValueError(
                    f"{len(shared)} images are in both '{role}' and '{second}': what "
                    "is clean and known to the defender must not be trained on."
                )
