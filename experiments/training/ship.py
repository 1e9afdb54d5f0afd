"""From a work directory to shipped weights: the small file, its picture, its card."""

import hashlib
import json
import os
import pathlib
import shutil
import tempfile
from typing import Any

import jax
import numpy as np

from experiments import configs
from experiments.training import licences
from experiments.training.ship_check import IMAGES, compare, picture
from purifax import data, weights
from purifax.evaluation.attacks import needs
from purifax.evaluation.settings import Evaluation
from purifax.run import config as configlib
from purifax.run.workdir import fingerprint, read_json, write_json
from purifax.weights import priors, shipped

__all__ = ["IMAGES", "advised", "command", "ship", "text"]

KEPT = ("steps", "seconds", "parameters", "validation", "test", "config", "versions")
"""Entries of a training's summary that the card takes over as they are."""


def ship(
    name: str,
    trained: pathlib.Path,
    data_dir: str | None,
    *,
    advice: str | None = None,
    root: pathlib.Path | None = None,
    replace: bool = False,
) -> dict[str, Any]:
    """Makes the folder `root/name` of a finished training; gives its card.

    Args:
        advice: the evaluation whose purifier `purifax.purify_images` shall take.
        root: the package's own folder by default.

    Raises:
        FileNotFoundError: no training has finished in `trained`.
        FileExistsError: there are weights of this name, and `replace` is False.
    """
    folder = (root or shipped.ROOT) / name
    if folder.exists() and not replace:
        raise FileExistsError(f"{folder} exists; --replace takes its place.")
    if not (trained / "summary.json").is_file():
        raise FileNotFoundError(f"{trained} has no summary.json: no training finished.")
    needed = ("config", "parameters", "seconds", "steps", "versions", "weights_sha256")
    summary = read_json(trained / "summary.json", *needed)
    summary["splits"] = read_json(trained / "splits.json", "parts", "set", "source")
    images = data.load(summary["splits"]["set"], "test", data_dir)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as place:
        made = pathlib.Path(place, name)
        made.mkdir()
        card = _fill(made, name, trained, summary, advice)
        card["stored"] |= compare(trained, made, images)
        card["picture"] = picture(made / "picture.png", trained, images)
        write_json(made / "card.json", card)
        (made / "card.md").write_text(text(card))
        shutil.rmtree(folder, ignore_errors=True)
        os.replace(made, folder)
    return card


def _fill(
    made: pathlib.Path,
    name: str,
    trained: pathlib.Path,
    summary: dict[str, Any],
    advice: str | None,
) -> dict[str, Any]:
    """Writes the weights and a first card, with which they can be loaded."""
    variables = jax.tree.map(np.asarray, weights.load(trained).variables)
    if fingerprint(variables) != summary["weights_sha256"]:
        raise ValueError(
            f"the last checkpoint of {trained} is not what its summary.json is about; "
            "let the training finish."
        )
    content = shipped.pack(variables)
    (made / shipped.FILE).write_bytes(content)
    shutil.copy(trained / "network.json", made)
    splits = summary["splits"]
    card = {
        "name": name,
        "role": weights.role(trained),
        "image": list(weights.image_shape(trained)),
        "data": splits | {"source": _files(splits["source"])},
        "licence": licences.of(splits["set"]),
        "command": command(name, summary["config"]),
        **{key: summary[key] for key in KEPT if key in summary},
        "trained_sha256": summary["weights_sha256"],
        "sha256": hashlib.sha256(content).hexdigest(),
        "stored": {"parameters": "float16", "bytes": len(content)},
        "purify": advised(advice, trained) if advice else None,
    }
    write_json(made / "card.json", card)
    return card


def _files(source: str) -> str:
    """The names of the files that images came from, without their folders."""
    return " + ".join(pathlib.PurePath(file).name for file in source.split(" + "))


