"""The installed package: typed, versioned, and complete."""

import importlib.metadata
import importlib.resources

import purifax


def test_the_type_marker_is_installed():
    assert importlib.resources.files(purifax).joinpath("py.typed").is_file()


def test_the_version_is_that_of_the_distribution():
    assert importlib.metadata.version("purifax") == purifax.__version__


def test_the_licence_is_in_the_distribution():
    assert importlib.metadata.metadata("purifax")["License-Expression"] == "Apache-2.0"
