"""The evaluation command: what it writes, resumes, refuses, and that it is honest."""

import contextlib
import dataclasses
import io
import json

import jax
import numpy as np
import pytest
from jax import numpy as jnp
from small import evaluation, tiny, train

from experiments.benchmarking import memory, throughput
from purifax import nets, weights
from purifax.attack import AutoAttack
from purifax.command import evaluate as command
from purifax.evaluation import attacks, gradient_proof
from purifax.evaluation import engine as driver
from purifax.evaluation import predictions as answers
from purifax.evaluation.attacks import ATTACKS
from purifax.evaluation.settings import Evaluation, Surface
from purifax.evaluation.store import Parts
from purifax.purify import ADP, Detect, OneStep, Prior, Rounds
from purifax.purify.own import Own
from purifax.report import files as report
from purifax.report.types import NO_ANSWER
from purifax.run import config as configlib
from purifax.run import devices
from purifax.run.stop import Stop

pytestmark = pytest.mark.xdist_group("evaluations")


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return train(tmp_path_factory.mktemp("networks"))


@pytest.fixture(scope="module")
def finished(root):
    """A whole evaluation, with a radius swept, and what it printed."""
    config = evaluation(root, sweep=(0.0,), swept=("blind",), sweep_images=8)
    command.evaluate(config, root / "whole", None, "the command")
    return root / "whole"


def outcomes(folder):
    with np.load(folder / "record.npz", allow_pickle=False) as stored:
        return {name: stored[name] for name in stored.files}


def times(folder):
    return {path: path.stat().st_mtime_ns for path in folder.glob("parts/*")}


def assert_same_record(a, b):
    first, second = outcomes(a), outcomes(b)
    assert first.keys() == second.keys()
    for name in first:
        np.testing.assert_array_equal(first[name], second[name], err_msg=name)


def test_every_file_of_the_report_is_written(finished):
    for name in ("record.npz", "summary.json", "report.md", "report.html", "film.png"):
        assert (finished / name).stat().st_size > 0
    for kind in ("runs", "strength"):
        assert (finished / f"accuracy_vs_{kind}.png").stat().st_size > 0


def test_the_film_ends_in_what_the_purifier_gives(finished, root, tmp_path):
    found = outcomes(finished)
    film, steps = found["pictures/film"], found["pictures/steps"]
    np.testing.assert_array_equal(film[:, -1], found["pictures/purified"][: len(film)])
    assert steps.tolist() == [0, 1, 2] and film.shape[:2] == (4, 3)
    work = driver.set_up(evaluation(root), tmp_path / "again", None)
    key = jax.random.fold_in(work.k_pictures, int(work.images.index[0]))
    purifier = work.world.recipe.build(work.world.prior)
    last = purifier(key, jnp.asarray(found["pictures/attacked"][0]))
    np.testing.assert_allclose(film[0, -1], last, atol=1e-4)
    assert np.abs(film[0, 0] - film[0, -1]).max() > 0.01, "it moves"


def test_a_defence_without_states_has_no_film(root, tmp_path):
    config = evaluation(root, purifier=OneStep(sigma=0.2))
    world = driver.set_up(config, tmp_path / "one", None).world
    assert answers.frames(world) == ()
    given = (jax.random.key(0), jnp.full((8, 8, 1), 0.5))
    states, _ = jax.eval_shape(answers.once(world), *given)
    assert states.shape[0] == 1


def test_both_models_are_in_the_summary_under_every_attack(finished):
    summary = json.loads((finished / "summary.json").read_text())
    found = {(row["model"], row["attack"]) for row in summary["attacks"]}
    titles = ["no attack", *(ATTACKS[name].title for name in ("blind", "exact"))]
    models = ("undefended", "defended", "one run")
    wanted = {(model, title) for model in models for title in titles}
    alone = {("noise alone", title) for title in titles if "blind" not in title}
    assert found == wanted | alone
    assert summary["seconds"] > 0
    assert set(summary["hashes"]) == {"images", "score", "classifier", "surrogate"}


