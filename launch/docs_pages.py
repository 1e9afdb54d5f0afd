"""Pages of the documentation site that are made of files elsewhere, for mkdocs.

`index.md` is the README, `shipped.md` the cards of the weights that come with the
package, and each module of the package has a page of its docstrings. The Python of
`walkthrough.md` is run, and what it prints and draws is put into it.
"""

import ast
import pathlib
import re
from typing import Any

import docs_run
from mkdocs.structure.files import File, Files

__all__ = ["on_files"]

ROOT = pathlib.Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "purifax"
RUN = "walkthrough"
ALONE = """\
    options:
      heading_level: 3
      show_root_full_path: false
      show_root_toc_entry: true"""


def on_files(files: Files, config: Any) -> Files:
    """Adds the pages that are made."""
    texts = {"index.md": (ROOT / "README.md").read_text(), "api.md": _index()}
    texts |= {f"api/{name}.md": _module(name) for name in _modules()}
    texts["shipped.md"] = _cards(files, config)
    texts[f"{RUN}.md"] = _run(files, config)
    for path, text in texts.items():
        files.append(File.generated(config, path, content=text))
    return files


def _modules() -> list[str]:
    """The public modules, whose docstrings are pages."""
    found = [p.stem if p.suffix else p.name for p in PACKAGE.iterdir() if _public(p)]
    return sorted(found)


def _public(path: pathlib.Path) -> bool:
    if path.name.startswith("_"):
        return False
    return path.suffix == ".py" or (path / "__init__.py").is_file()


def _index() -> str:
    """The list of modules, each with the first line of its docstring."""
    rows = [f"- [purifax.{name}](api/{name}.md): {_first(name)}" for name in _modules()]
    return "\n".join(["# API", "", *rows, ""])


def _first(name: str) -> str:
    path = PACKAGE / name / "__init__.py"
    source = (path if path.is_file() else PACKAGE / f"{name}.py").read_text()
    found = re.match(r'"""(.*?)(?:\n\n|""")', source, re.S)
    return " ".join(found[1].split()) if found else ""


def _module(name: str) -> str:
    """The page of a module; functions called as their file are added by their path.

    Read as syntax, `purify.adaptive` is the file and not the function of its name.
    """
    parts = [f"# purifax.{name}", f"::: purifax.{name}"]
    for path in sorted((PACKAGE / name).glob("*.py")):
        if path.stem in _imported(PACKAGE / name / "__init__.py"):
            parts.append(f"::: purifax.{name}.{path.stem}.{path.stem}\n{ALONE}")
    return "\n\n".join([*parts, ""])


def _imported(path: pathlib.Path) -> set[str]:
    """Names that a package takes from its files."""
    imports = [n for n in ast.walk(ast.parse(path.read_text())) if _takes(n)]
    return {alias.name for node in imports for alias in node.names}


def _takes(node: ast.AST) -> bool:
    """Whether it is `from purifax.package.file import ...`."""
    return isinstance(node, ast.ImportFrom) and (node.module or "").count(".") == 2


def _run(files: Files, config: Any) -> str:
    """The page that is run, in place of the one that is written; adds its pictures."""
    written = files.src_uris[f"{RUN}.md"]
    files.remove(written)
    text, pictures = docs_run.run(RUN, written.content_string)
    for path, png in pictures.items():
        files.append(File.generated(config, path, content=png))
    return text


def _cards(files: Files, config: Any) -> str:
    """All cards on one page, each with its picture."""
    parts = ["# Weights that come with purifax", ""]
    for path in sorted(PACKAGE.glob("weights/pretrained/*/card.md")):
        name = path.parent.name
        picture = File.generated(
            config,
            f"pictures/{name}.png",
            abs_src_path=str(path.parent / "picture.png"),
        )
        files.append(picture)
        text = path.read_text().replace("(picture.png)", f"(pictures/{name}.png)")
        parts.append(text.replace("# ", "## ", 1))
    return "\n".join(parts)
