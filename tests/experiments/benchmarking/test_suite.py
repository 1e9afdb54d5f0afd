"""The benchmark on the smallest networks: what it times, never how fast that is."""

import dataclasses
import json
import types

import commands
import numpy as np
import pytest

from experiments import benchmark as command
from experiments.benchmarking import (
    compile as suite_compile,
)
from experiments.benchmarking import (
    purifiers,
    scaling,
    start,
    suite,
)
from experiments.benchmarking.choices import CHOICES
from experiments.benchmarking.scaling import AXES
from experiments.benchmarking.subject import subject
from experiments.configs.benchmarks import cpu_benchmark, gpu_benchmark
from experiments.training.config import (
    ClassifierNet,
    EnergyNet,
    ScoreNet,
)
from purifax.purify import curvature

TINY = dataclasses.replace(
    cpu_benchmark(),
    net=ScoreNet(name="SmallScore", fold=2, widths=(8,), blocks=1),
    classifier=ClassifierNet(name="MLP", widths=(4,)),
    energy=EnergyNet(name="SmallEnergy", fold=4, widths=(4,), hidden=4),
    purifiers=("adaptive", "mala", "bit_depth"),
    side=8,
    sides=(8, 16),
    channels=1,
    images=2,
    steps=2,
    attacked=2,
    eot=(1, 2),
    lengths=(1, 2),
    chains=4,
    batch=8,
    purified=10,
    repeats=1,
    peak=16,
)


class Options(types.SimpleNamespace):
    """Flags of which none was given."""

    def __getitem__(self, name):
        return types.SimpleNamespace(present=0)


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    folder = tmp_path_factory.mktemp("benchmark")
    # Emptying the caches would make all tests after this one compile again.
    monkeypatch = pytest.MonkeyPatch()
    monkeypatch.setattr(suite_compile.jax, "clear_caches", lambda: None)
    quick = {"train": ("train --list_configs", "digits_dsm")}
    monkeypatch.setattr(start, "COMMANDS", quick)
    nothing = {"chains": 0, "gradient_memory": False, "trust": ()}
    command.main(TINY, Options(workdir=folder, **nothing))
    monkeypatch.undo()
    names = {path.name for path in folder.iterdir()}
    pictures = {"gradients.png", "chains.png", "scaling.png"}
    assert names == {"benchmark.json", "benchmark.md", *pictures}
    return json.loads((folder / "benchmark.json").read_text())


def rows(found, part):
    return {row["what"]: row for row in found["rows"] if row["part"] == part}


def test_every_part_is_timed(found):
    parts = {row["part"] for row in found["rows"]}
    assert parts == set(suite.PARTS) - {"torch", "bridge"}
    assert "twin" in found["without"]["torch"] or "torch" in found["without"]["torch"]
    assert all(row["seconds"] > 0 for row in found["rows"])
    assert len(rows(found, "network")) == 7
    assert set(rows(found, "chains")) == {"1 chain(s)", "4 chain(s)"}
    assert "No comparison with PyTorch" in suite.words(found)


def test_purifiers_stand_beside_as_many_calls_of_their_network(found):
    told = {what: row["numbers"] for what, row in rows(found, "purifiers").items()}
    calls = {what: numbers["network_calls"] for what, numbers in told.items()}
    assert calls == {"adaptive": 4, "mala": 3, "bit_depth": 0}
    assert "over_bare_calls" not in told["bit_depth"]
    assert told["adaptive"]["over_bare_calls"] > 0


def test_gradients_are_taken_at_each_length_and_number_of_draws(found):
    settings = {
        (row["numbers"]["way"], row["numbers"]["draws"], row["numbers"]["length"])
        for row in rows(found, "gradients").values()
    }
    pairs = {(1, 1), (2, 1), (1, 2)}
    ways = ("forward", "bpda", "exact", "stored")
    assert settings == {(way, *pair) for way in ways for pair in pairs}


def test_every_choice_stands_beside_what_it_was_chosen_over(found):
    told = rows(found, "choices")
    assert set(told) == {n + end for n in CHOICES for end in ("", ": not so")}
    for name in CHOICES:
        ratio = told[name]["seconds"] / told[f"{name}: not so"]["seconds"]
        assert told[name]["numbers"]["over_the_other"] == pytest.approx(ratio)


@pytest.mark.parametrize(
    "name", ["a batch kept full", "convolution in a loop", "draws together"]
)
def test_what_was_chosen_gives_what_the_other_gives(name):
    chosen, other, images = CHOICES[name](subject(TINY))
    mine, its = chosen(), other()
    assert mine.shape == its.shape == (images, 8, 8, 1) and np.any(mine != 0)
    np.testing.assert_allclose(mine, its, rtol=1e-3, atol=1e-5)


def test_the_work_of_a_network_is_the_compilers_count(found):
    """Twice the multiplications of the classifier's two layers, and little else."""
    count = rows(found, "network")["classifier, forward"]["numbers"]["flops_an_image"]
    products = 2 * (64 * 4 + 4 * 10)
    assert products <= count < 1.5 * products


def test_cost_is_timed_along_every_axis(found):
    told = [row["numbers"] for row in rows(found, "scaling").values()]
    along = {axis: [n["value"] for n in told if n["axis"] == axis] for axis in AXES}
    assert along.pop("devices")[:2] == [1, 2]
    assert along == {
        "images": [1, 2],
        "steps": [1, 2],
        "draws": [1, 2],
        "side": [8, 16],
    }
    assert set(found["fits"]) == set(AXES)
    assert "| seconds against | fixed | each |" in suite.words(found)


