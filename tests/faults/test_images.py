"""Image files and arrays of images that are refused, wherever they are given."""

import os

import jax
import numpy as np
import pytest
from bad_input import Fault, Line
from image_files import GREY, encoded, png, save
from PIL import Image

import purifax
from purifax import data, purify
from purifax.data import foreign_poisons

DEEP = bytes(8 * (1 + 6 * 8))
NOISE = np.random.default_rng(0).integers(0, 256, (32, 32), np.uint8)
KEY = jax.random.key(0)
IMAGES, LABELS = np.zeros((2, 8, 8, 1), np.float32), np.zeros(2, int)


def alone(content, name="a.png"):
    """Loads a folder of one such file beside a good one."""

    def act(folder):
        save(folder, name, content=content)
        save(folder, "b.png", "c.png")
        data.load("folder", "all", folder)

    return act


def picture(kind, given, content, says, name="a.png"):
    return Fault(kind, given, alone(content, name), says)


def linked(folder):
    save(folder, "b.png")
    (folder / "a.png").symlink_to("nowhere")
    data.load("folder", "all", folder)


def piped(folder):
    save(folder, "b.png")
    os.mkfifo(folder / "a.png")
    data.load("folder", "all", folder)


def frames(form, count=3):
    pages = [Image.fromarray(np.rot90(GREY, n)) for n in range(count)]
    return encoded(pages[0], form, save_all=True, append_images=pages[1:])


def purified(images, **given):
    given = {"key": KEY, "purifier": purify.JPEG()} | given
    return lambda folder: purifax.purify_images(images, **given)


def evaluated(images):
    return lambda folder: purifax.evaluate(
        "digits_classifier", images, LABELS, purifier=None, attacks=(), keys=1
    )


def range_of(low, high):
    return np.linspace(low, high, 128, dtype=np.float32).reshape(2, 8, 8, 1)


def stored(**arrays):
    def act(folder):
        np.savez(folder / "a.npz", **arrays)
        data.load("npz", "all", folder / "a.npz")

    return act


def streamed(**arrays):
    def act(folder):
        np.savez(folder / "a.npz", **arrays)
        data.open_stream(str(folder / "a.npz"))

    return act


def npy(folder):
    with open(folder / "a.npy", "wb") as file:
        head = {"descr": "<f4", "fortran_order": False, "shape": (10**12, 8, 8, 1)}
        np.lib.format.write_array_header_1_0(file, head)
    foreign_poisons.read_array(folder / "a.npy")


PURIFY = "purify --config=digits_adp --config.purifier=bit_depth --source=in --out=out"


def line(given, says, content, name="a.png", **more):
    """`purify` of a folder with a bad file beside good ones."""

    def before(folder):
        save(folder / "in", name, content=content)
        save(folder / "in", "b.png", "sub/c.png")

    return Line("files", f"{PURIFY} --seed={given}", says, before)


def fifo(folder):
    save(folder / "in", "b.png")
    os.mkfifo(folder / "in" / "a.png")


def dangling(folder):
    save(folder / "in", "b.png")
    (folder / "in" / "a.png").symlink_to("nowhere")


U16 = encoded(GREY.astype(np.uint16) * 257)
F32 = encoded(GREY.astype(np.float32) / 255, "TIFF")

