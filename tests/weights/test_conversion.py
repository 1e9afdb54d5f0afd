"""Conversion of public checkpoints: every family once, and every kind of bad input."""

import copy
import json
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import shared_data
from absl import flags as absl_flags
from nets import foreign, foreign_song, test_public_weights, test_unet_weights
from weights import (
    test_containers,
    test_energy_weights,
    test_song_weights,
    test_torchvision_weights,
    torch_files,
)

from purifax import weights
from purifax.command import convert, flags
from purifax.weights import (
    containers,
    convnets,
    diffusers_schedulers,
    families,
    network_folders,
    residual,
    tutorials,
)


@pytest.fixture
def run(capsys, monkeypatch, tmp_path):
    """Runs a command line in a folder of its own: the exit code, and what it says."""
    declared = copy.deepcopy(absl_flags.FLAGS)
    monkeypatch.chdir(tmp_path)

    def command(*words):
        monkeypatch.setattr(sys, "argv", ["convert", *map(str, words)])
        values = copy.deepcopy(declared)
        monkeypatch.setattr(flags.parse, "__defaults__", (None, None, None, values))
        with pytest.raises(SystemExit) as stopped:
            convert.run()
        return stopped.value.code, capsys.readouterr().err

    return command


def edm_file():
    state = test_song_weights.state("DDPM++")
    arrays = {f"model.{key}": array for key, array in state.items()}
    inner = "SongUNet", foreign_song.CASES["DDPM++"]
    return torch_files.edm(arrays, {}, inner=inner)


def ncsn_file():
    """The last weights, and an average of twice their size."""
    state = foreign.ncsnv2_state(4, 3, seed=0)
    raw = {f"module.{name}": array for name, array in state.items()}
    average = {name: 2 * array for name, array in state.items()}
    return torch_files.archive([raw, {}, 1, 2, average])


def score_sde_file():
    return torch_files.legacy(test_song_weights.checkpoint("NCSN++", "torch"))


def openai_file():
    return torch_files.archive(test_unet_weights.state("openai improved"))


def resnet_file():
    state = test_torchvision_weights.state(18)
    return torch_files.legacy({"state_dict": state, "epoch": 3})


SONG = ["--side=8", "--attention=4"]
OPENAI = ["--side=8", "--num_heads=4", "--groups=4", "--steps=4000", "--betas=cosine"]
ANYWAY = ["--anyway"]  # drawn weights do not denoise
# What the command is told, and what it then writes.
FILES = {
    "edm": (edm_file, [], "SongUNet", "denoised"),
    "ncsnv2": (ncsn_file, ["--side=8"], "NCSNv2", "scaled_score"),
    "score_sde": (score_sde_file, SONG, "NCSNpp", "scaled_score"),
    "openai": (openai_file, OPENAI, "OpenAIUNet", "noise_and_variance"),
}


@pytest.mark.parametrize("family", FILES)
def test_a_family_is_converted_and_is_a_score(run, tmp_path, family):
    make, words, kind, predicts = FILES[family]
    (tmp_path / "file").write_bytes(make())
    code, said = run(f"--from={family}", *words, *ANYWAY, "file", "out")
    assert code == 0 and said.startswith(f"out holds a{'n' * (kind[0] in 'NO')} {kind}")
    assert type(weights.load("out").module).__name__ == kind
    assert weights.prediction("out").predicts == predicts
    assert weights.prediction("out").noise() is not None
    shape = (8, 8, 1 if family == "score_sde" else 3)
    assert weights.image_shape("out") == shape
    found = jax.eval_shape(weights.score("out"), jnp.zeros(shape), jnp.array(0.5))
    assert found.shape == shape
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "out"]


ENERGIES = {
    "puregen_ebm": ("sngan in patches", ["--patch=2", "--side=16"], (16, 16, 2), 1e-4),
    "ebm_defense": ("light", ["--epsilon=0.02"], (32, 32, 3), 2e-4),
}


@pytest.mark.parametrize("family", ENERGIES)
def test_an_energy_keeps_its_shape_and_temperature(run, tmp_path, family):
    case, words, shape, temperature = ENERGIES[family]
    state = test_energy_weights.state(case)
    (tmp_path / "file").write_bytes(torch_files.archive({"state_dict": state}))
    code, said = run(f"--from={family}", *words, "file", "out")
    assert code == 0, said
    assert f"an energy at temperature {temperature:g}, read from" in said
    found = weights.energy("out")
    assert found.temperature == pytest.approx(temperature)
    assert weights.image_shape("out") == shape
    expected = test_energy_weights.READERS[case](state)
    assert found.energy.module == expected.module
    with pytest.raises(ValueError, match="holds an energy, which gives no score"):
        weights.prediction("out")


def test_adp_uses_the_last_weights_and_ncsnv2_their_average(run, tmp_path):
    (tmp_path / "file").write_bytes(ncsn_file())
    for family in ("adp", "ncsnv2"):
        assert run(f"--from={family}", "--side=8", *ANYWAY, "file", family)[0] == 0
    raw, average = (weights.load(name).variables for name in ("adp", "ncsnv2"))
    jax.tree.map(lambda a, b: np.testing.assert_array_equal(2 * a, b), raw, average)


