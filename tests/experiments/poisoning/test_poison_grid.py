"""The grid of poisons and defences: its cells, its table, and what it refuses."""

import dataclasses
import json

import jax
import numpy as np
import pytest
from jax import numpy as jnp
from jax.tree_util import Partial

from experiments import evaluate_poison as command
from experiments.poisoning import (
    generators,
    splits,
    table,
)
from experiments.poisoning import (
    grid as poison_grid,
)
from experiments.poisoning.config import (
    SET_DEFENCE,
    Avatar,
    Eclipse,
    PoisonGrid,
    PureGen,
    Shares,
    Victim,
    defences,
    poisons,
)
from experiments.poisoning.defences import stage
from experiments.poisoning.defences.adversarial import Adversarial
from experiments.poisoning.defences.avatar import AVATAR
from experiments.poisoning.defences.eclipse import EclipseDDPM
from experiments.poisoning.defences.images import GaussianNoise, Grayscale
from experiments.poisoning.defences.orthogonal import Orthogonal, linear_weights
from experiments.poisoning.defences.plan import NONE, ORACLE, Plan, plan
from experiments.poisoning.defences.puregen import (
    PureGenDDPM,
    PureGenEBM,
    PureGenFilt,
    PureGenNaive,
    PureGenReps,
)
from experiments.training import loop
from experiments.training.config import (
    ClassifierNet,
    Optim,
)
from purifax import data, energy, noise, poison, score
from purifax.purify import DiffPure, Langevin
from purifax.purify.prior import Prior
from purifax.run.config import make
from purifax.run.errors import UsageError
from purifax.run.overrides import apply
from purifax.run.stop import Stop, Stopped

DEFENCES = ("none", "jpeg:50", "bit_depth:2+mixup", "adversarial:20")
POISONS = {"urp": poison.URP(radius=0.5), "badnets": poison.BadNets(rate=0.4)}


def grid(**changes):
    config = PoisonGrid(
        images=Shares(name="digits", train=160, sparse=20, other=30, test=100),
        victim=Victim(
            net=ClassifierNet(name="MLP", widths=(32,)),
            optim=Optim(learning_rate=1e-2),
            steps=40,
            batch=32,
        ),
        poisons=POISONS,
        defences=defences(*DEFENCES[:3]) | {"adversarial:20": Adversarial(20.0, 2)},
        seeds=(0, 1),
        chunk=64,
    )
    return dataclasses.replace(config, **changes)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("grid") / "whole"
    work = poison_grid.set_up(grid(), folder, None)
    with Stop() as stop:
        results = poison_grid.run(work, stop)
    table.write(work, results, "the command")
    return work, results


def test_every_cell_is_there_once(finished):
    work, results = finished
    rows = len(DEFENCES) + 1
    assert len(results) == 2 * (3 * rows - 1)
    named = {(r["poison"], r["defence"], r["seed"]) for r in results}
    assert len(named) == len(results) and ("urp", ORACLE, 1) in named
    assert all(0 <= r["accuracy"] <= 1 for r in results)
    assert len(list((work.folder / "cells").iterdir())) == len(results)


def test_no_training_compiles_the_step_again(finished):
    work, _ = finished
    assert work.trainer._step._cache_size() == 1


def test_a_poison_harms_and_oracle_removal_knows_it(finished):
    _, results = finished
    of = {(r["poison"], r["defence"], r["seed"]): r for r in results}
    for seed in (0, 1):
        clean = of["clean", NONE, seed]["accuracy"]
        assert clean > 0.75
        assert of["urp", NONE, seed]["accuracy"] < clean - 0.2
        assert of["badnets", NONE, seed]["success"] > 0.8
        assert of["badnets", ORACLE, seed]["success"] < 0.3
        assert of["urp", ORACLE, seed]["trained_on"] == 20
        kept = 140 - round(0.4 * (140 - 14)) + 20
        assert abs(of["badnets", ORACLE, seed]["trained_on"] - kept) <= 2


