"""Files of weights and networks that are hostile or damaged, or hold no numbers."""

import json
import shutil

import jax.numpy as jnp
import numpy as np
import pytest
from bad_input import Fault
from weights import hostile_files

from purifax import nets, weights
from purifax.weights import containers, conversion, shipped


def content(make):
    """Reads a file of these bytes."""

    def act(folder):
        (folder / "file").write_bytes(make() if callable(make) else make)
        return containers.read(folder / "file")

    return act


def network(**changes):
    """Loads shipped weights whose network.json was changed; None leaves a field out."""

    def act(folder):
        copy = folder / "copy"
        shutil.copytree(weights.resolve("digits_classifier"), copy)
        path = copy / "network.json"
        words = json.loads(path.read_text()) | {"checksum": None} | changes
        words = {name: value for name, value in words.items() if value is not None}
        path.write_text(json.dumps(words))
        return weights.load(copy)

    return act


def stored(name, text):
    """Loads shipped weights of which one file holds something else."""

    def act(folder):
        shutil.copytree(weights.resolve("digits_classifier"), folder / "copy")
        (folder / "copy" / name).write_bytes(text)
        return weights.load(folder / "copy")

    return act


def fields(**changes):
    made = json.loads(
        (weights.resolve("digits_classifier") / "network.json").read_text()
    )
    return network(fields=made["fields"] | changes)


def classifier(**changes):
    """An MLP from arrays some of which were changed, by the shared check."""
    arrays = {
        "params/Dense_0/kernel": np.ones((4, 2), np.float32),
        "params/Dense_0/bias": np.zeros(2, np.float32),
    }
    arrays |= {f"params/Dense_0/{name}": array for name, array in changes.items()}
    module = nets.MLP(num_classes=2, widths=())
    return lambda folder: weights.states.fitted("an MLP", arrays, module, (2, 2, 1))


def saved(value):
    """Stores and loads a network with a value among its parameters."""

    def act(folder):
        module = nets.MLP(num_classes=2, widths=())
        dense = {"kernel": jnp.full((4, 2), value), "bias": jnp.zeros(2)}
        net = nets.Network(module, {"params": {"Dense_0": dense}})
        weights.save(folder / "net", net, (2, 2, 1), "classifier")
        return weights.load(folder / "net")

    return act


def reversed_score(folder):
    """A network of the score that is taken for one of the noise."""
    levels = {"name": "VE", "smallest": 0.05, "largest": 1.0}
    noise = weights.Prediction("noise", levels, centre=0.0, width=1.0)
    made = conversion.Converted(weights.load("digits_dsm"), (8, 8, 1), predicts=noise)
    return conversion.write(made, str(folder / "out"))


DEEP = 5000 * b'{"a":'
HUGE = b'{"module": 1' + 5000 * b"0" + b"}"
NAN, INF = float("nan"), float("inf")