ROWS = [
    picture("depth", "16-bit grey PNG", U16, "mode I;16, not 8 bits"),
    picture("depth", "16-bit RGB PNG", png(8, 8, 16, 2, DEEP), "not have 8 bits"),
    picture("depth", "16-bit RGBA PNG", png(8, 8, 16, 6, DEEP + DEEP), "8 bits per"),
    picture("depth", "16-bit grey and alpha", png(8, 8, 16, 4, DEEP), "8 bits per"),
    picture("depth", "float TIFF", F32, "mode F, not 8 bits", "a.tif"),
    picture(
        "depth",
        "int32 TIFF",
        encoded(GREY.astype(np.int32), "TIFF"),
        "mode I, not 8 bits",
        "a.tiff",
    ),
    picture("depth", "16-bit PPM", b"P6 8 8 65535\n" + bytes(384), "8 bits", "a.ppm"),
    picture("depth", "16-bit PGM", b"P5 8 8 65535\n" + bytes(128), "mode I", "a.pgm"),
    picture("depth", "10-bit PPM", b"P6 8 8 1023\n" + bytes(384), "8 bits", "a.ppm"),
    picture("frames", "animated GIF", frames("GIF"), "holds 3 pictures", "a.gif"),
    picture("frames", "animated PNG", frames("PNG"), "holds 3 pictures"),
    picture("frames", "animated WebP", frames("WEBP"), "holds 3 pictures", "a.webp"),
    picture("frames", "TIFF of two pages", frames("TIFF", 2), "2 pictures", "a.tif"),
    picture("files", "an empty file", b"", "it is empty"),
    picture("files", "text", b"hello", "cannot be read as an image: its content"),
    picture("files", "half a PNG", encoded(NOISE)[:500], "cannot be read as an image"),
    picture("files", "half a JPEG", encoded(GREY, "JPEG")[:300], "cannot be", "a.jpg"),
    picture("files", "half a GIF", encoded(GREY, "GIF")[:60], "cannot be", "a.gif"),
    picture("files", "half a BMP", encoded(GREY, "BMP")[:200], "cannot be", "a.bmp"),
    picture("files", "13000 x 13000", png(13000, 13000, 8, 0), "more than 67108864"),
    picture("files", "30000 x 30000", png(30000, 30000, 8, 0), "more than 67108864"),
    picture("files", "no pixels", png(0, 0, 8, 0), "cannot be read as an image"),
    Fault("files", "a dangling link", linked, "a dangling link"),
    Fault("files", "a FIFO", piped, "no regular file"),
    picture(
        "files",
        "a name that is no text",
        b"",
        "it is empty",
        os.fsdecode(b"a\xff.png"),
    ),
    line(1, r"left out: .*a.png.*I;16", U16),
    line(2, r"left out: .*a.tif.*mode F", F32, "a.tif"),
    line(3, r"left out: .*a.png.*more than 67108864", png(20000, 20000, 8, 2)),
    line(4, r"left out: .*a.png.*empty", b""),
    Line(
        "files",
        "purify --weights=digits_dsm --fit=exact --source=in --out=out",
        r"left out: .*x/a.png.*4 x 4 x 1, not 8 x 8",
        lambda f: (
            save(f / "in", "x/a.png", content=encoded(GREY[:4, :4])),
            save(f / "in", "b.png", content=encoded(GREY[:8, :8])),
        ),
    ),
    line(6, r"left out: .*a.gif.*3 pictures", frames("GIF"), "a.gif"),
    Line("files", f"{PURIFY} --seed=7", "left out: .*no regular file", fifo),
    Line("files", f"{PURIFY} --seed=8", "left out: .*dangling", dangling),
    Line(
        "files",
        f"{PURIFY} --seed=9",
        "no regular file",
        lambda folder: os.mkfifo(folder / "in"),
    ),
    Line(
        "files",
        f"{PURIFY} --seed=10",
        "left aside: 1 .txt, 1 hidden.* holds no image",
        lambda folder: save(folder / "in", ".a.png", "b.txt", content=b""),
    ),
    Line(
        "files",
        f"{PURIFY} --to=dataset",
        "left out: .*dangling",
        dangling,
    ),
    Fault(
        "range", "purified [-1, 2.33]", purified(range_of(-1, 2.33)), "Undo the norm"
    ),
    Fault(
        "range", "purified 1.0000001", purified(range_of(0, 1.0000001)), "1.00000.*clip"
    ),
    Fault(
        "range", "purified [-1, 1]", purified(range_of(-1, 1)), r"\(images \+ 1\) / 2"
    ),
    Fault("range", "purified [0, 255]", purified(range_of(0, 255)), "images / 255"),
    Fault("range", "purified [0, 65535]", purified(range_of(0, 65535)), "/ 65535"),
    Fault("range", "purified int64", purified(IMAGES.astype(int)), "int64; give uint8"),
    Fault("range", "purified bool", purified(IMAGES > 0), "bool; give uint8"),
    Fault("range", "purified NaN", purified(IMAGES * np.nan), "not finite"),
    Fault("range", "purified infinity", purified(IMAGES + np.inf), "not finite"),
    Fault(
        "range", "evaluated [-1, 2.33]", evaluated(range_of(-1, 2.33)), "Undo the norm"
    ),
    Fault(
        "range", "evaluated 1.0000001", evaluated(range_of(0, 1.0000001)), "numpy.clip"
    ),
    Fault("range", "evaluated [0, 255]", evaluated(range_of(0, 255)), "images / 255"),
    Fault("range", "evaluated infinity", evaluated(IMAGES + np.inf), "not finite"),
    Fault(
        "range", "evaluated int64", evaluated(IMAGES.astype(int)), "int64; give uint8"
    ),
    Fault(
        "layout",
        "purified, channels first",
        purified(np.zeros((2, 3, 8, 8), np.uint8)),
        "channels first.*transpose",
    ),
    Fault(
        "layout",
        "purified [3, 8, 3]",
        purified(np.zeros((3, 8, 3), np.uint8)),
        "first or last",
    ),
    Fault(
        "layout",
        "purified [8, 8]",
        purified(np.zeros((8, 8), np.uint8)),
        r"images are \[H, W, C\]",
    ),
    Fault(
        "layout",
        "evaluated, channels first",
        evaluated(np.zeros((2, 3, 8, 8), np.uint8)),
        "channels first.*transpose",
    ),
    Fault(
        "layout",
        "stored, channels first",
        stored(images=np.zeros((5, 3, 8, 8), np.uint8)),
        "channels come last",
    ),
    Fault(
        "layout",
        "stored [5, 3, 8, 3]",
        stored(images=np.zeros((5, 3, 8, 3), np.uint8)),
        "first or last",
    ),
    Fault(
        "layout",
        "stored [8, 8, 3]",
        stored(images=np.zeros((8, 8, 3), np.uint8)),
        "8 grey images or one image",
    ),
    Fault(
        "layout",
        "stored [3, 8, 8]",
        stored(images=np.zeros((3, 8, 8), np.uint8)),
        "3 grey images or one image, channels first",
    ),
    Fault(
        "layout",
        "stored flat rows",
        stored(images=np.zeros((5, 3072), np.uint8)),
        "flat rows",
    ),
    Fault(
        "layout",
        "streamed [8, 8, 3]",
        streamed(images=np.zeros((8, 8, 3), np.uint8)),
        "8 grey images or one image",
    ),
    Fault(
        "dtype",
        "stored int64",
        stored(images=np.zeros((5, 8, 8), int)),
        "int64 images; .*x.astype",
    ),
    Fault(
        "dtype",
        "stored float16",
        stored(images=np.zeros((5, 8, 8), np.float16)),
        "float16 images; store uint8",
    ),
    Fault(
        "dtype",
        "stored bool",
        stored(images=np.zeros((5, 8, 8), bool)),
        "bool images; .*255",
    ),
    Fault(
        "dtype",
        "stored objects",
        stored(images=np.array([GREY, None], object)),
        "Python objects",
    ),
    Fault("memory", "a huge header of .npy", npy, "gives no poison"),
]


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_bad_input_is_one_clear_line(row, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    row.refused(tmp_path, capsys)
