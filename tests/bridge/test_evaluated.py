"""A torch CNN through purifiers and attacks to a report, by Python and by command."""

import json

import jax
import numpy as np
import pytest
from commands import run
from jax import numpy as jnp

import purifax
from purifax import attack, bridge, data, purify, weights
from purifax.evaluation import networks
from purifax.recipe.kinds import PURIFIER
from purifax.run.config import make
from purifax.threat import Linf

torch = pytest.importorskip("torch", reason="torch is not installed")
pytestmark = pytest.mark.usefixtures("unoptimised")
SLOW = pytest.mark.slow


def by_hand(module):
    """The same network written in JAX."""
    kernel, bias, out, shift = (
        jnp.asarray(p.detach().numpy()) for p in module.parameters()
    )

    def network(x):
        h = jax.lax.conv_general_dilated(
            x[None],
            kernel,
            (2, 2),
            ((1, 1), (1, 1)),
            dimension_numbers=("NHWC", "OIHW", "NHWC"),
        )[0]
        h = jax.nn.gelu(h + bias[None, None], approximate=False)
        return out @ jnp.moveaxis(h, -1, 0).reshape(-1) + shift

    return network


ATTACKS = {
    "bpda": attack.PGD(gradient="bpda", steps=2, eot=2),
    "exact": attack.PGD(gradient="exact", steps=2, eot=2),
}
RECIPES = {
    "adp": (purify.ADP(steps=2, sigma=0.1), "digits_dsm"),
    "diffpure": (purify.DiffPure(steps=2, sigma=0.1), "digits_ddpm"),
}


def evaluated(classifier, name, folder, **more):
    """A report in a folder, and the adversarial images by attack."""
    test = data.load("digits", "test")
    recipe, score = RECIPES[name]
    given = {"purifier": recipe, "score": score, "samples": 1, "keys": 1, "probed": 0}
    report = purifax.evaluate(
        classifier,
        test.images[:4],
        test.labels[:4],
        attacks=ATTACKS,
        threat=Linf(0.1),
        workdir=folder,
        **given | more,
    )
    parts = {n: sorted((folder / "parts").glob(f"{n}-0.1*.npz")) for n in ATTACKS}
    images = {n: np.concatenate([np.load(f)["x_adv"] for f in parts[n]]) for n in parts}
    return report, images


@SLOW
@pytest.mark.parametrize("name", RECIPES)
def test_a_report_is_that_of_the_network_written_in_jax(name, theirs, tmp_path):
    module = theirs.build()
    there, found = evaluated(module, name, tmp_path / "torch")
    here, wanted = evaluated(by_hand(module), name, tmp_path / "jax")
    for job in ATTACKS:
        assert there.accuracy(job).value == here.accuracy(job).value
        gap = np.abs(found[job] - wanted[job])
        # A slope of nearly zero may change its sign, and with it one pixel of a step.
        assert (gap > 1e-5).mean() < 0.01, gap.max()


def test_the_defended_gradient_is_that_of_the_network_written_in_jax(theirs):
    module, x = theirs.build(), jnp.asarray(data.load("digits", "test").images[0]) / 255
    recipe, score = RECIPES["adp"]
    purifier = recipe.build(purify.Prior(score=weights.score(score)))

    def both(classifier):
        def loss(x):
            logits = classifier(purifier(jax.random.key(0), x))
            return jax.nn.logsumexp(logits) - logits[3], logits

        return jax.jit(jax.grad(loss, has_aux=True))(x)

    found, wanted = both(bridge.from_torch(module)), both(by_hand(module))
    for a, b in zip(found, wanted, strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-5 * np.abs(b).max())


def test_modules_are_purifiers_scores_and_energies(theirs):
    class Pull(torch.nn.Module):
        def forward(self, x, sigma):
            return 0.5 - x

    class Well(torch.nn.Module):
        def forward(self, x):
            return x.square().flatten(1).sum(1)

    x = np.full((2, 8, 8, 1), 0.4, np.float32)
    key = jax.random.key(0)
    moved = purifax.purify_images(x, Pull().eval(), purifier=RECIPES["adp"][0], key=key)
    assert np.isfinite(moved).all() and np.abs(moved - x).max() > 0.05
    moved = purifax.purify_images(x, purifier=theirs.blur(), key=key)
    np.testing.assert_allclose(moved[:, 1:-1, 1:-1], 0.4, rtol=1e-6)
    assert moved[0, 0, 0, 0] < 0.3  # zeros around the image
    recipe = purify.Langevin(steps=2)
    moved = purifax.purify_images(x, energy=Well().eval(), purifier=recipe, key=key)
    assert np.isfinite(moved).all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.uint8])
