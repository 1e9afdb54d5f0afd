"""The forms in which a purified set is written, shard by shard.

    tfds         <root>/<name>/1.0.0/<name>-<split>.array_record-00000-of-00008
    parquet      <root>/<name>/data/<split>-00000-of-00008.parquet
    webdataset   <root>/<name>/<split>-00000-of-00008.tar

Each is read by its own tools: `tensorflow_datasets`, Hugging Face's
`load_dataset("<root>/<name>")`, `webdataset`; and by `purifax.data.open_stream`. Images
are PNG in all of them, so that decoded rows have the bits that were written.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from etils import epath

from purifax.data import form_parquet, form_tar, write
from purifax.data.files import place, write_whole
from purifax.data.layout import Layout
from purifax.data.rows import read_rows

__all__ = ["FORMS", "Form", "form"]


PLAIN = "set.json"
"""The description of a set in a form that needs none."""


@dataclass(frozen=True)
class Form:
    """One form.

    Attributes:
        inside: the folders of the shards, below that of the set.
        shard: the name of a shard, of (layout, split, "00000-of-00008").
        encode: the content of a shard's file, of (layout, columns).
        rows: the decoded examples of a shard, of (path, layout).
        info: writes the description, as `purifax.data.write.write_info` does.
        last: the last file of the description; with it the set exists.
    """

    inside: str
    shard: Callable[[Layout, str, str], str]
    encode: Callable[[Layout, Mapping[str, Any]], bytes]
    rows: Callable[[Any, Layout], Iterator[dict[str, Any]]]
    info: Callable[..., None]
    last: str

    def folder(self, root: Any, layout: Layout) -> epath.Path:
        """Where the shards of a set are."""
        found = place(root) / layout.name
        return found / self.inside if self.inside else found


def _plain_info(
    folder: Any,
    layout: Layout,
    lengths: Mapping[str, Sequence[int]],
    description: str = "",
    metadata: Mapping[str, Any] | None = None,
) -> None:
    """The description of a set that needs none, for those who want to know."""
    words = {
        "description": description or layout.name,
        "layout": asdict(layout),
        "lengths": {split: list(counts) for split, counts in lengths.items()},
        "metadata": dict(metadata or {}),
    }
    content = json.dumps(words, indent=2).encode()
    write_whole(place(folder) / PLAIN, content)


FORMS = {
    "tfds": Form(
        write.VERSION,
        lambda layout, split, mark: f"{layout.name}-{split}.array_record-{mark}",
        write.encode_shard,
        read_rows,
        write.write_info,
        "dataset_info.json",
    ),
    "parquet": Form(
        "data",
        lambda layout, split, mark: f"{split}-{mark}.parquet",
        form_parquet.encode,
        form_parquet.rows,
        _plain_info,
        PLAIN,
    ),
    "webdataset": Form(
        "",
        lambda layout, split, mark: f"{split}-{mark}.tar",
        form_tar.encode,
        form_tar.rows,
        _plain_info,
        PLAIN,
    ),
}


def form(name: str) -> Form:
    """The form of a name.

    Raises:
        ValueError: there is none.

    >>> form("parquet").shard(Layout("a", (8, 8, 1), ()), "train", "00000-of-00001")
    'train-00000-of-00001.parquet'
    """
    if name not in FORMS:
        raise ValueError(f"no form of a set is called {name!r}: {', '.join(FORMS)}.")
    return FORMS[name]
