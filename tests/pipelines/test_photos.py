"""Photos of any sizes and formats: what is written, and what a sudden end leaves."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import time

import commands
import jax
import numpy as np
import pytest
from fields import bare_config
from image_files import save
from jax import numpy as jnp
from PIL import Image, ImageCms

from purifax.data.files import leftovers
from purifax.pipelines import album, files, photo_files
from purifax.pipelines.photo_job import How
from purifax.purify import JPEG, Tiled
from purifax.run.stop import Stopped

DIGITS = "digits_dsm"


def darker(key, x):
    """Half of the image, and noise of its own; of any size."""
    return jnp.clip(x / 2 + 0.1 * jax.random.uniform(key, x.shape), 0, 1)


def config(purifier=darker, **fields):
    return bare_config(purifier=purifier, **{"chunk": 4} | fields)


def drawn(height, width, *more, seed=0):
    random = np.random.default_rng([seed, height, width])
    return random.integers(0, 256, (height, width, *more), np.uint8)


def photo(folder, name, pixels, **options):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    image.save(path, **options)


@pytest.fixture
def source(tmp_path):
    """Photos of four sizes, in three folders, grey beside colour, of most formats."""
    folder = tmp_path / "photos"
    photo(folder, "cats/one.jpg", drawn(9, 12, 3))
    photo(folder, "cats/old/two.JPEG", drawn(9, 12))
    photo(folder, "cats/three.png", drawn(5, 7, 4))
    photo(folder, "dogs/four.bmp", drawn(9, 12, 3, seed=1))
    photo(folder, "dogs/five.webp", drawn(5, 7, 3, seed=1))
    photo(folder, "dogs/six.tif", drawn(5, 7, seed=2))
    photo(folder, "seven.gif", drawn(6, 6))
    photo(folder, "eight.ppm", drawn(6, 6, 3, seed=1))
    return folder


def tree(folder):
    """The content of all files of a folder by their names."""
    found = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}


def clean(source, out, made=None, **options):
    told = []
    how = How(**options)
    made = made or config()
    count = files.clean(made, source, out, None, 3, lambda *one: told.append(one), how)
    return count, told


def test_names_folders_formats_sizes_and_grey_are_kept(source, tmp_path):
    assert clean(source, tmp_path / "out") == (8, [])
    written = tree(tmp_path / "out")
    assert set(written) == {*tree(source), "purified.png", ".purify.json"}
    for name in tree(source):
        with Image.open(source / name) as old, Image.open(tmp_path / "out" / name) as x:
            assert (x.format, x.size) == (old.format, old.size), name
            assert x.getbands() == old.getbands() or name.endswith("gif"), name
            before, after = (np.asarray(i.convert("RGB"), float) for i in (old, x))
        lossy = 12 if name.lower().endswith(("jpg", "jpeg", "gif")) else 1
        away = after - before / 2
        assert -lossy < away.min() and away.max() < 26 + lossy, name
        assert 8 < away.mean() < 17, name  # the noise, of mean 12.75


def test_another_format_and_quality(source, tmp_path):
    assert clean(source, tmp_path / "png", form="png")[0] == 8
    names = {pathlib.Path(n).with_suffix(".png").as_posix() for n in tree(source)}
    written = set(tree(tmp_path / "png")) - {"purified.png", ".purify.json"}
    assert written == names
    clean(source, tmp_path / "low", quality=10)
    clean(source, tmp_path / "high", quality=100)
    low, high = (tree(tmp_path / name)["cats/one.jpg"] for name in ("low", "high"))
    assert len(low) < len(high)


def test_transparency_and_the_colour_profile_stay_and_rotation_is_applied(tmp_path):
    clear = drawn(5, 7, 4)
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    photo(tmp_path / "in", "a.png", clear, icc_profile=profile)
    turned = Image.Exif()
    turned[274] = 6
    photo(tmp_path / "in", "b.jpg", drawn(9, 12, 3), exif=turned)
    assert clean(tmp_path / "in", tmp_path / "out")[0] == 2
    with Image.open(tmp_path / "out/a.png") as found:
        assert found.info["icc_profile"] == profile
        np.testing.assert_array_equal(np.asarray(found)[..., 3], clear[..., 3])
    with Image.open(tmp_path / "out/b.jpg") as found:
        assert found.size == (9, 12) and not found.getexif()


def test_a_photo_is_purified_as_by_the_recipe(tmp_path):
    """Tiles of a network's size, from many photos in one batch: 1 grey level away."""
    sizes = [(8, 8), (8, 13), (21, 9), (5, 6)]
    for n, size in enumerate(sizes):
        photo(tmp_path / "in", f"{n}.png", drawn(*size))
    made = bare_config(purifier="", score=DIGITS, chunk=4)
    object.__setattr__(made, "purifier", files.configured.purifiers.advised(DIGITS))
    assert clean(tmp_path / "in", tmp_path / "out", made) == (4, [])
    within = files.configured.purifier(made, made.purifier, None)
    tiles = Tiled(made.purifier, height=8, width=8, overlap=2, margin=0).around(within)
    for n, size in enumerate(sizes):
        key = jax.random.fold_in(jax.random.key(3), n)
        right = jax.jit(tiles)(key, drawn(*size)[..., None] / np.float32(255))
        found = np.asarray(Image.open(tmp_path / "out" / f"{n}.png"), float)
        assert np.abs(found - np.asarray(right)[..., 0] * 255).max() < 1.51


