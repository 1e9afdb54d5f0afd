"""A data set that is being purified: its identity, and the places of its files.

    out/job.json                        the identity of the job
    out/leases/00003-of-00008           the worker that holds a shard
    out/records/00003-of-00008.<hash>   the record of a shard with this sha256
    out/<name>/1.0.0/                   the data set, or as its form has it

The first worker writes `job.json` before all else: shards without it are refused. It
holds everything that the bits of a row depend on, and nothing else: the number of
images in the compiled program, but not the workers. A shard is done when its file
exists and a record has the file's checksum; see `purifax.fleet.record`.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from etils import epath

from purifax.data import Layout
from purifax.data.files import TEMPORARY, listed, place, write_once
from purifax.data.forms import Form, form
from purifax.fleet import fingerprint
from purifax.fleet.shards import Plan
from purifax.recipe import checks
from purifax.run import json_text
from purifax.run.seal import sealed, unsealed

__all__ = ["Job", "begin", "claim", "load"]

FORMAT = 2
"""Format 1 had no checksums, and no batch."""


@dataclass(frozen=True)
class Job:
    """One source, one purifier, one seed, one folder.

    Attributes:
        out: the folder of the job, which every worker can write to.
        layout: of the purified set.
        plan: its shards.
        split: the name of its split.
        seed: of the purifier's noise, from 0 to 2**32 - 1.
        form: of the purified set, a name of `purifax.data.forms`.
        batch: images in the program that each device runs, see `batched_purifier`; 0
            for a purifier that is not compiled. `work` and `verify` take it from the
            purifier that they are given.
        source: identifies the source, such as a hash of its content.
        purifier: identifies the purifier, such as its config.
        weights: a hash of its networks.

    Raises:
        ValueError: a seed that a key cannot hold, or a negative batch.
    """

    out: epath.Path
    layout: Layout
    plan: Plan
    split: str = "train"
    seed: int = 0
    source: Mapping[str, Any] = field(default_factory=dict)
    purifier: Mapping[str, Any] = field(default_factory=dict)
    weights: str = ""
    batch: int = 0
    form: str = "tfds"

    def __post_init__(self) -> None:
        checks.seed("`seed`", self.seed)
        form(self.form)
        if type(self.batch) is not int or self.batch < 0:
            raise ValueError(
                f"`batch` must be a number of images, or 0; got {self.batch!r}."
            )

    @property
    def data(self) -> epath.Path:
        """The folder of the purified set."""
        return self.written.folder(self.out, self.layout)

    @property
    def written(self) -> Form:
        """The form of the purified set."""
        return form(self.form)

    @property
    def leases(self) -> epath.Path:
        """The folder of the workers' leases."""
        return place(self.out) / "leases"

    @property
    def records(self) -> epath.Path:
        """The folder of the records of what is written."""
        return place(self.out) / "records"

    @property
    def file(self) -> epath.Path:
        """The file of the job's identity."""
        return place(self.out) / "job.json"

    @property
    def info(self) -> epath.Path:
        """The last file of the set's description; with it the set exists."""
        return self.data / self.written.last

    @property
    def archive(self) -> epath.Path:
        """The file of the whole set as one .npz, where that is asked for."""
        return place(self.out) / f"{self.layout.name}.npz"

    def shard(self, shard: int) -> epath.Path:
        """The file of a shard."""
        name = self.written.shard(self.layout, self.split, self.plan.name(shard))
        return self.data / name

    def files(self) -> set[int]:
        """The shards whose files exist."""
        start, end = self.shard(0).name.split(self.plan.name(0))
        names = [path.name for path in listed(self.data)]
        marks = [
            name.removeprefix(start).removesuffix(end)
            for name in names
            if name.startswith(start) and name.endswith(end)
        ]
        return {n for n in map(self.plan.number, marks) if n is not None}

    def done(self) -> set[int]:
        """The shards whose files and records exist, whether or not they are whole."""
        files = self.files()  # first: a record is there before its file
        names = (path.name.partition(".")[0] for path in listed(self.records))
        return files & {n for n in map(self.plan.number, names) if n is not None}

    def finished(self) -> bool:
        """Whether the set's description exists, the last file of a complete set."""
        return self.info.exists()

    def compiled(self, purify: Any) -> "Job":
        """The job with the batch that a purifier is compiled for.

        Raises:
            ValueError: the purifier was made with another seed.
        """
        seed = getattr(purify, "seed", self.seed)
        if seed != self.seed:
            raise ValueError(
                f"the job's seed is {self.seed} and the purifier's {seed}; give both "
                "the same."
            )
        return replace(self, batch=getattr(purify, "share", self.batch))

    def words(self) -> dict[str, Any]:
        """The identity of the job, everything but its folder, as JSON values."""
        words = {key: value for key, value in vars(self).items() if key != "out"}
        if self.form == "tfds":  # as jobs were written when there was no other
            del words["form"]
        parts = {key: asdict(words[key]) for key in ("layout", "plan")}
        return json.loads(json.dumps({"format": FORMAT, **words, **parts}))


def begin(job: Job) -> Job:
    """Make the folder this job's unless it is one's already.

    Returns:
        The job with the batch of the one that is written: of several first workers,
        with other devices, all take the batch of one.

    Raises:
        ValueError: the folder holds a set without its job, or a job that is damaged.
        OSError: the folder cannot be written.
    """
    _refuse_orphans(job)
    place(job.out).mkdir(parents=True, exist_ok=True)
    write_once(job.file, sealed(job.words()))
    return replace(job, batch=load(job.out).batch)


def claim(job: Job) -> None:
    """Make the folder this job's, or check that it is.

    Raises:
        Mismatch: it is another job's; the message names the difference.
        ValueError: it holds a set without its job, or a job that is damaged.
        OSError: the folder cannot be written.
    """
    begin(job)
    fingerprint.agree(job.file, job.words())
    for folder in (job.data, job.leases, job.records):
        folder.mkdir(parents=True, exist_ok=True)


def _refuse_orphans(job: Job) -> None:
    """Refuse a set whose job is lost: nothing says what its shards were made with.

    The job is looked for last, since another worker may just have begun it.
    """
    found = [*listed(job.data), *listed(job.records)]
    found = [path for path in found if not path.name.startswith(TEMPORARY)]
    if found and not job.file.exists():
        raise ValueError(
            f"{found[0]} is of a job whose {job.file.name} is missing, so that nothing "
            "says what it was made with; put the file back, or give another folder."
        )


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
        version = _version(path)
        if version == 1:
            raise ValueError(
                f"{path} is of an earlier version, whose shards have no checksums; "
                "finish the job with that version, or begin it in another folder."
            )
        words = unsealed(path)
        if words.pop("format") != FORMAT:
            raise ValueError(f"{path} has format {version}; {FORMAT} is known here.")
        return _job(place(out), words)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} is damaged ({error}).") from None


def _version(path: epath.Path) -> Any:
    """The format of a job's file; None where it does not say."""
    try:
        return json_text.read(path, dict).get("format")
    except ValueError:
        return None


def _job(out: epath.Path, words: dict[str, Any]) -> Job:
    layout, plan = words.pop("layout"), Plan(**words.pop("plan"))
    layout["extras"] = {
        key: (tuple(shape), kind) for key, (shape, kind) in layout["extras"].items()
    }
    for key in ("shape", "classes"):
        layout[key] = tuple(layout[key])
    return Job(out, Layout(**layout), plan, **words)
