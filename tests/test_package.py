"""The installed package: typed, versioned, and complete."""

import importlib.metadata
import importlib.resources
import pathlib
import subprocess
import sys
import tarfile
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