def test_the_exact_gradient_is_proven_and_the_figures_are_kept(finished):
    summary = json.loads((finished / "summary.json").read_text())
    found = summary["gradient"]
    assert found["states"] == 2 and found["length"] > 0
    assert found["same_states"] and found["same_when_stored"] and found["slopes_agree"]
    assert 0 <= found["median"] <= found["worst"]
    (line,) = (c for c in summary["checks"] if c["name"].startswith("The exact grad"))
    assert line["status"] == "pass" and "2 recomputed states" in line["text"]
    assert report.read(finished).gradient == found
    first = min(times(finished).items(), key=lambda item: item[1])[0]
    assert first.stem == gradient_proof.PART


def test_a_proof_is_wanted_where_an_exact_gradient_is_followed(root, tmp_path):
    config = evaluation(root)
    for names, swept, wanted in (
        (("blind", "apgd"), (), True),
        (("blind",), ("exact",), True),
        (("blind", "bpda", "held"), ("spsa",), False),
    ):
        made = {name: ATTACKS[name] for name in names}
        named = dataclasses.replace(config, attacks=made, swept=swept)
        assert gradient_proof.wanted(named) is wanted
    assert gradient_proof.proof(Parts(tmp_path)) == {}


def test_a_defence_without_a_chain_is_proven_too(root, tmp_path):
    config = evaluation(root, purifier=OneStep(sigma=0.2))
    work = driver.set_up(config, tmp_path / "one", None)
    parts = Parts(work.folder)
    gradient_proof.prove(parts, work.k_proof, work.world, work.images)
    found = gradient_proof.proof(parts)
    assert found["states"] == 0 and found["same_states"] and found["slopes_agree"]


def test_the_memory_of_the_gradient_is_tabled_by_steps(root, tmp_path, capsys):
    found = memory.measure(evaluation(root), tmp_path, None, steps=(4, 64))
    few, many = found["bytes"]["4"], found["bytes"]["64"]
    assert many["stored"] > 8 * few["stored"]
    assert many["nested"] <= many["each step"] < many["stored"] / 4
    assert json.loads((tmp_path / "gradient_memory.json").read_text()) == found
    assert "steps      stored   each step      nested   MiB" in capsys.readouterr().out
    flat = evaluation(root, purifier=OneStep(sigma=0.2))
    with pytest.raises(ValueError, match="no chain whose steps could grow"):
        memory.measure(flat, tmp_path, None)


@pytest.fixture(scope="module")
def chained(root):
    """The chains of an evaluation timed, the folder of it, and what was printed."""
    folder, said = root / "chains", io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(said):
        patch.setattr(throughput, "PATIENCE", float("inf"))
        found = throughput.measure(evaluation(root), folder, None, most=10, repeats=1)
    return found, folder, said.getvalue()


def test_chains_are_timed_together_and_in_a_python_loop(chained):
    found, folder, said = chained
    assert [row["chains"] for row in found["rows"]] == [1, 4]
    assert all(
        row["seconds"] > 0 and row["python_seconds"] > 0 for row in found["rows"]
    )
    one, four = (row["temporary_bytes_a_device"] for row in found["rows"])
    assert 0 < one < four
    assert json.loads((folder / "chains.json").read_text()) == found
    assert (folder / "chains.png").stat().st_size > 1000
    assert "4 network calls a chain" in said


def test_chains_stop_where_memory_does(chained, root, tmp_path, monkeypatch):
    last = chained[0]["rows"][1]["temporary_bytes_a_device"]
    full = last / throughput.SHARE - 1
    monkeypatch.setattr(throughput, "_memory", lambda shares: full)
    found = throughput.measure(evaluation(root), tmp_path, None, most=4, repeats=1)
    assert [row["chains"] for row in found["rows"]] == [1]


def test_a_loop_that_is_slow_is_not_run_with_more_chains(root, tmp_path, monkeypatch):
    monkeypatch.setattr(throughput, "PATIENCE", 0.0)
    found = throughput.measure(evaluation(root), tmp_path, None, most=4, repeats=1)
    assert found["rows"][0]["python_seconds"] > 0
    assert found["rows"][1]["python_seconds"] is None


