"""The division of a source into shards, and the order in which workers take them.

It depends on the numbers of images and shards alone, never on the workers.
"""

import re
from dataclasses import dataclass

__all__ = ["Plan", "plan", "route"]


@dataclass(frozen=True)
class Plan:
    """Positions 0 .. count - 1 divided into shards whose sizes differ by at most one.

    Raises:
        ValueError: there are not 1 .. count shards.

    >>> [Plan(10, 3).positions(shard) for shard in range(3)]
    [range(0, 3), range(3, 6), range(6, 10)]
    """

    count: int
    shards: int

    def __post_init__(self) -> None:
        whole = all(type(number) is int for number in (self.count, self.shards))
        if not whole or not 1 <= self.shards <= self.count:
            raise ValueError(
                f"{self.count!r} images cannot be cut into {self.shards!r} shards; "
                "there must be from 1 shard to 1 for each image."
            )

    def positions(self, shard: int) -> range:
        """The positions in a shard."""
        ends = (self.count * n // self.shards for n in (shard, shard + 1))
        return range(*ends)

    def name(self, shard: int) -> str:
        """The name of a shard, which sorts like its number: 00003-of-00008."""
        return f"{shard:05d}-of-{self.shards:05d}"

    def number(self, name: str) -> int | None:
        """The shard of a name, or None if it is of no shard.

        >>> Plan(80, 8).number("00003-of-00008"), Plan(80, 8).number("00003-of-00009")
        (3, None)
        """
        shard = re.match(r"\d{5,}(?=-of-)", name, re.ASCII)
        number = int(shard[0]) if shard else self.shards
        known = number < self.shards and name == self.name(number)
        return number if known else None

    def largest(self) -> int:
        """The number of images in the largest shard."""
        return -(-self.count // self.shards)


def plan(count: int, size: int) -> Plan:
    """The fewest shards with at most `size` images each.

    Raises:
        ValueError: `count` or `size` is not positive.

    >>> plan(2500, 1000)
    Plan(count=2500, shards=3)
    """
    if count < 1 or size < 1:
        raise ValueError(
            f"A source of {count} images cannot be cut into shards of {size}; both "
            "must be 1 or more."
        )
    return Plan(count, -(-count // size))


def route(shards: int, worker: int, workers: int) -> list[int]:
    """All shards, in the order in which one worker tries them.

    Workers start at evenly spaced shards, so that they rarely meet, and go on in a
    circle through the shards that are left.

    Raises:
        ValueError: `worker` is not in 0 .. workers - 1.

    >>> route(6, 1, 3)
    [2, 3, 4, 5, 0, 1]
    """
    if not 0 <= worker < workers:
        raise ValueError(
            f"There is no worker {worker} of {workers}; they count from 0 to "
            f"{workers - 1}."
        )
    first = shards * worker // workers
    return [(first + step) % shards for step in range(shards)]
