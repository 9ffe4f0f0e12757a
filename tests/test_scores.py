"""Scores of samples: what a scorer must return, the table, its files and its summary."""

from dataclasses import FrozenInstanceError, replace

import pytest
import torch

from interpgan_core import InterpganError, Scores, score_images

SCORES = Scores(
    torch.tensor([7, 8, 9]), torch.tensor([[0.5, 1.0], [1.5, float("nan")], [2.5, 3.0]]), ("smile", "age")
)


def scorer(shape, squares=None):
    def score(images):
        return torch.zeros(shape)

    score.names = ("a", "b")
    if squares is not None:
        score.needs_squares = squares
    return score


def test_a_scorer_returns_a_number_for_each_image_and_attribute():
    assert score_images(scorer((4, 2)), torch.zeros(4, 3, 6, 6)).shape == (4, 2)
    for shape in ((4, 3), (3, 2), (4,)):
        with pytest.raises(InterpganError, match="the scorer has 2 attributes and returned scores of shape"):
            score_images(scorer(shape), torch.zeros(4, 3, 6, 6))


def test_a_scorer_of_squares_alone_refuses_rectangles():
    for squares in (None, False):
        assert score_images(scorer((1, 2), squares), torch.zeros(1, 3, 6, 8)).shape == (1, 2)
    assert score_images(scorer((1, 2), True), torch.zeros(1, 3, 6, 6)).shape == (1, 2)
    with pytest.raises(InterpganError, match="takes squares, and these images are 6 x 8"):
        score_images(scorer((1, 2), True), torch.zeros(1, 3, 6, 8))


def test_scores_do_not_change_and_fit_their_seeds():
    with pytest.raises(FrozenInstanceError):
        SCORES.names = ()
    assert len({SCORES, replace(SCORES)}) == 2
    for shape in ((2, 2), (3, 1), (3,)):
        with pytest.raises(InterpganError, match="3 seeds and 2 attributes came with scores of shape"):
            replace(SCORES, values=torch.zeros(shape))


def test_scores_of_one_attribute():
    assert SCORES["smile"].tolist() == [0.5, 1.5, 2.5]
    with pytest.raises(InterpganError, match="there are no scores of 'smiel'; did you mean 'smile'"):
        SCORES["smiel"]
    assert repr(SCORES) == "<Scores: 3 samples, smile, age>"


def test_scores_survive_saving(tmp_path):
    SCORES.save(tmp_path)
    for place in (tmp_path, tmp_path / "scores.safetensors"):
        found = Scores.load(place)
        assert found.names == SCORES.names and torch.equal(found.seeds, SCORES.seeds)
        assert torch.equal(found.values.nan_to_num(), SCORES.values.nan_to_num())
    SCORES.write_csv(tmp_path / "s.csv")
    lines = (tmp_path / "s.csv").read_text().split()
    assert lines == ["seed,smile,age", "7,0.5,1.0", "8,1.5,nan", "9,2.5,3.0"]


def test_the_summary_leaves_out_what_is_missing():
    """The standard deviation is that of these samples: by their number, not one less."""
    (table,) = SCORES.summary().tables
    assert table.columns == ("attribute", "mean", "standard deviation", "lowest", "highest")
    assert table.rows == (
        ("smile", 1.5, pytest.approx((2 / 3) ** 0.5), 0.5, 2.5),
        ("age", 2.0, 1.0, 1.0, 3.0),
    )
    assert table.note.startswith("1 of them lack some score")
    nothing = replace(SCORES, values=torch.full((3, 2), torch.nan)).summary().tables[0]
    assert nothing.rows == () and nothing.note.startswith("3 of them")
    assert replace(SCORES, values=torch.zeros(3, 2)).summary().tables[0].note == ""
