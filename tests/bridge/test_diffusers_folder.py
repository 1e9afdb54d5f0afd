"""A torch CNN and a folder of diffusers to a report, by one command and by Python."""

import json

import numpy as np
import pytest
from bridge import test_evaluated
from bridge.test_diffusion import unet
from bridge.test_evaluated import fitted
from commands import run

import purifax
from purifax import attack, data, purify, weights
from purifax.threat import Linf

torch = pytest.importorskip("torch", reason="torch is not installed")
diffusers = pytest.importorskip("diffusers", reason="diffusers is not installed")
pytestmark = [
    pytest.mark.parity,
    pytest.mark.slow,
    pytest.mark.usefixtures("unoptimised"),
]


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory):
    """A pipeline of a small UNet2DModel, trained on digits and saved by diffusers."""
    torch.manual_seed(0)
    torch.set_num_threads(1)
    network = unet((16, 32)).train()
    scheduler = diffusers.DDPMScheduler(num_train_timesteps=1000)
    x = torch.tensor(data.load("digits", "train").images).permute(0, 3, 1, 2)
    x = x / 127.5 - 1
    optimiser = torch.optim.Adam(network.parameters(), 2e-3)
    for _ in range(300):
        clean = x[torch.randint(len(x), (32,))]
        noise, t = torch.randn_like(clean), torch.randint(600, (32,))
        found = network(scheduler.add_noise(clean, noise, t), t).sample
        optimiser.zero_grad()
        torch.nn.functional.mse_loss(found, noise).backward()
        optimiser.step()
    folder = tmp_path_factory.mktemp("pipeline") / "ddpm-digits"
    diffusers.DDPMPipeline(network.eval(), scheduler).save_pretrained(folder)
    return folder


def test_a_folder_is_taken_as_what_is_converted_from_it(pipeline, tmp_path, capsys):
    out = tmp_path / "converted"
    code, _, said = run(capsys, f"convert --from=diffusers {pipeline} {out}")
    assert not code, said
    assert weights.role(pipeline) == weights.role(out) == "score"
    assert weights.image_shape(pipeline) == weights.image_shape(out) == (8, 8, 1)
    x = np.full((8, 8, 1), 0.3, np.float32)
    found, wanted = (weights.score(place)(x, 0.2) for place in (pipeline, out))
    np.testing.assert_array_equal(found, wanted)


def test_python_gives_a_report(pipeline, theirs):
    test = data.load("digits", "test")
    report = purifax.evaluate(
        fitted(theirs.build()),
        test.images[:8],
        test.labels[:8],
        purifier=purify.ADP(steps=1, sigma=0.1),
        score=str(pipeline),
        attacks={"bpda": attack.PGD(gradient="bpda", steps=2, eot=1)},
        threat=Linf(0.1),
        samples=1,
        keys=1,
        probed=0,
    )
    assert report.accuracy("clean").value > 0.5


@pytest.mark.parametrize("name", ["adp", "diffpure"])
def test_one_command_gives_a_report(
    name,
    pipeline,
    theirs,
    tmp_path,
    monkeypatch,
    capsys,
):
    monkeypatch.chdir(tmp_path)
    torch.save(fitted(theirs.build()).state_dict(), "trained.pt")
    short = test_evaluated.SHORT.format("trained")
    line = f"evaluate --config=digits_{name} {short} --config.score={pipeline}"
    code, _, said = run(capsys, f"{line} --workdir={tmp_path / 'run'}")
    assert not code, said
    words = json.loads((tmp_path / "run" / "summary.json").read_text())
    for model in words["models"].values():
        (worst,) = model["worst_case"]
        assert {"BPDA+EOT", "exact PGD+EOT"} < set(worst["attacks"])
