"""Settings of other programs, and files of weights that may be read in two ways."""

import json

import numpy as np
import pytest
from bad_input import Fault, Line
from weights import torch_files

from purifax.weights import diffusers, diffusers_schedulers, edm, families, foreign_file


def scheduler(**config):
    return lambda folder: diffusers_schedulers.chain(config)


def unet(**config):
    return lambda folder: diffusers.unet2d({}, config)


def pipeline(index=None, config=None, scheduler=None, **flags):
    """Reads a pipeline that has no more than these files."""

    def act(folder):
        for part in ("unet", "scheduler"):
            (folder / "pipe" / part).mkdir(parents=True)
        files = {
            "model_index.json": index,
            "unet/config.json": config,
            "scheduler/scheduler_config.json": scheduler,
        }
        for name, words in files.items():
            if words is not None:
                text = words if isinstance(words, str) else json.dumps(words)
                (folder / "pipe" / name).write_text(text)
        return families.read("diffusers", str(folder / "pipe"), flags)

    return act


def song(state=None, **made):
    """An EDM network made in some way."""
    inner = {"class_name": "SongUNet", "state": {"_init_kwargs": SONG | made}}
    outer = {"_modules": {"model": inner}} | (state or {})
    return lambda folder: edm.convert({"class_name": "EDMPrecond", "state": outer})


def several(*entries):
    def act(folder):
        state = {"fc.weight": np.zeros((2, 2), np.float32)}
        raw = torch_files.archive({name: state for name in entries})
        (folder / "file").write_bytes(raw)
        return foreign_file.state(str(folder / "file"))

    return act


SONG = {"img_resolution": 8, "in_channels": 3, "out_channels": 3}
MORE = {"unet": ["diffusers", "UNet2DModel"], "vqvae": ["diffusers", "VQModel"]}

ROWS = [
    # Settings of other programs.
    Fault(
        "settings", "sigmoid", scheduler(beta_schedule="sigmoid"), "'sigmoid' is not"
    ),
    Fault(
        "settings",
        "a zero terminal SNR",
        scheduler(rescale_betas_zero_snr=True),
        "rescale_betas_zero_snr True is not known",
    ),
    Fault(
        "settings", "thresholding", scheduler(thresholding=True), "thresholding True"
    ),
    Fault(
        "settings", "flow", scheduler(prediction_type="flow_prediction"), "'flow_pre"
    ),
    Fault(
        "settings", "flow sigmas", scheduler(use_flow_sigmas=True), "use_flow_sigmas"
    ),
    Fault("settings", "unknown", scheduler(snr_shift=2), "a field 'snr_shift'"),
    Fault(
        "settings", "VE", scheduler(_class_name="ScoreSdeVeScheduler"), "'ScoreSdeVe"
    ),
    Fault(
        "settings", "continuous", scheduler(timestep_type="continuous"), "'continuous"
    ),
    Fault("settings", "no steps", scheduler(num_train_timesteps=0), "timesteps is 0"),
    Fault(
        "settings", "vast", scheduler(num_train_timesteps=10**9), "timesteps is 1000"
    ),
    Fault(
        "settings", "betas in words", scheduler(beta_end="0.02"), "go from 0.0001 to"
    ),
    Fault(
        "settings", "betas of 2", scheduler(trained_betas=[0.1, 2.0]), "trained_betas"
    ),
    Fault("settings", "gelu", unet(act_fn="gelu"), "`act_fn` is 'gelu'"),
    Fault(
        "settings", "centred", unet(center_input_sample=True), "`center_input_sample"
    ),
    Fault(
        "settings", "learned", unet(time_embedding_type="learned"), "`time_embedding"
    ),
    Fault(
        "settings", "scaled middle", unet(mid_block_scale_factor=1.4), "`mid_block_sc"
    ),
    Fault(
        "settings", "legacy", unet(attention_legacy_order=True), "'attention_legacy_o"
    ),
    Fault("settings", "classes", unet(num_class_embeds=-1), "`num_class_embeds` is -1"),
    Fault("settings", "timed", unet(class_embed_type="timestep"), "`class_embed_type"),
    Fault(
        "settings", "text", unet(_class_name="UNet2DConditionModel"), "`_class_name`"
    ),
    Fault("settings", "eps in words", unet(norm_eps="1e-6"), "`norm_eps` is '1e-6'"),
    Fault("settings", "no groups", unet(norm_num_groups=0), "`norm_num_groups` is 0"),
    Fault(
        "settings", "vast widths", unet(block_out_channels=[10**9]), "`block_out_cha"
    ),
    Fault("settings", "shift 2", unet(freq_shift=2), "`freq_shift` is 2"),
    Fault("settings", "order 1", unet(flip_sin_to_cos=1), "`flip_sin_to_cos` is 1"),
    Fault("settings", "EDM's gain", song(gain=2.0), "not known here: gain=2.0"),
    Fault(
        "settings", "EDM's beta", song({"beta_d": 10.0}), "not known here: beta_d=10"
    ),
    Fault("settings", "EDM's attribute", song({"shift": 3}), "not known here: shift=3"),
    Fault(
        "settings", "EDM's decoder", song(decoder_type="skip"), "decoder_type='skip'"
    ),
    *(
        Line(
            "settings",
            "purifax convert --from=openai --num_heads=4 --side=8 --betas=linear "
            f"--steps={steps} file out",
            f"from 21 .* to 100000; got {steps}",
        )
        for steps in (0, 10, 20, -1, 10**9)
    ),
    # Files that may be read in two ways.
    Fault("ambiguity", "latents", pipeline(MORE), "names 'vqvae' beside unet"),
    Fault("ambiguity", "config cut", pipeline(config="{"), "config.json is not valid"),
    Fault(
        "ambiguity", "index list", pipeline("[]"), "model_index.json must hold a dict"
    ),
    Fault(
        "ambiguity", "entry of one", pipeline(entry="ema"), "holds one set of weights"
    ),
    Fault(
        "ambiguity", "two states", several("model", "ema"), "several sets of weights"
    ),
    Fault("ambiguity", "three", several("net", "model", "ema"), "net|model, net, ema"),
    Line(
        "ambiguity",
        "purifax convert --from=openai file out",
        r"give --betas \(linear or cosine\), --steps \(1000 or 4000\) and --side",
    ),
    Line(
        "ambiguity",
        "purifax convert --from=openai --num_heads=4 --side=8 --steps=1000 file out",
        "give --betas",
    ),
    Line(
        "ambiguity",
        "purifax convert --from=puregen_ebm file out",
        "12 channels, which may be those of images or of squares",
        lambda folder: (folder / "file").write_bytes(
            torch_files.archive({"block1.c1.weight": np.zeros((8, 12, 3, 3), "f4")})
        ),
    ),
]


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_bad_input_is_one_clear_line(row, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    row.refused(tmp_path, capsys)