def test_one_run_is_the_defence_without_pooling(finished):
    """Pooling the first of its runs changes nothing: "single" starts the curves."""
    found = outcomes(finished)
    single = found["one run/exact/Linf 0.2/attacked"]
    assert single.shape == (16, 2 * 2)
    with np.load(finished / "parts" / "exact-0.2-0.npz") as part:
        np.testing.assert_array_equal(
            part["single"][:, :, 0], part["probabilities"][:, :, 0]
        )
        np.testing.assert_array_equal(part["single"].reshape(8, 4), single[:8])


def test_the_same_command_again_computes_nothing_and_changes_nothing(finished, root):
    before = times(finished)
    records = outcomes(finished)
    spent = json.loads((finished / "summary.json").read_text())["seconds"]
    config = configlib.decode(
        json.loads((finished / "config.json").read_text()), [Evaluation]
    )
    command.evaluate(config, finished, None, "the command")
    assert before == times(finished)
    summary = json.loads((finished / "summary.json").read_text())
    assert summary["seconds"] > spent, "what the first command took is forgotten"
    after = outcomes(finished)
    for name in records:
        np.testing.assert_array_equal(records[name], after[name])


class StopAfter(Stop):
    """Asks to stop once `files` parts are there."""

    def __init__(self, folder, files):
        super().__init__()
        self._folder, self._files = folder, files

    @property
    def asked(self):
        return len(list(self._folder.glob("parts/*.npz"))) >= self._files

    @asked.setter
    def asked(self, value):
        pass


def test_a_stopped_evaluation_resumes_to_the_same_record(finished, root):
    folder = root / "broken"
    config = configlib.decode(
        json.loads((finished / "config.json").read_text()), [Evaluation]
    )
    work = driver.set_up(config, folder, None)
    assert driver.run(work, StopAfter(folder, 3)) is None
    assert len(list((folder / "parts").glob("*.npz"))) == 3
    assert not (folder / "summary.json").exists()
    command.evaluate(config, folder, None, "the command")
    assert_same_record(folder, finished)


class StopWithin(Stop):
    """Asks to stop at the fourth look after a part is there."""

    def __init__(self, part):
        super().__init__()
        self._part, self._looks = part, 0

    @property
    def asked(self):
        self._looks += self._part.exists()
        return self._looks > 3

    @asked.setter
    def asked(self, value):
        pass


def test_an_attack_stopped_within_a_chunk_resumes_to_the_same_record(finished, root):
    folder = root / "within"
    config = configlib.decode(
        json.loads((finished / "config.json").read_text()), [Evaluation]
    )
    work = driver.set_up(config, folder, None)
    assert driver.run(work, StopWithin(folder / "parts" / "blind-0.2-8.npz")) is None
    states = [path.name for path in folder.glob("parts/*.state.npz")]
    assert states == ["exact-0.2-0.state.npz"]
    command.evaluate(config, folder, None, "the command")
    assert_same_record(folder, finished)
    assert not list(folder.glob("parts/*.state.npz"))


def test_devices_without_images_share_the_draws(root, tmp_path):
    # At the image itself the deviation is rounding, and its direction noise.
    made = tiny("deviate", eot=4, step_size=0.5, start="random")
    config = evaluation(root, attacks={"deviate": made}, pictured=0, chunk=2)
    config = change(config, ["images", "count"], 2)
    work = driver.set_up(config, tmp_path / "one", None)
    assert work.mesh.shape == {"batch": 1, "draw": 1} and work.chunk == 2
    other = driver.set_up(config, tmp_path / "many", None)
    other = dataclasses.replace(other, mesh=devices.grid(2, count=8))
    with Stop() as stop:
        pairs = zip(
            driver.run(work, stop).items(),
            driver.run(other, stop).items(),
            strict=True,
        )
    for (job, alone), (_, shared) in pairs:
        np.testing.assert_array_equal(alone["single"], shared["single"])
        moved = np.abs(alone["x_adv"] - shared["x_adv"])
        assert (moved > 1e-5).mean() < 0.02, job.name


