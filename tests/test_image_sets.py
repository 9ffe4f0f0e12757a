"""Sets of pictures: kept in files, and read from whatever people have."""

import json
import os
import struct
import zipfile
import zlib
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image
from processes import output, python

from interpgan_core import ImageSet, InterpganError, ReadImages, Report, quiet, read_picture
from interpgan_core.errors import Remark
from interpgan_core.pictures.decoding import fitted
from interpgan_core.testing import conformance, recipe_error

SHARED_FOLDER = settings(
    deadline=None, max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def noise(width, height, seed=0):
    """A picture whose every pixel counts."""
    return Image.fromarray(np.random.RandomState(seed).randint(0, 256, (height, width, 3), dtype=np.uint8))


def plain(colour, size=(6, 6)):
    return Image.new("RGB", size, colour)


def put(picture, path, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.save(path, **options)
    return path


def content(picture, kind="PNG", **options):
    stream = BytesIO()
    picture.save(stream, kind, **options)
    return stream.getvalue()


def read(source, folder, resolution=8, **fields):
    """The set as a run would make it, saved and loaded."""
    folder = folder / "out"
    folder.mkdir(parents=True, exist_ok=True)
    found = ReadImages(source=source, resolution=resolution, **fields).run(folder, quiet)
    found.save(folder)
    found.summary().save(folder)
    Report.load(folder)
    return ImageSet.load(folder)


def colours(found):
    """The mean colour of each picture."""
    return np.asarray(found.pixels).mean((2, 3)).round().astype(int).tolist()


# A set in files


@st.composite
def sets(draw):
    n, side = draw(st.integers(1, 4)), draw(st.sampled_from([1, 4, 7]))
    pixels = draw(arrays(np.uint8, (n, 3, side, side)))
    known = {}
    if draw(st.booleans()):
        known["class_names"] = tuple(draw(st.lists(st.text(max_size=4), min_size=1, max_size=3)))
        numbers = st.integers(0, len(known["class_names"]) - 1)
        known["classes"] = torch.tensor(draw(st.lists(numbers, min_size=n, max_size=n)))
    if draw(st.booleans()):
        known["names"] = ("age", "smile")
        known["attributes"] = torch.from_numpy(
            draw(arrays(np.float32, (n, 2), elements=st.floats(-4, 4, width=32)))
        )
    if draw(st.booleans()):
        known["seeds"] = torch.arange(n) + draw(st.integers(0, 2**32 - 9))
    if draw(st.booleans()):
        known["notes"] = {"from": draw(st.text(max_size=9)), "left out": ["a", "b"]}
    return ImageSet(pixels, **known)


@SHARED_FOLDER
@given(sets())
def test_a_set_goes_to_files_and_back(tmp_path, before):
    before.save(tmp_path)
    after = ImageSet.load(tmp_path)
    assert isinstance(after.pixels, np.memmap)
    assert (after.pixels == before.pixels).all()
    assert (after.class_names, after.names) == (before.class_names, before.names)
    assert after.notes == (before.notes or {})
    for name in ("classes", "attributes", "seeds"):
        one, other = getattr(before, name), getattr(after, name)
        assert (one is None) == (other is None)
        assert one is None or (one.dtype == other.dtype and torch.equal(one, other))
    after.summary().save(tmp_path)
    Report.load(tmp_path)


def numbered(n, side=4):
    return np.arange(n, dtype=np.uint8)[:, None, None, None].repeat(3, 1).repeat(side, 2).repeat(side, 3)


def test_pixels_that_are_there_already_are_not_written_again(tmp_path):
    ImageSet(numbered(9)).save(tmp_path)
    file = tmp_path / "pixels.npy"
    before = file.stat()
    ImageSet.load(tmp_path).save(tmp_path)
    assert (file.stat().st_ino, file.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    made = np.lib.format.open_memmap(tmp_path / "pixels.npy", "w+", np.uint8, (2, 3, 4, 4))
    made[:] = 7
    ImageSet(made).save(tmp_path)
    assert (ImageSet.load(tmp_path).pixels == 7).all()


@pytest.mark.parametrize("part", [slice(2, 5), slice(None, None, -1), slice(None, None, 2), [3, 1]])
def test_part_of_a_file_replaces_the_file(tmp_path, part):
    ImageSet(numbered(9)).save(tmp_path)
    ImageSet(ImageSet.load(tmp_path).pixels[part]).save(tmp_path)
    assert (ImageSet.load(tmp_path).pixels == numbered(9)[part]).all()


def test_what_a_set_knows():
    pixels = numbered(4)
    found = ImageSet(
        pixels,
        classes=torch.tensor([2, 0, 0, 2]),
        class_names=("cat", "dog", "owl"),
        attributes=torch.tensor([[0.0, 1], [2, 3], [4, 5], [6, 7]]),
        names=("smile", "age"),
    )
    assert (len(found), found.resolution) == (4, 4)
    assert found.labels.tolist() == [[0, 0, 1], [1, 0, 0], [1, 0, 0], [0, 0, 1]]
    assert found.attribute("age").tolist() == [1, 3, 5, 7]
    assert ImageSet(pixels).labels is None
    with pytest.raises(InterpganError, match="these pictures have no attribute 'smil'; did you mean 'smile'"):
        found.attribute("smil")
    with pytest.raises(InterpganError, match="these pictures have no attribute 'smile'"):
        ImageSet(pixels).attribute("smile")


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("rows", [slice(1, 3), [3, 0], slice(0, 0)])
def test_pictures_are_numbers_between_minus_one_and_one(tmp_path, rows):
    pixels = np.random.RandomState(0).randint(0, 256, (4, 3, 5, 5), dtype=np.uint8)
    pixels[0, 0, 0, :2] = 0, 255
    ImageSet(pixels).save(tmp_path)
    found = ImageSet.load(tmp_path).images(rows)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, torch.from_numpy(pixels[rows]) / 127.5 - 1)
    assert found.numel() == 0 or found.abs().max() <= 1


@pytest.mark.parametrize(
    ("pixels", "known", "message"),
    [
        (
            np.zeros((2, 4, 4, 3), np.uint8),
            {},
            r"have shape \(n, 3, h, w\) and type uint8, not \(2, 4, 4, 3\)",
        ),
        (np.zeros((2, 3, 4, 4), np.float32), {}, "of float32"),
        (np.zeros((0, 3, 4, 4), np.uint8), {}, "holds one at least, and this holds none"),
        (numbered(2), {"seeds": torch.arange(3)}, "2 pictures came with 3 seeds"),
        (numbered(2), {"classes": torch.tensor([0, 1])}, "classes 0 to 1 came with 0 names"),
        (
            numbered(2),
            {"classes": torch.tensor([-1, 0]), "class_names": ("a",)},
            "classes -1 to 0 came with 1",
        ),
        (
            numbered(2),
            {"attributes": torch.zeros(2, 3), "names": ("a",)},
            r"shape \(2, 3\) came with 1 names",
        ),
        (numbered(2), {"attributes": torch.zeros(2), "names": ("a",)}, r"shape \(2,\) came with 1 names"),
    ],
)
def test_what_is_no_set(pixels, known, message):
    with pytest.raises(InterpganError, match=message):
        ImageSet(pixels, **known)


def test_the_report_of_a_set(tmp_path):
    found = ImageSet(
        numbered(60),
        classes=torch.arange(60),
        class_names=tuple(f"kind {i}" for i in range(60)),
        attributes=torch.arange(60.0)[:, None],
        names=("age",),
        notes={"read from": "faces", "left out": [f"{i}.png is empty" for i in range(14)], "enlarged": 3},
    )
    found.save(tmp_path)
    report = found.summary()
    known, kinds = report.tables
    assert known.rows == (("age", 29.5, 0.0, 59.0),)
    assert len(kinds.rows) == 50 and kinds.rows[49] == ("kind 49", 1) and kinds.note == "and 10 more"
    assert report.notes[0] == "60 pictures of 4 pixels."
    assert report.notes[1] == "read from: faces"
    assert report.notes[2].startswith("left out: 0.png is empty, 1.png")
    assert report.notes[2].endswith("11.png is empty, and 2 more")
    assert report.notes[3] == "enlarged: 3"
    with Image.open(tmp_path / report.strips[0].pictures[0].file) as sheet:
        assert sheet.size == (6 * 4 + 5 * 2, 2 * 4 + 2)
    assert report.strips[0].pictures[0].caption == "the first 12"


def test_the_summary_of_one_picture_says_so_and_is_no_wider(tmp_path):
    one = ImageSet(numbered(1))
    one.save(tmp_path)
    report = one.summary()
    assert report.notes == ("1 picture of 4 pixels.",)
    [sheet] = report.strips[0].pictures
    assert sheet.caption == ""
    with Image.open(tmp_path / sheet.file) as picture:
        assert picture.size == (4, 4)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda f: (f / "pixels.npy").unlink(), "there is no file .*pixels.npy; make the set again"),
        (lambda f: (f / "pixels.npy").write_bytes(b""), "pixels.npy was cut short or is damaged"),
        (lambda f: (f / "pixels.npy").write_bytes(b"\x93NUMPY"), "pixels.npy was cut short or is damaged"),
        (lambda f: os.truncate(f / "pixels.npy", 200), "pixels.npy was cut short or is damaged"),
        (lambda f: (f / "known.safetensors").unlink(), "there is no file .*known.safetensors"),
        (
            lambda f: np.save(f / "pixels.npy", np.zeros((1, 3, 4, 4), np.uint8)),
            "1 pictures came with 2 seeds",
        ),
    ],
)
def test_damaged_files(tmp_path, spoil, message):
    ImageSet(numbered(2), seeds=torch.arange(2)).save(tmp_path)
    spoil(tmp_path)
    with pytest.raises(InterpganError, match=message):
        ImageSet.load(tmp_path)


