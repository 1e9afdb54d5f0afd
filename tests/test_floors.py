"""Who may import whom, and what the core never does, read off the syntax trees."""

import ast
import importlib
import inspect
import os
import pathlib
import subprocess
import sys

import pytest

import purifax

ROOT = pathlib.Path(purifax.__file__).parent
FLOOR_0 = {"types", "_checks", "recipe"}
FLOOR_1 = FLOOR_0 | {"noise", "schedule", "threat", "transform"}
FLOOR_2 = FLOOR_1 | {"energy", "score"}
FLOOR_3 = FLOOR_2 | {"guide", "likelihood", "sample", "loss"}
ATTACKER = FLOOR_2 | {"loss", "classify", "backward"}
MAY_IMPORT = {
    "__init__": {"transform", "pipelines", "evaluation"},
    "types": set(),
    "_checks": {"types"},
    "recipe": set(),
    "noise": FLOOR_0,
    "transform": FLOOR_0,
    "schedule": FLOOR_0,
    "threat": FLOOR_0,
    "energy": FLOOR_2,
    "score": FLOOR_2,
    "guide": FLOOR_2,
    "likelihood": FLOOR_2,
    "sample": FLOOR_2,
    "loss": FLOOR_2,
    "purify": FLOOR_3,
    "classify": FLOOR_3,
    "backward": FLOOR_0,
    "attack": ATTACKER,
    "poison": ATTACKER | {"attack", "transform"},
    "certify": ATTACKER | {"purify"},
    "record": FLOOR_1 | {"classify"},
    "nets": FLOOR_0,
}
EDGES = {
    "data",
    "weights",
    "fleet",
    "bridge",
    "pipelines",
    "__main__",
    "command",
    "evaluation",
    "report",
    "run",
}
ABOVE = {"pipelines", "command", "__main__"}
NEVER = {
    "data": ABOVE | {"evaluation", "report"},
    "weights": ABOVE | {"evaluation", "report"},
    "fleet": ABOVE | {"evaluation", "report"},
    "run": ABOVE | {"evaluation", "report"},
    "report": ABOVE | {"evaluation"},
    "evaluation": ABOVE,
    "pipelines": {"command", "__main__"},
}
"""What an edge may not import: whoever is built upon it."""
MORE = {
    "nets": {"flax", "numpy"},
    "types": {"chex"},
    "recipe": {"numbers", "types"},
}
"""What else a part may import; `types` does so where chex is used, not at once."""
CORE = MAY_IMPORT.keys() - {"nets"}
STANDARD = {
    "__future__",
    "collections",
    "dataclasses",
    "enum",
    "difflib",
    "functools",
    "inspect",
    "math",
    "re",
    "typing",
}
BANNED_ANYWHERE = {"PRNGKey"}
BANNED_IN_NETS = BANNED_ANYWHERE | {"np.random", "numpy.random", "open", "print"}
BANNED_IN_CORE = BANNED_IN_NETS | {
    "Mesh",
    "NamedSharding",
    "device_count",
    "device_put",
    "devices",
    "eval",
    "exec",
    "input",
    "jit",
    "local_devices",
    "make_mesh",
    "pmap",
    "shard_map",
}
COLLECTIVES = {
    "all_gather",
    "broadcast_one_to_all",
    "multihost_utils",
    "pmean",
    "ppermute",
    "process_allgather",
    "psum",
    "sync_global_devices",
}
BANNED_IN_FLEET = BANNED_ANYWHERE | COLLECTIVES | {"print"}
EXEMPT = {
    "transform/sharding.py": {
        "Mesh",
        "NamedSharding",
        "device_put",
        "devices",
        "jit",
        "local_devices",
        "numpy",
        "shard_map",
    },
}
"""By file, what it alone in the core may use: the map over devices and chunks."""

HEAVY = {
    "PIL",
    "absl",
    "array_record",
    "chex",
    "flax",
    "matplotlib",
    "optax",
    "orbax",
    "sklearn",
    "tensorflow",
    "tensorflow_datasets",
    "torch",
}
LIGHT = (
    "sample purify attack poison score guide likelihood loss backward record classify"
).split()


def part_of(path, root):
    """The module at the package's top that a file belongs to."""
    return path.relative_to(root).parts[0].removesuffix(".py")


def imports(tree):
    """Dotted names that a file imports; `from purifax import x` is `purifax.x`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            for alias in node.names:
                yield f"{module}.{alias.name}" if module == "purifax" else module


def names(tree):
    """Every name, attribute and imported name that a file speaks of."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr
            yield f"{ast.unparse(node.value)}.{node.attr}"
        elif isinstance(node, ast.ImportFrom):
            yield from (alias.name for alias in node.names)


