"""A data set that is being purified: its identity, and the places of its files.

    out/job.json                   the identity of the job; the first worker writes it
    out/leases/00003-of-00008      the worker that holds a shard
    out/unreadable/00003-of-00008  images missing from a shard, and why
    out/<name>/1.0.0/              the data set: a shard is done when its file exists

`job.json` holds everything that the bits of a row depend on, and nothing else: neither
the batch size nor the workers.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from etils import epath

from purifax.data import Layout
from purifax.data.files import listed, place
from purifax.data.write import VERSION, shard_path
from purifax.fleet import fingerprint
from purifax.fleet.shards import Plan

__all__ = ["Job", "claim", "load"]

FORMAT = 1


@dataclass(frozen=True)
class Job:
    """One source, one purifier, one seed, one folder.

    Attributes:
        out: the folder of the job, which every worker can write to.
        layout: of the purified set.
        plan: its shards.
        split: the name of its split.
        seed: of the purifier's noise.
        source: identifies the source, such as a hash of its content.
        purifier: identifies the purifier, such as its config.
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
        """The folder of the workers' leases."""
        return self.out / "leases"

    @property
    def unreadable(self) -> epath.Path:
        """The folder of the lists of missing images."""
        return self.out / "unreadable"

    def shard(self, shard: int) -> epath.Path:
        """The file of a shard; it exists once the shard is done."""
        shards = self.plan.shards
        return shard_path(self.data, self.layout, self.split, shard, shards)

    def done(self) -> set[int]:
        """The shards that are done."""
        present = {path.name for path in listed(self.data)}
        return {n for n in range(self.plan.shards) if self.shard(n).name in present}

    def finished(self) -> bool:
        """Whether all shards are done and the set's description is written."""
        return (self.data / "dataset_info.json").exists()

    def words(self) -> dict[str, Any]:
        """The identity of the job, everything but its folder, as JSON values."""
        words = {key: value for key, value in vars(self).items() if key != "out"}
        parts = {key: asdict(words[key]) for key in ("layout", "plan")}
        return json.loads(json.dumps({"format": FORMAT, **words, **parts}))


def claim(job: Job) -> None:
    """Make the folder this job's, or check that it is.

    Raises:
        Mismatch: it is another job's; the message names the difference.
        OSError: the folder cannot be written.
    """
    job.out.mkdir(parents=True, exist_ok=True)
    fingerprint.claim(job.out / "job.json", job.words())
    for folder in (job.data, job.leases, job.unreadable):
        folder.mkdir(parents=True, exist_ok=True)


def load(out: Any) -> Job:
    """The job of a folder.

    Raises:
        FileNotFoundError: the folder holds no job.
        ValueError: its job.json is damaged, or of another version of the format.
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