def test_the_table_is_that_of_the_cells(finished):
    work, results = finished
    told = json.loads((work.folder / "summary.json").read_text())
    mine = [
        [r["accuracy"] for r in results if (r["poison"], r["defence"]) == ("urp", name)]
        for name in ("jpeg:50", NONE)
    ]
    entry = next(
        e for e in told["entries"] if (e["poison"], e["defence"]) == ("urp", "jpeg:50")
    )
    apart = np.subtract(*mine)
    np.testing.assert_allclose(entry["accuracy"], np.mean(mine[0]))
    np.testing.assert_allclose(entry["deviation"], np.std(mine[0], ddof=1))
    np.testing.assert_allclose(entry["difference"], apart.mean())
    np.testing.assert_allclose(entry["difference_deviation"], apart.std(ddof=1))
    words = (work.folder / "report.md").read_text()
    cell = f"{100 * np.mean(mine[0]):.1f} ± {100 * np.std(mine[0], ddof=1):.1f}"
    line = next(line for line in words.splitlines() if line.startswith("| jpeg:50"))
    assert cell in line
    assert told["rows"] == ["clean training", NONE, ORACLE, *DEFENCES[1:]]
    training_row = [e for e in told["entries"] if e["defence"] == "clean training"]
    assert len(training_row) == 3
    assert len({e["accuracy"] for e in training_row}) == 1
    assert (work.folder / "grid.png").stat().st_size > 1000


def test_the_same_command_again_computes_nothing(finished, capsys):
    work, _ = finished
    before = {p: p.stat().st_mtime_ns for p in work.folder.glob("cells/*")}
    command.evaluate(grid(), work.folder, None, "again")
    assert before == {p: p.stat().st_mtime_ns for p in work.folder.glob("cells/*")}
    assert "clean training" in capsys.readouterr().out


def test_a_lost_cell_comes_back_the_same(finished):
    work, results = finished
    lost = next(r for r in results if r["defence"] == "bit_depth:2+mixup")
    cell = poison_grid.Cell(lost["poison"], lost["defence"], lost["seed"])
    (work.folder / "cells" / cell.file).unlink()
    stored = work.folder / "purified" / f"{cell.poison},bit_depth:2,{cell.seed}.npz"
    stored.unlink()
    with Stop() as stop:
        again = poison_grid.run(work, stop)
    told = {k: v for k, v in lost.items() if k != "seconds"}
    found = next(r for r in again if r.items() >= told.items())
    assert found["trained_on_sha256"] == lost["trained_on_sha256"]
    kept = data.load("npz", "all", stored)
    np.testing.assert_array_equal(kept.index, work.parts.victim.index)
    assert set(np.unique(kept.images)) <= {0, 85, 170, 255}


def test_a_grid_that_is_asked_to_stop_keeps_its_cells(finished, capsys):
    work, _ = finished
    cell = work.folder / "cells" / poison_grid.cells(grid())[-1].file
    kept = cell.read_text()
    cell.unlink()
    with Stop() as stop:
        stop.asked = True
        with pytest.raises(Stopped):
            poison_grid.run(work, stop)
    assert not cell.exists()
    cell.write_text(kept)


def test_a_grid_may_grow_and_nothing_else(finished):
    work, _ = finished
    more = grid(seeds=(0, 1, 2))
    assert len(poison_grid.cells(more)) > len(poison_grid.cells(grid()))
    smaller = POISONS | {"urp": poison.URP(radius=0.4)}
    words = "poisons.urp.radius is 0.5 there and 0.4 here"
    with pytest.raises(ValueError, match=words):
        poison_grid.set_up(grid(poisons=smaller), work.folder, None)
    with pytest.raises(ValueError, match="poisons.badnets is BadNets there and None"):
        poison_grid.set_up(grid(poisons=poisons("urp")), work.folder, None)
    added = grid(
        poisons=POISONS | poisons("lsp", "em"),
        defences=grid().defences | defences("epic:0.2"),
    )
    poison_grid.store.check(work.folder, added, ("poisons", "defences"))
    with pytest.raises(ValueError, match=r"seeds is \[0, 1\] there and \[1, 2, 3\]"):
        poison_grid.set_up(grid(seeds=(1, 2, 3)), work.folder, None)


def test_purified_images_of_another_order_are_refused(finished):
    work, _ = finished
    cell = poison_grid.Cell("urp", "jpeg:50", 0)
    images = work.parts.victim
    path = work.folder / "purified" / "urp,jpeg:50,0.npz"
    kept = path.read_bytes()
    shuffled = images.take(np.arange(len(images))[::-1])
    data.poisoned.store_images(path, shuffled)
    with pytest.raises(ValueError, match="other images than those"):
        poison_grid._purified(work, cell, named("jpeg:50"), images)
    path.write_bytes(kept)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"poisons": {"urp": None}}, "poisons.urp is none"),
        ({"poisons": {}}, "poisons must be one or more"),
        ({"seeds": ()}, "seeds must be one or more"),
        ({"seeds": (1, 1)}, "each once"),
        ({"images": Shares(name="digits", train=160, sparse=160)}, "do not fit"),
        ({"images": Shares(name="digits", train=1200, other=200)}, "do not fit"),
        ({"images": Shares(name="digits", test=501)}, "500 test images"),
    ],
    ids=str,
)
def test_what_cannot_be_run_is_refused_by_name(tmp_path, changes, words):
    with pytest.raises(ValueError, match=words):
        poison_grid.set_up(grid(**changes), tmp_path / "refused", None)
    assert not (tmp_path / "refused").exists()