def test_the_chunk_changes_nothing(finished, root):
    folder = root / "chunked"
    config = evaluation(root, sweep=(0.0,), swept=("blind",), sweep_images=8, chunk=16)
    command.evaluate(config, folder, None, "the command")
    a, b = outcomes(finished), outcomes(folder)
    for name in a:
        if a[name].dtype.kind in "iU":
            assert (a[name] == b[name]).mean() > 0.99, name
        else:
            np.testing.assert_allclose(a[name], b[name], atol=1e-3, err_msg=name)


def test_attacks_and_answers_use_different_keys(root, tmp_path):
    work = driver.set_up(evaluation(root), tmp_path / "keys", None)
    keys = [work.k_attacks, work.k_answers, work.k_pictures]
    keys += [work.k_probe, work.k_surface, work.k_proof]
    assert len({tuple(np.asarray(jax.random.key_data(key))) for key in keys}) == 6


def test_every_attack_runs_and_stays_in_its_set(root, tmp_path):
    names = [name for name in ATTACKS if not isinstance(ATTACKS[name], AutoAttack)]
    made = {name: tiny(name) for name in names}
    made["exact"] = tiny("exact", restarts=2, candidates=2)
    config = evaluation(root, attacks=made, pictured=0)
    work = driver.set_up(config, tmp_path / "all", None)
    with Stop() as stop:
        done = driver.run(work, stop)
    x = jnp.asarray(work.images.images / 255.0, jnp.float32)
    assert {job.attack for job in done} == {"clean", *names}
    for job, found in done.items():
        moved = np.abs(found["x_adv"] - x)
        assert moved.max() <= job.radius + 1e-6, job.name
        assert (moved.max() > 0.01) == (job.attack != "clean"), job.name
        assert found["probabilities"].shape == (16, 2, 2)


def bare(root, **changes):
    """A classifier without a purifier; no score is named."""
    return evaluation(root, pictured=0, score="", purifier=None, **changes)


def test_autoattack_runs_on_a_bare_classifier_and_resumes(root, tmp_path):
    made = {"autoattack_standard": AutoAttack(steps=3, queries=4)}
    config = bare(root, attacks=made, radius=0.05)
    work = driver.set_up(config, tmp_path / "stopped", None)
    stop = StopAfter(tmp_path / "stopped", 5)
    assert driver.run(work, stop) is None
    for folder in (tmp_path / "stopped", tmp_path / "whole"):
        command.evaluate(config, folder, None, "the command")
    assert_same_record(tmp_path / "stopped", tmp_path / "whole")
    summary = json.loads((tmp_path / "whole" / "summary.json").read_text())
    rows = [(r["model"], r["attack"], r["gradient"]) for r in summary["attacks"]]
    title = "AutoAttack standard"
    assert rows == [
        ("undefended", "no attack", "none"),
        ("undefended", title, "exact"),
    ]
    (note,) = summary["notes"]
    assert note.startswith(f"{title} at radius 0.05: clean broke")
    assert "apgd-t broke" in note and "square broke" in note
    worst = driver.run(driver.set_up(config, tmp_path / "whole", None), Stop())
    clean, attacked = worst.values()
    right = [found["bare"] == work.images.labels for found in (clean, attacked)]
    assert right[1].sum() < right[0].sum()
    assert (attacked["distance"] <= 0.05 + 1e-6).all()