def bad_import(name, part):
    """Why a file of this part may not import that name, or None."""
    top, _, rest = name.partition(".")
    if top == "experiments":
        return f"imports {name}"
    if part in EDGES:
        other = rest.partition(".")[0] if top == "purifax" else ""
        return f"imports {name}" if other in NEVER.get(part, ()) else None
    if top == "purifax":
        other = rest.partition(".")[0]
        allowed = other in MAY_IMPORT[part] | {part}
    else:
        allowed = top in STANDARD | {"jax"} | MORE.get(part, set())
    return None if allowed else f"imports {name}"


def banned_in(part):
    if part == "nets":
        return BANNED_IN_NETS
    if part == "fleet":
        return BANNED_IN_FLEET
    return BANNED_IN_CORE if part in CORE else BANNED_ANYWHERE


def heavy_at_once(tree):
    """Imports of what is heavy that run when a module of `fleet` is imported."""
    inside = [
        node
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef)
        for node in ast.walk(function)
    ]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom) and node not in inside:
            for name in imports(ast.Module([node], [])):
                if name.partition(".")[0] in HEAVY:
                    yield f"imports {name}"


def documented(tree):
    """What is missing of `__all__` and the docstring of a module."""
    if ast.get_docstring(tree) is None:
        yield "has no docstring"
    targets = (n.targets for n in tree.body if isinstance(n, ast.Assign))
    if not any(getattr(t, "id", "") == "__all__" for ts in targets for t in ts):
        yield "has no __all__"


def violations(root):
    """One line for each broken rule of the package at `root`."""
    for path in sorted(root.rglob("*.py")):
        tree = ast.parse(path.read_text())
        part = part_of(path, root)
        if part not in MAY_IMPORT.keys() | EDGES:
            yield f"{path.name}: `{part}` has no floor; give it one in this test"
            continue
        exempt = EXEMPT.get(path.relative_to(root).as_posix(), set())
        wanted = (name for name in imports(tree) if name not in exempt)
        found = [bad_import(name, part) for name in wanted]
        banned = banned_in(part) - exempt
        found += [f"uses {name}" for name in names(tree) if name in banned]
        found += heavy_at_once(tree) if part == "fleet" else []
        found += documented(tree)
        yield from (f"{path.relative_to(root)} {line}" for line in found if line)


def test_the_package_keeps_its_floors():
    assert sorted(violations(ROOT)) == []
    parts = {part_of(path, ROOT) for path in ROOT.rglob("*.py")}
    assert parts >= {"types", "noise", "purify", "attack", "record", "nets", "fleet"}


HEAD = '"""A module."""\n\n__all__ = []\n'


@pytest.mark.parametrize(
    "file, line, found",
    [
        ("attack/evil.py", "from purifax.purify import adaptive", "imports purifax.pu"),
        ("attack/evil.py", "from purifax import sample", "imports purifax.sample"),
        ("attack/evil.py", "import purifax.sample.langevin", "imports purifax.sample"),
        ("poison/evil.py", "from purifax import purify", "imports purifax.purify"),
        ("poison/evil.py", "import purifax.sample", "imports purifax.sample"),
        ("attack/evil.py", "from purifax import poison", "imports purifax.poison"),
        ("noise.py", "from purifax.score import denoise", "imports purifax.score"),
        ("noise.py", "from purifax import schedule", "imports purifax.schedule"),
        ("purify/evil.py", "from purifax import classify", "imports purifax.classify"),
        ("classify.py", "import purifax.purify", "imports purifax.purify"),
        ("backward.py", "from purifax.classify import vote", "imports purifax.classif"),
        ("record/evil.py", "from purifax.attack import pgd", "imports purifax.attack"),
        ("threat.py", "from purifax.record import merge", "imports purifax.record"),
        ("score.py", "from purifax.nets import NCSNv2", "imports purifax.nets"),
        ("score.py", "from purifax.data import load", "imports purifax.data"),
        ("score.py", "def f():\n    import flax", "imports flax"),
        ("score.py", "import numpy as np", "imports numpy"),
        ("score.py", "import chex", "imports chex"),
        ("score.py", "import logging", "imports logging"),
        ("score.py", "from .energy import force", "imports .energy"),
        ("nets/evil.py", "from purifax.score import scaled", "imports purifax.score"),
        ("nets/evil.py", "import optax", "imports optax"),
        ("nets/evil.py", "x = np.random.rand()", "uses np.random"),
        ("data/evil.py", "from experiments import train", "imports experiments"),
        ("attack/evil.py", "from purifax.run import recipes", "imports purifax.run"),
        ("purify/evil.py", "from purifax import evaluation", "imports purifax.evalu"),
        ("recipe/checks.py", "from purifax.types import noun", "imports purifax.types"),
        ("report/evil.py", "from purifax import evaluation", "imports purifax.eval"),
        ("run/evil.py", "from purifax.report import files", "imports purifax.report"),
        ("evaluation/evil.py", "from purifax import command", "imports purifax.comm"),
        ("score.py", "from purifax.fleet import work", "imports purifax.fleet"),
        ("purify/evil.py", "from purifax import fleet", "imports purifax.fleet"),
        ("fleet/evil.py", "from experiments import train", "imports experiments"),
        ("fleet/evil.py", "import tensorflow_datasets", "imports tensorflow_datasets"),
        ("fleet/evil.py", "jax.lax.psum(x, 'batch')", "uses psum"),
        ("fleet/evil.py", "multihost_utils.process_allgather(x)", "uses process_allg"),
        ("fleet/evil.py", "print('done')", "uses print"),
        ("loss.py", "print(1)", "uses print"),
        ("loss.py", "jax.debug.print('x')", "uses print"),
        ("loss.py", "open('x')", "uses open"),
        ("loss.py", "@jax.jit\ndef f():\n    pass", "uses jit"),
        ("loss.py", "from jax import jit", "uses jit"),
        ("loss.py", "key = jax.random.PRNGKey(0)", "uses PRNGKey"),
        ("data/evil.py", "key = jax.random.PRNGKey(0)", "uses PRNGKey"),
        ("loss.py", "jax.sharding.Mesh", "uses Mesh"),
        ("transform/evil.py", "jax.sharding.Mesh", "uses Mesh"),
        ("transform/evil.py", "import numpy as np", "imports numpy"),
        ("transform/sharding.py", "print(1)", "uses print"),
        ("transform/sharding.py", "jax.device_count()", "uses device_count"),
        ("transform/sharding.py", "from purifax import score", "imports purifax.sc"),
        ("loss.py", "jax.make_mesh((8,), 'x')", "uses make_mesh"),
        ("loss.py", "jax.devices()", "uses devices"),
        ("helpers.py", "", "`helpers` has no floor"),
    ],
)
def test_a_planted_violation_is_found(tmp_path, file, line, found):
    path = tmp_path / file
    path.parent.mkdir(exist_ok=True)
    path.write_text(HEAD + line + "\n")
    assert [v for v in violations(tmp_path) if found in v], list(violations(tmp_path))