# One picture

GREY = Image.linear_gradient("L").resize((8, 8))


def with_exif(turn):
    exif = Image.Exif()
    exif[0x0112] = turn
    return exif


def half(mode, left, right):
    picture = Image.new(mode, (8, 8), left)
    picture.paste(right, (4, 0, 8, 8))
    return picture


def palette_with_holes():
    picture = half("P", 0, 1)
    picture.putpalette([255, 0, 0, 0, 0, 255])
    return picture


SIXTEEN = Image.fromarray((np.asarray(GREY).astype(np.uint16) << 8) + 255)
RED_AND_WHITE = half("RGB", "red", "white")
READABLE = {
    "colour": (noise(8, 8), "PNG", {}, noise(8, 8)),
    "grey": (GREY, "PNG", {}, GREY),
    "black and white": (GREY.convert("1"), "PNG", {}, GREY.convert("1")),
    "16 bits": (SIXTEEN, "PNG", {}, GREY),
    "palette": (palette_with_holes(), "PNG", {}, half("RGB", "red", "blue")),
    "palette with holes": (palette_with_holes(), "PNG", {"transparency": 1}, RED_AND_WHITE),
    "alpha": (half("RGBA", (255, 0, 0, 255), (9, 9, 9, 0)), "PNG", {}, RED_AND_WHITE),
    "half alpha": (half("RGBA", (0, 0, 0, 51), (9, 9, 9, 0)), "PNG", {}, half("RGB", (204, 204, 204), "white")),
    "grey with alpha": (half("LA", (9, 255), (9, 0)), "PNG", {}, half("RGB", (9, 9, 9), "white")),
    "a colour that is a hole": (half("RGB", "red", "blue"), "PNG", {"transparency": (0, 0, 255)}, RED_AND_WHITE),
    "webp": (noise(8, 8), "WEBP", {"lossless": True}, noise(8, 8)),
    "webp with alpha": (half("RGBA", (255, 0, 0, 255), (0, 0, 0, 0)), "WEBP", {"lossless": True}, RED_AND_WHITE),
    "bmp": (noise(8, 8), "BMP", {}, noise(8, 8)),
    "gif that does not move": (palette_with_holes(), "GIF", {}, half("RGB", "red", "blue")),
    "turned": (noise(8, 6), "PNG", {"exif": with_exif(6)}, noise(8, 6).transpose(Image.Transpose.ROTATE_270)),
    "mirrored": (noise(8, 6), "PNG", {"exif": with_exif(2)}, noise(8, 6).transpose(Image.Transpose.FLIP_LEFT_RIGHT)),
    "no such turn": (noise(8, 6), "PNG", {"exif": with_exif(77)}, noise(8, 6)),
}  # fmt: skip


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", READABLE)
def test_pictures_of_every_kind(tmp_path, name):
    picture, kind, options, expected = READABLE[name]
    for found in (
        read_picture(put(picture, tmp_path / "misleading.jpg", format=kind, **options)),
        read_picture(content(picture, kind, **options)),
    ):
        assert found.mode == "RGB"
        assert (np.asarray(found) == np.asarray(expected.convert("RGB"))).all()


