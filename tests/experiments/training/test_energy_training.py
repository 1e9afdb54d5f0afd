"""Training an energy: its bank of chains, what a run writes, resumes and refuses."""

import dataclasses
import os
import signal

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from training_runs import TRAIN, changed, rows, saved, score_run, steps

from experiments import configs
from experiments.training import (
    energy as chains,
)
from experiments.training import (
    energy_published,
    energy_recipes,
    finish_energy,
    health,
    loop,
    optimisers,
)
from experiments.training.config import (
    Data,
    EnergyNet,
    Optim,
    ScoreNet,
)
from experiments.training.config_energy import (
    Chains,
    EnergyTraining,
    Strip,
    Switch,
)
from experiments.training.run import first_state, set_up, shapes
from experiments.training.state import Checkpoints
from purifax import energy, sample, score, weights
from purifax.evaluation.batches import Batches
from purifax.purify.prior import Prior
from purifax.run import config as configlib
from purifax.run import devices, workdir
from purifax.run.stop import Stopped
from purifax.sample.mala_chain import acceptance
from purifax.weights import priors

GIVEN = energy_recipes.recipe(Chains(epsilon=0.1, temperature=0.5, steps=3))
BOWL = energy.Gaussian(mean=0.25, variance=0.125)
WELL = {"loss": 1.0, "far": 0.0}