def test_grey_stays_grey_and_colour_is_left_out_of_a_grey_network(tmp_path):
    photo(tmp_path / "in", "grey.png", drawn(8, 8))
    photo(tmp_path / "in", "red.png", drawn(8, 8, 3))
    made = config("jpeg", score="")
    wanted = album.look(tmp_path / "in", 1, None, None)
    assert [one.name for one in wanted.photos] == ["grey.png"]
    assert "red.png is in colour" in wanted.left_out[0][1]
    assert clean(tmp_path / "in", tmp_path / "out", made)[0] == 2
    wide = album.look(tmp_path / "in", 3, None, None)
    (group,) = album.groups(wide.photos, 3, None)
    assert group.shape == (8, 8, 3) and group.parts == 2
    even = np.full((2, 2, 3), 7.0)
    np.testing.assert_allclose(photo_files.grey(even), 7, rtol=1e-6)


class Dies(BaseException):
    """The end of the process, as far as one process can play it."""


def dying(after):
    """A purifier's program that ends the process at one of its batches."""
    left = [after]

    def count(real):
        def check(stop):
            left[0] -= 1
            if not left[0]:
                raise Dies
            real(stop)

        return check

    return count


@pytest.mark.parametrize("moment", [1, 4])
def test_what_was_stopped_goes_on_and_equals_an_unbroken_run(
    source, tmp_path, monkeypatch, moment
):
    small = config(chunk=1)
    assert clean(source, tmp_path / "whole", small)[0] == 8
    stop = files.photo_job.Stop
    with monkeypatch.context() as once:
        once.setattr(stop, "check", dying(moment)(stop.check))
        with pytest.raises(Dies):
            clean(source, tmp_path / "out", small)
    (tmp_path / "out/cats").mkdir(exist_ok=True)
    half = tmp_path / "out/cats/tmp.0f.one.jpg"
    half.write_bytes(b"half")
    with open(tmp_path / "out/.purify.log", "ab") as log:
        log.write(b'["cats/one')  # a line that was cut short
    before = {n: c for n, c in tree(tmp_path / "out").items() if n in tree(source)}
    assert clean(source, tmp_path / "out", small)[0] == 8
    whole, found = tree(tmp_path / "whole"), tree(tmp_path / "out")
    assert found == whole and before.items() <= whole.items() and not half.exists()
    if moment > 2:
        assert before
    assert clean(source, tmp_path / "out", small) == (8, [])
    assert tree(tmp_path / "out") == whole


def test_a_damaged_file_is_made_again_and_a_foreign_one_not_touched(
    source, tmp_path, capsys
):
    out = tmp_path / "out"
    clean(source, out)
    whole = tree(out)
    (out / "cats/three.png").write_bytes(b"damaged")
    (out / "dogs/four.bmp").unlink()
    clean(source, out)
    assert tree(out) == whole
    assert "cats/three.png is not the file that was written" in capsys.readouterr().err
    save(tmp_path / "other", "cats/three.png", content=b"mine")
    with pytest.raises(ValueError, match="three.png exists already; give another"):
        clean(source, tmp_path / "other")
    assert tree(tmp_path / "other") == {"cats/three.png": b"mine"}


def test_a_photo_that_was_replaced_by_one_of_equal_size_is_purified_again(
    source, tmp_path, capsys
):
    """What is done is done for the photo that was read, not for its name and size."""
    out, size = tmp_path / "out", (source / "dogs/four.bmp").stat().st_size
    clean(source, out)
    photo(source, "dogs/four.bmp", drawn(9, 12, 3, seed=7))
    assert (source / "dogs/four.bmp").stat().st_size == size
    assert clean(source, out) == (8, [])
    said = capsys.readouterr().err
    assert "dogs/four.bmp is another photo than was purified" in said
    clean(source, tmp_path / "fresh")
    assert tree(out) == tree(tmp_path / "fresh")


@pytest.mark.parametrize("change", ["seed", "photos", "quality", "purifier"])
def test_another_command_is_refused_and_named(source, tmp_path, change):
    out = tmp_path / "out"
    clean(source, out)
    whole, given, seed = tree(out), config(), 3
    if change == "photos":
        photo(source, "nine.png", drawn(4, 4))
    made = {"purifier": config(JPEG())}.get(change, given)
    seed, how = 3 + (change == "seed"), How(quality=95 - (change == "quality"))
    with pytest.raises(ValueError, match=f"another command: .*{change}.* there and"):
        files.clean(made, source, out, None, seed, how=how)
    assert tree(out) == whole