JPEGS = {
    "colour": (half("RGB", "red", "white"), {}),
    "grey": (half("L", 76, 255), {}),
    "progressive": (half("RGB", "red", "white"), {"progressive": True}),
    "cmyk": (half("RGB", "red", "white").convert("CMYK"), {}),
    "turned": (half("RGB", "white", "red"), {"exif": with_exif(3)}),
    "a preview beside it": (
        half("RGB", "red", "white"),
        {"save_all": True, "append_images": [plain("blue")]},
    ),
}


@pytest.mark.parametrize("name", JPEGS)
def test_jpegs_of_every_kind(name):
    picture, options = JPEGS[name]
    kind = "MPO" if "save_all" in options else "JPEG"
    found = np.asarray(read_picture(content(picture, kind, **options, quality=95))).astype(int)
    expected = half("L", 76, 255).convert("RGB") if name == "grey" else half("RGB", "red", "white")
    assert abs(found[:, [0, 7]] - np.asarray(expected).astype(int)[:, [0, 7]]).max() < 12


def test_colours_of_16_bits():
    # Pillow writes none: RGB, 2 x 1 pixels, big-endian.
    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    rows = b"\0" + struct.pack(">6H", 0xFFFF, 0x80FF, 0, 0x01FF, 0xFE00, 0x7F00)
    png = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 2, 1, 16, 2, 0, 0, 0))
    found = read_picture(png + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))
    assert np.asarray(found).tolist() == [[[255, 128, 0], [1, 254, 127]]]


def test_damaged_metadata_do_not_spoil_a_picture():
    damaged = content(noise(8, 6), "JPEG", exif=b"Exif\0\0MM\0*\0\0\0\x08\xff\xff" + b"\x01\x12" * 9)
    assert read_picture(damaged).size == (8, 6)


def png_header(width, height):
    """A picture of that size, as far as its first lines say."""
    start = bytearray(content(plain("red")))
    start[16:24] = struct.pack(">II", width, height)
    start[29:33] = struct.pack(">I", zlib.crc32(bytes(start[12:29])))
    return bytes(start)


def animated(kind):
    return content(plain("red"), kind, save_all=True, append_images=[plain("blue")])


def cut(data, share=0.7):
    return data[: int(len(data) * share)]