def test_a_classifier_is_normalised_as_told(run, tmp_path):
    (tmp_path / "file").write_bytes(resnet_file())
    words = ["--mean=0.5", "--std=0.25,0.5,0.25", "--side=40"]
    assert run("--from=torchvision", *words, "file", "out")[0] == 0
    module = weights.load("out").module
    assert (module.depth, module.mean) == (18, (0.5,))
    assert module.std == (0.25, 0.5, 0.25)
    with pytest.raises(ValueError, match="holds a classifier, which gives no score"):
        weights.score("out")


def test_a_resnet_without_normalisation(run, tmp_path):
    state = test_public_weights.plain_state()
    stored = {f"module.{name}": array for name, array in state.items()}
    (tmp_path / "file").write_bytes(torch_files.archive({"state_dict": stored}))
    code, said = run("--from=plain_resnet", "--side=12", "file", "out")
    assert code == 0 and said.startswith("out holds a PlainResNet of "), said
    found, expected = weights.load("out"), residual.plain(state)
    assert found.module == expected.module
    jax.tree.map(np.testing.assert_array_equal, found.variables, expected.variables)
    code, said = run("--from=plain_resnet", "file", "other")
    assert code == 1 and "is --side right?" in said


def test_a_pipeline_of_diffusers(run, tmp_path):
    scheduler = {"beta_schedule": "squaredcos_cap_v2", "num_train_timesteps": 50}
    for part in ("unet", "scheduler"):
        (tmp_path / "pipe" / part).mkdir(parents=True)
    config = test_unet_weights.config(sample_size=8)
    arrays = test_containers.safetensors(test_unet_weights.state("diffusers ddpm"))
    home = tmp_path / "pipe"
    (home / "unet/config.json").write_text(json.dumps(config))
    (home / "unet/diffusion_pytorch_model.safetensors").write_bytes(arrays)
    (home / "scheduler/scheduler_config.json").write_text(json.dumps(scheduler))
    code, said = run("--from=diffusers", *ANYWAY, "pipe", "out")
    assert code == 0, said
    found = weights.prediction("out")
    assert found.process == {"name": "cosine", "length": 50}
    assert found.predicts == "noise"
    assert weights.image_shape("out") == (8, 8, 3)


SCHEDULERS = [
    ({}, "noise", (1e-4, 0.02)),
    ({"beta_start": 0.01, "prediction_type": "v_prediction"}, "velocity", (0.01, 0.02)),
    ({"beta_schedule": "scaled_linear", "beta_end": 0.04}, "noise", (1e-4, 0.04)),
    (
        {"trained_betas": [0.1, 0.3], "prediction_type": "sample"},
        "denoised",
        (0.1, 0.3),
    ),
]


@pytest.mark.parametrize(("config", "predicts", "ends"), SCHEDULERS)
def test_the_chain_of_a_scheduler(config, predicts, ends):
    found = diffusers_schedulers.chain(config)
    betas = found.noise().betas
    assert found.predicts == predicts
    np.testing.assert_allclose((betas[0], betas[-1]), ends, rtol=1e-4)
    if config.get("beta_schedule") == "scaled_linear":
        roots = np.sqrt(betas)
        np.testing.assert_allclose(np.diff(roots), np.mean(np.diff(roots)), rtol=0.05)


def test_an_unknown_chain_is_refused():
    with pytest.raises(ValueError, match="beta_schedule 'sigmoid' is not known"):
        diffusers_schedulers.chain({"beta_schedule": "sigmoid"})


WRONG = {
    "unknown family": (["--from=edn", "file", "out"], 2, "'edn'; did you mean edm"),
    "no family": (["file", "out"], 2, "--from=FAMILY is needed; families: adp, "),
    "no folder": (["--from=edm", "file"], 2, "OUT is needed"),
    "a third word": (["--from=edm", "file", "out", "b"], 2, "'b' is not a flag"),
    "unknown flag": (
        ["--from=edm", "--sied=3", "file", "out"],
        2,
        "did you mean --side",
    ),
    "another's flag": (
        ["--from=edm", "--num_heads=3", "file", "out"],
        2,
        "--num_heads is no flag of edm; it has --label, --preset.",
    ),
    "no number": (
        ["--from=robustbench", "--mean=a", "file", "out"],
        2,
        "--mean takes numbers; got 'a'",
    ),
    "no file": (["--from=edm", "absent", "out"], 1, "there is no file absent"),
    "truncated": (["--from=edm", "cut", "out"], 1, "cannot be read as a pickle"),
    "another layout": (
        ["--from=robustbench", "file", "out"],
        1,
        "is not a wide ResNet",
    ),
    "other options": (
        ["--from=score_sde", "--side=8", "song", "out"],
        1,
        "does not fit DDPM++ or NCSN++: 56 missing: ",
    ),
    "other size": (
        ["--from=score_sde", "--side=9", "--attention=4", "song", "out"],
        1,
        "sides that divide by 4; got 9 x 9 x 1",
    ),
    "odd size": (["--from=adp", "--side=9", "ncsn", "out"], 1, "is --side right?"),
    "an empty dictionary": (["--from=edm", "none", "out"], 1, "EDM's networks are"),
    "no dictionary": (["--from=edm", "list", "out"], 1, "holds a list"),
    "taken": (["--from=edm", "file", "taken"], 1, "taken exists already"),
}


