"""Pictures as people have them: every kind, every size, and bad ones among them."""

import struct
import zlib
from io import BytesIO
from zipfile import ZipFile

import numpy as np
import pytest
import torch
from PIL import Image

from interpgan_core import ImageSet, InterpganError
from interpgan_core.testing import recipe_error, toy
from interpgan_inversion.invert import Invert
from interpgan_inversion.sources import names_of, read

RED = (200, 30, 20)
QUICK = {"steps": 1, "candidates": 1}


def red(size=(40, 40), mode="RGB"):
    return Image.new("RGB", size, RED).convert(mode)


def turned():
    exif = Image.Exif()
    exif[0x0112] = 6
    return exif


def write(folder):
    """Ten pictures, and what is no picture."""
    folder.mkdir()
    red().save(folder / "a.jpg", quality=95)
    red().save(folder / "b.png")
    red().save(folder / "c.webp", lossless=True)
    Image.fromarray(np.full((40, 40), 0x8000, np.uint16)).save(folder / "d-16bit.png")
    red(mode="L").save(folder / "e-grey.png")
    red(mode="RGBA").save(folder / "f-alpha.png")
    red(mode="CMYK").save(folder / "g-cmyk.jpg", quality=95)
    red((40, 60)).save(folder / "h-turned.jpg", exif=turned(), quality=95)
    red((16, 16)).save(folder / "i-tiny.png")
    red((7000, 7150)).save(folder / "j-50MP.jpg")
    (folder / "notes.md").write_text("not looked at")
    return folder


def bomb():
    """A header that promises 60,000 x 60,000 pixels."""
    stream = BytesIO()
    red().save(stream, "PNG")
    start = bytearray(stream.getvalue())
    start[16:24] = struct.pack(">II", 60_000, 60_000)
    start[29:33] = struct.pack(">I", zlib.crc32(bytes(start[12:29])))
    return bytes(start)


def spoil(folder):
    """Five of them bad."""
    stream = BytesIO()
    Image.fromarray(np.random.RandomState(0).randint(0, 256, (64, 64, 3), np.uint8)).save(stream, "JPEG")
    (folder / "k-text.png").write_text("hello")
    (folder / "l-cut.jpg").write_bytes(stream.getvalue()[:-900])
    (folder / "m-empty.png").write_bytes(b"")
    red().save(folder / "n-moves.gif", save_all=True, append_images=[Image.new("RGB", (40, 40))])
    (folder / "o-bomb.png").write_bytes(bomb())


@pytest.mark.long
def test_a_folder_of_every_kind_and_size(kit, tmp_path):
    folder = write(tmp_path / "in")
    found = read(folder, 32, "crop", 0, tmp_path, kit.quiet)
    names = names_of(found)
    assert names == sorted(p.name for p in folder.iterdir() if p.suffix != ".md")
    for name, pixels in zip(names, found.pixels, strict=True):
        wanted = {"d-16bit.png": (128,) * 3, "e-grey.png": (80,) * 3}.get(name, RED)
        assert abs(pixels.mean((1, 2)) - wanted).max() < 4, name
        assert pixels.std((1, 2)).max() < 2, name


def test_bad_pictures_are_named_and_the_others_inverted(kit, tmp_path):
    folder = write(tmp_path / "in")
    (folder / "j-50MP.jpg").unlink()
    spoil(folder)
    with pytest.raises(
        InterpganError, match=r"^5 of 14 pictures in .*in cannot be read: k-text\.png .*unreadable: 5$"
    ):
        kit.run(Invert(pictures=folder, **QUICK), tmp_path / "refused")
    found, report = kit.run(Invert(pictures=folder, unreadable=5, **QUICK), tmp_path / "taken")
    assert len(found) == 9 and report["strips"][0]["title"] == "a.jpg"
    (left_out,) = [note for note in report["notes"] if note.startswith("Left out")]
    for said in (
        "k-text.png is no picture in JPEG",
        "l-cut.jpg was cut short",
        "m-empty.png is empty",
        "n-moves.gif is an animation",
        "o-bomb.png has more than 100 megapixels",
    ):
        assert said in left_out