BAD = {
    "empty": (b"", r"is empty; download or make it again"),
    "a web page": (b"<!DOCTYPE html><html>", r"is a web page, not data"),
    "a pointer": (b"version https://git-lfs.github.com/spec/v1\n", r"is a Git LFS pointer.*git lfs pull"),
    "text": (b"hello, world", r"is no picture in JPEG, PNG, WebP, BMP or GIF; convert it to PNG"),
    "another format": (content(noise(9, 9), "TIFF"), r"is no picture in JPEG.*convert it to PNG"),
    "a cut JPEG": (cut(content(noise(64, 64), "JPEG")), r"was cut short or is damaged \(image file is truncated"),
    "a cut PNG": (cut(content(noise(64, 64))), r"was cut short or is damaged"),
    "a cut WebP": (cut(content(noise(64, 64), "WEBP")), r"was cut short or is damaged"),
    "a damaged PNG": (content(noise(64, 64)).replace(b"IDAT", b"IDAX"), r"was cut short or is damaged"),
    "a GIF that moves": (animated("GIF"), r"is an animation; save one of its pictures as a file"),
    "a PNG that moves": (animated("PNG"), r"is an animation"),
    "a WebP that moves": (animated("WEBP"), r"is an animation"),
    "a large one": (png_header(10_001, 10_000), r"has more than 100 megapixels; make it smaller before"),
    "a bomb": (png_header(60_000, 60_000), r"has more than 100 megapixels; make it smaller before"),
}  # fmt: skip


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", BAD)
def test_what_is_no_picture(tmp_path, name):
    data, message = BAD[name]
    (tmp_path / "a.png").write_bytes(data)
    with pytest.raises(InterpganError, match=f"^nice name {message}"):
        read_picture(tmp_path / "a.png", "nice name")
    with pytest.raises(InterpganError, match=f"^the picture {message}"):
        read_picture(data)


def test_no_file(tmp_path):
    with pytest.raises(InterpganError, match=r"there is no file .*a\.png; check the path"):
        read_picture(tmp_path / "a.png")
    with pytest.raises(InterpganError, match="is a folder"):
        read_picture(tmp_path)


MEMORY = """
import sys
from interpgan_core import InterpganError, read_picture
from PIL import Image

def most():
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmHWM"))

Image.init()
data = sys.stdin.buffer.read() if len(sys.argv) < 2 else bytes.fromhex(sys.argv[1])
before = most()
try:
    read_picture(data)
except InterpganError:
    print(most() - before)
"""


def test_a_bomb_is_found_out_before_it_is_decoded():
    grown = int(output(python(MEMORY, png_header(13_000, 13_000).hex())))
    assert grown < 20_000  # KiB; decoded it is half a million


@given(st.integers(1, 40), st.integers(1, 40), st.integers(4, 20))
@settings(deadline=None, max_examples=40)
def test_every_picture_becomes_a_square(width, height, side):
    picture = plain("red", (width, height))
    cropped, padded = (fitted(picture, (side, side), fit) for fit in ("crop", "pad"))
    assert cropped.size == padded.size == (side, side)
    assert (np.asarray(cropped) == [255, 0, 0]).all()
    red = (np.asarray(padded) == [255, 0, 0]).all(2)
    assert (np.asarray(padded)[~red] == 255).all()
    rows, columns = np.flatnonzero(red.any(1)), np.flatnonzero(red.any(0))
    assert red[np.ix_(rows, columns)].all()
    assert max(len(rows), len(columns)) == side
    expected = max(1, round(side * min(width, height) / max(width, height)))
    assert min(len(rows), len(columns)) == expected
    assert abs(rows[0] - (side - 1 - rows[-1])) <= 1 and abs(columns[0] - (side - 1 - columns[-1])) <= 1


def test_a_picture_of_that_size_stays_as_it_is():
    for fit in ("crop", "pad"):
        assert (np.asarray(fitted(noise(9, 9), (9, 9), fit)) == np.asarray(noise(9, 9))).all()


def test_fine_patterns_become_grey():
    stripes = Image.fromarray(np.tile(np.array([[0, 255]], np.uint8), (64, 32)).repeat(3).reshape(64, 64, 3))
    assert abs(np.asarray(fitted(stripes, (8, 8), "crop")).astype(int) - 127).max() < 12


# The operator

FOLDER = TemporaryDirectory()
for NUMBER in range(3):
    put(noise(20, 12, NUMBER), Path(FOLDER.name, f"kind {NUMBER % 2}", f"{NUMBER}.png"))

test_images = conformance(ReadImages(source=FOLDER.name, resolution=8, fit="pad"))


