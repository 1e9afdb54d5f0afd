"""What Python files declare, read from their syntax trees without importing them.

A list of configs or commands must not depend on whether every file in a folder can be
imported, and it should not take the time to import them.
"""

import ast
import pathlib
from dataclasses import dataclass

__all__ = ["Broken", "Function", "Module", "first_line", "read", "summary"]


class Broken(Exception):
    """A file that is not valid Python; the message names the file, line and error."""


@dataclass(frozen=True)
class Function:
    """A public function at the top of a module.

    Attributes:
        name: of the function.
        returns: the last part of the name of the type it declares to return, or "".
        doc: its docstring, or "".
        needs: how many arguments have no default.
    """

    name: str
    returns: str
    doc: str
    needs: int


@dataclass(frozen=True)
class Module:
    """What a file declares.

    Attributes:
        doc: its docstring, or "".
        texts: the module's constants that are plain strings.
        functions: its public functions, in their order.
    """

    doc: str
    texts: dict[str, str]
    functions: tuple[Function, ...]


def read(path: pathlib.Path) -> Module:
    """Read what a file declares.

    Raises:
        Broken: the file is not valid Python.
    """
    try:
        tree = ast.parse(path.read_bytes())
    except SyntaxError as error:
        raise Broken(
            f"{path}, line {error.lineno}: {type(error).__name__}: {error.msg}"
        ) from None
    except (ValueError, OSError, RecursionError) as error:
        raise Broken(f"{path}: {type(error).__name__}: {error}") from None
    made = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    return Module(
        doc=ast.get_docstring(tree) or "",
        texts=_texts(tree),
        functions=tuple(_function(n) for n in made if not n.name.startswith("_")),
    )


def _function(node: ast.FunctionDef) -> Function:
    given = node.args
    needed = len(given.posonlyargs) + len(given.args) - len(given.defaults)
    return Function(
        name=node.name,
        returns=_last(node.returns),
        doc=ast.get_docstring(node) or "",
        needs=needed + sum(default is None for default in given.kw_defaults),
    )


def _last(node: ast.expr | None) -> str:
    """The last part of an annotation's dotted name; "" for anything else."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value.rpartition(".")[2]
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def _texts(tree: ast.Module) -> dict[str, str]:
    found: dict[str, str] = {}
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
            for target in node.targets:
                if isinstance(target, ast.Name) and isinstance(node.value.value, str):
                    found[target.id] = node.value.value
    return found


def first_line(doc: str) -> str:
    """The first line of a docstring.

    >>> first_line("Train a network." + chr(10) + "And more.")
    'Train a network.'
    """
    return doc.strip().partition("\n")[0]


def summary(path: pathlib.Path) -> str:
    """The first line of a file's docstring, or what is broken about the file."""
    try:
        return first_line(read(path).doc)
    except Broken as error:
        return f"broken: {error}"
