"""How fast the purifiers of a plan are on the devices at hand, beside a matrix product.

Each is run for as few steps as it can, with its network at the size asked for and
random weights; what counts is the time of one call of its network, all else that the
purifier does included.
"""

import dataclasses
import pathlib
from typing import Any

import jax
from jax import Array
from jax import numpy as jnp

from experiments.benchmarking import cost_model, subject
from experiments.benchmarking import network as suite_network
from experiments.benchmarking.cost_model import Chip, Method
from purifax import nets
from purifax.evaluation import predictions
from purifax.run import devices, json_text
from purifax.run.errors import UsageError
from purifax.run.progress import Progress
from purifax.run.workdir import versions, write_json
from purifax.types import Purifier

__all__ = ["known", "measure", "read", "table"]


def measure(
    folder: pathlib.Path, side: int, dtype: str, images: int, repeats: int, command: str
) -> dict[str, Any]:
    """Times every method; writes ``throughput_<side>.json`` and gives what is in it.

    "product": operations a second of a large matrix product on all devices, and in
    "rows" of each purifier "share", that of the operations it does over this rate.
    Those are fewer than are counted of it where convolutions take fewer products.
    """
    x = jax.random.uniform(jax.random.key(0), (images, side, side, 3))
    over = devices.grid(images, worth=devices.worth(x.shape[1:]))
    peak = suite_network.product(2048, dtype, over.size, repeats)
    product = peak.numbers["flops_a_second"]
    shown = Progress("cost", 0, len(cost_model.METHODS), unit="purifier")
    rows = []
    for done, name in enumerate(cost_model.METHODS, 1):
        rows.append(_row(name, x, dtype, repeats, product))
        shown.update(done)
    shown.close()
    found = {
        "pixels": side,
        "dtype": dtype,
        "images": images,
        "devices": over.size,
        "device": jax.devices()[0].device_kind,
        "product": product,
        "rows": rows,
        "command": command,
        "versions": versions(),
    }
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / f"throughput_{side}.json", found)
    return found


def read(path: pathlib.Path, side: int) -> dict[str, Any]:
    """What `measure` wrote.

    Raises:
        UsageError: the file holds no such measurement, or one of another size.
    """
    try:
        found = json_text.read(path, dict)
        names = [row["purifier"] for row in found["rows"] if float(row["share"]) > 0]
        of, _ = found["pixels"], table(found)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(
            f"{path} is no measurement of `experiments.cost --measure`: {error}"
        ) from None
    if of != side:
        raise UsageError(f"{path} was measured at {of} pixels; --pixels is {side}.")
    if set(names) != set(cost_model.METHODS):
        raise UsageError(f"{path} is of other purifiers than the plan; measure anew.")
    return found


def known(chip: Chip, found: dict[str, Any]) -> Chip:
    """The chip with the product's rate measured, if it was measured on this chip."""
    if found["device"] != chip.kind:
        return chip
    return dataclasses.replace(chip, product=found["product"] / found["devices"])


def table(found: dict[str, Any]) -> str:
    """What was measured, in Markdown."""
    head = ["purifier", "seconds a call", "TFLOP/s", "of the product", "images/s"]
    lines = [head, ["---", *["---:"] * (len(head) - 1)]]
    for row in found["rows"]:
        each = row["seconds"] / row["calls"] / found["images"]
        rate = row["flops_a_call"] / each
        whole = each * cost_model.METHODS[row["purifier"]].calls
        numbers = [f"{each:.3g}", f"{rate / 1e12:.3g}", f"{row['share']:.0%}"]
        lines.append([row["purifier"], *numbers, f"{1 / whole:.3g}"])
    rows = [f"| {' | '.join(line)} |" for line in lines]
    told = (
        f"Measured on {found['devices']} x {found['device']}, {found['dtype']}, images "
        f"of {found['pixels']} pixels, {found['images']} at once; a matrix product "
        f"reaches {found['product'] / 1e12:.3g} TFLOP/s:"
    )
    return "\n".join([told, "", *rows])


def _row(
    name: str, x: Array, dtype: str, repeats: int, product: float
) -> dict[str, Any]:
    """A purifier on the images, for a hundredth of its steps."""
    method, side = cost_model.METHODS[name], x.shape[1]
    few = max(1, method.purifier.steps // 100)
    short = dataclasses.replace(
        method, purifier=dataclasses.replace(method.purifier, steps=few)
    )
    over = devices.grid(len(x), worth=devices.worth(x.shape[1:]))
    purifier, index = _purifier(short, side, dtype), jnp.arange(len(x))
    run, bytes_ = predictions.compiled(purifier, over, jax.random.key(1), index, x)
    timed = subject.row("cost", name, run, len(x), repeats)
    taken = cost_model.work(method, side, cost_model.here())
    return {
        "purifier": name,
        "calls": short.calls,
        "seconds": timed.seconds,
        "spread": timed.spread,
        "temporary_bytes_a_device": bytes_,
        "flops_a_call": cost_model.work(method, side),
        "flops_taken": taken,
        "share": taken * short.calls * timed.rate / product,
    }


def _purifier(method: Method, side: int, dtype: str) -> Purifier:
    """The method's network with random weights in a purifier."""
    module = method.module(side).clone(dtype=jnp.dtype(dtype))
    more = (0.5,) if method.told else ()
    values = nets.init(jax.random.key(2), module, jnp.zeros((side, side, 3)), *more)
    network = nets.Network(module, values)
    prior = subject.prior(type(module).__name__, network)
    if method.slope:
        prior = dataclasses.replace(prior, energy=network, temperature=1.0)
    return method.purifier.build(prior)
