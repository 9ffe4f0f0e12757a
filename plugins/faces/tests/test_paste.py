"""Edited faces back into photographs: what stays, what changes, and the step."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

from interpgan_core import Cutouts, Finish, InterpganError, Square, quiet
from interpgan_core.testing import toy
from interpgan_faces.paste import PasteFaces
from interpgan_faces.pasted import SeePasted
from interpgan_faces.pasting import face_ellipse, paste

SIDE = 64
SQUARE = Square(100, 80, 40, 6)
WAYS = ("difference", "ellipse", "mix")


def photograph(seed=0):
    """(3, 160, 200), smooth and with a little noise."""
    random = torch.Generator().manual_seed(seed)
    coarse = torch.rand((1, 3, 6, 8), generator=random) * 1.4 - 0.7
    smooth = torch.nn.functional.interpolate(coarse, (160, 200), mode="bicubic")[0]
    return (smooth + 0.05 * torch.randn((3, 160, 200), generator=random)).clamp(-1, 1)


def everywhere():
    return torch.ones(SIDE, SIDE, dtype=torch.bool)


@pytest.mark.parametrize("how", WAYS)
def test_no_edit_leaves_the_photograph(how):
    image = photograph()
    face = SQUARE.cut(image, SIDE) * 0.8  # an inversion that is not perfect
    pasted = paste(image, SQUARE, face, face, everywhere(), how)
    assert (pasted - image).abs().max() < 1e-5


@pytest.mark.parametrize("how", WAYS)
def test_outside_the_square_nothing_changes(how):
    image = photograph()
    face = SQUARE.cut(image, SIDE)
    pasted = paste(image, SQUARE, face, -face, everywhere(), how)
    changed = (pasted - image).abs().amax(0) > 1e-6
    y, x = changed.nonzero().unbind(1)
    assert changed.any() and SQUARE.inside(torch.stack([x, y], 1) + 0.5).abs().max() <= 1


def test_a_difference_keeps_details_that_the_inversion_lost():
    image = photograph()
    smooth = torch.nn.functional.avg_pool2d(SQUARE.cut(image, SIDE)[None], 9, 1, 4, count_include_pad=False)[
        0
    ]
    pasted = paste(image, SQUARE, smooth, smooth + 0.2, everywhere(), "difference")
    inside = pasted[:, 70:90, 90:110] - image[:, 70:90, 90:110]
    assert (inside - 0.2).abs().max() < 0.02


def test_where_change_and_error_meet_the_mix_takes_the_edited_picture():
    image = photograph()
    cut = SQUARE.cut(image, SIDE)
    inverted, edited = cut.clone(), cut.clone()
    inverted[:, 24:40, 24:40] = -1.0  # drawn wrongly, and then changed
    edited[:, 24:40, 24:40] = 0.5
    middle = (slice(None), slice(76, 84), slice(96, 104))
    mixed, added = (
        paste(image, SQUARE, inverted, edited, everywhere(), how)[middle] for how in ("mix", "difference")
    )
    assert (mixed - 0.5).abs().mean() < 0.1 < (added - 0.5).abs().mean()


def test_a_wall_that_comes_to_light_has_the_photographs_colour():
    """The generator's wall is paler than the photograph's; a dark head moves away from a strip of it."""
    square = Square(100, 80, 40, 0)
    image = torch.full((3, 160, 200), 0.2)
    image[:, :, 100:] = -0.8
    cut = square.cut(image, SIDE)
    inverted = torch.where(cut > -0.3, cut + 0.5, cut)
    edited = inverted.clone()
    edited[:, :, 32:38] = 0.7
    mixed = paste(image, square, inverted, edited, everywhere(), "mix")
    assert (mixed[:, 75:85, 102:105] - 0.2).abs().mean() < 0.25


def test_what_was_mirrored_is_not_pasted():
    square = Square(10, 80, 40, 0)  # a third of it lies to the left of the picture
    image = photograph()
    known = square.known((160, 200), SIDE)
    face = square.cut(image, SIDE)
    pasted = paste(image, square, face, face + 0.5, known, "difference")
    assert (pasted - image)[:, :, 0].abs().max() < 0.3 < (pasted - image)[:, 60:100, 20:30].abs().max()


def test_the_ellipse_holds_the_face_and_no_corner():
    ellipse = face_ellipse(512)
    assert ellipse[240, 192] == ellipse[375, 256] == 1  # an eye, the mouth
    assert ellipse[0, 0] == ellipse[511, 0] == ellipse[256, 5] == 0


class Brightness:
    """A scorer and a net of persons."""

    name = "brightness"
    names = ("brightness",)

    def __call__(self, images):
        return images.mean((1, 2, 3))[:, None]

    def features(self, images):
        return images.mean((2, 3))


@pytest.fixture
def aligned():
    """Two faces of one photograph, and a generator of their size."""
    generator = toy()
    side = generator.images(generator.sample([0])).shape[2]
    original = ((photograph() + 1) * 127.5).round().byte().permute(1, 2, 0).numpy()
    squares = [SQUARE, Square(50, 60, 30, 0)]
    cuts = [((square.cut(photograph(), side) + 1) * 127.5).round().byte().numpy() for square in squares]
    notes = {"pictures": ["group.jpg, face 1", "group.jpg, face 2"]}
    return generator, Cutouts(
        np.stack(cuts), notes=notes, originals=[original], squares=squares, sources=[0, 0]
    )


def test_the_step_writes_photographs_of_their_own_size_and_figures(aligned, tmp_path):
    generator, faces = aligned
    step = PasteFaces(
        faces=faces,
        inverted=generator.sample([1, 2]),
        batches={"other": generator.sample([3, 4])},
        scorer=Brightness(),
        identity=Brightness(),
    )
    report = step.run(generator, tmp_path, quiet)
    assert Image.open(tmp_path / "000-1.png").size == Image.open(tmp_path / "001-0.png").size == (200, 160)
    assert "Comment" in Image.open(tmp_path / "000-1.png").text
    (table,) = report.tables
    assert table.columns == ("photograph", "picture", "brightness", "identity distance")
    assert [row[:2] for row in table.rows] == [
        ("group.jpg, face 1", "photograph"),
        ("group.jpg, face 1", "other"),
        ("group.jpg, face 2", "photograph"),
        ("group.jpg, face 2", "other"),
    ]
    assert table.rows[0][3] == 0 < table.rows[1][3]
    report.save(tmp_path)
    given = [p["given"] for p in json.loads((tmp_path / "report.json").read_text())["strips"][0]["pictures"]]
    assert given == [True, False]


def test_one_code_a_face(aligned, tmp_path):
    generator, faces = aligned
    step = PasteFaces(
        faces=faces, inverted=generator.sample([1]), batches={"other": generator.sample([3, 4])}
    )
    with pytest.raises(
        InterpganError, match="'inverted' has 1 codes, and there are 2 faces; give one code a face"
    ):
        step.run(generator, tmp_path, quiet)


def test_reach_can_see_what_will_be_pasted(aligned, tmp_path):
    """The very picture that faces.paste writes, as far as its square shows it."""
    generator, faces = aligned
    inverted, edited = generator.sample([1, 2]), generator.sample([3, 4])
    pasted = SeePasted(faces=faces, inverted=inverted).run(generator)
    assert isinstance(pasted, Finish)
    PasteFaces(faces=faces, inverted=inverted, batches={"other": edited}).run(generator, tmp_path, quiet)
    images = generator.images(edited, 2)
    for i, square in enumerate(faces.squares):
        whole = np.asarray(Image.open(tmp_path / f"{i:03d}-1.png").convert("RGB"))
        shown = square.cut(torch.from_numpy(whole.copy()).movedim(2, 0).float() / 127.5 - 1, 32)
        seen = pasted.finished(images[i], i)
        before = faces.images([i])[0]
        # The photograph's pixels are others than the square's: fine detail is lost on the way there and back.
        assert (seen - shown).abs().mean() < 0.2 * (seen - before).abs().mean()
        unedited = pasted.finished(generator.images(inverted, 2)[i], i)
        assert (unedited - before).abs().max() < 0.01  # the cut is kept in 256 levels


def test_pasted_wants_one_code_a_face(aligned):
    generator, faces = aligned
    with pytest.raises(InterpganError, match="1 codes for 2 faces; give one code a face"):
        SeePasted(faces=faces, inverted=generator.sample([1])).check()
    pasted = SeePasted(faces=faces, inverted=generator.sample([1, 2])).run(generator)
    with pytest.raises(InterpganError, match="2 faces, and more codes"):
        pasted.finished(generator.images(generator.sample([1]))[0], 2)