def zipped(path, folder, packing=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", packing) as archive:
        for file in sorted(folder.rglob("*"), reverse=True):
            archive.write(file, file.relative_to(folder))
    return path


@pytest.fixture(params=["folder", "zip", "stored zip"])
def source(request, tmp_path):
    """`source(folder)`: the folder itself, or an archive of it."""

    def made(folder):
        if request.param == "folder":
            return folder
        packing = zipfile.ZIP_STORED if "stored" in request.param else zipfile.ZIP_DEFLATED
        return zipped(tmp_path / "faces.zip", folder, packing)

    return made


def test_files_in_the_order_of_their_names(source, tmp_path):
    folder = tmp_path / "faces"
    for i, name in enumerate(["b.png", "a/z.jpeg", "c.WEBP", "a/deep/er.bmp", "a.gif"]):
        put(plain((50 * i, 0, 0)), folder / name)
    for passed_over in (
        "notes.txt",
        ".hidden.png",
        "__MACOSX/a.png",
        "a/.thumbs/b.png",
        "a/._z.jpeg",
        "labels.csv",
    ):
        (folder / passed_over).parent.mkdir(exist_ok=True)
        (folder / passed_over).write_text("no picture")
    found = read(source(folder), tmp_path)
    assert [round(c[0] / 50) for c in colours(found)] == [3, 1, 4, 0, 2]
    assert found.classes is None and found.class_names == ()
    assert found.notes["enlarged, for they were smaller"] == 5
    assert found.notes["read from"] == ("faces" if source(folder).is_dir() else "faces.zip")


def test_folders_are_classes_where_every_picture_lies_in_one(source, tmp_path):
    folder = tmp_path / "pets"
    for i, name in enumerate(["dog/1.png", "cat/2.png", "cat/deep/3.png", "owl/1.png"]):
        put(plain((50 * i, 0, 0), (9, 9)), folder / name)
    (folder / "README.txt").write_text("pets")
    (folder / "empty").mkdir()
    found = read(source(folder), tmp_path)
    assert found.class_names == ("cat", "dog", "owl")
    assert found.classes.tolist() == [0, 0, 1, 2]
    assert [c[0] for c in colours(found)] == [50, 100, 0, 150]
    assert read(source(folder), tmp_path, classes=False).classes is None
    put(plain("red"), folder / "loose.png")
    assert read(source(folder), tmp_path).classes is None


def test_a_folder_of_everything_is_no_class(source, tmp_path):
    folder = tmp_path / "data"
    for name in ("all/here/dog/1.png", "all/here/cat/1.png"):
        put(plain("red"), folder / name)
    assert read(source(folder), tmp_path).class_names == ("cat", "dog")
    assert read(source(folder / "all/here/dog"), tmp_path).class_names == ()


def test_crop_and_pad(tmp_path):
    wide = Image.new("RGB", (30, 10), "red")
    wide.paste("blue", (10, 0, 20, 10))
    put(wide, tmp_path / "in" / "a.png")
    middle = read(tmp_path / "in", tmp_path, resolution=10).pixels[0]
    assert (middle == np.array([0, 0, 255])[:, None, None]).all()
    whole = read(tmp_path / "in", tmp_path, resolution=30, fit="pad").pixels[0]
    assert (whole[:, 10:20] == np.asarray(wide).transpose(2, 0, 1)).all()
    assert (whole[:, :10] == 255).all() and (whole[:, 20:] == 255).all()


def damaged(folder):
    folder.mkdir()
    for i in range(4):
        put(plain((60 * i, 0, 0)), folder / f"good {i}.png")
    (folder / "good 0 and a half.png").write_text("hello")
    (folder / "empty; or so.jpg").write_bytes(b"")
    (folder / "moves.gif").write_bytes(animated("GIF"))
    (folder / "photo.heic").write_bytes(b"\0\0\0\x18ftypheic")
    return folder


def test_pictures_that_cannot_be_read_are_named(source, tmp_path):
    where = source(damaged(tmp_path / "faces"))
    for allowed in (0, 3):
        with pytest.raises(InterpganError) as refused:
            read(where, tmp_path, unreadable=allowed)
        assert str(refused.value) == (
            f"4 of 8 pictures in {where} cannot be read: empty; or so.jpg is empty, good 0 and a half.png is no "
            "picture in JPEG, PNG, WebP, BMP or GIF, moves.gif is an animation and 1 more; repair or remove them, "
            "or leave them out with unreadable: 4"
        )
    found = read(where, tmp_path, unreadable=4)
    assert [c[0] for c in colours(found)] == [0, 60, 120, 180]
    assert [text.split(" is ")[0] for text in found.notes["left out"]] == [
        "empty; or so.jpg", "good 0 and a half.png", "moves.gif", "photo.heic",
    ]  # fmt: skip
    assert "left out: empty; or so.jpg is empty, good 0" in "\n".join(found.summary().notes)


def test_classes_stay_with_their_pictures_when_some_are_left_out(source, tmp_path):
    for i, name in enumerate(["a/1", "a/2", "b/1", "b/2"]):
        put(plain((60 * i, 0, 0)), tmp_path / "in" / f"{name}.png")
    (tmp_path / "in/a/1.png").write_bytes(b"")
    found = read(source(tmp_path / "in"), tmp_path, unreadable=9)
    assert found.classes.tolist() == [0, 1, 1]
    assert [c[0] for c in colours(found)] == [60, 120, 180]


def test_nothing_that_can_be_read(source, tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a.png").write_bytes(b"")
    with pytest.raises(
        InterpganError, match=r"1 of 1 pictures in .* cannot be read: a.png is empty; repair them"
    ):
        read(source(tmp_path / "in"), tmp_path, unreadable=5)


def test_nothing_there(source, tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in/labels.csv").write_text("x")
    with pytest.raises(InterpganError, match=r"holds no pictures; their names end in \.jpg, \.jpeg"):
        read(source(tmp_path / "in"), tmp_path)


def test_links_are_not_followed(tmp_path):
    """They count in the cache by their names alone."""
    put(plain("red"), tmp_path / "elsewhere" / "a.png")
    folder = tmp_path / "in"
    put(plain("red"), folder / "a.png")
    (folder / "b.png").symlink_to(tmp_path / "elsewhere/a.png")
    (folder / "more").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(
        InterpganError, match=r"2 of 3 .* b\.png is a link, which is not followed, more is a link"
    ):
        read(folder, tmp_path)
    assert len(read(folder, tmp_path, unreadable=2)) == 1


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="the superuser may read everything")
def test_a_folder_that_may_not_be_read(tmp_path):
    put(plain("red"), tmp_path / "in" / "a" / "a.png")
    (tmp_path / "in/a").chmod(0)
    with pytest.raises(InterpganError, match=r"cannot read .*: Permission denied"):
        read(tmp_path / "in", tmp_path)
    (tmp_path / "in/a").chmod(0o700)


def test_one_picture_is_a_set(tmp_path):
    put(noise(9, 7), tmp_path / "me.png")
    found = read(tmp_path / "me.png", tmp_path, resolution=7)
    assert len(found) == 1 and found.notes["pictures"] == ["me.png"]
    assert (found.pixels[0] == np.asarray(noise(9, 7)).transpose(2, 0, 1)[:, :, 1:8]).all()


def test_a_small_set_knows_the_names_of_its_pictures(tmp_path):
    for name in ("b/1.png", "a/2.png"):
        put(plain("red"), tmp_path / "in" / name)
    (tmp_path / "in/a/1.png").write_bytes(b"")
    found = read(tmp_path / "in", tmp_path, unreadable=1)
    assert found.notes["pictures"] == ["a/2.png", "b/1.png"]


# Archives


def archive_of(path, members, **more):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data, **more)
    return path


def encrypted(data):
    """The archive, with every entry marked as encrypted."""
    data = bytearray(data)
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = data.find(signature)
        data[at + offset] |= 1
    return bytes(data)


def test_archives_that_are_refused(tmp_path):
    red = content(plain("red"))
    good = archive_of(tmp_path / "a.zip", {"a.png": red}).read_bytes()
    for data, message in (
        (encrypted(good), r"x\.zip is encrypted; unpack it, and name the folder"),
        (cut(good), r"x\.zip was cut short or is damaged"),
        (b"hello", r"x\.zip is no picture in JPEG, PNG, WebP, BMP or GIF"),
        (b"", r"x\.zip is empty"),
        (b"<html>", r"x\.zip is a web page"),
    ):
        (tmp_path / "x.zip").write_bytes(data)
        with pytest.raises(InterpganError, match=message):
            read(tmp_path / "x.zip", tmp_path)


def test_members_that_are_damaged(tmp_path):
    good, bad = content(noise(30, 30)), content(noise(30, 30, 1))
    file = archive_of(tmp_path / "a.zip", {"a.png": good, "b.png": bad}, compress_type=zipfile.ZIP_STORED)
    data = file.read_bytes()
    file.write_bytes(data.replace(bad, bad[:-200] + bytes(200)))
    with pytest.raises(InterpganError, match=r"1 of 2 .* b\.png was cut short or is damaged \(Bad CRC-32"):
        read(file, tmp_path)


def test_members_of_an_absurd_size(tmp_path):
    file = archive_of(tmp_path / "a.zip", {"a.png": content(plain("red")), "b.png": b"x" * 1000})
    data = bytearray(file.read_bytes())
    at = data.rfind(b"PK\x01\x02") + 24
    data[at : at + 4] = struct.pack("<I", 3 * 2**30)
    file.write_bytes(data)
    with pytest.raises(InterpganError, match=r"b\.png would unpack to 3\.0 GiB; repair or remove"):
        read(file, tmp_path)
    assert len(read(file, tmp_path, unreadable=1)) == 1


def test_nothing_is_unpacked_to_the_disk(tmp_path):
    names = {"../../evil.png": content(plain("red")), "/abs/olute.png": content(plain("blue"))}
    found = read(archive_of(tmp_path / "a.zip", names), tmp_path)
    assert len(found) == 2
    assert {p.name for p in tmp_path.rglob("*.png")} <= {"sheet.png"}


# Arrays


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("last", [True, False])
def test_arrays(tmp_path, save, last):
    pixels = np.random.RandomState(0).randint(0, 256, (5, 8, 8, 3), dtype=np.uint8)
    order = pixels if last else np.ascontiguousarray(pixels.transpose(0, 3, 1, 2))
    save(tmp_path / "a.npz", images=order, labels=np.array([2, 0, 0, 2, 1], np.int32))
    found = read(tmp_path / "a.npz", tmp_path)
    assert (found.pixels == pixels.transpose(0, 3, 1, 2)).all()
    assert found.class_names == ("0", "1", "2")
    assert found.classes.tolist() == [2, 0, 0, 2, 1]
    assert read(tmp_path / "a.npz", tmp_path, classes=False).classes is None
    save(tmp_path / "b.npz", order)
    small = read(tmp_path / "b.npz", tmp_path, resolution=4)
    assert small.pixels.shape == (5, 3, 4, 4) and small.classes is None


PIXELS = np.zeros((2, 4, 4, 3), np.uint8)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"faces": PIXELS, "x": PIXELS}, r"holds faces, x; call the array of its pictures images"),
        (
            {"images": PIXELS / 255},
            r"has shape \(2, 4, 4, 3\) and type float64; save it as \(n, h, w, 3\) or",
        ),
        ({"images": PIXELS[..., 0, 0]}, r"has shape \(2, 4\) and type uint8; save it as"),
        ({"images": PIXELS[:0]}, r"has shape \(0, 4, 4, 3\), which are no pictures; check the file"),
        ({"images": PIXELS[:, :0]}, r"has shape \(2, 0, 4, 3\), which are no pictures"),
        ({"images": np.asfortranarray(PIXELS)}, r"damaged \(it is not stored row by row; save numpy.ascont"),
        ({"images": np.array([None])}, r"damaged \(it holds objects in place of numbers\)"),
        (
            {"images": PIXELS, "labels": np.zeros(3, int)},
            r"labels of .* have shape \(3,\) .*; save 2 whole numbers",
        ),
        (
            {"images": PIXELS, "labels": np.zeros(2)},
            r"type float64; save 2 whole numbers, or .* classes: false",
        ),
        ({"images": PIXELS, "labels": np.array([0, -1])}, r"run from -1 to 0; number the classes from 0"),
        ({"images": PIXELS, "labels": np.array([0, 10**9])}, r"run from 0 to 1000000000; number the classes"),
    ],
)
def test_arrays_that_are_no_pictures(tmp_path, content, message):
    np.savez(tmp_path / "a.npz", **content)
    with pytest.raises(InterpganError, match=message):
        read(tmp_path / "a.npz", tmp_path)


