"""An evaluation as a list of jobs, and everything they are done with."""

import pathlib
from dataclasses import dataclass

from jax import Array
from jax.sharding import Mesh

from purifax import data
from purifax.evaluation.settings import Evaluation
from purifax.evaluation.store import Parts
from purifax.evaluation.world import World

__all__ = ["Job", "Loaded", "Run"]


@dataclass(frozen=True)
class Job:
    """One attack at one radius on the first `count` images; "clean" is no attack."""

    attack: str
    radius: float
    count: int

    @property
    def name(self) -> str:
        """Of its files and in progress: exact-0.15."""
        return f"{self.attack}-{self.radius:.6g}"


@dataclass(frozen=True)
class Loaded:
    """The images and networks of an evaluation.

    Attributes:
        world: the classifier behind its purifier.
        hashes: sha256 of the images and of each network's parameters, by role.
    """

    images: data.Images
    world: World
    hashes: dict[str, str]


@dataclass(frozen=True)
class Run:
    """What an evaluation is made of; nothing here changes while it runs.

    Attributes:
        folder: where everything is stored; None keeps it in memory.
        k_attacks, k_answers, k_pictures, k_probe, k_surface, k_proof, k_compression:
            keys by role.
    """

    config: Evaluation
    folder: pathlib.Path | None
    mesh: Mesh
    images: data.Images
    world: World
    k_attacks: Array
    k_answers: Array
    k_pictures: Array
    k_probe: Array
    k_surface: Array
    k_proof: Array
    k_compression: Array
    hashes: dict[str, str]
    parts: Parts

    @property
    def chunk(self) -> int:
        """Images worked on at once: a share for each device."""
        size = self.mesh.shape["batch"]
        return size * max(1, min(self.config.chunk, len(self.images)) // size)

    @property
    def jobs(self) -> list[Job]:
        """All jobs, the clean images first."""
        config, everyone = self.config, len(self.images)
        some = min(config.sweep_images, everyone)
        main = [Job(name, config.radius, everyone) for name in config.attacks]
        swept = [
            Job(name, radius, some)
            for name in config.swept
            for radius in config.sweep
            if radius != config.radius or name not in config.attacks
        ]
        return [Job("clean", 0.0, everyone), *main, *swept]

    def title(self, job: Job) -> str:
        """What a report calls the job's attack, different for each attack."""
        if job.attack == "clean":
            return "no attack"
        named = self.config.named()
        title = named[job.attack].title
        alike = [name for name, made in named.items() if made.title == title]
        return title if len(alike) == 1 else f"{title} ({job.attack})"

    def gradient(self, job: Job) -> str:
        """The gradient of the job's attack, as a report names it."""
        if job.attack == "clean":
            return "none"
        return self.config.attack(job.attack).reported
