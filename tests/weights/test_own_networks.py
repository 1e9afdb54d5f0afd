"""A user's own networks on disk: four kinds, stored and loaded, with trust alone."""

import json
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.tree_util import Partial

from purifax import nets, score, weights
from purifax.weights import imports, network_folders, priors
from purifax.weights.own import arrays

eqx = pytest.importorskip("equinox")
own = pytest.importorskip("weights.own_networks")

HERE = "weights.own_networks"
SHAPE, LEVEL = (8, 8, 1), jnp.float32(0.3)
X = jnp.linspace(0, 1, 64).reshape(SHAPE)
LAYERS = [
    {"scale": jnp.full((1, 1, 1), s), "shift": jnp.full((1, 1, 1), 0.1)}
    for s in (2.0, 3.0)
]


def linen(width=6):
    module = own.Linen(width)
    values = nets.init(jax.random.key(1), module, X, LEVEL)
    mean = jnp.linspace(-1, 1, width)
    values["batch_stats"]["BatchNorm_0"]["mean"] = mean
    return nets.Network(module, values)


def nnx_trained():
    """Parameters and running averages that no builder gives."""
    module = own.nnx_built(6)
    module.norm.mean[...] = jnp.linspace(-1, 1, 6)
    module.first.kernel[...] = module.first.kernel[...] * 2
    return module


def equinox_trained(factor=2.0):
    return jax.tree.map(
        lambda leaf: leaf + 0.1 if eqx.is_array(leaf) else leaf,
        own.equinox_built(5, factor),
    )


BUILT = {"build": f"{HERE}:equinox_built", "arguments": {"width": 5, "factor": 2.0}}
KINDS = {
    "linen": (linen, {}),
    "nnx": (nnx_trained, {"build": own.nnx_built, "arguments": {"width": 6}}),
    "equinox": (equinox_trained, BUILT),
    "function": (lambda: Partial(own.function, {"layers": LAYERS}), {}),
    "keyword": (lambda: Partial(own.keyword, weights=jnp.eye(64) / 2), {}),
}


def in_inference(network):
    """The network as purifax runs it: an NNX module without dropout."""
    if hasattr(network, "eval"):
        network.eval()
    return network


@pytest.fixture(autouse=True)
def nobody_is_trusted(monkeypatch):
    monkeypatch.setattr(imports, "_TRUSTED", set())


def stored(folder, kind="linen"):
    make, more = KINDS[kind]
    weights.save(folder, make(), SHAPE, "score", **more)
    return folder


def words_of(folder):
    return json.loads((folder / "network.json").read_text())


def reworded(folder, **changes):
    words = words_of(folder) | changes
    words.pop("checksum")
    (folder / "network.json").write_text(json.dumps(words))


@pytest.mark.parametrize("kind", KINDS)
def test_a_network_comes_back_as_it_was(kind, tmp_path):
    make, more = KINDS[kind]
    weights.save(tmp_path, make(), SHAPE, "score", **more)
    found = weights.load(tmp_path, trust=HERE)
    expected = in_inference(make())(X, LEVEL)
    np.testing.assert_allclose(found(X, LEVEL), expected, rtol=1e-6, atol=1e-7)
    assert np.abs(expected).max() > 0.01
    assert words_of(tmp_path)["module"].startswith(f"{HERE}:")
    assert (weights.role(tmp_path), weights.image_shape(tmp_path)) == ("score", SHAPE)


@pytest.mark.parametrize("kind", KINDS)
def test_a_loaded_network_is_a_pytree_of_its_arrays(kind, tmp_path):
    stored(tmp_path, kind)
    found, again = (weights.load(tmp_path, trust=(HERE,)) for _ in range(2))
    traces = []

    @jax.jit
    def run(network, x):
        traces.append(1)
        return network(x, LEVEL)

    np.testing.assert_allclose(run(found, X), found(X, LEVEL), rtol=1e-5, atol=1e-6)
    run(again, X)
    assert len(traces) == 1
    slope = jax.grad(lambda network: run(network, X).sum(), allow_int=True)(found)
    leaves = jax.tree.leaves(slope.variables)
    assert any(np.abs(leaf).max() > 0 for leaf in leaves)
    assert len(leaves) == len(jax.tree.leaves(found.variables)) > 0
    assert len(repr(found)) < 80 and "\n" not in repr(found)


@pytest.mark.parametrize("kind", KINDS)
def test_a_loaded_network_gives_a_score_and_a_prior(kind, tmp_path):
    stored(tmp_path, kind)
    found = weights.load(tmp_path, trust=HERE)
    expected = score.from_scaled(found)(X, LEVEL)
    for one in (
        weights.score(tmp_path, trust=HERE),
        priors.load(tmp_path, trust=HERE).score,
    ):
        np.testing.assert_array_equal(one(X, LEVEL), expected)


