"""Every binary file in the wheel has its origin and its licence."""

import pathlib
import re

import pytest

import purifax
from experiments.training import licences
from purifax import weights

ROOT = pathlib.Path(purifax.__file__).parent
ORIGINS = ROOT / "data" / "ORIGINS.md"
TEXT = {".py", ".md", ".json", ".html", ".css", ".txt", ".typed"}


def listed():
    """(set, licence) of each file."""
    row = re.compile(r"\| `([^`]+)` \| [^|]+ \| (\w+) \| ([^|]+) \|")
    return {name: rest for name, *rest in row.findall(ORIGINS.read_text())}


def test_every_binary_file_is_listed_and_no_other():
    found = {
        path.relative_to(ROOT).as_posix()
        for path in ROOT.rglob("*")
        if path.is_file()
        and path.suffix not in TEXT | {".pyc"}
        and path.name != "py.typed"
    }
    assert found == listed().keys() and len(found) > 20


def test_every_set_has_an_origin():
    page = ORIGINS.read_text()
    for name, (images, licence) in listed().items():
        assert f"| {images} | {licences.IMAGES[images]} |" in page, name
        assert licence.strip()


@pytest.mark.parametrize("name", weights.names())
def test_a_card_says_whose_its_weights_and_images_are(name):
    card = weights.card(name)
    assert card["licence"] == licences.of(card["data"]["set"])
    images, licence = listed()[f"weights/pretrained/{name}/weights.npz"]
    assert (images, licence) == (card["data"]["set"], card["licence"]["weights"])


def test_a_set_of_ones_own_asks_for_its_licence():
    assert "say here which it is" in licences.of("mine")["images"]
