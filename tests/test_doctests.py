"""The examples in the docstrings of the package and of experiments do what they say."""

import doctest
import importlib
import io
import pathlib

import jax
import pytest

import experiments
import purifax

pytestmark = pytest.mark.usefixtures("unoptimised")

PACKAGE, COMMANDS = (
    pathlib.Path(place.__file__).parent for place in (purifax, experiments)
)


def dotted(path, root):
    parts = path.relative_to(root.parent).with_suffix("").parts
    return ".".join(parts).removesuffix(".__init__")


def modules():
    for path in sorted(PACKAGE.rglob("*.py")):
        yield dotted(path, PACKAGE)
    for path in sorted(COMMANDS.rglob("*.py")):
        if ">>> " in path.read_text():
            yield dotted(path, COMMANDS)


def examples(module):
    """The examples of one module: how many failed, how many ran, what was said."""
    runner, said = doctest.DocTestRunner(verbose=False), io.StringIO()
    with jax.numpy_rank_promotion("allow"):  # as in a reader's own session
        for test in doctest.DocTestFinder().find(module):
            runner.run(test, out=said.write)
    return runner.failures, runner.tries, said.getvalue()


@pytest.mark.parametrize("name", list(modules()))
def test_examples_do_what_they_say(name):
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as missing:
        if missing.name and missing.name.startswith("purifax"):
            raise
        pytest.skip(f"needs {missing.name}")
    failures, _, said = examples(module)
    assert failures == 0, said


def test_a_wrong_example_is_found():
    """The examples are really run: there are many, and a planted one fails."""
    known = importlib.import_module("purifax.purify.guided_diffusion")
    failures, tries, _ = examples(known)
    assert tries > 8 and failures == 0
    planted = type(doctest)("planted")
    planted.__doc__ = ">>> 1 + 1\n3\n"
    failures, _, said = examples(planted)
    assert failures == 1 and "Expected" in said
