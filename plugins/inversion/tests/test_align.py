"""`inversion.align`: a face ends in the same place however it stood in its picture."""

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from interpgan_core import InterpganError
from interpgan_inversion.align import Align, LandmarkNet

# x and y of the five points, eyes 100 apart and 100 above the mouth
FACE = np.array([(-50.0, -50.0), (50.0, -50.0), (0.0, 10.0), (-30.0, 50.0), (30.0, 50.0)])
COLOURS = ((255, 0, 0), (0, 255, 0), (0, 0, 0), (0, 0, 255), (255, 0, 255))


class Given:
    """Knows the landmarks."""

    def __init__(self, points):
        self.points = torch.tensor(points, dtype=torch.float32)

    def landmarks(self, images):
        assert images.shape[1:] == (3, 1024, 1024)
        return self.points[None]


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
    # The square is 400 wide, and its middle a tenth of the way from the eyes to the mouth.
    places = (FACE - (0, -40)) / 400 * 128 + 64
    for (px, py), colour in zip(places, COLOURS, strict=True):
        assert abs(pixels[int(py), int(px)] - colour).max() < 40, (px, py)
    assert found.notes["aligned"] == "by five landmarks" and found.notes["pictures"] == ["face.png"]


def test_what_lies_outside_is_white(kit, tmp_path):
    file, points = face(tmp_path, 0, 1, 60, 512)
    found, _ = kit.run(Align(pictures=file, resolution=64, landmarks=Given(points)), tmp_path)
    assert found.pixels[0, :, :, 0].min() == 255


def test_the_middle_without_a_net(kit, tmp_path):
    Image.new("RGB", (90, 30), "white").save(tmp_path / "wide.png")
    found, _ = kit.run(Align(pictures=tmp_path / "wide.png", resolution=32), tmp_path)
    assert found.pixels.shape == (1, 3, 32, 32) and found.notes["aligned"] == "centre crop"


def test_no_face(kit, tmp_path):
    file, _ = face(tmp_path, 0, 1, 512, 512)
    with pytest.raises(
        InterpganError, match=r"no face is found in face\.png; cut it out yourself, or leave it out"
    ):
        kit.run(Align(pictures=file, resolution=32, landmarks=Given(np.full((5, 2), np.nan))), tmp_path)