def test_tensors_come_back_as_tensors(theirs, dtype):
    draw = torch.Generator().manual_seed(0)
    x = (255 * torch.rand(2, 8, 8, 1, generator=draw)).round()
    x = x.to(dtype) if dtype == torch.uint8 else x / 255
    key = jax.random.key(0)
    given = {"purifier": theirs.blur(), "key": key}
    found = purifax.purify_images(x, **given)
    assert found.dtype == dtype and found.shape == x.shape and found.device == x.device
    np.testing.assert_array_equal(found, purifax.purify_images(x.numpy(), **given))


@SLOW
def test_another_module_is_not_resumed_in_the_same_folder(theirs, tmp_path):
    module = theirs.build()
    evaluated(module, "adp", tmp_path, purifier=None, score=None)
    with torch.no_grad():
        module.out.bias.add_(1.0)
    with pytest.raises(ValueError, match="other classifier"):
        evaluated(module, "adp", tmp_path, purifier=None, score=None)


COMMAND = (
    "evaluate --config=digits_adp --config.images.count=4 --config.samples=1 "
    "--config.keys=1 --config.sweep= --config.probed=0 --config.purifier.steps=1 "
    "--protocol=blind_pgd --config.chunk=4"
)


@pytest.mark.parametrize("name", [pytest.param("build", marks=SLOW), "Net"])
def test_a_command_takes_what_builds_a_module(name, theirs, tmp_path, capsys):
    folder, line = tmp_path / "run", f"{COMMAND} --config.classifier=theirs:{name}"
    code, _, said = run(capsys, f"{line} --workdir={folder}")
    if name == "Net":  # a class that makes a module in training mode
        assert code and "not in evaluation mode" in said, said
        return
    assert not code, said
    config = json.loads((folder / "config.json").read_text())
    assert "theirs:build" in json.dumps(config)
    assert (folder / "report.html").is_file()


SHORT = (
    "--config.classifier=theirs:{} --config.images.count=16 --config.sweep= "
    "--config.samples=2 --config.keys=1 --config.probed=2 --config.chunk=16 "
    "--config.attacks.blind.steps=2 --config.attacks.bpda.steps=4 "
    "--config.attacks.exact.steps=4 --config.attacks.exact.eot=2"
)


def fitted(module):
    """The module, trained on all digits at once."""
    train = data.load("digits", "train")
    x = torch.tensor(train.images).permute(0, 3, 1, 2) / 255
    labels = torch.tensor(train.labels).long()
    optimiser = torch.optim.Adam(module.parameters(), 0.02)
    for _ in range(100):
        optimiser.zero_grad()
        torch.nn.functional.cross_entropy(module(x), labels).backward()
        optimiser.step()
    return module.eval()


@SLOW
@pytest.mark.parametrize("name", RECIPES)
def test_one_command_is_that_of_the_network_written_in_jax(
    name, theirs, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    torch.save(fitted(theirs.build()).state_dict(), "trained.pt")
    theirs.native = lambda: by_hand(theirs.trained())
    found = {}
    for builder in ("trained", "native"):
        folder = tmp_path / builder
        line = f"evaluate --config=digits_{name} {SHORT.format(builder)}"
        code, _, said = run(capsys, f"{line} --workdir={folder}")
        assert not code, said
        assert all((folder / f"report.{end}").is_file() for end in ("md", "html"))
        with np.load(folder / "record.npz", allow_pickle=False) as stored:
            found[builder] = {k: stored[k] for k in stored.files}
    models = json.loads((folder / "summary.json").read_text())["models"]
    for model in models.values():
        (worst,) = model["worst_case"]
        assert {"BPDA+EOT", "exact PGD+EOT"} < set(worst["attacks"])
        clean, least = (part["average"]["value"] for part in
                        (model["clean"], worst["attacked"]))  # fmt: skip
        assert clean > 0.8 and least < clean - 0.1
    assert found["trained"].keys() == found["native"].keys()
    for key, value in found["trained"].items():
        np.testing.assert_array_equal(value, found["native"][key], err_msg=key)


def test_a_name_may_build_a_classifier(theirs):
    found, x = networks.classifier("theirs:build", (8, 8, 1)), np.ones((8, 8, 1))
    wanted = theirs.build()(torch.ones(1, 1, 8, 8))[0].detach()
    np.testing.assert_allclose(found(jnp.asarray(x)), wanted, rtol=1e-5, atol=1e-6)


def test_a_name_may_build_a_purifier(theirs):
    recipe = make(PURIFIER, "theirs:blur")
    found = recipe.build(purify.Prior())(jax.random.key(0), jnp.full((8, 8, 1), 0.5))
    assert found.shape == (8, 8, 1) and recipe.place == "theirs:blur"
