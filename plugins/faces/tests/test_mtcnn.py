"""MTCNN against the answers of facenet-pytorch, and on faces that lie."""

import json
import math
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from interpgan_core import Square
from interpgan_faces.chips import chip_square
from interpgan_faces.landmarks import LoadLandmarks

pytestmark = pytest.mark.network

FOLDER = Path(os.environ.get("INTERPGAN_PARITY2", Path(__file__).parents[4] / "shared" / "parity2"))
PICTURES = ("astronaut", "two", "half", "none")


@pytest.fixture(scope="module")
def answers():
    if not (FOLDER / "mtcnn_open.npz").exists():
        pytest.skip("the answers of the original code are not beside this checkout")
    with np.load(FOLDER / "mtcnn_open.npz") as file:
        arrays = dict(file)
    return json.loads((FOLDER / "mtcnn_open.json").read_text()), arrays


@pytest.mark.parity
@pytest.mark.parametrize(("name", "net"), [("Pnet", "first"), ("Rnet", "second"), ("Onet", "third")])
def test_a_net_answers_as_the_original(finder, answers, name, net):
    _, arrays = answers
    found = getattr(finder.net, net)(torch.from_numpy(arrays[f"in/{name}"]))
    expected = [arrays[f"{name}/prob"][:, 1], arrays[f"{name}/reg"]]
    if name == "Onet":
        expected.append(arrays[f"{name}/points"])
    assert len(found) == len(expected)
    for ours, theirs in zip(found, expected, strict=True):
        assert np.abs(ours.numpy() - theirs).max() < 5e-6


@pytest.mark.parity
@pytest.mark.parametrize("name", PICTURES)
def test_the_cascade_answers_as_the_original(finder, answers, name):
    facts, arrays = answers
    pixels = picture(facts["ctor"]["pictures"][name])
    assert [*pixels.shape[:2], int(pixels.sum(dtype=np.int64))] == arrays[f"{name}/picture_sum"].tolist()
    image = torch.from_numpy(pixels.copy()).permute(2, 0, 1).float() / 127.5 - 1
    found = finder.net.find(image, 20)
    assert len(found.boxes) == arrays[f"{name}/n_faces"]
    if len(found.boxes):
        assert np.abs(found.boxes.numpy() - arrays[f"{name}/boxes"]).max() < 1e-3
        assert np.abs(found.points.numpy() - arrays[f"{name}/points"]).max() < 1e-3


def picture(facts):
    """(h, w, 3) uint8; a picture of scikit-image with the operations that were noted."""
    if isinstance(facts, list):
        return np.concatenate([picture(part) for part in facts], 1)
    skimage = pytest.importorskip("skimage", reason="pip install scikit-image for its pictures")
    file = Path(skimage.__file__).parent / "data" / facts["file"]
    pixels = np.array(Image.open(file).convert("RGB"))
    pixels = pixels[:, ::-1] if facts.get("mirror") else pixels
    step = facts.get("stride", 1)
    return pixels[::step, ::step]


@pytest.mark.parametrize("degrees", range(0, 181, 15))
def test_a_turned_face_is_found_where_it_is(finder, portrait, degrees):
    (upright,) = finder.landmarks(portrait)
    turn = math.radians(degrees)
    square = Square(150, 125, 180 * math.cos(turn), 180 * math.sin(turn))
    found = finder.landmarks(square.cut(portrait, 320))
    assert len(found) >= 1
    back = square.outside(found[0] / 320 * 2 - 1)
    eyes = (upright[1] - upright[0]).norm()
    # The nets were trained on faces that are upright.
    assert (back - upright).norm(dim=1).mean() < 0.12 * eyes


def test_all_faces_are_found_the_largest_first(finder, portrait):
    small = torch.nn.functional.avg_pool2d(portrait, 2)
    both = torch.full((3, 280, 500), -0.2)
    both[:, :140, :160], both[:, :, 180:] = small, portrait
    found = finder.landmarks(both)
    assert len(found) == 2
    assert found[0, 0, 0] > 180 > found[1, 0, 0]


def test_small_faces_are_sought_where_there_is_no_large_one(finder, portrait):
    scene = torch.full((3, 500, 500), -0.2)
    scene[:, 200:270, 300:380] = torch.nn.functional.avg_pool2d(portrait, 4)
    (found,) = LoadLandmarks(smallest=0.5).run("cpu").landmarks(scene)
    assert (found[:, 0] > 300).all() and (found[:, 1] > 200).all()


def test_nothing_is_found_where_there_is_no_face(finder):
    assert finder.landmarks(torch.zeros(3, 90, 120)).shape == (0, 5, 2)
    noise = torch.rand(3, 128, 128, generator=torch.Generator().manual_seed(0)) * 2 - 1
    assert finder.landmarks(noise).shape == (0, 5, 2)


def test_a_face_stands_upright_in_its_chip(finder, portrait):
    (points,) = finder.landmarks(portrait)
    places = chip_square(points, 0.25).inside(points)
    assert places[0, 0] < 0 < places[1, 0] and places[:2, 1].max() < 0 < places[3:, 1].min()
