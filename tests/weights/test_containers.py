"""Files of weights: every form gives the arrays written, and nothing is run."""

import io
import json
import os
import pickle
import struct

import flax.serialization
import jax.numpy as jnp
import numpy as np
import pytest
import shared_data
from weights import torch_files

from purifax.weights import containers, pickles


def read(tmp_path, raw):
    path = tmp_path / "weights"
    path.write_bytes(raw)
    return containers.read(path)


def expected():
    """The arrays written, bfloat16 as float32."""
    found = torch_files.state()
    return found | {"brain": found["brain"].astype(np.float32)}


def assert_same(found, wanted):
    assert type(found) is dict and found.keys() == wanted.keys()
    for name, array in wanted.items():
        assert found[name].dtype == array.dtype
        np.testing.assert_array_equal(found[name], array)


def safetensors(arrays):
    kinds = {"float32": "F32", "float16": "F16", "bfloat16": "BF16", "bool": "BOOL"}
    header, body = {"__metadata__": {"format": "pt"}}, b""
    for name, array in arrays.items():
        kind = kinds.get(array.dtype.name, "I64")
        end = len(body) + array.nbytes
        ends = [len(body), end]
        header[name] = {"dtype": kind, "shape": array.shape, "data_offsets": ends}
        body += array.tobytes()
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + body


def npz(arrays):
    file = io.BytesIO()
    np.savez(file, **{k: v for k, v in arrays.items() if k != "brain"})
    return file.getvalue()


