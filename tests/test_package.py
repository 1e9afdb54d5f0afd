"""The installed package: typed, versioned, and complete."""

import ast
import importlib.metadata
import importlib.resources
import pathlib
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile

import pytest

import experiments
import purifax

ROOT = pathlib.Path(experiments.__file__).resolve().parent.parent


def files(folder):
    """What lies under a folder of the checkout, by its path in it."""
    found = (ROOT / folder).rglob("*")
    plain = (p for p in found if p.is_file() and "__pycache__" not in p.parts)
    return {str(path.relative_to(ROOT)) for path in plain}


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The names in the sdist and in the wheel that is made of it, and its METADATA."""
    for name in ("build", "hatchling"):
        pytest.importorskip(name)
    out = tmp_path_factory.mktemp("built")
    words = [sys.executable, "-m", "build", "--no-isolation", "--outdir", out, ROOT]
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    (sdist,), (wheel,) = out.glob("*.tar.gz"), out.glob("*.whl")
    with tarfile.open(sdist) as source, zipfile.ZipFile(wheel) as packed:
        inside = {name.partition("/")[2] for name in source.getnames()}
        names = set(packed.namelist())
        (about,) = (name for name in names if name.endswith("/METADATA"))
        return inside, names, packed.read(about).decode()


def test_the_wheel_holds_the_package_with_its_weights_and_nothing_else(built):
    _, names, about = built
    package = files("purifax")
    assert any(name.startswith("purifax/weights/pretrained/") for name in package)
    rest = names - package
    assert package <= names, package - names
    assert all(name.startswith(f"purifax-{purifax.__version__}.d") for name in rest)
    assert any(name.endswith("/licenses/LICENSE") for name in rest)
    assert f"\nVersion: {purifax.__version__}\n" in about
    assert "\nRequires-Dist: jax>=0.10\n" in about and "# purifax" in about


def test_the_sdist_holds_all_that_a_checkout_needs(built):
    inside, _, _ = built
    wanted = {"pyproject.toml", "README.md", "LICENSE", "CITATION.cff"}
    for folder in ("purifax", "experiments", "tests", "launch"):
        wanted |= files(folder)
    assert wanted <= inside, sorted(wanted - inside)[:5]


def test_the_type_marker_is_installed():
    assert importlib.resources.files(purifax).joinpath("py.typed").is_file()


def test_the_version_is_that_of_the_distribution():
    assert importlib.metadata.version("purifax") == purifax.__version__


def test_the_licence_is_in_the_distribution():
    assert importlib.metadata.metadata("purifax")["License-Expression"] == "Apache-2.0"


PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
IMPORTED_AS = {
    "absl-py": "absl",
    "orbax-checkpoint": "orbax",
    "pillow": "PIL",
    "tensorflow-datasets": "tensorflow_datasets",
}
"""Names of distributions whose modules are called otherwise."""

FOR_OTHERS = {"importlib_resources": "tensorflow_datasets/core/dataset_builder.py"}
"""Dependencies that another package imports, without declaring them, in this file."""

TOOLS = {"dev", "docs", "gpu", "tpu"}
"""Extras of development tools and of plugins, which no line of purifax imports."""


def modules_of(requirements):
    """The modules that requirements such as "etils[epath]>=1.10" install."""
    names = [re.match(r"[\w.-]+", requirement)[0] for requirement in requirements]
    return {IMPORTED_AS.get(name, name) for name in names}


def imported(source):
    """Third-party modules that a file imports, or asks for by `need("...")`."""
    for node in ast.walk(ast.parse(source)):
        found = []
        if isinstance(node, ast.Import):
            found = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            found = [node.module or "purifax"]
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith(
            ("need", "library")
        ):
            found = [a.value for a in node.args[:1] if isinstance(a, ast.Constant)]
        for name in found:
            top = name.partition(".")[0]
            if top not in sys.stdlib_module_names and top != "purifax":
                yield top


def used():
    """Third-party modules that the package imports anywhere."""
    paths = (ROOT / "purifax").rglob("*.py")
    return {name for path in paths for name in imported(path.read_text())}


def extras():
    """Modules of the extras that serve users, by extra."""
    optional = PROJECT["optional-dependencies"].items()
    return {name: modules_of(wants) for name, wants in optional if name not in TOOLS}


def test_every_import_of_the_package_is_declared():
    declared = modules_of(PROJECT["dependencies"]).union(*extras().values())
    assert used() - declared == set()


def test_every_dependency_is_imported_by_the_package():
    declared = modules_of(PROJECT["dependencies"]) - FOR_OTHERS.keys()
    assert declared - used() == set()
    for name, needed in extras().items():
        assert needed - used() == set(), name


@pytest.mark.parametrize("name, path", FOR_OTHERS.items())
def test_a_dependency_for_another_package_is_needed_by_it(name, path):
    top, _, inside = path.partition("/")
    source = importlib.resources.files(top).joinpath(inside).read_text()
    assert name in set(imported(source))


def test_the_packages_of_the_project_are_dependencies():
    core = modules_of(PROJECT["dependencies"])
    assert core >= {"jax", "flax", "optax", "orbax", "tensorflow_datasets", "absl"}
    assert "chex" in core and "sklearn" not in core | used()