def command(name: str, config: dict[str, Any]) -> str:
    """The command that trains this: a named config and what differs from it.

    Fields that a config has got since are at their defaults and not named.

    Raises:
        ValueError: there is no such config, or the difference cannot be typed.
    """
    plain = json.loads(json.dumps(configlib.encode(configs.find(name))))
    known = _leaves(plain)
    words = [f"python -m experiments.train --config={name}"]
    for field, value in _leaves(config).items():
        if field not in known:
            raise ValueError(f"the config {name} has no field {field} any more.")
        if value != known[field]:
            typed = ",".join(map(str, value)) if isinstance(value, list) else value
            words.append(f"--config.{field}={typed}")
    return " ".join(words)


def _leaves(tree: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in tree.items():
        if isinstance(value, dict):
            found |= _leaves(value, f"{prefix}{name}.")
        else:
            found[prefix + name] = value
    return found


def advised(name: str, place: str | pathlib.Path) -> dict[str, Any]:
    """The name of an evaluation and the recipe of its purifier, in plain values.

    Raises:
        ValueError: there is no such purifier, or it needs more than these weights.
    """
    config = configs.find(name)
    if not isinstance(config, Evaluation):
        raise ValueError(f"--purify={name} is no evaluation.")
    recipe = config.purifier
    if "score" not in needs(recipe) or hasattr(recipe, "place"):
        raise ValueError(
            f"cards advise recipes that purify by their weights; {name} has "
            f"{'no purifier' if recipe is None else configlib.plain(recipe)['recipe']}."
        )
    if getattr(recipe, "uncalibrated", False):
        raise ValueError(
            f"{name} has {type(recipe).__name__}, which is calibrated on images that a "
            "card does not have; give its limit."
        )
    recipe.build(priors.load(place))  # refuses weights that do not fit
    return {"config": name, "purifier": configlib.plain(recipe)}


def text(card: dict[str, Any]) -> str:
    """The card to read, in Markdown.

    Args:
        card: what `ship` gives and `purifax.weights.card` reads.
    """
    where, stored, took = card["data"], card["stored"], card["seconds"]
    parts = where["parts"]
    counts = ", ".join(f"{part['count']:,} {name}" for name, part in parts.items())
    rows = {
        "what": f"{card['role']} of {' x '.join(map(str, card['image']))} images, "
        f"{card['parameters']:,} parameters",
        "data": f"{where['set']} ({where['source']}): {counts} images",
        "licence": f"weights {card['licence']['weights']}; images: "
        + card["licence"]["images"],
        "command": f"`{card['command']}`",
        "training": f"{card['steps']:,} steps in {took:,.0f} s on "
        f"{card['versions']['devices']}, jax {card['versions']['jax']}",
        **{f"on {part} images": _numbers(card, part) for part in _measured(card)},
        "stored": f"{stored['bytes']:,} bytes, parameters as {stored['parameters']}; "
        + stored["words"],
        "purifier": _advice(card["purify"]),
        "sha256": f"`{card['sha256']}`",
    }
    lines = [f"| {name} | {words} |" for name, words in rows.items() if words]
    head = [f"# {card['name']}", "", "|  |  |", "|---|---|", *lines, ""]
    shown = card["picture"]
    return "\n".join([*head, f"![{shown}](picture.png)", "", f"Picture: {shown}.", ""])


def _measured(card: dict[str, Any]) -> list[str]:
    return [part for part in ("validation", "test") if part in card]


def _numbers(card: dict[str, Any], part: str) -> str:
    """What was measured on a part of the images; a score's loss is a denoising loss."""
    names = {"loss": "denoising loss"} if card["role"] == "score" else {}
    measured = card[part].items()
    return ", ".join(f"{names.get(name, name)} {value:.4g}" for name, value in measured)


def _advice(advice: dict[str, Any] | None) -> str:
    """The purifier of the card in a line: its name and the numbers that apply."""
    if advice is None:
        return ""
    numbers = dict(advice["purifier"])
    name = numbers.pop("recipe")
    shown = [f"{n} {v}" for n, v in numbers.items() if v not in (None, "", [], ())]
    return f"{name} as in `{advice['config']}`: {', '.join(shown)}"