ROWS = [
    *(
        Fault("memory", name, content(make), "file")
        for name, make in hostile_files.BOMBS.items()
    ),
    *(
        Fault("archives", name, content(raw), words)
        for name, (raw, words) in hostile_files.CONTRADICTIONS.items()
    ),
    # Our own network.json and card.json.
    Fault(
        "network.json", "cut", stored("network.json", b'{"mod'), "network.json is no"
    ),
    Fault("network.json", "empty", stored("network.json", b""), "network.json is not"),
    Fault("network.json", "a list", stored("network.json", b"[]"), "must hold a dict"),
    Fault("network.json", "bytes", stored("network.json", b"\xff\x00"), "is not valid"),
    Fault("network.json", "deep", stored("network.json", DEEP), "network.json is not"),
    Fault("network.json", "huge", stored("network.json", HUGE), "network.json is not"),
    Fault("network.json", "NaN", stored("network.json", b'{"w": NaN}'), "NaN is no"),
    Fault(
        "network.json",
        "a name twice",
        stored("network.json", b'{"role": "score", "role": "energy"}'),
        "the name 'role' stands there twice",
    ),
    Fault(
        "network.json", "no module", network(module=None), "`module` must be the nam"
    ),
    Fault("network.json", "module 3", network(module=3), "`module` must be the name"),
    Fault("network.json", "no role", network(role=None), "`role` must be score, class"),
    Fault("network.json", "unknown role", network(role="scorer"), "got 'scorer'"),
    Fault("network.json", "a listed role", network(role=["score"]), "`role` must be"),
    Fault("network.json", "no image", network(image=None), "`image` must be the sizes"),
    Fault("network.json", "image in words", network(image="8x8"), "`image` must be"),
    Fault("network.json", "negative image", network(image=[-8, 8, 1]), "`image` must"),
    Fault("network.json", "vast image", network(image=[10**9] * 3), "`image` must be"),
    Fault("network.json", "half an image", network(image=[8.5, 8, 1]), "`image` must"),
    Fault("network.json", "no fields", network(fields=None), "has no 'fields'"),
    Fault("network.json", "listed fields", network(fields=[1]), "`fields` must be a d"),
    Fault(
        "network.json", "unknown kind", network(kind="pickle"), "of the kind 'pickle'"
    ),
    Fault("network.json", "no arguments", network(kind="built"), "has no 'arguments'"),
    Fault(
        "network.json",
        "an energy of no temperature",
        network(role="energy"),
        "has no 'temperature'",
    ),
    Fault(
        "network.json",
        "temperature 0",
        network(role="energy", temperature=0),
        "`temperature` must be a positive number",
    ),
    Fault("network.json", "width in words", network(width="2"), "`width` must be a po"),
    Fault("network.json", "process list", network(process=[]), "`process` must be a d"),
    Fault("network.json", "nameless", network(process={"length": 9}), "`process` must"),
    Fault("network.json", "name 3", network(process={"name": 3}), "`process` must be"),
    Fault(
        "network.json",
        "a vast process",
        network(process={"name": "linear", "length": 10**12}),
        "`process` must be a dictionary of a `name`",
    ),
    Fault(
        "network.json",
        "a process in words",
        network(process={"name": "VE", "smallest": "0.01"}),
        "`process` must be",
    ),
    Fault(
        "network.json",
        "a setting of another version",
        network(rescale=True),
        "field 'rescale', which is not known here",
    ),
    Fault("network.json", "unknown field", fields(depth=3), "cannot be rebuilt"),
    Fault("network.json", "other widths", fields(widths=[7]), "do not fit SmallCNN as"),
    Fault("card.json", "cut", stored("card.json", b"{"), "card.json is not valid JSON"),
    Fault("card.json", "a list", stored("card.json", b"[]"), "must hold a dictionary"),
    Fault("card.json", "no hash", stored("card.json", b'{"steps": 1}'), "and `sha256`"),
    Fault(
        "weights.npz", "cut", stored("weights.npz", b"PK"), "not those of their card"
    ),
    Fault("weights.npz", "text", lambda f: shipped.unpack(b"text"), "cannot be read"),
    # Values.
    Fault(
        "finite", "NaN", classifier(bias=np.array([0, NAN], "f4")), "finite: params/D"
    ),
    Fault(
        "finite", "infinity", classifier(bias=np.array([0, INF], "f4")), "not all fin"
    ),
    Fault(
        "finite", "too large", classifier(bias=np.array([0, 1e300])), "not all finite"
    ),
    Fault("finite", "integers", classifier(bias=np.zeros(2, "i1")), "bias of int8"),
    Fault("finite", "complex", classifier(bias=np.zeros(2, "c8")), "bias of complex64"),
    Fault(
        "finite", "a NaN of ours", saved(NAN), "MLP are not all finite: params/Dense"
    ),
    Fault("finite", "an infinity of ours", saved(-INF), "MLP are not all finite"),
    Fault("sign", "a noise network of minus one", reversed_score, "sign is reversed"),
]


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_bad_input_is_one_clear_line(row, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    row.refused(tmp_path, capsys)