FORMS = {
    "archive": torch_files.archive,
    "legacy": torch_files.legacy,
    "tar": torch_files.tar,
    "safetensors": safetensors,
    "msgpack": flax.serialization.msgpack_serialize,
    "npz": npz,
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_arrays_written(tmp_path, form):
    wanted = expected()
    if form == "npz":
        del wanted["brain"]
    assert_same(read(tmp_path, FORMS[form](torch_files.state())), wanted)


@pytest.mark.parametrize("form", FORMS)
def test_a_file_cut_anywhere_is_one_clear_line(tmp_path, form):
    raw = FORMS[form](torch_files.state())
    # A tar archive ends with blocks of zeros that nobody needs.
    last = len(raw.rstrip(b"\0")) if form == "tar" else len(raw)
    for size in [0, 1, 9, 40, 300, last // 2, last - 1]:
        with pytest.raises(ValueError) as error:
            read(tmp_path, raw[:size])
        assert str(tmp_path) in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize("form", FORMS)
def test_a_damaged_file_is_a_value_error_or_is_read(tmp_path, form):
    raw = FORMS[form](torch_files.state())
    random, faults = np.random.RandomState(0), 0
    for _ in range(60):
        damaged = bytearray(raw)
        damaged[random.randint(min(len(raw), 600))] = random.randint(256)
        try:
            read(tmp_path, bytes(damaged))
        except ValueError:
            faults += 1
    assert faults > 5


@pytest.mark.parametrize("form", ["archive", "legacy"])
def test_the_rest_of_a_checkpoint_is_kept(tmp_path, form):
    value = [torch_files.state(), {"epoch": 3, "names": ["a", None]}, 0.5]
    found = read(tmp_path, FORMS[form](value))
    assert found[1:] == value[1:]
    assert_same(found[0], expected())


def test_an_edm_network_is_its_state_and_its_source_is_not_run(tmp_path):
    random = np.random.RandomState(0)
    arrays = {
        "model.enc.8x8_conv.weight": random.standard_normal((4, 3)).astype(np.float32),
        "model.enc.8x8_conv.resample_filter": np.ones((2, 2), np.float32),
    }
    kwargs = {"img_resolution": 8, "model_type": "SongUNet"}
    found = read(tmp_path, torch_files.edm(arrays, kwargs))
    assert found["loss_fn"] is None and found["ema"]["class_name"] == "EDMPrecond"
    assert found["ema"]["state"]["_init_kwargs"] == kwargs
    model = found["ema"]["state"]["_modules"]["model"]
    assert set(model) == {"class_name", "state"}
    conv = model["state"]["_modules"]["enc"]["_modules"]["8x8_conv"]["state"]
    (kernel, resample) = arrays.values()
    np.testing.assert_array_equal(conv["_parameters"]["weight"], kernel)
    np.testing.assert_array_equal(conv["_buffers"]["resample_filter"], resample)


class Harmful:
    """Would make a folder when a trusting reader reads it."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return os.mkdir, (self.path,)


@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
def test_a_pickle_that_calls_something_is_refused(tmp_path, protocol):
    victim = tmp_path / "made"
    raw = pickle.dumps({"state": Harmful(victim)}, protocol)
    words = r"posix.mkdir" if protocol else "unknown form"
    with pytest.raises(ValueError, match=words):
        read(tmp_path, raw)
    assert not victim.exists()


NAMES = [
    ("builtins", "eval"),
    ("builtins", "getattr"),
    ("torch", "load"),
    ("torch.nn.modules.conv", "Conv2d"),
    ("numpy", "load"),
    ("purifax.weights.pickles", "_Array"),
]


@pytest.mark.parametrize("form", ["archive", "legacy", "plain"])
@pytest.mark.parametrize("name", NAMES, ids=".".join)
def test_a_class_is_refused_by_its_name(tmp_path, form, name):
    value = {"net": torch_files.Call(torch_files.Named(*name), ("1 + 1",))}
    raw = (FORMS | {"plain": torch_files.dumps})[form](value)
    with pytest.raises(ValueError, match=rf"contains `{'.'.join(name)}`"):
        read(tmp_path, raw)


@pytest.mark.parametrize(
    ("size", "stride", "offset"),
    [
        ((7,), (1,), 0),
        ((6,), (1,), 1),
        ((2, 3), (4, 1), 0),
        ((3,), (-1,), 0),
        ((10**12,), (0,), 0),
    ],
)
def test_a_tensor_never_leaves_its_memory(size, stride, offset):
    """Nor does it repeat its memory endlessly."""
    memory = pickles.Storage(np.dtype("<f4"), np.zeros(24, np.uint8))
    with pytest.raises(ValueError):
        pickles.tensor(memory, offset, size, stride)


def test_storages_are_as_long_as_promised(tmp_path):
    raw = torch_files.legacy({"a": np.zeros(6, np.float32)})
    count = struct.pack("<q", 6)
    assert raw.count(count) == 1
    with pytest.raises(ValueError, match="storage 0 has 6 elements, and not 5"):
        read(tmp_path, raw.replace(count, struct.pack("<q", 5)))
    lie = torch_files.Named("torch", "FloatStorage"), "0", "cpu", 2**40, None
    reference = torch_files.Reference(("storage", *lie))
    with pytest.raises(ValueError, match=f"{2**42} bytes of a storage are promised"):
        read(tmp_path, torch_files.legacy({"a": reference}))


def test_a_container_that_contains_itself_is_refused(tmp_path):
    value = []
    value.append(value)
    with pytest.raises(ValueError, match="contains itself"):
        read(tmp_path, pickle.dumps(value))


def test_numpy_numbers_in_a_pickle(tmp_path):
    value = {"best": np.float64(0.5), "curve": np.arange(6.0).reshape(2, 3).T}
    found = read(tmp_path, pickle.dumps(value, 2))
    assert found["best"] == 0.5
    np.testing.assert_array_equal(found["curve"], value["curve"])
    words = pickle.dumps(np.array([None], object))
    with pytest.raises(ValueError, match="no numbers"):
        read(tmp_path, words)


OTHERS = {
    b"version https://git-lfs.github.com/spec/v1\noid": "pointer of Git LFS",
    b"<!DOCTYPE html><html>": "unknown form",
    b"\x89HDF\r\n\x1a\n": "HDF5",
}


@pytest.mark.parametrize("raw", OTHERS)
def test_other_files_are_named(tmp_path, raw):
    with pytest.raises(ValueError, match=OTHERS[raw]):
        read(tmp_path, raw)


def test_an_absent_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="no file .*none.pt"):
        containers.read(tmp_path / "none.pt")


def test_bfloat16_arrays_of_flax(tmp_path):
    raw = flax.serialization.msgpack_serialize({"a": jnp.ones(2, jnp.bfloat16)})
    assert read(tmp_path, raw)["a"].dtype == np.float32


RAW = {
    "cifar10_resnet20_akamaster__resnet20-12fca82f.th": "state_dict",
    "cifar10_resnet2b_at2_vnncomp__model_best.pth": "state_dict",
    "cifar10_wrn16_1_backdoored_abl__WRN-16-1-gridTrigger-targetLB0.tar": "state_dict",
    "mnist_ddpm_sdaloglu__ddpm_mnist.pth": None,
    "mnist_ebm_uva__MNIST.ckpt": "state_dict",
    "mnist_pgd_fastadv__pgd_madry.pth": None,
    "mnist_scoresde_ve25__ckpt.pth": None,
}


@shared_data.needed
@pytest.mark.parametrize("name", RAW)
def test_published_files_hold_the_arrays_known_of_them(name):
    entry = RAW[name]
    found = containers.read(shared_data.folder() / "weights_raw" / name)
    found = found[entry] if entry else found
    wanted = shared_data.arrays(f"weights/{name.partition('__')[0]}")
    found, wanted = (
        {
            key.removeprefix("module.").removeprefix("cnn.cnn_layers."): array
            for key, array in arrays.items()
        }
        for arrays in (found, wanted)
    )
    assert len(wanted) > 5
    for key, array in wanted.items():
        np.testing.assert_array_equal(found[key], array)


@pytest.mark.parity
@pytest.mark.parametrize("form", ["archive", "legacy", "plain"])
def test_what_torch_writes(tmp_path, form):
    torch = pytest.importorskip("torch")
    whole = torch.arange(24.0).reshape(2, 3, 4)
    value = {
        "part": whole[:, 1:, ::2],
        "whole": torch.nn.Parameter(whole),
        "brain": whole.to(torch.bfloat16),
        "count": torch.tensor(3),
        "size": whole.shape,
        "epoch": 3,
    }
    path = tmp_path / "weights.pt"
    if form == "plain":
        path.write_bytes(pickle.dumps(value))
    else:
        new = form == "archive"
        torch.save(value, path, _use_new_zipfile_serialization=new)
    found = containers.read(path)
    assert found["epoch"] == 3 and found["size"] == (2, 3, 4)
    for name in ("part", "whole", "brain", "count"):
        np.testing.assert_array_equal(found[name], value[name].detach().float().numpy())


@pytest.mark.parity
def test_a_module_of_torch_inside_an_edm_pickle(tmp_path):
    """As PyTorch pickles it, with NumPy's numbers and NVlabs' dictionaries."""
    torch = pytest.importorskip("torch")
    inside = torch.nn.ModuleDict({"conv": torch.nn.Identity()})
    inside.register_buffer("filter", torch.ones(2, 2))
    inside.register_parameter("weight", torch.nn.Parameter(torch.arange(3.0)))
    inside.scale = np.sqrt(0.5)
    called = torch_files.Named("torch_utils.persistence", "_reconstruct_persistent_obj")
    easy = torch_files.Named("dnnlib.util", "EasyDict")
    meta = {"class_name": "Net", "module_src": "", "state": {"inside": inside}}
    meta["state"]["words"] = torch_files.Call(easy, ({"a": 1},))
    found = read(tmp_path, torch_files.dumps(torch_files.Call(called, (meta,))))
    assert found["class_name"] == "Net" and found["state"]["words"] == {"a": 1}
    module = found["state"]["inside"]
    np.testing.assert_array_equal(module["_parameters"]["weight"], np.arange(3))
    np.testing.assert_array_equal(module["_buffers"]["filter"], np.ones((2, 2)))
    assert module["scale"] == np.sqrt(0.5) and "conv" in module["_modules"]


@pytest.mark.parity
def test_torch_reads_what_the_tests_write(tmp_path):
    torch = pytest.importorskip("torch")
    for form in ("archive", "legacy"):
        path = tmp_path / form
        path.write_bytes(FORMS[form](torch_files.state()))
        found = torch.load(path, weights_only=True)
        for name, array in expected().items():
            np.testing.assert_array_equal(found[name].float().numpy(), array)