def test_one_file_several_files_and_folders(kit, tmp_path):
    folder = write(tmp_path / "in")
    one = read(folder / "b.png", 32, "crop", 0, tmp_path, kit.quiet)
    assert names_of(one) == ["b.png"]
    spoil(folder)
    several = (folder / "b.png", folder / "k-text.png", folder / "e-grey.png")
    two = read(several, 32, "crop", 1, tmp_path, kit.quiet)
    assert names_of(two) == ["b.png", "e-grey.png"] and len(two.notes["left out"]) == 1
    with pytest.raises(InterpganError, match=r"k-text\.png is no picture in JPEG"):
        read(several, 32, "crop", 0, tmp_path, kit.quiet)
    with pytest.raises(
        InterpganError, match=r"^none of the pictures can be read: .*k-text\.png.*; repair them"
    ):
        read(several[1:2], 32, "crop", 1, tmp_path, kit.quiet)


def test_bad_pictures_of_an_archive_count_one_by_one(kit, tmp_path):
    with ZipFile(tmp_path / "in.zip", "w") as archive:
        archive.writestr("a.png", b"hello")
        archive.writestr("b.png", b"hello")
    red().save(tmp_path / "c.png")
    with pytest.raises(InterpganError, match="2 of 2 pictures in"):
        read((tmp_path / "c.png", tmp_path / "in.zip"), 32, "crop", 1, tmp_path, kit.quiet)


def test_fit(kit, tmp_path):
    red((40, 20)).save(tmp_path / "wide.png")
    cropped, padded = (
        read(tmp_path / "wide.png", 32, fit, 0, tmp_path, kit.quiet) for fit in ("crop", "pad")
    )
    assert cropped.pixels[0, 2].max() == RED[2] and padded.pixels[0, 2, 0].min() == 255


def test_names():
    pixels = np.zeros((2, 3, 4, 4), np.uint8)
    assert names_of(ImageSet(pixels)) == ["picture 0", "picture 1"]
    assert names_of(ImageSet(pixels, seeds=torch.tensor([7, 9]))) == ["seed 7", "seed 9"]


HEAD = "interpgan: 1\nsteps:\n  - {use: generator, weights: toy}\n  - {use: sample, seeds: 0}\n  - "


@pytest.mark.parametrize(
    ("step", "message"),
    [
        ("{use: inversion, pictures: nowhere}", "there is no file nowhere"),
        ("{use: inversion, pictures: $sample}", "LatentBatch"),
        ("{use: inversion, pictures: recipe.yaml, step: 3}", "has no parameter 'step'; did you mean 'steps'?"),
        ("{use: inversion, pictures: recipe.yaml, perceptual: lpips}", "name a step that makes one"),
        ("{use: inversion, pictures: recipe.yaml, perceptual: $sample}", "not a FeatureNet"),
    ],
)  # fmt: skip
def test_wrong_recipes(step, message, tmp_path):
    assert message in recipe_error(HEAD + step, tmp_path)


def test_a_generator_that_draws_no_squares_is_inverted(kit, tmp_path):
    """A picture of another shape is cut to that of the generator; only the encoder asks for squares."""
    from interpgan_inversion.train_encoder import TrainEncoder

    wide = toy()
    draw = wide.forward
    wide.forward = lambda batch: draw(batch)[:, :, :16]
    red().save(tmp_path / "red.png")
    batch, report = kit.run(Invert(pictures=tmp_path / "red.png", steps=3), tmp_path / "run", wide)
    assert len(batch) == 1 and report["strips"][0]["pictures"][0]["given"]
    with pytest.raises(
        InterpganError, match="draws 16 x 32 pixels, and the encoder is a network of square pictures"
    ):
        kit.run(TrainEncoder(steps=1), tmp_path / "encoder", wide)
