"""Reads hostile and damaged files of weights under a limit on memory.

    python -m weights.fuzz MEGABYTES

prints one line for each kind of file; a file that is read by running into the limit, or
that raises anything but ValueError, ends the program with a traceback.
"""

import pathlib
import resource
import sys
import tempfile

import flax.serialization
import numpy as np
from weights import hostile_files, test_containers, torch_files

from purifax.weights import containers

MUTATIONS = 60


def main(megabytes):
    forms = test_containers.FORMS | {"pickle": torch_files.dumps}
    state = torch_files.state()
    state.pop("brain")
    plain = {"a": [1, 2.5, "b"], "c": {"d": None, "e": (True, b"f")}}
    good = {
        name: make(plain if name == "pickle" else state) for name, make in forms.items()
    }
    good["edm"] = torch_files.edm({"m.weight": np.ones((2, 2), np.float32)}, {})
    flax.serialization.msgpack_restore(good["msgpack"])
    bombs = {name: make() for name, make in hostile_files.BOMBS.items()}
    folder = pathlib.Path(tempfile.mkdtemp())
    limit(megabytes)
    for name, content in bombs.items():
        assert not read(folder, content), name
    for name, (content, _) in hostile_files.CONTRADICTIONS.items():
        assert not read(folder, content), name
    random = np.random.RandomState(0)
    for name, content in good.items():
        assert read(folder, content), name
        survived = sum(read(folder, mutated(random, content)) for _ in range(MUTATIONS))
        print(f"{name}: {survived} of {MUTATIONS} are read")
        assert survived < MUTATIONS


def limit(megabytes):
    """So much more memory than is in use now."""
    pages = int(pathlib.Path("/proc/self/statm").read_text().split()[0])
    most = pages * resource.getpagesize() + megabytes * 2**20
    resource.setrlimit(resource.RLIMIT_AS, (most, most))


def read(folder, content):
    """Whether a file is read; whatever is wrong is a ValueError of its own."""
    path = folder / "file"
    path.write_bytes(content)
    try:
        containers.read(path)
    except ValueError as error:
        assert not isinstance(error.__cause__, MemoryError), error
        assert "\n" not in str(error), error
        return False
    return True


def mutated(random, content):
    """A few bytes changed, often to ends of their range; now and then bytes repeated,
    left out, or cut off."""
    made = bytearray(content)
    for _ in range(random.randint(1, 5)):
        at = random.randint(min(len(made), 2000))
        made[at] = random.choice([0, 1, 0x7F, 0x80, 0xFF, random.randint(256)])
    kind, at, size = random.randint(6), random.randint(len(made)), random.randint(40)
    if kind == 0:
        return bytes(made[:at])
    if kind == 1:
        return bytes(made[:at] + made[at : at + size] + made[at:])
    if kind == 2:
        return bytes(made[:at] + made[at + size :])
    return bytes(made)


if __name__ == "__main__":
    main(int(sys.argv[1]))