def run(chains=None, **train):
    """An energy of 4 channels, 12 steps with 2 steps of 16 of 32 chains."""
    given = Chains(epsilon=0.02, temperature=1e-2, steps=2, bank=32, rejuvenation=0.3)
    return EnergyTraining(
        data=Data(name="digits"),
        net=EnergyNet(name="SmallEnergy", fold=4, widths=(4,), hidden=4),
        chains=dataclasses.replace(given, **chains or {}),
        optim=Optim(learning_rate=1e-3, ema=0.9),
        train=dataclasses.replace(TRAIN, **train),
        switch=Switch(at=0.5),
        strip=Strip(images=2, at=(0, 1, 3)),
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("runs") / "energy"
    loop.train(run(), place, None)
    return place


def test_a_run_of_an_energy_writes_its_pictures_and_numbers(folder):
    names = {path.name for path in folder.iterdir()} - {"tensorboard"}
    pictures = {"bank.png", "long_chains_from_data.png", "long_chains_from_noise.png"}
    assert pictures <= names and not {"denoising.png", "samples.png"} & names
    plain = {"step", "learning_rate", *chains.seen(GIVEN)}
    measured = plain | {"validation_energy", "validation_gap"}
    found = {row["step"]: set(row) for row in rows(folder)}
    assert found == {4: plain, 8: measured, 12: measured}
    summary = workdir.read_json(folder / "summary.json")
    assert configlib.decode(summary["config"], [type(run())]) == run()
    assert set(summary["chains"]["from_noise"]) == {"0", "1", "3"}


def test_the_gap_of_the_summary_is_that_of_the_averaged_energy(folder):
    found = workdir.read_json(folder / "summary.json")["validation"]
    tempered = weights.energy(folder)
    assert tempered.temperature == pytest.approx(1e-2)
    bank = saved(folder)["['bank']"]
    chained = np.mean(jax.jit(jax.vmap(tempered))(bank))
    assert found["energy"] - chained == pytest.approx(found["gap"], rel=1e-4, abs=1e-4)
    known = priors.load(folder)
    assert known.temperature == tempered.temperature
    x = jnp.full((8, 8, 1), 0.4)
    slope = jax.grad(known.energy)(x) / 1e-2
    np.testing.assert_allclose(known.score(x, 0.3), -slope, rtol=1e-4, atol=1e-5)


def test_a_stopped_run_goes_on_with_the_same_bits(folder, tmp_path, monkeypatch):
    plain = Batches.__call__

    def call(self, at):
        if at == 6:
            os.kill(os.getpid(), signal.SIGTERM)
        return plain(self, at)

    with monkeypatch.context() as patch:
        patch.setattr(Batches, "__call__", call)
        with pytest.raises(Stopped):
            loop.train(run(), tmp_path, None)
    assert steps(tmp_path) == [5, 7]
    loop.train(run(), tmp_path, None)
    assert rows(tmp_path) == rows(folder)
    for item in ("state", "ema"):
        one, two = saved(tmp_path, item), saved(folder, item)
        assert {n: a.tobytes() for n, a in one.items()} == {
            n: a.tobytes() for n, a in two.items()
        }


def test_other_devices_restore_their_share_of_the_bank(folder):
    spread = dataclasses.replace(set_up(run(), folder, None), mesh=devices.mesh(16, 4))
    with Checkpoints(folder / "checkpoints", 2) as store:
        state, _ = store.restore(shapes(spread))
    assert {part.data.shape[0] for part in state.bank.addressable_shards} == {8}
    assert np.array_equal(state.bank, saved(folder)["['bank']"])


def test_a_bank_of_another_shape_is_not_restored(folder):
    like = shapes(set_up(run({"bank": 64}), folder, None))
    said = r"\(32, 8, 8, 1\), and this run has \(64, 8"
    with Checkpoints(folder / "checkpoints", 2) as store:
        with pytest.raises(ValueError, match=said):
            store.restore(like)


def test_the_number_of_devices_does_not_change_the_chains():
    ends = []
    for count in (1, 2):
        one = dataclasses.replace(
            set_up(run(), None, None), mesh=devices.mesh(16, count)
        )
        state, take = first_state(one), loop.compiled(one)
        images, labels = Batches(one.train, 16, seed=0)(0)
        ends.append(np.asarray(take(state, images, labels)[0].bank))
    np.testing.assert_allclose(*ends, atol=1e-5)


def test_chains_are_those_of_the_sampler():
    key, begun = jax.random.key(2), jnp.linspace(0, 1, 12).reshape(3, 2, 2, 1)
    ended, seen = jax.jit(lambda k, x: chains.run(k, x, BOWL, GIVEN))(key, begun)
    pull, sizes, norms = score.from_energy(BOWL, 0.5), jnp.full(3, 0.005), []
    for place in range(3):
        alone = jax.random.fold_in(key, place)
        _, path = sample.langevin(alone, begun[place], pull, sizes, sizes)
        np.testing.assert_allclose(ended[place], path[-1], atol=1e-6)
        norms += [jnp.linalg.norm((x - 0.25) / 0.0625) for x in path[:3]]
    assert seen["gradient"] == pytest.approx(np.mean(norms), rel=1e-5)
    moved = np.sqrt(np.sum(np.square(ended - begun), axis=(1, 2, 3))).mean()
    assert seen["drift"] == pytest.approx(moved, rel=1e-5)


def test_metropolis_chains_are_those_of_the_sampler_too():
    key, begun = jax.random.key(2), jnp.linspace(0, 1, 12).reshape(3, 2, 2, 1)
    given = dataclasses.replace(GIVEN, sampler="mala", epsilon=0.4)
    ended, seen = jax.jit(lambda k, x: chains.run(k, x, BOWL, given))(key, begun)
    sizes, taken = jnp.full(3, 0.08), []
    for place in range(3):
        alone = jax.random.fold_in(key, place)
        _, path = sample.mala(alone, begun[place], BOWL, sizes, temperature=0.5)
        np.testing.assert_allclose(ended[place], path[-1], atol=1e-6)
        taken.append(acceptance(path))
    assert seen["accepted"] == pytest.approx(np.mean(taken)) and 0 < np.mean(taken) < 1


@pytest.mark.parametrize(
    "changes",
    [
        {"start": "short"},
        {"start": "noise", "sampler": "mala"},
        {"preset": "ebm_life_cycle"},
        {"preset": "stochastic_security", "bank": 0},
    ],
)
def test_every_kind_of_chains_makes_a_step(changes):
    """Traced, not run."""
    one = set_up(run(changes), None, None)
    one = dataclasses.replace(one, mesh=devices.mesh(16, 1))
    images, labels = Batches(one.train, 16, seed=0)(0)
    like = shapes(one)
    state, seen = jax.eval_shape(loop.compiled(one), like, images, labels)
    assert jax.tree.structure(state) == jax.tree.structure(like)
    assert set(seen) == set(chains.seen(one.recipe()))
    kept = 0 if changes.get("start") == "short" else 1167 if "bank" in changes else 32
    assert kept == (0 if state.bank is None else len(state.bank))


@pytest.mark.parametrize("name", ["cifar10_ebm", "cifar10_ebm_longrun"])
def test_published_configs_have_the_published_numbers(name):
    config = configs.find(name)
    found = energy_published.recipe(config.chains.preset)
    given = energy_recipes.recipe(config.chains)
    assert (config.net.name, config.train.batch) == (found.network, found.batch)
    assert config.train.steps == found.updates
    assert given.epsilon == found.epsilon / 2 and given.data_noise == found.sigma
    for update, kind, rate in found.rates:
        if kind == "adam":
            of = optimisers.learning_rate(config.optim, config.train.steps)
            assert of(update + 1) == pytest.approx(rate, rel=1e-5)
        else:
            assert config.switch.at * config.train.steps == update
            assert config.switch.learning_rate * given.temperature == rate


def test_only_drawn_chains_change_and_some_begin_afresh():
    one = set_up(run({"rejuvenation": 1.0, "source": "noise"}), None, None)
    one = dataclasses.replace(one, mesh=devices.mesh(16, 1))
    state = first_state(one)
    images, labels = Batches(one.train, 16, seed=0)(0)
    before = np.asarray(state.bank)
    after = np.asarray(loop.compiled(one)(state, images, labels)[0].bank)
    new = np.any(before != after, axis=(1, 2, 3))
    assert new.sum() == 16
    assert after[new].min() >= 0 and np.mean(after[new]) == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (run({"bank": 8}), "chains.bank=8 is smaller than train.batch=16"),
        (run({"bank": 2000}), "chains.bank=2000 is larger than the 1167 training"),
        (changed(run(), "net", name="SmallEnergi"), "did you mean SmallEnergy?"),
        (changed(score_run(), "net", name="LightEnergy"), "activation=swish"),
    ],
)
def test_what_makes_no_run_is_one_clear_line(tmp_path, config, message):
    with pytest.raises(ValueError, match=message) as caught:
        loop.train(config, tmp_path / "run", None)
    assert "\n" not in str(caught.value) and not (tmp_path / "run").exists()