def test_a_known_key_is_the_key_that_answers(root, tmp_path):
    """With no step at all the answers are those to the clean image, key by key."""
    still = {"fixed_key": tiny("fixed_key", step_size=0.0)}
    config = evaluation(root, attacks=still, pictured=0)
    work = driver.set_up(config, tmp_path / "known", None)
    with Stop() as stop:
        clean, known = driver.run(work, stop).values()
    for rule in ("probabilities", "logits", "vote"):
        np.testing.assert_array_equal(clean[rule], known[rule])
    assert (known["distance"] == 0).all()


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("attacks", {"hammer": ATTACKS["hammer"]}, "attack hammer needs a purifier"),
        ("threat", "L1", "takes the threat Linf or L2; got L1"),
    ],
)
def test_attacks_that_do_not_fit_are_refused(root, tmp_path, path, value, words):
    config = change(bare(root, attacks=("apgd",)), [path], value)
    with pytest.raises(ValueError, match=words):
        driver.set_up(config, tmp_path / "refused", None)


CLIMB = {"level": 0.2, "rate": 0.3, "steps": 2}


@pytest.mark.parametrize(
    ("purifier", "pooling"),
    [
        (OneStep(sigma=0.2), "probabilities"),
        (Rounds(**CLIMB, sigmas=(0.2, 0.1)), "probabilities"),
        (Detect(**CLIMB, sigma=0.2), "probabilities"),
        (ADP(**CLIMB, sigmas=(0.05, 0.3)), "probabilities"),
        (ADP(**CLIMB, noise="binary", curvature="difference"), "vote"),
        (ADP(**CLIMB, noise="heteroscedastic"), "logits"),
    ],
    ids=str,
)
def test_every_defence_can_be_evaluated(root, tmp_path, purifier, pooling):
    attacked = {"attacks": ("bpda",), "pictured": 0}
    config = evaluation(root, purifier=purifier, pooling=pooling, **attacked)
    folder = tmp_path / "defence"
    command.evaluate(config, folder, None, "the command")
    assert len(report.read(folder).results) == 6


def test_images_that_are_wrong_anyway_may_be_skipped(root, tmp_path):
    config = evaluation(
        root,
        attacks=("blind",),
        skip_wrong=True,
        radius=0.6,
        purifier=ADP(**CLIMB, sigma=3.0),
        samples=1,
    )
    work = driver.set_up(config, tmp_path / "skip", None)
    whole = dataclasses.replace(config, skip_wrong=False)
    with Stop() as stop:
        clean, blind = driver.run(work, stop).values()
        everyone = driver.set_up(whole, tmp_path / "whole", None)
        _, attacked = driver.run(everyone, stop).values()
    answers = clean["probabilities"][:, :, -1]
    wrong = (answers != work.images.labels[:, None]).all(1)
    assert 8 <= wrong.sum() < len(wrong), "one chunk of 8 holds the others"
    np.testing.assert_array_equal(blind["distance"] == 0, wrong)
    for name in set(clean) - {"seconds"}:
        np.testing.assert_array_equal(blind[name][wrong], clean[name][wrong])
        np.testing.assert_allclose(
            *(blind[name][~wrong], attacked[name][~wrong]), rtol=1e-5, atol=1e-6
        )
    parts = [path.stem for path in (tmp_path / "skip" / "parts").glob("blind-*")]
    assert parts == ["blind-0.6-0"]


def test_where_all_are_wrong_nothing_is_attacked(root, tmp_path):
    config = evaluation(root, attacks={}, skip_wrong=True, keys=1)
    plain = driver.set_up(config, tmp_path / "plain", None)
    config = dataclasses.replace(config, attacks={"blind": tiny("blind")})
    work = driver.set_up(config, tmp_path / "wrong", None)
    with Stop() as stop:
        (clean,) = driver.run(plain, stop).values()
        labels = (clean["probabilities"][:, 0, -1] + 1) % 10
        images = dataclasses.replace(work.images, labels=labels.astype(np.int32))
        _, blind = driver.run(dataclasses.replace(work, images=images), stop).values()
    assert not list((tmp_path / "wrong" / "parts").glob("blind-*"))
    for name in set(clean) - {"seconds"}:
        np.testing.assert_array_equal(blind[name], clean[name])
    assert blind["seconds"].tolist() == [0.0, 0.0]