@pytest.mark.parametrize("source", ["__all__ = []\n", '"""A module."""\n'])
def test_a_module_without_docstring_or_names_is_found(tmp_path, source):
    (tmp_path / "loss.py").write_text(source)
    assert len(list(violations(tmp_path))) == 1


def test_an_orderly_module_passes(tmp_path):
    good = (
        "from collections.abc import Callable\nimport jax\nfrom purifax import score\n"
    )
    (tmp_path / "loss.py").write_text(HEAD + good)
    assert list(violations(tmp_path)) == []


def modules():
    for path in sorted(ROOT.rglob("*.py")):
        parts = path.relative_to(ROOT.parent).with_suffix("").parts
        yield ".".join(parts).removesuffix(".__init__")


@pytest.mark.parametrize("name", list(modules()))
def test_what_is_public_exists_and_has_a_docstring(name):
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as missing:
        if missing.name and missing.name.startswith("purifax"):
            raise
        pytest.skip(f"needs {missing.name}")
    for public in module.__all__:
        thing = getattr(module, public)
        if inspect.isfunction(thing) or inspect.isclass(thing):
            assert thing.__doc__, f"{name}.{public} has no docstring"
            generated = thing.__doc__.startswith(f"{thing.__name__}(")
            assert not generated, f"{name}.{public} has no docstring of its own"


FRESH = """
import sys

{wall}
import jax
import jax.numpy

before = {{name.partition(".")[0] for name in sys.modules}}
import {parts}

after = {{name.partition(".")[0] for name in sys.modules}}
print(sorted(after - before - set(sys.stdlib_module_names)))
print(sorted(n for n in sys.modules if n.split(".")[:2] in {shut}))
print(sorted(n for n in sys.modules if n in {heavy}))
"""
WALL = """
class Wall:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {heavy}:
            raise ModuleNotFoundError("blocked: " + name, name=name)


sys.meta_path.insert(0, Wall())
"""


@pytest.mark.parametrize("wall", ["", WALL], ids=["open", "blocked"])
def test_the_core_needs_jax_alone(wall, tmp_path):
    source = FRESH.format(
        wall=wall.format(heavy=HEAVY),
        parts=", ".join(["purifax", *(f"purifax.{part}" for part in LIGHT)]),
        shut=[["purifax", part] for part in sorted(EDGES | {"nets"})],
        heavy=HEAVY,
    )
    run = subprocess.run(
        [sys.executable, "-c", source],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=os.environ | {"JAX_PLATFORMS": "cpu"},
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.splitlines() == ["['purifax']", "[]", "[]"]