def test_damaged_arrays(tmp_path):
    file = tmp_path / "a.npz"
    np.savez(file, images=np.random.RandomState(0).randint(0, 256, (9, 8, 8, 3), dtype=np.uint8))
    data = file.read_bytes()
    file.write_bytes(data[:900] + bytes(20) + data[920:])
    with pytest.raises(InterpganError, match=r"a\.npz was cut short or is damaged \(Bad CRC-32"):
        read(file, tmp_path)


def test_arrays_that_unpack_to_too_much(tmp_path):
    file = archive_of(tmp_path / "a.npz", {"images.npy": b"x"})
    data = bytearray(file.read_bytes())
    at = data.rfind(b"PK\x01\x02") + 24
    data[at : at + 4] = struct.pack("<I", 3 * 2**30)
    file.write_bytes(data)
    with pytest.raises(InterpganError, match=r"would unpack to 3\.0 GiB; save it by numpy\.savez"):
        read(file, tmp_path)


CONSTANT = """
import sys
from pathlib import Path
import numpy, torch, PIL.Image
from interpgan_core import ReadImages

def most():
    with open("/proc/self/status") as file:  # what is mapped from files can be dropped at any time
        return next(int(line.split()[1]) for line in file if line.startswith("RssAnon"))

def watched(items, total=None, what=""):
    for i, item in enumerate(items):
        if i == 20:
            print(most())
        yield item
    print(most())

folder = Path(sys.argv[2])
found = ReadImages(source=sys.argv[1], resolution=256).run(folder, watched)
found.save(folder)
print(most(), found.pixels.nbytes // 1024)
"""