def test_a_bank_that_does_not_divide_is_named():
    with pytest.raises(ValueError, match="divide over 8 devices; .*bank=96"):
        energy_recipes.fit(run({"bank": 100}), 1167, 8)


def test_exploding_chains_end_the_run_and_keep_what_was_good(tmp_path):
    config = changed(run({"epsilon": 3.0}, save_every=1), "guard", patience=3)
    with pytest.raises(loop.Diverged) as caught:
        loop.train(config, tmp_path, None)
    words = str(caught.value)
    assert (
        "of the chains' pixels are beyond [-0.5, 1.5], 3 steps on end, at step 3 of 12"
        in words
    )
    assert "Last good checkpoint: none yet" in words and "\n" not in words
    assert steps(tmp_path) == []


def test_a_wide_gap_is_a_fault_once_it_has_lasted():
    watch = health.Health(changed(run(), "guard", gap=0.5, patience=2), 64)
    assert watch({**WELL, "loss": -33.0}, 4) is None and not watch.well
    assert watch(WELL, 5) is None and watch.well
    assert watch({**WELL, "loss": -33.0}, 6) is None
    fault = watch({**WELL, "loss": -34.0}, 7)
    assert "the energy gap is -34, beyond 32, 2 steps on end, at step 7" in fault.found
    assert "far below" in fault.meaning
    lost = health.Health(run(), 64)({**WELL, "drift": float("nan")}, 8)
    assert lost.found == "the drift is nan at step 8"