def test_a_classifier_and_an_energy_of_one_s_own(tmp_path):
    logits = Partial(own.classes, {"w": jnp.ones((3, 64))})
    weights.save(tmp_path / "c", logits, SHAPE, "classifier")
    np.testing.assert_array_equal(
        weights.load(tmp_path / "c", trust=HERE)(X), logits(X)
    )
    energy = Partial(own.classes, {"w": jnp.ones(64)})
    weights.save(tmp_path / "e", energy, SHAPE, "energy", temperature=0.5)
    found = weights.energy(tmp_path / "e", trust=HERE)
    np.testing.assert_allclose(found(X), energy(X) / 0.5)
    prior = priors.load(tmp_path / "e", trust=HERE)
    np.testing.assert_allclose(prior.energy(X), energy(X))
    with pytest.raises(ValueError, match="'bfloat16', but Own.* has no field `dtype`"):
        priors.load(tmp_path / "e", dtype="bfloat16", trust=HERE)


def test_a_linen_module_of_one_s_own_computes_in_another_dtype(tmp_path):
    prior = priors.load(stored(tmp_path), dtype="bfloat16", trust=HERE)
    assert prior.network.module == own.Linen(6, jnp.bfloat16)


def test_a_linen_module_may_be_built(tmp_path):
    module = own.activated()
    network = nets.Network(module, nets.init(jax.random.key(0), module, X))
    with pytest.raises(ValueError, match="Activated.activation is .*give build="):
        weights.save(tmp_path, network, SHAPE, "classifier")
    weights.save(tmp_path, network, SHAPE, "classifier", build=own.activated)
    found = weights.load(tmp_path, trust=HERE)
    assert isinstance(found, nets.Network)
    np.testing.assert_array_equal(found(X), network(X))


def test_a_checkpoint_written_by_one_s_own_program_is_read(tmp_path):
    import orbax.checkpoint as ocp

    make, more = KINDS["nnx"]
    network_folders.write(tmp_path, make(), SHAPE, "score", **more)
    with ocp.CheckpointManager(tmp_path / "checkpoints") as manager:
        for step, factor in [(10, 1.0), (20, 3.0)]:
            tree = jax.tree.map(lambda a: a * factor, arrays(make()))  # noqa: B023
            item = ocp.args.StandardSave(tree)
            manager.save(step, args=ocp.args.Composite(ema=item))
    first = weights.load(tmp_path, 10, trust=HERE)
    np.testing.assert_allclose(first(X, LEVEL), in_inference(make())(X, LEVEL), 1e-5)
    last = weights.load(tmp_path, trust=HERE).variables
    np.testing.assert_allclose(last["norm.mean"], 3 * jnp.linspace(-1, 1, 6), 1e-6)


class TestTrust:
    """Nothing is imported, and nothing is run, that the caller does not trust."""

    @pytest.fixture
    def stranger(self, tmp_path, monkeypatch):
        """A folder whose code would be imported by its name."""
        home = tmp_path / "code"
        (home / "stranger").mkdir(parents=True)
        (home / "stranger" / "__init__.py").write_text("")
        lines = "def build():\n    return 'no network'\n"
        (home / "stranger" / "part.py").write_text(lines)
        monkeypatch.syspath_prepend(home)
        folder = stored(tmp_path / "runs", "equinox")
        reworded(folder, module="stranger.part:build", arguments={})
        yield folder
        for name in [name for name in sys.modules if name.startswith("stranger")]:
            del sys.modules[name]

    @pytest.mark.parametrize("trust", [(), "other", ("stranger.part.more", "strange")])
    @pytest.mark.parametrize("read", [weights.load, weights.score, priors.load])
    def test_it_is_refused_without_an_import(self, read, trust, stranger):
        with pytest.raises(ValueError, match="trust") as caught:
            read(stranger, trust=trust)
        assert not [name for name in sys.modules if name.startswith("stranger")]
        line = str(caught.value)
        assert "\n" not in line and str(stranger) in line
        assert "--trust=stranger.part" in line and "trust='stranger.part'" in line

    def test_a_module_that_is_loaded_already_is_refused_too(self, tmp_path):
        folder = stored(tmp_path)
        with pytest.raises(ValueError, match=f"the module {HERE}, which is not part"):
            weights.load(folder)
        reworded(folder, module="os:getcwd", kind="built", arguments={})
        with pytest.raises(ValueError, match="the module os, which is not part"):
            weights.load(folder)

    @pytest.mark.parametrize(
        "trust", ["stranger.part", ["stranger"], ("a", "stranger")]
    )
    def test_a_module_or_its_package_is_trusted(self, trust, stranger):
        with pytest.raises(ValueError, match="do not fit stranger.part:build"):
            weights.load(stranger, trust=trust)
        assert "stranger.part" in sys.modules

    def test_a_process_may_trust(self, tmp_path):
        folder = stored(tmp_path)
        weights.trust(HERE, "another")
        assert weights.load(folder)(X, LEVEL).shape == SHAPE
        assert priors.load(folder).score(X, LEVEL).shape == SHAPE

    def test_the_networks_of_purifax_need_none(self, tmp_path):
        module = nets.MLP(num_classes=2, widths=())
        network = nets.Network(module, nets.init(jax.random.key(0), module, X))
        weights.save(tmp_path, network, SHAPE, "classifier")
        fields = {"module", "fields", "image", "role", "checksum"}
        assert set(words_of(tmp_path)) == fields
        assert weights.load(tmp_path).module == module

    def test_what_a_folder_says_of_itself_needs_none(self, stranger):
        assert weights.role(stranger) == "score"
        assert weights.prediction(stranger).predicts == "scaled_score"


