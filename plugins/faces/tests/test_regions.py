"""The reader of TensorFlow Lite's files, the mesh, and the parts of faces."""

from __future__ import annotations

import pickle
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from interpgan_core import InterpganError, Segmenter, Square, mask_of
from interpgan_faces.chips import chip_square
from interpgan_faces.identity import ALIGNED
from interpgan_faces.mesh import OUTLINES, POINTS, filled
from interpgan_faces.regions import PARTS, FaceRegions, aligned_square
from interpgan_faces.tflite_file import read_graph
from interpgan_faces.tflite_net import TfliteNet
from interpgan_faces.wheels import MESH


@pytest.fixture(scope="session")
def file(mesh):
    """The net's file."""
    (data,) = MESH.files().values()
    return data


@pytest.mark.network
def test_the_mesh_answers_as_tensorflow_lite(mesh):
    """Points of a noise, by ai-edge-litert 2.3, in pixels of 192."""
    noise = torch.rand(3, 3, 192, 192, generator=torch.Generator().manual_seed(0))[:1]
    with np.load(Path(__file__).with_name("mesh_points.npz")) as expected:
        points, likely = mesh.net(noise)
        assert np.abs(points.reshape(POINTS, 3).numpy() - expected["points"]).max() < 2e-4
        assert abs(float(likely) - float(expected["likely"][0])) < 1e-4


@pytest.mark.network
def test_a_graph_is_what_the_file_says(file):
    graph = read_graph(file)
    assert [graph.shapes[number] for number in graph.taken + graph.given] == [
        (1, 192, 192, 3),
        (1, 1, 1, 3 * POINTS),
        (1, 1, 1, 1),
    ]
    assert {operation.kind for operation in graph.operations} == {
        *("add", "convolution", "depthwise", "max_pool", "pad", "prelu")
    }


@pytest.mark.network
@settings(max_examples=150, deadline=None)
@given(at=st.integers(0, 2**31), value=st.integers(0, 255), near_end=st.booleans())
def test_a_damaged_file_is_refused_in_a_sentence_or_read(file, at, value, near_end):
    """Structure stands at both ends of the file, weights between them."""
    damaged = bytearray(file)
    where = len(damaged) - 1 - at % 30_000 if near_end else at % 3_000
    damaged[where] = value
    with suppress(InterpganError):
        TfliteNet(read_graph(bytes(damaged)))


@pytest.mark.network
def test_half_a_file_is_refused(file):
    for size in (0, 7, 100, len(file) // 2):
        with pytest.raises(InterpganError, match="these bytes are no network of TensorFlow Lite"):
            read_graph(file[:size])


def test_a_square_is_filled():
    corners = torch.tensor([(2.0, 1.0), (6.0, 1.0), (6.0, 4.0), (2.0, 4.0)])
    found = filled(corners, (6, 8))
    assert found.nonzero().tolist() == [[y, x] for y in (1, 2, 3) for x in (2, 3, 4, 5)]
    assert torch.equal(filled(corners.flip(0), (6, 8)), found)
    assert not filled(corners + 20, (6, 8)).any()
    assert filled(corners - 3, (6, 8)).sum() == 3


def test_the_square_is_that_of_ffhq():
    """Points where FFHQ's pictures have them give the whole picture."""
    square = aligned_square(torch.tensor(ALIGNED) * 512)
    assert abs(square.x - 256) < 4 and abs(square.y - 256) < 4 and abs(square.side - 512) < 8


class Nowhere:
    def landmarks(self, image):
        return torch.zeros(0, 5, 2)


def test_without_a_face_all_is_background():
    regions = FaceRegions(Nowhere(), None, None, None)
    assert isinstance(regions, Segmenter)
    assert regions(torch.zeros(2, 3, 30, 40)).tolist() == torch.zeros(2, 30, 40).long().tolist()
    assert regions(torch.zeros(0, 3, 30, 40)).shape == (0, 30, 40)
    assert regions(torch.zeros(1, 3, 512, 1024)).shape == (1, 256, 512)


@pytest.mark.network
def test_the_outlines_are_around_the_points_that_landmarks_finds(mesh, finder, portrait):
    (five,) = finder.landmarks(portrait)
    found = mesh.points(portrait, five)
    apart = (five[1] - five[0]).norm()
    for (right, left), part in ((five[:2], "eyes"), (five[3:], "lips")):
        middle = torch.stack([found[list(outline)].mean(0) for outline in OUTLINES[part]])
        expected = torch.stack([right, left]) if part == "eyes" else ((right + left) / 2)[None]
        assert (middle - expected).norm(dim=1).max() < 0.15 * apart
    turned = found @ torch.tensor([[0.0, 1.0], [-1.0, 0.0]]) + torch.tensor([280.0, 0.0])
    again = mesh.points(
        portrait.rot90(-1, (1, 2)),
        five @ torch.tensor([[0.0, 1.0], [-1.0, 0.0]]) + turned.new_tensor([280.0, 0.0]),
    )
    assert (again - turned).norm(dim=1).mean() < 0.02 * apart


@pytest.mark.network
def test_parts_of_the_portrait(regions, finder, portrait):
    (parts,) = regions(portrait[None])
    (five,) = finder.landmarks(portrait)
    square = chip_square(five, 0.0)

    def at(x, y):
        """The part at a place of the face: -1 at its left and upper side, 1 at its right and lower one."""
        column, row = square.outside(torch.tensor([x, y])).tolist()
        return PARTS[int(parts[int(row), int(column)])]

    places = {"eyes": (-0.545, -0.557), "nose": (0.0, 0.1), "skin": (-0.5, 0.0), "mouth": (0.0, 0.53)}
    assert {name: at(*place) for name, place in places.items()} == {name: name for name in places}
    assert at(0.0, -1.65) == "hair" and PARTS[int(parts[5, 5])] == "background"
    mask = mask_of(regions, portrait[None], ["lips", "mouth"], (28, 32))
    assert 0 < float(mask.mean()) < 0.02


@pytest.mark.network
def test_parts_move_with_the_face_and_are_the_same_twice(regions, portrait):
    both = torch.stack([portrait, portrait.flip(2)])
    found = regions(both)
    assert torch.equal(pickle.loads(pickle.dumps(regions))(both), found)
    assert torch.equal(regions(both[1:]), found[1:])
    assert (found[0] == found[1].flip(1)).float().mean() > 0.93
    small = Square(160, 140, 200, 0).cut(portrait, 256)  # the same in the middle of a larger scene
    (again,) = regions(small[None])
    for part in ("hair", "skin"):
        share = [(which == PARTS.index(part)).float().mean() for which in (found[0], again)]
        assert abs(float(share[1] / share[0]) - 280 * 320 / 400**2) < 0.15
