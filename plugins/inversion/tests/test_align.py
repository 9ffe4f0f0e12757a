"""`inversion.align`: a face ends in the same place however it stood in its picture."""

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from interpgan_core import Cutouts, ImageSet, InterpganError, Remark, Square
from interpgan_inversion.align import HIGHER, SMALLER, Align, LandmarkNet, corrected, square

# x and y of the five points, eyes 100 apart and 100 above the mouth
FACE = np.array([(-50.0, -50.0), (50.0, -50.0), (0.0, 10.0), (-30.0, 50.0), (30.0, 50.0)])
COLOURS = ((255, 0, 0), (0, 255, 0), (0, 0, 0), (0, 0, 255), (255, 0, 255))


class Given:
    """Knows the landmarks."""

    def __init__(self, points):
        self.points = torch.tensor(points, dtype=torch.float32)

    def landmarks(self, image):
        assert image.shape == (3, 1024, 1024)
        return self.points.reshape(-1, 5, 2)


def face(folder, degrees, scale, x, y):
    """A picture of 1024 pixels with five dots, and where they are."""
    turn = np.radians(degrees)
    matrix = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    points = FACE * scale @ matrix + (x, y)
    image = Image.new("RGB", (1024, 1024), (200, 200, 200))
    for (px, py), colour in zip(points, COLOURS, strict=True):
        ImageDraw.Draw(image).ellipse(
            (px - 9 * scale, py - 9 * scale, px + 9 * scale, py + 9 * scale), colour
        )
    image.save(folder / "face.png")
    return folder / "face.png", points


@pytest.mark.parametrize(
    ("degrees", "scale", "x", "y"),
    [(0, 1, 512, 512), (30, 1, 400, 500), (-90, 0.7, 600, 300), (170, 1.5, 500, 480)],
)
def test_a_face_ends_in_its_place(kit, tmp_path, degrees, scale, x, y):
    file, points = face(tmp_path, degrees, scale, x, y)
    net = Given(points)
    assert isinstance(net, LandmarkNet)
    found, _ = kit.run(Align(pictures=file, resolution=128, landmarks=net), tmp_path)
    pixels = found.pixels[0].transpose(1, 2, 0).astype(int)
    # The square is 400 wide, and its middle a tenth of the way from the eyes to the mouth; then the correction.
    places = (FACE - (0, -40 - HIGHER * 400)) / (SMALLER * 400) * 128 + 64
    for (px, py), colour in zip(places, COLOURS, strict=True):
        assert abs(pixels[int(py), int(px)] - colour).max() < 40, (px, py)
    assert found.notes["aligned"] == "by five landmarks" and found.notes["pictures"] == ["face.png"]


def test_what_lies_outside_is_mirrored(kit, tmp_path):
    file, points = face(tmp_path, 0, 1, 60, 512)
    found, _ = kit.run(Align(pictures=file, resolution=64, landmarks=Given(points)), tmp_path)
    known = found.known()[0]
    first = int(known[32].nonzero()[0])  # of a row in the middle
    assert 15 < first < 30 and not known[:, :first].any() and known[:, first:].all()
    pixels = found.pixels[0].astype(int)
    mirrored = pixels[:, :, first : first + 10][:, :, ::-1]
    assert abs(pixels[:, :, first - 10 : first] - mirrored).mean() < 12


def test_originals_and_squares_are_kept(kit, tmp_path):
    file, points = face(tmp_path, 20, 1, 500, 500)
    found, _ = kit.run(Align(pictures=file, resolution=64, landmarks=Given(points)), tmp_path)
    found.save(tmp_path)
    again = Cutouts.load(tmp_path)
    assert again.squares == found.squares and again.sources == [0]
    assert (again.originals[0] == np.asarray(Image.open(file))).all() and (again.pixels == found.pixels).all()


def two_faces(tmp_path):
    file, points = face(tmp_path, 0, 1, 512, 512)
    return file, Given(np.stack([points, points * 0.5]))


def test_of_several_faces_the_largest_and_a_sentence(kit, tmp_path):
    file, net = two_faces(tmp_path)
    with pytest.warns(Remark, match=r"face\.png shows 2 faces; the largest is taken; faces: all takes each"):
        found, _ = kit.run(Align(pictures=file, resolution=64, landmarks=net), tmp_path)
    assert len(found) == 1 and found.squares[0].side > 300


def test_each_of_several_faces(kit, tmp_path):
    file, net = two_faces(tmp_path)
    found, _ = kit.run(Align(pictures=file, resolution=64, landmarks=net, faces="all"), tmp_path)
    assert found.notes["pictures"] == ["face.png, face 1", "face.png, face 2"]
    assert found.sources == [0, 0] and len(found.originals) == 1