def test_what_cannot_be_read_is_named_and_tried_again(source, tmp_path):
    good = (source / "cats/one.jpg").read_bytes()
    (source / "cats/one.jpg").write_bytes(good[:200])  # the head is there
    (source / "dogs/six.tif").write_bytes(b"nothing")
    os.mkfifo(source / "dogs/pipe.png")
    count, told = clean(source, tmp_path / "out")
    assert count == 6 and len(told) == 3
    names = sorted(pathlib.Path(name).name for name, _ in told)
    assert names == ["one.jpg", "pipe.png", "six.tif"]
    again, told = clean(source, tmp_path / "out")
    assert again == 6 and len(told) == 3


def nothing(key, x):
    del key
    return jnp.where(x[0, 0, 0] > 0.5, jnp.nan, x)


def test_a_photo_whose_answer_is_not_finite_is_left_out(tmp_path):
    photo(tmp_path / "in", "a.png", np.full((4, 4), 255, np.uint8))
    photo(tmp_path / "in", "b.png", np.full((4, 4), 9, np.uint8))
    count, told = clean(tmp_path / "in", tmp_path / "out", config(nothing))
    assert count == 1 and "not finite" in told[0][1]
    assert not (tmp_path / "out/a.png").exists()


def test_memory_is_that_of_a_batch(tmp_path, monkeypatch):
    """However many photos there are, few of them are open at the same time."""
    for n in range(40):
        photo(tmp_path / "in", f"{n}.png", drawn(4, 4, seed=n))
    seen, opened = [], files.photo_job.photos.Work._opened
    write = files.photo_job.Journal.write

    def count(self, one):
        seen.append(1)
        return opened(self, one)

    def wrote(self, given):
        del seen[: len(given)]
        peak.append(len(seen))
        return write(self, given)

    peak = []
    monkeypatch.setattr(files.photo_job.photos.Work, "_opened", count)
    monkeypatch.setattr(files.photo_job.Journal, "write", wrote)
    assert clean(tmp_path / "in", tmp_path / "out", config(chunk=8))[0] == 40
    assert max(peak) <= 3 * 8 + 8


def test_a_dry_run_counts_and_writes_nothing(source, tmp_path, capsys):
    line = f"purify {source} --config={tmp_path}/own.py --dry_run"
    (tmp_path / "own.py").write_text(
        "from purifax.evaluation.settings import Evaluation, Subjects\n"
        "from purifax.purify import JPEG\n"
        "def config():\n"
        "    return Evaluation(Subjects(name=''), '', purifier=JPEG())\n"
    )
    code, out, _ = commands.run(capsys, line)
    assert code == 0
    for words in ("8 image(s)", ".jpg (1)", "9 x 12 x 3 (2)", "estimate: ", "batch of"):
        assert words in out
    code, _, err = commands.run(capsys, line + f" --out={tmp_path}/o --worker=0/2")
    assert code == 2 and "stands alone" in err
    assert not (tmp_path / "o").exists()


def test_signals_stop_it_and_the_code_says_so(source, tmp_path, monkeypatch, capsys):
    def check(stop):
        raise Stopped

    stop = files.photo_job.Stop
    line = f"purify {source} --weights=cifar10_dsm_small --out={tmp_path}/out"
    with monkeypatch.context() as once:
        once.setattr(stop, "check", check)
        code, _, err = commands.run(capsys, line)
    assert code == 143 and "the same command goes on" in err


@pytest.mark.slow
def test_real_photos_killed_five_times(tmp_path):
    """By SIGKILL, at any moment; the folder then is that of an unbroken run."""
    source, outs = tmp_path / "photos", [tmp_path / "whole", tmp_path / "broken"]
    random = np.random.default_rng(0)
    for n in range(600):
        size = random.integers(20, 40, 2)
        form = ["png", "jpg", "bmp"][n % 3]
        photo(source, f"{n % 7}/{n}.{form}", drawn(*size, 3, seed=n))
    (tmp_path / "own.py").write_text(
        "from purifax.evaluation.settings import Evaluation, Subjects\n"
        "from purifax.purify import ADP\n"
        "def config():\n"
        "    return Evaluation(Subjects(name=''), '', ADP(sigma=0.1, steps=1),\n"
        "        score='cifar10_dsm_small', chunk=16)\n"
    )

    def start(out):
        words = [f"--config={tmp_path}/own.py", str(source), f"--out={out}"]
        return subprocess.Popen([sys.executable, "-m", "purifax", "purify", *words])

    assert start(outs[0]).wait() == 0
    for _ in range(5):
        process, before = start(outs[1]), len(tree(outs[1]))
        wanted = before + int(random.integers(1, 100))
        while process.poll() is None and len(tree(outs[1])) < wanted:
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
    assert start(outs[1]).wait() == 0
    whole, broken = map(tree, outs)
    assert whole == broken and len(whole) == 602
    assert not leftovers(outs[1]) and json.loads(whole[".purify.json"])["photos"] == 600


@pytest.mark.parity
def test_torchvision_loads_what_was_written(source, tmp_path):
    datasets = pytest.importorskip("torchvision.datasets")
    clean(source, tmp_path / "out")
    found = datasets.ImageFolder(str(tmp_path / "out"))
    assert found.classes == ["cats", "dogs"] and len(found) == 6
    assert [image.size for image, _ in found][:1] == [(12, 9)]