def named(name):
    return plan(make(SET_DEFENCE, name))


@pytest.mark.parametrize(
    ("override", "words"),
    [
        (("poisons", "tapp"), "no poison is named 'tapp'; did you mean tap"),
        (("defences", "jpg:75"), "no set defence is named 'jpg'; did you mean jpeg"),
        (("defences", "jpeg:x"), "a number may follow jpeg, its quality; got jpeg:x"),
        (("defences", "jpeg:101"), "JPEG.quality must be from 1 to 100; got 101"),
        (("defences", "mixup+jpeg"), "put JPEG first"),
        (("poisons.urp.steps", "3"), "URP has no field steps"),
        (("poisons.em.steps", "3"), "the config has no poison 'em'"),
    ],
    ids=str,
)
def test_what_is_not_there_is_refused_by_name(override, words):
    with pytest.raises(UsageError, match=words):
        apply(grid(), [override])


def test_numbers_of_poisons_and_defences_are_set_one_by_one():
    """Those that stay in a list keep their numbers, others have their defaults."""
    given = [
        ("poisons", "urp,tap"),
        ("poisons.tap.restarts", "1"),
        ("defences", "adversarial:20,eclipse"),
        ("defences.eclipse.purifier.steps", "20"),
    ]
    config = apply(grid(), given)
    assert config.poisons == {
        "urp": poison.URP(radius=0.5),
        "tap": poison.TAP(restarts=1),
    }
    assert config.defences["adversarial:20"] == Adversarial(20.0, 2)
    assert config.defences["eclipse"].purifier.steps == 20


def test_names_give_the_seven_rows_of_the_ablation():
    a, b, c = EclipseDDPM(), Grayscale(0.4), GaussianNoise(0.05)
    assert named("eclipse") == Plan((a,), (b, c))
    assert named("eclipse_grayscale") == Plan((a,), (b,))
    assert named("eclipse_noise") == Plan((a,), (c,))
    assert named("compensation") == Plan((), (b, c))
    assert named("eclipse_ddpm") == Plan((a,))
    assert named("grayscale:0.4") == Plan((), (b,))
    assert named("gaussian_noise:0.05") == Plan((), (c,))
    once = named("eclipse_once")
    assert once.batches == ()
    assert once.purified.startswith("eclipse_ddpm+grayscale_once")


def test_a_jpeg_row_is_never_left_out():
    assert list(poison_grid.rows(grid(defences=defences("mixup")))) == [
        NONE,
        ORACLE,
        "jpeg:75",
        "mixup",
    ]


def test_shares_are_disjoint_and_stratified():
    found = splits.parts(grid().images, None)
    assert [len(part) for part in vars(found).values()] == [140, 20, 30, 100]
    assert (np.diff(found.victim.index) > 0).all()
    for part in (found.victim, found.other, found.test):
        assert np.ptp(np.bincount(part.labels)) <= 0.3 * len(part) / 10 + 2
    splits.disjoint(found)
    leaky = dataclasses.replace(found, other=found.sparse)
    with pytest.raises(ValueError, match="20 images are in both 'sparse' and 'other'"):
        splits.disjoint(leaky)


@pytest.mark.parametrize("how", generators.ENLARGE)
def test_enlarging_keeps_the_images_and_their_labels(how):
    few = splits.parts(grid().images, None).sparse
    many = generators.enlarged(few, how, 3, seed=0)
    assert len(many) == 80 and many.images.dtype == np.uint8
    np.testing.assert_array_equal(many.images[:20], few.images)
    np.testing.assert_array_equal(many.labels, np.tile(few.labels, 4))
    changed = (many.images[20:] != np.tile(few.images, (3, 1, 1, 1))).any((1, 2, 3))
    assert changed.any() == (how != "duplicate")


@pytest.fixture
def asked(monkeypatch):
    """The images that trainings have asked for, by folder; nothing is trained."""
    found = {}

    def train(config, place, images):
        found[place.name] = data.load("npz", "train", images)
        return True

    monkeypatch.setattr(loop, "train", train)
    monkeypatch.setattr(generators.priors, "load", lambda place: place)
    return found