def test_a_line_and_a_power_are_found_in_the_times():
    def row(axis, value, seconds):
        numbers = {"axis": axis, "value": value}
        return {"part": "scaling", "numbers": numbers, "seconds": seconds}

    line = [row("images", n, 0.5 + 0.25 * n) for n in (1, 2, 4, 8)]
    curve = [row("side", n, 3e-4 * n**2) for n in (8, 16, 32)]
    fits = scaling.fits(line + curve)
    assert fits["images"]["fixed"] == pytest.approx(0.5)
    assert fits["images"]["each"] == pytest.approx(0.25)
    assert fits["images"]["largest_error"] < 1e-9
    assert fits["side"]["power"] == pytest.approx(2.0)
    assert fits["side"]["largest_error"] > 0.1


def test_workers_stand_beside_the_purifier_alone(found):
    told = rows(found, "workers")
    assert list(told) == ["the purifier alone", "1 worker", "2 workers"]
    assert {row["images"] for row in told.values()} == {TINY.purified}
    ratios = [row["numbers"]["over_the_purifier"] for row in told.values()]
    assert ratios[0] == 1 and ratios[1] > 0
    peaks = [row["numbers"]["peak_host_bytes"] for row in told.values()]
    assert sorted(peaks) == peaks and peaks[0] > 2**20


UNET = ScoreNet(name="UNet2D", widths=(8,), blocks=1, groups=2, attention=())


@pytest.mark.parametrize("net", [TINY.net, UNET])
def test_every_purifier_can_be_built_with_any_network(net):
    given = subject(dataclasses.replace(TINY, net=net))
    for name in purifiers.PURIFIERS:
        assert given.purifier(purifiers.recipe(name, steps=2))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"parts": ("networks",)}, "nothing to time named 'networks'.*network"),
        ({"purifiers": ("adp",)}, "nothing to time named 'adp'"),
        ({"images": 0}, "images must be 1 or more; got 0"),
        ({"eot": ()}, "eot must name numbers of 1 or more"),
    ],
)
def test_what_cannot_be_timed_is_refused(change, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        suite.measure(dataclasses.replace(TINY, **change), tmp_path, "")
    assert not list(tmp_path.iterdir())


def test_the_configs_can_be_run():
    for config in (cpu_benchmark(), gpu_benchmark()):
        suite.check(config)


@pytest.mark.parity
def test_pytorch_computes_the_same_beside_it(tmp_path):
    pytest.importorskip("torch", reason="torch is not installed")
    config = dataclasses.replace(
        TINY,
        net=ScoreNet(name="NCSNv2", width=4),
        classifier=ClassifierNet(name="ResNet", depth=8, width=4),
        channels=3,
        parts=("torch", "bridge"),
        compiled=False,
    )
    found = suite.measure(config, tmp_path, "")
    told = rows(found, "torch")
    assert told["network: purifax"]["numbers"]["largest_difference"] < 1e-4
    assert told["network: torch"]["numbers"]["over_ours"] > 0
    ends = {what.rpartition(": ")[2] for what in told}
    assert {"purifax", "torch"} <= ends
    assert np.isfinite([row["seconds"] for row in told.values()]).all()
    bridged = rows(found, "bridge")
    ways = {"forward", "input gradient"}
    forms = {"callback", "translated"}
    assert set(bridged) == {f"classifier, {w}: {f}" for w in ways for f in forms}
    for way in ways:
        callback, translated = (
            bridged[f"classifier, {way}: {f}"] for f in sorted(forms)
        )
        ratio = callback["seconds"] / translated["seconds"]
        assert callback["numbers"]["over_translated"] == pytest.approx(ratio)


@pytest.mark.parity
def test_adp_in_pytorch_is_ours_without_noise():
    """The same weights of a linear score, no noise: the same image."""
    torch = pytest.importorskip("torch", reason="torch is not installed")
    import jax
    from jax import numpy as jnp
    from jax.tree_util import Partial

    from experiments.benchmarking import torch_purify
    from purifax import purify

    x = np.random.default_rng(0).uniform(size=(2, 3, 4, 4)).astype(np.float32)
    key, limits = jax.random.key(0), {"rate": 0.3, "largest": 0.5, "stop": 0.01}
    found = torch_purify.adaptive(
        torch.from_numpy(x), lambda x: (0.4 - x) / 0.5, 4, sigma=0.0, **limits
    )
    ours = Partial(
        purify.adaptive,
        score=lambda x, sigma: (0.4 - x) / 0.5 / sigma,
        levels=jnp.full(4, 0.2),
        sigma=0.0,
        curvature=Partial(curvature.by_difference),
        **limits,
    )
    expected = [ours(key, jnp.asarray(image.transpose(1, 2, 0))) for image in x]
    np.testing.assert_allclose(
        found.numpy().transpose(0, 2, 3, 1), np.stack(expected), atol=1e-4
    )


def test_commands_are_started_cold_and_again(found):
    (row,) = rows(found, "start").values()
    assert row["what"] == "train" and row["numbers"]["cold_seconds"] > 0


def test_a_command_that_fails_is_told(monkeypatch):
    monkeypatch.setattr(start, "COMMANDS", {"cost": ("cost --pixels=1", "")})
    with pytest.raises(RuntimeError, match="--pixels must be 32 or more"):
        start.rows(None)
    quick = {"train": ("train --list_configs", "never said")}
    monkeypatch.setattr(start, "COMMANDS", quick)
    with pytest.raises(RuntimeError, match="failed"):
        start.rows(None)


@pytest.mark.parametrize("name", start.COMMANDS)
def test_the_commands_that_are_started_are_right(capsys, name):
    line, _ = start.COMMANDS[name]
    if "--config" not in line:
        pytest.skip("it has no config to print")
    code, out, err = commands.run(capsys, f"{line} --print_config")
    assert code == 0, err
    assert out.lstrip().startswith("{")