def change(config, path, value):
    """The config with another value at a path, of a mapping's entries too."""
    head, *rest = path
    mapped = isinstance(config, dict)
    if rest:
        value = change(config[head] if mapped else getattr(config, head), rest, value)
    if mapped:
        return config | {head: value}
    return dataclasses.replace(config, **{head: value})


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("swept", ("exactt",), "no attack is called 'exactt'; did you mean exact?"),
        ("threat", "Linff", "threat is 'Linff'.*did you mean Linf"),
        ("pooling", "vot", "pooling is 'vot'.*did you mean vote"),
        ("purifier.noise", "gausian", "did you mean gaussian"),
        ("purifier.curvature", "jvpp", "did you mean jvp"),
        ("samples", 0, "must be 1 or more"),
        ("purifier.sigmas", (0.1, 0.2, 0.3), "do not divide into 3 equal shares"),
        ("attacks.exact.loss", "margn", "did you mean margin"),
        ("attacks.exact.start", "imag", "did you mean image"),
        ("attacks.exact.at_once", 3, "at_once must be from 1 to eot=2; got 3"),
        ("attacks.exact.eot", 0, "PGD.eot must be 1 or more; got 0"),
        (
            "surface.steps",
            (2, 1),
            "surface.steps must rise from 1 or more",
        ),
        ("surface.eot", (1,), "surface.steps and surface.eot must be given together"),
        ("keys", 0, "keys must be 1 or more"),
        ("images.count", 501, "images.count=501, but digits has 500 test images"),
        ("images.split", "tset", "must be 'test', or 'validation'"),
        ("images.name", "digts", "Did you mean 'digits'"),
        ("score", "nowhere", "no work directory nowhere"),
    ],
)
def test_what_cannot_be_run_is_refused_by_name(root, tmp_path, path, value, words):
    with pytest.raises((ValueError, FileNotFoundError), match=words):
        config = change(evaluation(root), path.split("."), value)
        driver.set_up(config, tmp_path / "refused", None)
    assert not (tmp_path / "refused").exists()


def test_random_search_must_draw_its_points():
    with pytest.raises(ValueError, match="RandomSearch.start is 'image', which is unk"):
        tiny("random", start="image")


def test_rounds_need_their_levels_and_transfer_its_surrogate(root, tmp_path):
    config = evaluation(root)
    with pytest.raises(ValueError, match="Rounds.sigmas needs a level of 0 or more a"):
        Rounds(sigmas=())
    lone = evaluation(root, attacks=("transfer",), surrogate="")
    with pytest.raises(ValueError, match="the attack transfer needs a surrogate"):
        driver.set_up(lone, tmp_path / "refused", None)
    signed = evaluation(root, attacks=("vote",), threat="L2")
    with pytest.raises(ValueError, match="vote takes the threat Linf; got L2"):
        driver.set_up(signed, tmp_path / "refused", None)
    asked = Surface(attack="square", restarts=(1,))
    with pytest.raises(ValueError, match="surface.attack is 'square'; it must be a PG"):
        surface = dataclasses.replace(config, surface=asked)
        driver.set_up(surface, tmp_path / "refused", None)


def test_another_config_in_the_same_folder_is_refused(finished, root):
    config = evaluation(root, radius=0.1)
    with pytest.raises(ValueError, match="radius is 0.2 there and 0.1 here"):
        driver.set_up(config, finished, None)


def test_a_damaged_part_is_named(root, tmp_path):
    folder = tmp_path / "damaged"
    work = driver.set_up(evaluation(root), folder, None)
    (folder / "parts").mkdir(exist_ok=True)
    (folder / "parts" / "clean-0-0.npz").write_bytes(b"PK not an archive")
    with Stop() as stop, pytest.raises(ValueError, match="clean-0-0.npz is damaged"):
        driver.run(work, stop)


def test_validation_images_are_not_those_trained_on(root, tmp_path):
    config = change(evaluation(root), ["images", "split"], "validation")
    work = driver.set_up(config, tmp_path / "validation", None)
    written = json.loads((root / "score" / "splits.json").read_text())
    train_index = written["parts"]["train"]["count"]
    assert train_index + written["parts"]["validation"]["count"] == 1297
    from purifax import data

    whole = data.load("digits", "train")
    parts = data.splits(whole.labels, 0.1, 0)
    trained = set(whole.index[parts["train"]].tolist())
    assert trained.isdisjoint(work.images.index.tolist())


