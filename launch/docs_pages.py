"""Pages of the documentation site that are made of other files, as a hook of mkdocs.

`index.md` is the README, `speed.md` the measurements of performance, `recipes.md` the
tables of all recipes and `shipped.md` the cards of the weights that come with the
package. Each module of the package has a page of its docstrings. The Python of
`walkthrough.md` is run, and what it prints and draws is put into the page.
"""

import ast
import pathlib
import re
import sys
from collections.abc import Iterator
from typing import Any

import docs_links
import docs_recipes
import docs_run
from mkdocs.structure.files import File, Files

__all__ = ["on_files", "on_page_markdown"]

ROOT = pathlib.Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "purifax"
RUN = "walkthrough"
ALONE = """\
    options:
      heading_level: 3
      show_root_full_path: false
      show_root_toc_entry: true"""


def on_files(files: Files, config: Any) -> Files:
    """Add the pages that are made."""
    texts = {made: (ROOT / path).read_text() for path, made in docs_links.PAGES.items()}
    texts |= {"api.md": _index(), "recipes.md": _recipes()}
    texts |= {f"api/{name}.md": _module(name) for name in _modules()}
    texts["shipped.md"] = _cards(files, config)
    texts[f"{RUN}.md"] = _run(files, config)
    for path, text in texts.items():
        files.append(File.generated(config, path, content=text))
    return files


def on_page_markdown(markdown: str, page: Any, **more: Any) -> str:
    """Turn paths in the repository into links of the site."""
    return docs_links.relinked(markdown, page.file.src_uri)


def _recipes() -> str:
    """The page of recipes, with those of `experiments`, which no wheel holds."""
    sys.path.append(str(ROOT))
    from experiments.poisoning.config import SET_DEFENCE

    words = (
        "On the command line `--config.defences=NAME,NAME+NAME` chooses the defences "
        "of a grid. They are in `experiments.poisoning.defences`."
    )
    return docs_recipes.page({SET_DEFENCE: ("Defences of training sets", words)})


def _modules() -> list[str]:
    """The public modules at the top of the package, each of which has a page."""
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
    """The page of a module.

    A package that makes nothing public itself, such as `purifax.run`, is shown by its
    files. A function that is called as its file is added by its path: read as syntax,
    `purify.mimic` is the file and not the function of its name.
    """
    parts = [f"# purifax.{name}", f"::: purifax.{name}"]
    folder = PACKAGE / name
    if folder.is_dir() and not _exports(folder / "__init__.py"):
        parts += [f"::: {dotted}" for dotted in _inside(folder)]
    for path in sorted(folder.glob("*.py")):
        if path.stem in _imported(folder / "__init__.py"):
            parts.append(f"::: purifax.{name}.{path.stem}.{path.stem}\n{ALONE}")
    return "\n\n".join([*parts, ""])


def _exports(path: pathlib.Path) -> list[str]:
    """The names in the `__all__` of a file, read as syntax."""
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if any(isinstance(t, ast.Name) and t.id == "__all__" for t in targets):
                return list(ast.literal_eval(node.value))
    return []


def _imported(path: pathlib.Path) -> set[str]:
    """The names that a package takes from its files."""
    imports = [n for n in ast.walk(ast.parse(path.read_text())) if _takes(n)]
    return {alias.name for node in imports for alias in node.names}


def _takes(node: ast.AST) -> bool:
    """Whether it is `from purifax.package.file import ...`."""
    return isinstance(node, ast.ImportFrom) and (node.module or "").count(".") == 2


def _inside(folder: pathlib.Path) -> Iterator[str]:
    """The public modules inside a package that make names public, by dotted names."""
    for path in sorted(folder.rglob("*.py")):
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        if not any(part.startswith("_") for part in parts) and _exports(path):
            yield ".".join(parts)


def _run(files: Files, config: Any) -> str:
    """The page that is run, in place of the written one; its pictures are added."""
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
