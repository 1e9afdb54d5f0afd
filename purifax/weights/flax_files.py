"""Flax's msgpack files, read only where every count fits the bytes behind it.

The parser makes a list as soon as it reads its length, and lists lie in one another:
a megabyte could ask for gigabytes.
"""

from typing import Any

import flax.serialization

from purifax.run.budget import Budget, left

__all__ = ["read"]

_DEEPEST = 100
"""Dictionaries in one another; a train state has about ten."""


def read(file: Any, budget: Budget) -> Any:
    """The tree of a file.

    Raises:
        Refused: there is less memory.
        ValueError: a count that the bytes behind it cannot fill.
    """
    budget.take(2 * left(file))
    content = file.read()
    _check(memoryview(content), budget)
    return flax.serialization.msgpack_restore(content)


def _check(content: memoryview, budget: Budget) -> None:
    """Walk through the values without making them.

    The bytes of an extension are such values again: Flax's arrays.
    """
    at, owed, promised = 0, [1], 1
    while owed:
        if owed[-1] == 0:
            owed.pop()
            continue
        if at >= len(content):
            raise EOFError("a value is promised behind the end.")
        budget.take(_SIZE)
        head, held, inside = _value(content, at)
        promised += inside - 1
        if at + head + held + promised > len(content):
            raise EOFError(
                f"{held} bytes and {promised} values are promised at byte {at}, and "
                f"{max(0, len(content) - at - head)} bytes are left."
            )
        if content[at] in _EXTENDED or content[at] in _FIXED:
            _check(content[at + head : at + head + held], budget)
        at += head + held
        owed[-1] -= 1
        owed.append(inside)
        if len(owed) > _DEEPEST:
            raise ValueError(f"its containers are more than {_DEEPEST} deep.")


_SIZE = 16
"""Bytes of a number in a list, beyond those in the file."""

_PLAIN = {0xC0: 0, 0xC2: 0, 0xC3: 0, 0xCA: 4, 0xCB: 8}
_PLAIN |= {0xCC + i: 2**i for i in range(4)} | {0xD0 + i: 2**i for i in range(4)}
_COUNTED = {0xC4 + i: 2**i for i in range(3)} | {0xD9 + i: 2**i for i in range(3)}
_EXTENDED = {0xC7 + i: 2**i for i in range(3)}
_FIXED = {0xD4 + i: 2**i for i in range(5)}
_HOLDING = {0xDC: (2, 1), 0xDD: (4, 1), 0xDE: (2, 2), 0xDF: (4, 2)}


def _value(content: memoryview, at: int) -> tuple[int, int, int]:
    """A value: bytes of its head, bytes of its content, and values in it."""
    code = content[at]

    def count(size: int) -> int:
        return int.from_bytes(content[at + 1 : at + 1 + size], "big")

    if code < 0x80 or code >= 0xE0:
        return 1, 0, 0
    if code < 0xA0:
        return 1, 0, (code & 15) * (2 if code < 0x90 else 1)
    if code < 0xC0:
        return 1, code & 31, 0
    if code in _HOLDING:
        size, each = _HOLDING[code]
        return 1 + size, 0, each * count(size)
    if code in _COUNTED:
        return 1 + _COUNTED[code], count(_COUNTED[code]), 0
    if code in _EXTENDED:
        return 2 + _EXTENDED[code], count(_EXTENDED[code]), 0
    if code in _FIXED:
        return 2, _FIXED[code], 0
    if code not in _PLAIN:
        raise ValueError(f"byte {at} begins no value.")
    return 1, _PLAIN[code], 0