@pytest.fixture
def files(tmp_path):
    """Good and bad files."""
    raw = edm_file()
    (tmp_path / "file").write_bytes(raw)
    (tmp_path / "cut").write_bytes(raw[: len(raw) // 2])
    (tmp_path / "song").write_bytes(score_sde_file())
    (tmp_path / "ncsn").write_bytes(ncsn_file())
    (tmp_path / "none").write_bytes(torch_files.dumps({}))
    (tmp_path / "list").write_bytes(torch_files.dumps([1, 2]))
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "notes.txt").write_text("mine")
    return tmp_path


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_one_line_and_leaves_nothing(run, files, case):
    words, code, message = WRONG[case]
    before = sorted(files.rglob("*"))
    found, said = run(*words)
    assert found == code and message in said
    assert said.startswith("error: ") and said.count("\n") == 1
    assert sorted(files.rglob("*")) == before


def test_a_stop_while_writing_leaves_nothing(run, files, monkeypatch):
    def fail(*_, **__):
        raise OSError("the disk is full")

    monkeypatch.setattr(network_folders, "_store", fail)
    before = sorted(files.rglob("*"))
    code, said = run("--from=edm", *ANYWAY, "file", "out")
    assert code == 1 and "the disk is full" in said
    assert sorted(files.rglob("*")) == before


def test_every_flag_of_a_family_is_declared():
    assert set(families.options()) <= set(absl_flags.FLAGS)


PUBLISHED = {
    "cifar10_resnet20_akamaster__resnet20-12fca82f.th": (
        "cifar_resnet",
        residual.akamaster,
    ),
    "cifar10_resnet_uva_flax__ResNet.ckpt": ("cifar_resnet", residual.uva),
    "cifar10_resnet2b_at2_vnncomp__model_best.pth": ("plain_resnet", residual.plain),
    "cifar10_wrn16_1_backdoored_abl__WRN-16-1-gridTrigger-targetLB0.tar": (
        "robustbench",
        residual.wide,
    ),
    "mnist_pgd_fastadv__pgd_madry.pth": ("convnet", convnets.strided),
    "mnist_ddpm_sdaloglu__ddpm_mnist.pth": ("mnist_ddpm", tutorials.noise),
    "mnist_ebm_uva__MNIST.ckpt": ("mnist_ebm", tutorials.energy),
    "mnist_scoresde_ve25__ckpt.pth": ("mnist_score", tutorials.score),
}


@shared_data.needed
@pytest.mark.parametrize("file", PUBLISHED)
def test_published_files_become_the_networks_of_their_arrays(run, file):
    """Whose accuracies and losses are tested where the arrays are read."""
    family, read = PUBLISHED[file]
    path = shared_data.folder() / "weights_raw" / file
    assert run(f"--from={family}", path, "out")[0] == 0
    expected = read(shared_data.arrays(f"weights/{file.partition('__')[0]}"))
    found = weights.load("out")
    assert found.module == expected.module
    jax.tree.map(np.testing.assert_array_equal, found.variables, expected.variables)


@shared_data.needed
def test_published_arrays_of_keras_become_their_network(run):
    """Which has no file of its own kind: its arrays by name are read as they are."""
    name = "cifar10_lenet_onepixel_keras"
    path = shared_data.folder() / "weights" / f"{name}.npz"
    assert run("--from=keras_lenet", path, "out")[0] == 0
    found, expected = (
        weights.load("out"),
        convnets.keras(shared_data.arrays(f"weights/{name}")),
    )
    assert found.module == expected.module
    jax.tree.map(np.testing.assert_array_equal, found.variables, expected.variables)


@shared_data.needed
def test_the_levels_of_the_published_score_are_known(run):
    path = shared_data.folder() / "weights_raw" / "mnist_scoresde_ve25__ckpt.pth"
    assert run("--from=mnist_score", path, "out")[0] == 0
    found = weights.prediction("out")
    assert found.predicts == "scaled_score"
    np.testing.assert_allclose(found.noise().sigma(1.0), 9.845, rtol=1e-3)


@shared_data.needed
def test_the_published_chain_is_known(run):
    """Its table of betas, and that it centres images and sees t / 1000."""
    file = "mnist_ddpm_sdaloglu__ddpm_mnist.pth"
    path = shared_data.folder() / "weights_raw" / file
    assert run("--from=mnist_ddpm", path, "out")[0] == 0
    found = weights.prediction("out")
    assert (found.predicts, found.centre, found.width) == ("noise", 0.5, 1.0)
    assert found.label_scale == 1e-3
    stored = containers.read(path)
    np.testing.assert_allclose(found.noise().betas, stored["beta_t"], rtol=1e-5)
    np.testing.assert_allclose(
        found.noise().alpha_bar(jnp.arange(1001)), stored["alpha_t"], rtol=1e-3
    )
