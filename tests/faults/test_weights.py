"""Files of weights, networks and evaluations that are hostile, damaged or ambiguous."""

import json
import shutil

import jax.numpy as jnp
import numpy as np
import pytest
from bad_input import Fault, Line
from weights import hostile_files, torch_files

from purifax import nets, weights
from purifax.run import npz, workdir
from purifax.weights import (
    containers,
    conversion,
    diffusers,
    edm,
    families,
    foreign_file,
    shipped,
)


def content(make):
    """Reads a file of these bytes."""

    def act(folder):
        (folder / "file").write_bytes(make() if callable(make) else make)
        return containers.read(folder / "file")

    return act


def network(**changes):
    """Loads shipped weights whose network.json was changed; None leaves a field out."""

    def act(folder):
        copy = folder / "copy"
        shutil.copytree(weights.resolve("digits_classifier"), copy)
        path = copy / "network.json"
        words = json.loads(path.read_text()) | changes
        words = {name: value for name, value in words.items() if value is not None}
        path.write_text(json.dumps(words))
        return weights.load(copy)

    return act


def stored(name, text):
    """Loads shipped weights of which one file holds something else."""

    def act(folder):
        shutil.copytree(weights.resolve("digits_classifier"), folder / "copy")
        (folder / "copy" / name).write_bytes(text)
        return weights.load(folder / "copy")

    return act


def fields(**changes):
    made = json.loads(
        (weights.resolve("digits_classifier") / "network.json").read_text()
    )
    return network(fields=made["fields"] | changes)


def scheduler(**config):
    return lambda folder: families.chain(config)


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


SONG = {"img_resolution": 8, "in_channels": 3, "out_channels": 3}


def several(*entries):
    def act(folder):
        state = {"fc.weight": np.zeros((2, 2), np.float32)}
        raw = torch_files.archive({name: state for name in entries})
        (folder / "file").write_bytes(raw)
        return foreign_file.state(str(folder / "file"))

    return act


def classifier(**changes):
    """An MLP from arrays some of which were changed, by the shared check."""
    arrays = {
        "params/Dense_0/kernel": np.ones((4, 2), np.float32),
        "params/Dense_0/bias": np.zeros(2, np.float32),
    }
    arrays |= {f"params/Dense_0/{name}": array for name, array in changes.items()}
    module = nets.MLP(num_classes=2, widths=())
    return lambda folder: weights.states.fitted("an MLP", arrays, module, (2, 2, 1))


def saved(value):
    """Stores and loads a network with a value among its parameters."""

    def act(folder):
        module = nets.MLP(num_classes=2, widths=())
        dense = {"kernel": jnp.full((4, 2), value), "bias": jnp.zeros(2)}
        net = nets.Network(module, {"params": {"Dense_0": dense}})
        weights.save(folder / "net", net, (2, 2, 1), "classifier")
        return weights.load(folder / "net")

    return act


def reversed_score(folder):
    """A network of the score that is taken for one of the noise."""
    levels = {"name": "VE", "smallest": 0.05, "largest": 1.0}
    noise = weights.Prediction("noise", levels, centre=0.0, width=1.0)
    made = conversion.Converted(weights.load("digits_dsm"), (8, 8, 1), predicts=noise)
    return conversion.write(made, str(folder / "out"))


def part(name, damage):
    """Reads a stored part of an evaluation after some damage to its bytes."""

    def act(folder):
        path = folder / "clean-0.npz"
        npz.write(path, {"x_adv": np.arange(64.0), "bare": np.arange(9)}, "clean-0")
        path.write_bytes(damage(path.read_bytes()))
        return npz.read(path, name)

    return act


def flipped(at):
    def damage(raw):
        made = bytearray(raw)
        made[at] ^= 16
        return bytes(made)

    return damage