def test_levels_fall_geometrically_to_the_last():
    given = ADP(level=0.2, steps=2)
    fall = ADP(level=0.4, last_level=0.1, steps=3)
    prior = Prior(lambda x, sigma: x)
    for bound, levels in (
        (given.build(prior), [0.2, 0.2]),
        (fall.build(prior), [0.4, 0.2, 0.1]),
        (fall.build_short(prior, 1), [0.4]),
    ):
        np.testing.assert_allclose(bound.keywords["levels"], levels, rtol=1e-6)


@pytest.fixture
def reload(monkeypatch):
    """`reload(change)`: classifiers are read from disk changed."""
    load = weights.load

    def as_told(change):
        def changed(place, **options):
            found = load(place, **options)
            return change(found) if isinstance(found.module, nets.MLP) else found

        monkeypatch.setattr(weights, "load", changed)

    return as_told


def test_a_model_without_finite_answers_is_refused_at_once(root, tmp_path, reload):
    config = evaluation(root, attacks=("blind",))
    reload(
        lambda net: nets.Network(
            net.module, jax.tree.map(lambda w: w * jnp.nan, net.variables)
        )
    )
    said = "classifier's answers to 16 of 16 clean images are not finite, the first"
    with pytest.raises(ValueError, match=said):
        command.evaluate(config, tmp_path / "run", None, "the command")
    parts = {path.name for path in (tmp_path / "run" / "parts").glob("*.npz")}
    assert parts == {"clean-0-0.npz", "clean-0-8.npz"}


def lost(key, x):
    del key
    return jnp.nan * x


def test_a_purifier_that_is_not_finite_is_refused_too(root, tmp_path):
    with pytest.raises(ValueError, match="ADP.sigma must be 0 or more; got nan"):
        ADP(sigma=np.nan)
    config = evaluation(root, attacks=("blind",), purifier=Own("lost", lost))
    work = driver.set_up(config, tmp_path / "run", None)
    said = "defended model's answers to 16 of 16 clean images are not finite"
    with Stop() as stop, pytest.raises(ValueError, match=said):
        driver.run(work, stop)


def test_an_answer_that_is_not_finite_counts_as_wrong():
    logits = jnp.array([[1.0, 0.0], [jnp.nan, 2.0], [5.0, 0.0]])
    told = answers.classes(logits)
    assert told.pop("single").tolist() == [0, NO_ANSWER, 0]
    for rule, answer in told.items():
        assert answer.tolist() == [0, NO_ANSWER, NO_ANSWER], rule
    assert NO_ANSWER < 0, "no label"


def test_labels_that_the_classifier_does_not_have_are_refused(root, tmp_path, reload):
    module = nets.MLP(num_classes=4, widths=(8,))
    few = nets.init(jax.random.key(0), module, jnp.zeros((8, 8, 1)))
    reload(lambda net: nets.Network(module, few))
    with pytest.raises(ValueError, match=r"labels must be 0 .. 3, .* from 0 to 9"):
        driver.set_up(evaluation(root), tmp_path / "run", None)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("name", "loss", "words"),
    [
        ("exact", "dlr", "exact climbs dlr, .* has 2. Set exact.loss=margin"),
        ("hammer", "margin", "hammer climbs dlr, .* has 2. Choose another"),
        ("exact", "margin", None),
        ("autoattack_standard", "dlr", None),
    ],
)
def test_dlr_needs_three_classes(root, name, loss, words):
    made = tiny(name)
    if hasattr(made, "loss"):
        made = dataclasses.replace(made, loss=loss)
    config = evaluation(root, attacks={name: made})
    attacks.check_classes(config, 3)
    if words is None:
        attacks.check_classes(config, 2)
    else:
        with pytest.raises(ValueError, match=words):
            attacks.check_classes(config, 2)
