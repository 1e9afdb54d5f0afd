"""TFRecord files without TensorFlow.

A record is its length (8 bytes, little-endian), a checksum of these 8 bytes (4 bytes),
the content, and a checksum of the content (4 bytes). The checksum of bytes with the
CRC-32C (Castagnoli) c is ((c >> 15 | c << 17) + 0xa282ead8) mod 2^32.

A CRC is a linear map over bits, so many of them are computed at once: all contents are
cut into segments of equal length, whose remainders advance together, one byte of each
at a time; the remainders of one content are then combined. Leading zeros do not change
a remainder.
"""

import struct
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from purifax.data.images import DataError

__all__ = ["masked_crc", "read", "salvage"]

POLYNOMIAL = 0x82F63B78
SEGMENT = 256
# These four bytes take a remainder from 0 to 2^32 - 1, the start of a CRC-32C.
PREFIX = bytes.fromhex("54641f64")
AT_ONCE = 1 << 24


def read(path: Path) -> list[bytes]:
    """All records of a file, in order, with their checksums verified."""
    content = path.read_bytes()
    starts, records = [], []
    start = 0
    while start < len(content):
        end = start + 16
        if end <= len(content):
            end += struct.unpack_from("<Q", content, start)[0]
        if end > len(content):
            raise DataError(
                f"{path} is truncated or damaged: the record at byte {start} goes on "
                f"past its end, byte {len(content)}; prepare or copy it again."
            )
        starts.append(start)
        records.append(content[start + 12 : end - 4])
        start = end
    _verify(
        path, [content[s : s + 8] for s in starts], content, [s + 8 for s in starts]
    )
    ends = [s + 12 + len(record) for s, record in zip(starts, records, strict=True)]
    _verify(path, records, content, ends)
    return records


def salvage(path: Path) -> list[bytes | str]:
    """The readable records of a file, in order, with the reason in place of others.

    After a damaged length or a cut, no further record can be found.
    """
    content = path.read_bytes()
    starts, ends = [], []
    end = 0
    while end + 16 <= len(content):
        starts.append(end)
        end += 16 + struct.unpack_from("<Q", content, end)[0]
        ends.append(end - 4)
    if end > len(content):
        starts, ends = starts[:-1], ends[:-1]
    heads = [content[start : start + 8] for start in starts]
    wrong = ~_right(heads, content, [start + 8 for start in starts])
    found = int(wrong.argmax()) if wrong.any() else len(starts)
    records = [content[s + 12 : e] for s, e in zip(starts[:found], ends, strict=False)]
    fine = _right(records, content, ends[:found])
    return [
        record if right else "its checksum is wrong"
        for record, right in zip(records, fine, strict=True)
    ]


def _verify(
    path: Path, parts: Sequence[bytes], content: bytes, places: Sequence[int]
) -> None:
    wrong = np.flatnonzero(~_right(parts, content, places))
    if len(wrong):
        raise DataError(
            f"{path} is damaged: the checksum at byte {places[wrong[0]]} is wrong; "
            "prepare or copy it again."
        )


def _right(parts: Sequence[bytes], content: bytes, places: Sequence[int]) -> np.ndarray:
    """Whether the checksums stored at these places match the parts, bool [N]."""
    stored = [struct.unpack_from("<I", content, place)[0] for place in places]
    return masked_crc(parts) == np.asarray(stored, np.uint32)


def masked_crc(contents: Sequence[bytes]) -> np.ndarray:
    """The TFRecord checksum of each content, uint32 [N]."""
    groups = [_remainders(group) for group in _groups(contents)]
    crc = ~np.concatenate(groups) if groups else np.zeros(0, np.uint32)
    return (crc >> 15 | crc << 17) + np.uint32(0xA282EAD8)


def _groups(contents: Sequence[bytes]) -> Iterator[list[bytes]]:
    """Groups of consecutive contents with a bounded total size after padding."""
    group: list[bytes] = []
    longest = 0
    for content in contents:
        longest = max(longest, len(content) + SEGMENT)
        if group and longest * (len(group) + 1) > AT_ONCE:
            yield group
            group, longest = [], len(content) + SEGMENT
        group.append(content)
    if group:
        yield group


def _remainders(contents: Sequence[bytes]) -> np.ndarray:
    """The remainder of PREFIX + content for each content, uint32 [N]."""
    longest = max(len(content) for content in contents) + len(PREFIX)
    width = -(-longest // SEGMENT) * SEGMENT
    padded = b"".join((PREFIX + content).rjust(width, b"\0") for content in contents)
    rows = np.frombuffer(padded, np.uint8).reshape(-1, SEGMENT)
    parts = np.zeros(len(rows), np.uint32)
    for column in np.ascontiguousarray(rows.T):
        parts = TABLE[(parts ^ column) & 255] ^ (parts >> 8)
    crc = np.zeros(len(contents), np.uint32)
    for part in parts.reshape(len(contents), -1).T:
        crc = _past_segment(crc) ^ part
    return crc


def _past_segment(crc: np.ndarray) -> np.ndarray:
    """Remainders after SEGMENT more zero bytes, summed over their four bytes."""
    a, b, c, d = (SHIFT[k][(crc >> (8 * k)) & 255] for k in range(4))
    return a ^ b ^ c ^ d


def _byte_table() -> np.ndarray:
    """The image of each byte of the remainder after eight more bits, uint32 [256]."""
    table = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = (table >> 1) ^ (table & 1) * np.uint32(POLYNOMIAL)
    return table


def _shift_tables() -> np.ndarray:
    """The image of each byte of a remainder after SEGMENT zero bytes, [4, 256]."""
    crc = (
        np.arange(256, dtype=np.uint32) << np.arange(0, 32, 8, dtype=np.uint32)[:, None]
    )
    for _ in range(SEGMENT):
        crc = TABLE[crc & 255] ^ (crc >> 8)
    return crc


TABLE = _byte_table()
SHIFT = _shift_tables()
