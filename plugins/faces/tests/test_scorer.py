"""What the scores mean."""

import math
import pickle

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from interpgan_core import Scorer, score_images
from interpgan_faces import scorer as parts
from interpgan_faces.scorer import FaceScorer

# eyes 100 apart and 100 above a mouth of 60
FACE = torch.tensor([(-50.0, -50.0), (50.0, -50.0), (0.0, 10.0), (-30.0, 50.0), (30.0, 50.0)])


def with_point(row, x, y):
    face = FACE.clone()
    face[row] += torch.tensor([x, y])
    return face


def test_a_wide_mouth_smiles():
    assert parts.smile(FACE) == pytest.approx(0.6)
    assert parts.smile(with_point(4, 20, 0)) > 0.75


def test_a_nose_to_the_right_of_the_picture_is_a_positive_pose():
    assert parts.pose(FACE) == pytest.approx(0)
    assert parts.pose(with_point(2, 20, 0)) == pytest.approx(0.2)
    assert parts.pose(with_point(2, -20, 0)) == pytest.approx(-0.2)


@given(st.floats(0.1, 9), st.floats(-3.14, 3.14), st.floats(-500, 500))
def test_size_place_and_tilt_change_neither(scale, angle, moved):
    cos, sin = math.cos(angle), math.sin(angle)
    face = with_point(2, 17, 3)
    other = face @ torch.tensor([(cos, sin), (-sin, cos)]) * scale + moved
    assert parts.smile(other) == pytest.approx(parts.smile(face), abs=1e-3)
    assert parts.pose(other) == pytest.approx(parts.pose(face), abs=1e-3)


def test_age_is_expected():
    likely = torch.zeros(3, 81)
    likely[0, 30], likely[1, 0], likely[2, [20, 40]] = 1, 1, 0.5
    assert parts.years(likely).tolist() == [30, 0.25, 30]


def test_gender_is_a_logit_that_does_not_end():
    likely = torch.tensor([[0.5, 0.5], [0.2, 0.8], [1.0, 0.0], [1.0, 1e-20]])
    found = parts.logit(likely)
    assert (
        found[0] == 0
        and found[1] == pytest.approx(math.log(4))
        and found[3] == pytest.approx(-46.05, abs=0.01)
    )
    assert found.isfinite().all() and found[2] < found[3]


def test_a_frame_is_seen():
    skin = torch.rand(3, 96, 96, generator=torch.Generator().manual_seed(0)) * 0.4
    framed = skin.clone()
    framed[:, 27:29, 20:76] = -1
    framed[:, 41:43, 20:40] = framed[:, 41:43, 56:76] = -1
    assert parts.glasses(framed) > parts.glasses(skin) + 0.5
    assert parts.glasses(framed * 0.3 - 0.2) == pytest.approx(parts.glasses(framed), abs=1e-4)


class Nowhere:
    def landmarks(self, image):
        return torch.zeros(0, 5, 2)


def test_where_no_face_is_found_there_are_no_scores():
    found = FaceScorer(Nowhere(), None, None)(torch.zeros(2, 3, 40, 60))
    assert found.shape == (2, 5) and found.isnan().all()
    assert FaceScorer(Nowhere(), None, None)(torch.zeros(0, 3, 40, 60)).shape == (0, 5)


@pytest.mark.network
def test_a_portrait_is_scored(scorer, portrait):
    assert isinstance(scorer, Scorer)
    (scores,) = score_images(scorer, portrait[None])
    found = dict(zip(scorer.names, scores.tolist(), strict=True))
    assert 20 < found["age"] < 60
    assert (
        found["gender"] < 0 and found["smile"] > 0.93 and abs(found["pose"]) < 0.25 and found["glasses"] < 0.9
    )


@pytest.mark.network
def test_a_mirrored_portrait_looks_the_other_way(scorer, portrait):
    rows = scorer(torch.stack([portrait, portrait.flip(2)]))
    found = dict(zip(scorer.names, rows.T.tolist(), strict=True))
    assert abs(sum(found["pose"])) < 0.03
    assert abs(found["age"][0] - found["age"][1]) < 8
    assert abs(found["smile"][0] - found["smile"][1]) < 0.05


@pytest.mark.network
def test_pictures_are_scored_one_by_one_at_any_size_and_by_copies(scorer, portrait):
    two = torch.stack([portrait, portrait.roll(9, 2)])
    together = scorer(two)
    assert torch.equal(together[1:], scorer(two[1:]))
    assert torch.equal(pickle.loads(pickle.dumps(scorer))(two), together)
    larger = torch.nn.functional.interpolate(two, scale_factor=3, mode="bilinear")
    apart = (scorer(larger) - together).abs().amax(0)
    assert (apart < torch.tensor([6.0, 4.0, 0.04, 0.03, 0.2])).all()
    assert scorer(torch.zeros(1, 3, 64, 64)).isnan().all()
