"""No name of a package hides one of its modules: `sample.langevin` is one thing."""

import ast
import pathlib

import pytest

import purifax

ROOT = pathlib.Path(purifax.__file__).parent
INITS = sorted(ROOT.rglob("__init__.py"))


def dotted(init):
    return ".".join(init.relative_to(ROOT.parent).parent.parts)


def bound(tree, package):
    """Names that a package binds to anything but its own modules."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module != package:
            yield from (alias.asname or alias.name for alias in node.names)
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Assign):
            yield from (t.id for t in node.targets if isinstance(t, ast.Name))


def hidden(init, package):
    """The modules in the folder of a package that a name of the package hides."""
    parts = [path for path in init.parent.iterdir() if path.suffix == ".py"]
    parts += [path.parent for path in init.parent.glob("*/__init__.py")]
    modules = {path.stem for path in parts}
    return sorted(modules.intersection(bound(ast.parse(init.read_text()), package)))


@pytest.mark.parametrize("init", INITS, ids=dotted)
def test_no_name_of_a_package_hides_a_module_of_it(init):
    assert hidden(init, dotted(init)) == []


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("from purifax.sample.walk import walk", ["walk"]),
        ("from purifax.sample.other import other as walk", ["walk"]),
        ("from purifax.elsewhere import walk", ["walk"]),
        ("def walk():\n    pass", ["walk"]),
        ("walk = 3", ["walk"]),
        ("from purifax.other.inner import inner", ["inner"]),
        ("from purifax.sample.walk import step", []),
        ("from purifax.sample import walk", []),
    ],
)
def test_a_planted_name_is_found(tmp_path, line, found):
    (tmp_path / "walk.py").write_text("")
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "__init__.py").write_text("")
    init = tmp_path / "__init__.py"
    init.write_text(line)
    assert hidden(init, "purifax.sample") == found