def test_sgd_takes_over_at_the_published_rate():
    config = changed(run({"temperature": 0.5}, steps=4), "switch", learning_rate=0.2)
    optimiser = optimisers.of_run(config)
    params = {"w": jnp.ones(2)}
    state, moves = optimiser.init(params), []
    for _ in range(4):
        updates, state = optimiser.update({"w": jnp.array([3.0, -6.0])}, state, params)
        moves.append(updates["w"])
    adam = optimisers.optimiser(config.optim, 4)
    expected, _ = adam.update({"w": jnp.array([3.0, -6.0])}, adam.init(params), params)
    np.testing.assert_allclose(moves[0], expected["w"], rtol=1e-6)
    np.testing.assert_allclose(moves[1], expected["w"], rtol=1e-2)
    # 0.2 times the temperature, times the gradient of the loss over the temperature.
    np.testing.assert_allclose(moves[2:], [[-0.3, 0.6]] * 2, rtol=1e-6)


def test_long_chains_pass_through_the_states_of_shorter_ones():
    tempered, key = energy.Tempered(BOWL, 0.5), jax.random.key(3)
    begun = jnp.full((2, 2, 2, 1), 0.75)
    states, heights = finish_energy.long_chains(key, begun, tempered, 0.1, (0, 2, 4))
    again, _ = finish_energy.long_chains(key, begun, tempered, 0.1, (4,))
    np.testing.assert_array_equal(states[0], begun)
    np.testing.assert_allclose(states[2], again[0], atol=1e-6)
    np.testing.assert_allclose(heights[0], [8.0, 8.0], rtol=1e-6)


@pytest.mark.parametrize(
    ("energy", "shapes", "message"),
    [
        (None, (1, 1), "b gives no energy; train one"),
        (BOWL, (1, 2), "of a takes images 1 and the energy of b 2; they must be"),
    ],
)
def test_what_is_no_energy_for_a_score_is_refused(energy, shapes, message, monkeypatch):
    known = Prior(lambda x, sigma: x, energy=energy)
    monkeypatch.setattr(priors, "_load", lambda place, dtype, trust: known)
    of = dict(zip("ab", shapes, strict=True))
    monkeypatch.setattr(priors.weights, "image_shape", of.get)
    with pytest.raises(ValueError, match=message):
        priors.load("a", "b")


def test_an_energy_trained_by_score_matching_is_a_score_and_an_energy(folder, tmp_path):
    net = ScoreNet(name="SmallEnergy", fold=4, widths=(4,), hidden=4)
    config = dataclasses.replace(score_run(steps=2), net=net)
    loop.train(config, tmp_path, None)
    assert weights.prediction(tmp_path).predicts == "scaled_energy"
    known = priors.load(tmp_path)
    x, sigma = jnp.full((8, 8, 1), 0.4), jnp.float32(0.3)
    slope = jax.grad(weights.load(tmp_path))(x)
    assert jnp.any(slope != 0)
    np.testing.assert_allclose(known.score(x, sigma), -slope / 0.3, rtol=1e-5)
    beside = priors.load(tmp_path, folder)
    assert beside.energy(x) == priors.load(folder).energy(x) != known.energy(x)
    assert beside.temperature == pytest.approx(1e-2)
    np.testing.assert_array_equal(beside.score(x, sigma), known.score(x, sigma))
    before = first_state(set_up(config, tmp_path, None)).variables
    after = saved(tmp_path, "ema")
    kernels = [
        (jax.tree_util.keystr(path), leaf)
        for path, leaf in jax.tree_util.tree_leaves_with_path(before)
        if "kernel" in jax.tree_util.keystr(path)
    ]
    assert all(np.any(after[name] != np.asarray(leaf)) for name, leaf in kernels)