def test_generators_learn_from_their_own_share(tmp_path, asked):
    config = grid(eclipse=Eclipse(copies=2), puregen=PureGen(energy_from="elsewhere"))
    found = splits.parts(config.images, None)
    made = generators.Generators(config, found, tmp_path)
    assert made.sparse() == tmp_path / "eclipse" and made.sparse() == made.sparse()
    assert made.ddpm() == tmp_path / "ddpm" and made.energy() == "elsewhere"
    assert set(asked) == {"eclipse", "ddpm"} and len(asked["eclipse"]) == 60
    np.testing.assert_array_equal(asked["eclipse"].images[:20], found.sparse.images)
    np.testing.assert_array_equal(asked["ddpm"].images, found.other.images)
    none = dataclasses.replace(found, sparse=found.sparse.take(np.arange(0)))
    with pytest.raises(ValueError, match="set images.sparse"):
        generators.Generators(config, none, tmp_path / "none").sparse()


def test_a_model_may_learn_the_images_that_it_purifies(tmp_path, asked):
    config = grid()
    found = splits.parts(config.images, None)
    made = generators.Generators(config, found, tmp_path)
    assert made.avatar() == tmp_path / "avatar"
    np.testing.assert_array_equal(asked["avatar"].images, found.victim.images)
    one, other = found.victim.images[:50], 255 - found.victim.images[:50]
    for role in ("avatar", "energy", "ddpm"):
        place = made.of(role, other)
        assert place.name.startswith(f"{role}-") and place != made.of(role, one)
        np.testing.assert_array_equal(asked[place.name].images, other)


class Known(generators.Generators):
    """Generative models with closed forms: everything is near grey."""

    def __init__(self, config):
        self._config = config

    def sparse(self):
        known = score.Gaussian(0.5, 0.02)
        return Prior(known, noise.VPDiscrete())

    ddpm = avatar = sparse

    def of(self, role, pixels):
        self.learned = role, pixels
        return getattr(self, role)()

    def energy(self):
        known = energy.Gaussian(0.5, 1.0)
        return Prior(score.from_energy(known), energy=known, temperature=1.0)


DOWN = DiffPure(time=100, steps=3, sampler="ancestral")
CHAIN = Langevin(epsilon=1e-4, steps=2)
PURIFIERS = {
    "eclipse_ddpm": EclipseDDPM(DOWN),
    "avatar": AVATAR(DOWN),
    "puregen_ebm": PureGenEBM(CHAIN),
    "puregen_ddpm": PureGenDDPM(DOWN),
    "puregen_naive": PureGenNaive(CHAIN, DOWN),
    "puregen_reps": PureGenReps(CHAIN, DOWN),
    "puregen_filt": PureGenFilt(0.25),
}


@pytest.fixture
def context(finished):
    work, _ = finished
    images = splits.parts(grid().images, None).victim.take(np.arange(40))
    return stage.Context(images, work.trainer, 0, 64, Known(grid()))


def purified(context, name, **changes):
    recipe = dataclasses.replace(PURIFIERS[name], **changes)
    images = context.images.images
    return images, recipe.build(context)(jax.random.key(0), images)


def test_a_diffusion_pulls_towards_what_it_knows(context):
    images, pure = purified(context, "eclipse_ddpm")
    assert pure.dtype == np.uint8 and pure.shape == images.shape
    far = [np.abs(x.astype(float) - 127.5).mean() for x in (images, pure)]
    assert far[1] < 0.9 * far[0]


@pytest.mark.parametrize("name", ["avatar", "puregen_ddpm"])
def test_a_purifier_asks_for_a_model_of_what_was_found(context, name):
    _, known = purified(context, name)
    config = grid(avatar=Avatar(learns="found"), puregen=PureGen(learns="found"))
    found = dataclasses.replace(context, generators=Known(config))
    images, pure = purified(found, name)
    role, pixels = found.generators.learned
    assert role == name.removeprefix("puregen_")
    np.testing.assert_array_equal(pixels, images)
    np.testing.assert_array_equal(pure, known)


def test_cutting_instead_of_rounding_darkens_by_half_a_level(context):
    _, rounded = purified(context, "eclipse_ddpm")
    _, cut = purified(context, "eclipse_ddpm", floor=True)
    apart = (rounded.astype(int) - cut)[(rounded > 0) & (rounded < 255)]
    assert set(np.unique(apart)) <= {0, 1} and abs(apart.mean() - 0.5) < 0.05


def test_the_filter_purifies_the_share_of_highest_energy(context):
    images, pure = purified(context, "puregen_filt")
    changed = (images != pure).any((1, 2, 3))
    assert changed.sum() == int(0.25 * len(images))
    far = ((images / 255 - 0.5) ** 2).sum((1, 2, 3))
    assert far[changed].min() >= far[~changed].max()


