"""A data set that is being purified: what identifies it, and where its files are.

    out/job.json                   what the job is; the first worker writes it
    out/leases/00003-of-00008      who is at work on a shard
    out/unreadable/00003-of-00008  images of a shard that are not in it, and why
    out/<name>/1.0.0/              the data set: a shard is done when its file is there

`job.json` holds all that decides a single bit of a row, and no more: neither the batch
nor the workers.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from etils import epath

from purifax.data import Layout, shard_path
from purifax.data.files import listed, place
from purifax.data.write import VERSION
from purifax.fleet import fingerprint
from purifax.fleet.shards import Plan

__all__ = ["Job", "claim", "load"]

FORMAT = 1


@dataclass(frozen=True)
class Job:
    """One source, one purifier, one seed, one folder.

    Attributes:
        out: the folder of the job, which every worker can write.
        layout: of the purified set.
        plan: its shards.
        split: the name of its split.
        seed: of the purifier's noise.
        source: what tells this source from others, such as a hash of its content.
        purifier: what tells this purifier from others, such as its config.
        weights: a hash of its networks.
    """

    out: epath.Path
    layout: Layout
    plan: Plan
    split: str = "train"
    seed: int = 0
    source: Mapping[str, Any] = field(default_factory=dict)
    purifier: Mapping[str, Any] = field(default_factory=dict)
    weights: str = ""

    @property
    def data(self) -> epath.Path:
        """The folder of the purified set."""
        return self.out / self.layout.name / VERSION

    @property
    def leases(self) -> epath.Path:
        """The folder of who is at work."""
        return self.out / "leases"

    @property
    def unreadable(self) -> epath.Path:
        """The folder of what is left out."""
        return self.out / "unreadable"

    def shard(self, shard: int) -> epath.Path:
        """The file of a shard, which exists if the shard is done."""
        shards = self.plan.shards
        return shard_path(self.data, self.layout, self.split, shard, shards)

    def done(self) -> set[int]:
        """The shards that are done."""
        present = {path.name for path in listed(self.data)}
        return {n for n in range(self.plan.shards) if self.shard(n).name in present}

    def finished(self) -> bool:
        """Whether the whole set is there, and described."""
        return (self.data / "dataset_info.json").exists()

    def words(self) -> dict[str, Any]:
        """All of it but the folder, as JSON has it."""
        words = {key: value for key, value in vars(self).items() if key != "out"}
        parts = {key: asdict(words[key]) for key in ("layout", "plan")}
        return json.loads(json.dumps({"format": FORMAT, **words, **parts}))


def claim(job: Job) -> None:
    """Makes the folder that of this job, or sees that it is.

    Raises:
        Mismatch: it is another job's; the difference is named.
        OSError: the folder cannot be written.
    """
    job.out.mkdir(parents=True, exist_ok=True)
    fingerprint.claim(job.out / "job.json", job.words())
    for folder in (job.data, job.leases, job.unreadable):
        folder.mkdir(parents=True, exist_ok=True)


def load(out: Any) -> Job:
    """The job of a folder.

    Raises:
        FileNotFoundError: there is none.
        ValueError: its job.json is damaged, or of another version.
    """
    path = place(out) / "job.json"
    if not path.exists():
        raise FileNotFoundError(f"{out} holds no job: there is no {path.name} in it.")
    try:
        words = json.loads(path.read_text())
        layout, plan = words.pop("layout"), Plan(**words.pop("plan"))
        version = words.pop("format")
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path} is damaged ({error}).") from None
    if version != FORMAT:
        raise ValueError(f"{path} has format {version}; {FORMAT} is known here.")
    layout["extras"] = {
        key: (tuple(shape), kind) for key, (shape, kind) in layout["extras"].items()
    }
    for key in ("shape", "classes"):
        layout[key] = tuple(layout[key])
    return Job(place(out), Layout(**layout), plan, **words)