@pytest.mark.long
@pytest.mark.parametrize("kind", ["files", "arrays"])
def test_memory_does_not_grow_with_their_number(tmp_path, kind):
    if kind == "files":
        source = tmp_path / "in"
        put(noise(256, 256), source / "0.jpg")
        for i in range(1, 400):
            os.link(source / "0.jpg", source / f"{i}.jpg")
    else:
        source = tmp_path / "in.npz"
        np.savez_compressed(source, np.zeros((400, 256, 256, 3), np.uint8))
    (tmp_path / "out").mkdir()
    start, end, saved, size = map(int, output(python(CONSTANT, source, tmp_path / "out")).split())
    assert size > 70_000
    assert end - start < 8_000 and saved - start < 12_000


# In a recipe

HEAD = "interpgan: 1\nsteps:\n"


@pytest.mark.long
def test_in_a_recipe(command, tmp_path):
    for i, name in enumerate(["cat/a.png", "dog/b.png"]):
        put(plain((60 * i, 0, 0)), tmp_path / "pets" / name)
    recipe = tmp_path / "pets.yaml"
    recipe.write_text(HEAD + "  - {use: images, source: pets, resolution: 8}\n")
    assert command("pets.yaml", cwd=tmp_path).status == 0
    assert "2 pictures of 8 pixels." in (tmp_path / "out/pets/report.html").read_text()
    assert sorted(p.name for p in (tmp_path / "out/pets/01-images").iterdir()) == [
        "known.safetensors", "pixels.npy", "report.json", "sheet.png", "small", "step.json", "tables",
    ]  # fmt: skip
    again = command("pets.yaml", "--dry-run", cwd=tmp_path)
    assert "cached" in again.out and "torch" not in again.modules
    put(plain("green"), tmp_path / "pets/dog/b.png")
    assert "would run (source changed)" in command("pets.yaml", "--dry-run", cwd=tmp_path).out
    (tmp_path / "pets/dog/b.png").rename(tmp_path / "pets/dog/c.png")
    (tmp_path / "pets/cat/a.png").write_bytes(b"")
    failed = command("pets.yaml", cwd=tmp_path)
    assert failed.status == 1
    assert (
        "pets.yaml:3:5: images: 1 of 2 pictures in pets cannot be read: cat/a.png is empty; repair"
        in failed.err
    )


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ("source: lost, resolution: 8", "there is no file lost"),
        ("source: ., resolution: 8", "a file is given by its name, and this is empty"),
        ("source: in, resolution: 3", "'resolution' of images must be at least 4, not 3"),
        ("source: in, resolution: 5000", "'resolution' of images must be at most 4096, not 5000"),
        ("source: in, resolution: 8, fit: stretch", "'fit' of images must be 'crop' or 'pad', not 'stretch'"),
        ("source: in, resolution: 8, unreadable: -1", "'unreadable' of images must be at least 0, not -1"),
        ("source: in", "images needs the parameter 'resolution'; add it"),
    ],
)
def test_parameters_that_are_wrong(tmp_path, fields, message):
    (tmp_path / "in").mkdir()
    assert message in recipe_error(f"{HEAD}  - {{use: images, {fields}}}\n", tmp_path)


# Labels as dataset_tool.py writes them


