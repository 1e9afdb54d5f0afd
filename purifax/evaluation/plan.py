"""An evaluation as a list of jobs, and everything they are done with."""

import pathlib
from dataclasses import dataclass

from jax import Array
from jax.sharding import Mesh

from purifax import data
from purifax.evaluation import attacks
from purifax.evaluation.settings import Evaluation

__all__ = ["Job", "Run"]


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
class Run:
    """What an evaluation is made of; nothing here changes while it runs."""

    config: Evaluation
    folder: pathlib.Path
    mesh: Mesh
    images: data.Images
    world: attacks.World
    k_attacks: Array
    k_answers: Array
    k_pictures: Array
    k_probe: Array
    k_surface: Array
    k_proof: Array
    hashes: dict[str, str]

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