def test_the_middle_without_a_net(kit, tmp_path):
    Image.new("RGB", (90, 30), "white").save(tmp_path / "wide.png")
    found, _ = kit.run(Align(pictures=tmp_path / "wide.png", resolution=32), tmp_path)
    assert found.pixels.shape == (1, 3, 32, 32) and found.notes["aligned"] == "centre crop"
    assert found.squares == [Square(45, 15, 15, 0)]


def test_a_set_of_pictures(kit, tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (2, 3, 40, 40), dtype=np.uint8)
    found, _ = kit.run(Align(pictures=ImageSet(pixels), resolution=20), tmp_path)
    for made, image in zip(found.pixels, ImageSet(pixels).images([0, 1]), strict=True):
        middle = Square(20, 20, 20, 0).cut(image, 20)
        assert (made == (middle * 127.5 + 128).byte().numpy()).all()
    assert all(
        (one == other.transpose(1, 2, 0)).all() for one, other in zip(found.originals, pixels, strict=True)
    )


@pytest.mark.parametrize(
    ("mouth", "expected"),
    [
        (10, (5, 1, 20, 0)),  # twice the way between the eyes
        (20, (5, 2, 36, 0)),  # 1.8 times that from the eyes to the mouth, which is more
    ],
)
def test_the_square_of_ffhq(mouth, expected):
    """Appendix C of Karras et al., Progressive Growing of GANs, ICLR 2018, by whose steps FFHQ was cut as well."""
    points = torch.tensor([(0, 0), (10, 0), (100, -100), (2, mouth), (8, mouth)]).float()
    found = square(points)
    assert (found.x, found.y, found.right_x, found.right_y) == pytest.approx(expected)
    turned = square(points.flip(1) * torch.tensor([-1.0, 1.0]))  # the picture on its side
    x, y, right_x, right_y = expected
    assert (turned.x, turned.y, turned.right_x, turned.right_y) == pytest.approx((-y, x, -right_y, right_x))


def test_five_points_are_corrected():
    """0.981 of the side, and higher by 0.0045 of it: measured, see `align.py`."""
    found = corrected(Square(50, 60, 20, 10))
    assert (found.x, found.y) == pytest.approx((50 + 0.009 * 10, 60 - 0.009 * 20))
    assert (found.right_x, found.right_y) == pytest.approx((0.981 * 20, 0.981 * 10))


def test_what_is_enlarged_by_more_than_four_is_said(kit, tmp_path, recwarn):
    Image.new("RGB", (90, 30), "white").save(tmp_path / "wide.png")
    kit.run(Align(pictures=tmp_path / "wide.png", resolution=120), tmp_path / "a")
    assert not recwarn.list
    with pytest.warns(Remark, match=r"should have 121 pixels .* that of wide\.png has 30; what was enlarged"):
        kit.run(Align(pictures=tmp_path / "wide.png", resolution=121), tmp_path / "b")


@pytest.mark.parametrize(("field", "value"), [("resolution", 3), ("resolution", 4097), ("unreadable", -1)])
def test_numbers_out_of_range(field, value):
    with pytest.raises(ValueError, match=field):
        Align(**{"pictures": "a.png", "resolution": 4, field: value})


class Bright:
    """Finds a face in bright pictures."""

    def landmarks(self, image):
        faces = int(image.mean() > 0)
        return torch.tensor(FACE / 10 + 32, dtype=torch.float32).expand(faces, 5, 2)


def test_pictures_are_left_out_up_to_a_number(kit, tmp_path):
    for name, colour in (("bright", "white"), ("dark", "black")):
        Image.new("RGB", (64, 64), colour).save(tmp_path / f"{name}.png")
    (tmp_path / "broken.png").write_bytes((tmp_path / "bright.png").read_bytes()[:60])
    three = tuple(tmp_path / f"{name}.png" for name in ("broken", "dark", "bright"))
    found, _ = kit.run(Align(pictures=three, resolution=32, landmarks=Bright(), unreadable=2), tmp_path / "a")
    assert found.notes["pictures"] == ["bright.png"]
    first, second = found.notes["left out"]
    assert "broken.png" in first and ";" not in first and second == "no face is found in dark.png"
    with pytest.raises(InterpganError, match=r"no face is found in dark\.png; cut the face out"):
        kit.run(Align(pictures=three, resolution=32, landmarks=Bright(), unreadable=1), tmp_path / "b")
    with pytest.raises(InterpganError, match=r"broken\.png"):
        kit.run(Align(pictures=three, resolution=32, landmarks=Bright()), tmp_path / "c")
    with pytest.raises(InterpganError, match=r"no picture is left \(no face is found in dark\.png\)"):
        kit.run(Align(pictures=three[1], resolution=32, landmarks=Bright(), unreadable=1), tmp_path / "d")


def test_no_face(kit, tmp_path):
    file, _ = face(tmp_path, 0, 1, 512, 512)
    with pytest.raises(InterpganError, match=r"no face is found in face\.png; cut the face out yourself"):
        kit.run(Align(pictures=file, resolution=32, landmarks=Given(np.zeros((0, 5, 2)))), tmp_path)