class TestChangedCode:
    """One line says what no longer fits."""

    @pytest.mark.parametrize(
        "kind, changes, line",
        [
            ("linen", {"module": f"{HERE}:Linens"}, "has no Linens; did you mean Lin"),
            ("linen", {"module": "weights.gone:Linen"}, "weights.gone cannot be impor"),
            ("linen", {"kind": "pickle"}, "of the kind 'pickle', which is unknown"),
            ("linen", {"fields": {"width": 7}},
             r"do not fit .*:Linen as it is now: 7 of another shape or dtype: "
             r"batch_stats.*mean is float32 \[6\] and not float32 \[7\].*and 4 more"),
            ("linen", {"fields": {"depth": 7}}, "Linen cannot be rebuilt: .*'depth'"),
            ("linen", {"module": f"{HERE}:Activated", "fields": {}},
             "Activated cannot be initialised: TypeError"),
            ("nnx", {"arguments": {"width": 7}},
             r"first.bias is float32 \[6\] and not float32 \[7\]"),
            ("nnx", {"module": f"{HERE}:equinox_built", "arguments": {}},
             "4 not stored: mlp.layers.0.bias.*; 8 unknown to the code: first.bias"),
            ("equinox", {"arguments": {"wide": 7}}, "be run: TypeError: .*'wide'"),
            ("equinox", {"module": f"{HERE}:broken", "arguments": {}},
             r"broken cannot be run: RuntimeError: no such file$"),
            ("function", {"module": f"{HERE}:classes"},
             r"classes cannot be called on one image \[8, 8, 1\] and a level"),
            ("keyword", {"image": [4, 4, 1]}, r"cannot be called on one image \[4, 4"),
        ],
    )  # fmt: skip
    def test_it_is_named(self, kind, changes, line, tmp_path):
        folder = stored(tmp_path, kind)
        reworded(folder, **changes)
        with pytest.raises(ValueError, match=line) as caught:
            weights.load(folder, trust="weights")
        assert "\n" not in str(caught.value)


class TestRefused:
    """What could not be loaded again is not saved."""

    @pytest.mark.parametrize(
        "network, more, line",
        [
            (nnx_trained, {}, "type Nnx is stored with the function that builds it"),
            (equinox_trained, {}, "type Equinox is stored with the function"),
            (nnx_trained, {"build": own.nnx_built}, r"first.bias is float32 \[6\] and"),
            (equinox_trained, BUILT | {"arguments": {"width": 5, "factor": 1.0}},
             "is another network: for one image, outputs differ by"),
            (equinox_trained, BUILT | {"arguments": {"width": jnp.ones(1)}},
             "arguments of .* must be numbers, words, lists"),
            (equinox_trained, BUILT | {"build": lambda: None}, "defined in a script"),
            (equinox_trained, BUILT | {"build": f"{HERE}:build"}, "has no build; did"),
            (lambda: lambda x, sigma: x, {}, "defined in a script, a notebook or a"),
            (lambda: Partial(own.function, (jnp.ones(1),)), {},
             r"arguments.0 is a tuple; the parameters of a function must be nested"),
            (lambda: Partial(own.keyword, weights=2.0), {}, "keywords.weights is a fl"),
            (lambda: Partial(own.function), {}, "has no arrays to store"),
            (lambda: Partial(own.classes, {"w": jnp.ones((3, 64))}), {},
             "cannot be called on one image"),
        ],
    )  # fmt: skip
    def test_it_is_named(self, network, more, line, tmp_path):
        with pytest.raises(ValueError, match=line):
            weights.save(tmp_path, network(), SHAPE, "score", **more)
        assert not list(tmp_path.iterdir())

    def test_an_output_must_be_what_the_role_asks_for(self, tmp_path):
        with pytest.raises(ValueError, match=r"gives an array \[3\] .* energy asks"):
            network = Partial(own.classes, {"w": jnp.ones((3, 64))})
            weights.save(tmp_path, network, SHAPE, "energy")
        predicts = weights.Prediction("noise_and_variance", {"name": "linear"})
        with pytest.raises(ValueError, match=r"asks for \[8, 8, 2\], without a batch"):
            network = Partial(own.keyword, weights=jnp.eye(64))
            weights.save(tmp_path, network, SHAPE, "score", predicts)

    def test_parameters_of_another_form_are_built(self, tmp_path):
        network = Partial(own.pairs, (jnp.ones(2), jnp.full(2, 3.0)))
        weights.save(
            tmp_path, network, SHAPE, "classifier", build=f"{HERE}:bound_tuple"
        )
        found = weights.load(tmp_path, trust=HERE)
        np.testing.assert_allclose(found(X), network(X))
