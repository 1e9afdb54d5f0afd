"""WebDataset shards: a .tar with a few files for each example, under one key.

`000000012.png` is the image, `000000012.cls` its label, and `000000012.json` its id,
class and extras. Files have no times or owners, so that equal rows give equal bytes.
"""

import io
import json
import tarfile
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from purifax.data.decode import in_channels, picture
from purifax.data.files import place
from purifax.data.images import DataError
from purifax.data.layout import Layout, check_rows
from purifax.data.write import png
from purifax.run import json_text

__all__ = ["encode", "extras_of", "rows"]


def encode(layout: Layout, columns: Mapping[str, Any]) -> bytes:
    """The content of one .tar file.

    Raises:
        DataError: rows do not fit the layout.
    """
    check_rows(layout, columns)
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.USTAR_FORMAT) as packed:
        for n, image in enumerate(columns["image"]):
            label, one = int(columns["label"][n]), columns["id"][n]
            more = {name: _plain(columns[name][n]) for name in layout.extras}
            words = {"id": _plain(one), "class": layout.classes[label], **more}
            key = f"{n if layout.text_ids else int(one):09d}"
            _add(packed, f"{key}.png", png(image).getvalue())
            _add(packed, f"{key}.cls", str(label).encode())
            _add(packed, f"{key}.json", json.dumps(words).encode())
    return stream.getvalue()


def _add(packed: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    packed.addfile(member, io.BytesIO(content))


def _plain(value: Any) -> Any:
    """A value as JSON has it: bytes as text that stands for the same bytes."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "surrogateescape")
    return value if isinstance(value, str) else np.asarray(value).tolist()


def extras_of(words: Mapping[str, Any], layout: Layout) -> dict[str, Any]:
    """The extras of an example, of its JSON."""
    found = {}
    for name, (_, dtype) in layout.extras.items():
        value = words[name]
        if dtype == "bytes":
            found[name] = value.encode("utf-8", "surrogateescape")
        else:
            found[name] = np.asarray(value, dtype)
    return found


def rows(path: Any, layout: Layout) -> Iterator[dict[str, Any]]:
    """The decoded examples of a shard, one after another.

    Raises:
        DataError: the shard cannot be read.
    """
    parts: dict[str, dict[str, bytes]] = {}
    try:
        with (
            place(path).open("rb") as file,
            tarfile.open(fileobj=io.BytesIO(file.read())) as packed,
        ):
            for member in packed:
                key, _, end = member.name.partition(".")
                content = packed.extractfile(member)
                parts.setdefault(key, {})[end] = content.read() if content else b""
    except (tarfile.TarError, OSError, EOFError) as error:
        raise DataError(f"{path} is truncated or damaged ({error}).") from error
    for key, some in parts.items():
        words = json_text.parsed(some["json"], f"{path}: {key}.json", dict)
        image = picture(f"{path}: {key}.png", lambda _, some=some: some["png"])
        one = words["id"]
        yield {
            "image": in_channels(str(path), image, layout.shape[-1]),
            "label": int(some["cls"]),
            "id": one.encode("utf-8", "surrogateescape") if layout.text_ids else one,
            **extras_of(words, layout),
        }
