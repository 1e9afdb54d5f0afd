"""An example: the purification workers as Ray tasks, on whatever machines Ray has.

    ray job submit --working-dir=. -- python launch/ray_purify.py 8 \
        --config=cifar10_diffpure --source=cifar10 --out=/shared/purified

The first word is the number of workers, each with one GPU; the rest goes to
`experiments.purify`. Ray only starts them, and starts those again that fail: what is
done and who does what next is in the folder, which all of them must see. Needs `pip
install ray` beside purifax on every machine.
"""

import subprocess
import sys

__all__ = ["command", "main"]


def command(worker: int, workers: int, arguments: list[str]) -> list[str]:
    """What worker `worker` of `workers` runs."""
    words = [sys.executable, "-m", "experiments.purify", *arguments]
    return [*words, f"--worker={worker}/{workers}"]


def main(workers: int, arguments: list[str]) -> None:
    """Runs the workers, and fails if one has failed four times."""
    import ray  # pyright: ignore[reportMissingImports]

    @ray.remote(num_gpus=1, max_retries=3, retry_exceptions=True)
    def purify(worker: int) -> None:
        subprocess.run(command(worker, workers, arguments), check=True)

    ray.get([purify.remote(worker) for worker in range(workers)])


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