def tool_set(folder, labels, zipped):
    """Six pictures in two shards, as dataset_tool.py lays them out."""
    names = [f"{shard:05d}/img{i:08d}.png" for shard in (0, 1) for i in range(3)]
    for name in names:
        (folder / "set" / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8), "red").save(folder / "set" / name)
    content = labels(names) if callable(labels) else labels
    (folder / "set/dataset.json").write_text(
        content if isinstance(content, str) else json.dumps({"labels": content})
    )
    if not zipped:
        return folder / "set"
    with zipfile.ZipFile(folder / "set.zip", "w") as archive:
        for path in (folder / "set").rglob("*.*"):
            archive.write(path, path.relative_to(folder / "set"))
    return folder / "set.zip"


def one_hot(i):
    return [float(i == k) for k in range(3)]


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize(
    ("labels", "classes", "names"),
    [
        (lambda names: [[n, i % 3] for i, n in enumerate(names)], [0, 1, 2, 0, 1, 2], ("0", "1", "2")),
        (lambda names: {n: i % 2 for i, n in enumerate(names)}, [0, 1, 0, 1, 0, 1], ("0", "1")),
        (
            lambda names: [[n, one_hot(i % 3)] for i, n in enumerate(names)],
            [0, 1, 2, 0, 1, 2],
            ("0", "1", "2"),
        ),
        (None, None, ()),
    ],
)
def test_dataset_json_says_the_classes_and_not_the_shards(tmp_path, labels, classes, names, zipped):
    found = read(tool_set(tmp_path, labels, zipped), tmp_path / "out", resolution=8)
    assert (None if found.classes is None else found.classes.tolist()) == classes
    assert found.class_names == names
    assert read(tmp_path / "set", tmp_path / "no", resolution=8, classes=False).classes is None


@pytest.mark.parametrize("zipped", [True, False])
def test_dataset_json_in_a_folder_of_its_own(tmp_path, zipped):
    (tmp_path / "outer").mkdir()
    tool_set(tmp_path / "outer", lambda names: [[n, i % 3] for i, n in enumerate(names)], zipped=False)
    source = tmp_path / "outer"
    if zipped:
        source = tmp_path / "set.zip"
        with zipfile.ZipFile(source, "w") as archive:
            for path in (tmp_path / "outer").rglob("*.*"):
                archive.write(path, path.relative_to(tmp_path / "outer"))
    assert read(source, tmp_path / "out").classes.tolist() == [0, 1, 2, 0, 1, 2]


@pytest.mark.parametrize("content", ["[]", "{}", '{"name": "mine"}', "3"])
def test_a_dataset_json_of_another_program_says_nothing(tmp_path, content):
    found = read(tool_set(tmp_path, content, zipped=False), tmp_path / "out")
    assert found.class_names == ("00000", "00001")


def test_vectors_that_name_no_class_are_said(tmp_path):
    source = tool_set(tmp_path, lambda names: [[n, [0.5, 0.5]] for n in names], zipped=True)
    with pytest.warns(Remark, match=r"labels in dataset\.json of .* are vectors that name no class"):
        assert read(source, tmp_path / "out", resolution=8).classes is None


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ("{", "dataset.json of .* is damaged"),
        (
            lambda names: [[n, 0] for n in names[1:]],
            r"no label for 1 of 6 pictures, such as 00000/img00000000\.png",
        ),
        (lambda names: [[n, -1] for n in names], "run from -1 to -1; number classes from 0"),
    ],
)
def test_labels_that_cannot_be(tmp_path, labels, message):
    with pytest.raises(InterpganError, match=message):
        read(tool_set(tmp_path, labels, zipped=False), tmp_path / "out", resolution=8)


@pytest.mark.parametrize("shape", [(5, 8, 8), (5, 8, 8, 1), (5, 1, 8, 8), (5, 8, 8, 3), (5, 3, 8, 8)])
def test_arrays_in_colour_and_grey(tmp_path, shape):
    pixels = np.random.default_rng(0).integers(0, 255, shape, dtype=np.uint8)
    np.save(tmp_path / "a.npy", pixels)
    np.savez(tmp_path / "a.npz", pixels, np.arange(5))
    alone, beside = (read(tmp_path / f"a.{end}", tmp_path / end, resolution=8) for end in ("npy", "npz"))
    assert np.array_equal(alone.pixels, beside.pixels) and alone.classes is None
    assert beside.classes.tolist() == [0, 1, 2, 3, 4]  # arr_1, as ADM and OpenAI write them
    if 3 not in shape:
        assert np.array_equal(alone.pixels[:, 0], pixels.reshape(5, 8, 8))
        assert np.array_equal(alone.pixels[:, 0], alone.pixels[:, 2])


def test_a_folder_of_a_telephones_pictures(tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos/a.heic").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0heic")
    with pytest.raises(InterpganError, match=r"a\.heic is no picture in JPEG.*; convert them to PNG"):
        read(tmp_path / "photos", tmp_path / "out", resolution=8)


@pytest.mark.parametrize("fit", ["crop", "pad"])
def test_pictures_that_are_no_squares(tmp_path, fit):
    """The largest part of the shape is cut out, or the whole is set on white."""
    picture = Image.new("RGB", (40, 40), "red")
    picture.save(tmp_path / "red.png")
    found = read(tmp_path / "red.png", tmp_path, resolution=(16, 8), fit=fit)
    assert found.size == (16, 8) and found.resolution == 16 and found.pixels.shape == (1, 3, 16, 8)
    red = (found.pixels[0] == np.array([255, 0, 0])[:, None, None]).all(0)
    assert red.all() if fit == "crop" else (red.sum(), red[4:12].all()) == (64, True)
