"""The public names of purifax with their signatures, read off its source.

    python tests/support/api.py

writes tests/data/api.txt anew. Signatures are taken as they are written, so that they
are the same under every version of jax.
"""

import ast
import importlib
import inspect
import pathlib
import pkgutil

import purifax

__all__ = ["SNAPSHOT", "lines", "modules", "names"]

SNAPSHOT = pathlib.Path(__file__).parents[1] / "data" / "api.txt"


def modules():
    """The public modules: what `purifax` holds, and what packages among them hold."""
    yield purifax
    for found in pkgutil.iter_modules(purifax.__path__):
        if not found.name.startswith("_"):
            yield importlib.import_module(f"purifax.{found.name}")


def lines():
    """One line for each public name, sorted."""
    return sorted({line for module in modules() for line in _of(module)})


def names():
    """The public names themselves, without members of classes."""
    return sorted({f"{m.__name__}.{name}" for m in modules() for name in m.__all__})


def _of(module):
    for name in module.__all__:
        thing, where = getattr(module, name), f"{module.__name__}.{name}"
        if inspect.isfunction(thing):
            yield f"{where}{_signature(_node(thing))}"
        elif inspect.isclass(thing) and thing.__module__.startswith("purifax"):
            yield f"{where}: class"
            yield from (f"{where}.{line}" for line in _members(_node(thing)))
        elif inspect.ismodule(thing):
            yield f"{where}: module"
        else:
            yield f"{where}: value"


def _node(thing):
    """The syntax tree of a function or class."""
    return ast.parse(inspect.getsource(inspect.unwrap(thing))).body[0]


def _signature(node):
    back = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    return f"({ast.unparse(node.args)}){back}"


def _members(node):
    """Fields and methods of a class that have no underscore."""
    for part in node.body:
        if isinstance(part, ast.AnnAssign) and not ast.unparse(part.target)[0] == "_":
            default = f" = {ast.unparse(part.value)}" if part.value else ""
            annotation = ast.unparse(part.annotation)
            yield f"{ast.unparse(part.target)}: {annotation}{default}"
        elif isinstance(part, ast.FunctionDef) and part.name[0] != "_":
            yield f"{part.name}{_signature(part)}"


if __name__ == "__main__":
    SNAPSHOT.write_text("\n".join(lines()) + "\n")
    print(f"{SNAPSHOT} has {len(lines())} lines, of {len(names())} public names")
