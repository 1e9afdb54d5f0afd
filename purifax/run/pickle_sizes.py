r"""What a pickle would allocate, read off its instructions without running them.

Python's unpickler allocates what an instruction promises before it looks for it: nine
bytes ask for a table of two billion places. `check` walks through the instructions
first.
"""

import pickletools
from typing import Any

from purifax.run.budget import Budget, Refused, left

__all__ = ["check"]

_OPCODES = {opcode.code.encode("latin1"): opcode for opcode in pickletools.opcodes}
_COUNTED = {
    pickletools.TAKEN_FROM_ARGUMENT1: 1,
    pickletools.TAKEN_FROM_ARGUMENT4: 4,
    pickletools.TAKEN_FROM_ARGUMENT4U: 4,
    pickletools.TAKEN_FROM_ARGUMENT8U: 8,
}
_MEMO = ("PUT", "BINPUT", "LONG_BINPUT")
_SMALL = {*_MEMO, "MARK", "DUP", "GET", "BINGET", "LONG_BINGET", "MEMOIZE", "POP"}
_LARGE = {"EMPTY_SET", "FROZENSET", "REDUCE", "NEWOBJ", "NEWOBJ_EX", "OBJ", "INST"}
_FEW, _SOME, _MANY = 8, 40, 256
"""Bytes that an instruction may leave behind: a reference, a number or an empty list,
an object with its dictionary."""

_LONGEST = 2**16
"""Bytes of a line of text: the name of a class, or a number in digits."""


def check(file: Any, budget: Budget) -> None:
    r"""Refuse a pickle that promises more than it holds, or more than the budget.

    Args:
        file: at the start of a pickle, and again afterwards.

    Raises:
        Refused: it asks for too much memory.
        ValueError, EOFError: it is damaged, or cut short.

    >>> import io
    >>> try:
    ...     check(io.BytesIO(b"\x80\x02]r\xff\xff\xff\x7f."), Budget(9))
    ... except Refused as error:
    ...     print(error)
    its instruction 3 fills place 2147483647 of a table of at most 3 places.
    """
    start = file.tell()
    end, count, name = start + left(file), 0, ""
    while name != "STOP":
        opcode = _OPCODES.get(file.read(1))
        if opcode is None:
            raise ValueError(f"it has no instruction at byte {file.tell()}.")
        name, count = opcode.name, count + 1
        budget.take(_FEW if name in _SMALL else _MANY if name in _LARGE else _SOME)
        argument = _argument(file, opcode, end, budget)
        if name in _MEMO:
            decimal = name == "PUT"
            place = (
                int(argument[:20]) if decimal else int.from_bytes(argument, "little")
            )
            if not 0 <= place <= count:
                raise Refused(
                    f"its instruction {count} fills place {place} of a table of at "
                    f"most {count} places."
                )
    file.seek(start)


def _argument(file: Any, opcode: Any, end: int, budget: Budget) -> bytes:
    """The argument of an instruction; nothing of one that is counted, and passed by."""
    if opcode.arg is None:
        return b""
    size = opcode.arg.n
    if size == pickletools.UP_TO_NEWLINE:
        lines = 2 if opcode.arg.name.endswith("_pair") else 1
        return b"".join(file.readline(_LONGEST) for _ in range(lines))
    if size >= 0 and opcode.name != "FRAME":
        return file.read(size)
    count = int.from_bytes(file.read(_COUNTED.get(size, size)), "little")
    if file.tell() + count > end:
        raise EOFError(f"{count} bytes are promised and {end - file.tell()} are left.")
    if opcode.name != "FRAME":
        budget.take(count)
        file.seek(count, 1)
    return b""