def test_nothing_wraps_around_in_eight_bits(context):
    """Langevin leaves [0, 1]; white stays white and black stays black."""
    each = context.each(Partial(lambda key, x: x + jnp.where(x > 0.5, 0.1, -0.1)))
    images = np.array([0, 255], np.uint8).reshape(2, 1, 1, 1)
    np.testing.assert_array_equal(each(jax.random.key(0), images), images)


def test_naive_and_reps_are_made_of_both(context):
    images, naive = purified(context, "puregen_naive")
    _, alone = purified(context, "puregen_ddpm")
    _, reps = purified(context, "puregen_reps", rounds=2)
    assert (naive != images).any() and (naive != alone).any()
    far = [np.abs(x.astype(float) - 127.5).mean() for x in (images, naive, reps)]
    assert far[0] > far[1] > far[2]


def of_set(work, images):
    return stage.Context(images, work.trainer, 0, 64)


def test_adversarial_training_sees_worse_images_within_its_radius(finished):
    work, _ = finished
    trainer, images = work.trainer, work.parts.victim
    change = Adversarial(20.0, 2).build(of_set(work, images))
    network = trainer.fit(images, 0)[-1]
    x = jnp.asarray(images.images[:32] / 255, jnp.float32)
    targets = jax.nn.one_hot(images.labels[:32], 10)
    hard, same = jax.jit(change)(jax.random.key(0), network, x, targets)
    assert same is not targets and (np.asarray(same) == np.asarray(targets)).all()
    assert np.abs(hard - x).max() <= 20 / 255 + 1e-6
    right = [
        (np.asarray(jax.vmap(network)(y)).argmax(-1) == images.labels[:32]).mean()
        for y in (x, hard)
    ]
    assert right[1] < right[0]


def test_projection_removes_what_a_line_separates(finished):
    """A pattern for each class is nearly gone, and the weights are at right angles."""
    work, _ = finished
    made = POISONS["urp"].build(work.context(0))
    images = np.clip(work.parts.victim.images / 255 + np.asarray(made.delta), 0, 1)
    stored = dataclasses.replace(
        work.parts.victim, images=np.rint(255 * images).astype(np.uint8)
    )
    change = Orthogonal(300).build(of_set(work, stored))
    found = linear_weights(stored, 300, 0)
    x = jnp.asarray(stored.images[:32] / 255, jnp.float32)
    left, _ = change(jax.random.key(0), None, x, None)
    along = np.einsum("khwc,nhwc->nk", np.asarray(found), np.asarray(left))
    before = np.einsum("khwc,nhwc->nk", np.asarray(found), np.asarray(x))
    assert (before.argmax(1) == stored.labels[:32]).mean() > 0.9
    assert np.abs(along).max() < 1e-4


def test_error_minimising_noise_lowers_the_loss_it_is_made_for(finished):
    work, _ = finished
    few = poison.EM(radius=0.3, rounds=2, updates=5, steps=5, stop=0.0)
    delta = np.asarray(few.build(work.context(0)).delta)
    assert np.abs(delta).max() <= 0.3 + 1e-6 and np.abs(delta).mean() > 0.02
    trainer, clean = work.trainer, work.parts.victim
    spoilt = np.clip(clean.images / 255 + delta, 0, 1)
    stored = dataclasses.replace(clean, images=np.rint(255 * spoilt).astype(np.uint8))
    wrong = [
        (trainer.predictions(network, stored.images) != clean.labels).mean()
        for network in trainer.fit(stored, 3, snapshots=4)
    ]
    bare = [
        (trainer.predictions(network, clean.images) != clean.labels).mean()
        for network in trainer.fit(clean, 3, snapshots=4)
    ]
    assert wrong[0] < bare[0]


@pytest.mark.parametrize("method", ["lsp", "ops", "cuda"])
def test_each_poison_without_a_network_is_made(finished, method):
    work, _ = finished
    known = poison.LSP(patch=2), poison.OPS(), poison.CUDA()
    given = {one.name: one for one in known}[method]
    found = dataclasses.replace(given, rate=0.5).build(work.context(0))
    assert found.index.shape == (70,) and found.delta.shape == (70, 8, 8, 1)
    assert bool(jnp.isfinite(found.delta).all()) and found.name == method


def test_shares_of_poison_outside_of_zero_and_one_are_refused():
    with pytest.raises(ValueError, match=r"LSP.rate must be in \(0, 1\]; got 0"):
        poison.LSP(rate=0.0)