def config(text, **changes):
    """Resumes a work directory whose config.json holds this."""

    def act(folder):
        (folder / "config.json").write_bytes(text)
        return workdir.check(folder, {"kind": "evaluation", "keys": 3})

    return act


def clock(text):
    def act(folder):
        (folder / "clock.json").write_text(text)
        return workdir.clock(folder, 1.0)

    return act


DEEP = 5000 * b'{"a":'
HUGE = b'{"module": 1' + 5000 * b"0" + b"}"
MORE = {"unet": ["diffusers", "UNet2DModel"], "vqvae": ["diffusers", "VQModel"]}
NAN, INF = float("nan"), float("inf")

ROWS = [
    *(
        Fault("memory", name, content(make), "file")
        for name, make in hostile_files.BOMBS.items()
    ),
    *(
        Fault("archives", name, content(raw), words)
        for name, (raw, words) in hostile_files.CONTRADICTIONS.items()
    ),
    # Our own network.json and card.json.
    Fault(
        "network.json", "cut", stored("network.json", b'{"mod'), "network.json is no"
    ),
    Fault("network.json", "empty", stored("network.json", b""), "network.json is not"),
    Fault("network.json", "a list", stored("network.json", b"[]"), "must hold a dict"),
    Fault("network.json", "bytes", stored("network.json", b"\xff\x00"), "is not valid"),
    Fault("network.json", "deep", stored("network.json", DEEP), "network.json is not"),
    Fault("network.json", "huge", stored("network.json", HUGE), "network.json is not"),
    Fault("network.json", "NaN", stored("network.json", b'{"w": NaN}'), "NaN is no"),
    Fault(
        "network.json",
        "a name twice",
        stored("network.json", b'{"role": "score", "role": "energy"}'),
        "the name 'role' stands there twice",
    ),
    Fault(
        "network.json", "no module", network(module=None), "`module` must be the nam"
    ),
    Fault("network.json", "module 3", network(module=3), "`module` must be the name"),
    Fault("network.json", "no role", network(role=None), "`role` must be score, class"),
    Fault("network.json", "unknown role", network(role="scorer"), "got 'scorer'"),
    Fault("network.json", "a listed role", network(role=["score"]), "`role` must be"),
    Fault("network.json", "no image", network(image=None), "`image` must be the sizes"),
    Fault("network.json", "image in words", network(image="8x8"), "`image` must be"),
    Fault("network.json", "negative image", network(image=[-8, 8, 1]), "`image` must"),
    Fault("network.json", "vast image", network(image=[10**9] * 3), "`image` must be"),
    Fault("network.json", "half an image", network(image=[8.5, 8, 1]), "`image` must"),
    Fault("network.json", "no fields", network(fields=None), "has no 'fields'"),
    Fault("network.json", "listed fields", network(fields=[1]), "`fields` must be a d"),
    Fault("network.json", "unknown kind", network(kind="pickle"), "`kind` must be lin"),
    Fault("network.json", "no arguments", network(kind="built"), "has no 'arguments'"),
    Fault(
        "network.json",
        "an energy of no temperature",
        network(role="energy"),
        "has no 'temperature'",
    ),
    Fault(
        "network.json",
        "temperature 0",
        network(role="energy", temperature=0),
        "`temperature` must be a positive number",
    ),
    Fault("network.json", "width in words", network(width="2"), "`width` must be a po"),
    Fault("network.json", "process list", network(process=[]), "`process` must be a d"),
    Fault("network.json", "nameless", network(process={"length": 9}), "`process` must"),
    Fault("network.json", "name 3", network(process={"name": 3}), "`process` must be"),
    Fault(
        "network.json",
        "a vast process",
        network(process={"name": "linear", "length": 10**12}),
        "`process` must be a dictionary of a `name`",
    ),
    Fault(
        "network.json",
        "a process in words",
        network(process={"name": "VE", "smallest": "0.01"}),
        "`process` must be",
    ),
    Fault(
        "network.json",
        "a setting of another version",
        network(rescale=True),
        "field 'rescale', which is not known here",
    ),
    Fault("network.json", "unknown field", fields(depth=3), "cannot be rebuilt"),
    Fault("network.json", "other widths", fields(widths=[7]), "do not fit SmallCNN as"),
    Fault("card.json", "cut", stored("card.json", b"{"), "card.json is not valid JSON"),
    Fault("card.json", "a list", stored("card.json", b"[]"), "must hold a dictionary"),
    Fault("card.json", "no hash", stored("card.json", b'{"steps": 1}'), "and `sha256`"),
    Fault(
        "weights.npz", "cut", stored("weights.npz", b"PK"), "not those of their card"
    ),
    Fault("weights.npz", "text", lambda f: shipped.unpack(b"text"), "cannot be read"),
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
        "settings", "fourier", unet(time_embedding_type="fourier"), "`time_embedding"
    ),
    Fault(
        "settings", "scaled middle", unet(mid_block_scale_factor=1.4), "`mid_block_sc"
    ),
    Fault(
        "settings", "legacy", unet(attention_legacy_order=True), "'attention_legacy_o"
    ),
    Fault("settings", "classes", unet(num_class_embeds=10), "`num_class_embeds` is 10"),
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
    # Values.
    Fault(
        "finite", "NaN", classifier(bias=np.array([0, NAN], "f4")), "finite: params/D"
    ),
    Fault(
        "finite", "infinity", classifier(bias=np.array([0, INF], "f4")), "not all fin"
    ),
    Fault(
        "finite", "too large", classifier(bias=np.array([0, 1e300])), "not all finite"
    ),
    Fault("finite", "integers", classifier(bias=np.zeros(2, "i1")), "bias of int8"),
    Fault("finite", "complex", classifier(bias=np.zeros(2, "c8")), "bias of complex64"),
    Fault(
        "finite", "a NaN of ours", saved(NAN), "MLP are not all finite: params/Dense"
    ),
    Fault("finite", "an infinity of ours", saved(-INF), "MLP are not all finite"),
    Fault("sign", "a noise network of minus one", reversed_score, "sign is reversed"),
    # Stored parts of an evaluation, and its small files.
    Fault(
        "stored", "cut", part("clean-0", lambda raw: raw[:-300]), "clean-0.npz cannot"
    ),
    Fault(
        "stored", "a bit", part("clean-0", flipped(200)), "clean-0.npz cannot be rea"
    ),
    Fault(
        "stored", "another's place", part("clean-8", bytes), "its checksum is another"
    ),
    Fault("stored", "empty", part("clean-0", lambda raw: b""), "clean-0.npz cannot be"),
    Fault("config.json", "cut", config(b'{"kind"'), "config.json is not valid JSON"),
    Fault("config.json", "a list", config(b"[]"), "config.json must hold a dictionary"),
    Fault("config.json", "kind 3", config(b'{"kind": 3}'), "not the config of a run"),
    Fault("config.json", "deep", config(DEEP), "config.json is not valid JSON"),
    Fault(
        "config.json", "words", config(b'{"kind": "evaluation", "keys": "3"}'), "keys"
    ),
    Fault(
        "config.json", "NaN", config(b'{"kind": "a", "keys": NaN}'), "NaN is no number"
    ),
    Fault("clock.json", "cut", clock("{"), "clock.json is not valid JSON"),
    Fault("clock.json", "a list", clock("[]"), "clock.json must hold a dictionary"),
    Fault("clock.json", "in words", clock('{"seconds": "9"}'), "holds no `seconds`"),
    Fault(
        "clock.json", "negative", clock('{"seconds": -9}'), "holds no `seconds` of 0"
    ),
    Fault("clock.json", "nothing", clock("{}"), "holds no `seconds`"),
]


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_bad_input_is_one_clear_line(row, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    row.refused(tmp_path, capsys)
