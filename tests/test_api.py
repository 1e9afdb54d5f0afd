"""What is public stays as it is, until someone decides otherwise."""

import api
import pytest

WHAT_TO_DO = """
The public names or signatures of purifax differ from tests/data/api.txt. If that is
meant: run `python tests/support/api.py`, look at the difference, say in CHANGELOG.md
what changed, and keep the old name or argument as the deprecation policy there says.
"""


def test_public_names_and_signatures_are_those_of_the_snapshot():
    known, found = api.SNAPSHOT.read_text().splitlines(), api.lines()
    gone = [f"- {line}" for line in known if line not in found]
    new = [f"+ {line}" for line in found if line not in known]
    assert not gone + new, "\n".join([WHAT_TO_DO, *gone, *new])


@pytest.mark.parametrize(
    "line",
    [
        "purifax.purify_images(images: Any, weights: Any=None, *, key: Array, ",
        "purifax.threat.Linf: class",
        "purifax.threat.Linf.radius: Array | float",
        "purifax.threat.Linf.project(self, x_adv: Array, x: Array) -> Array",
        "purifax.data.augment: module",
        "purifax.types.Score: value",
    ],
)
def test_the_snapshot_has_functions_classes_fields_and_modules(line):
    assert any(known.startswith(line) for known in api.lines())
