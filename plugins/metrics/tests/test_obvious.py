"""Counting obvious directions, on a generator whose axes are known."""

import pytest
import torch

from interpgan_core import Direction, DirectionSet, InterpganError, quiet
from interpgan_core.testing import conformance, toy
from interpgan_metrics.obvious import CountObvious


class Pixels:
    """Scores that are the first four numbers of the code, as the generator `Plain` draws them: red pixels."""

    names = tuple("abcd")

    def __call__(self, images):
        return images.flatten(1)[:, :4]


class Corners:
    """Four parts: each quarter of the picture."""

    parts = ("upper left", "upper right", "lower left", "lower right")

    def __call__(self, images):
        height, width = images.shape[2:]
        rows, columns = torch.arange(height) * 2 // height, torch.arange(width) * 2 // width
        return (2 * rows[:, None] + columns).expand(len(images), height, width)


def counted(kit, rows, **more):
    found = DirectionSet({str(i): Direction(row, "w") for i, row in enumerate(rows)})
    step = CountObvious(directions={"some": found}, scorer=Pixels(), drawn="100-199", **more)
    step.check(kit.Plain())
    return step.run(kit.Plain(), quiet)


def test_what_is_obvious_and_what_explains_it(kit):
    eye = torch.eye(12)
    rows = [
        eye[1],
        eye[5],
        eye[0] + eye[2] + eye[3],
        eye[:12].sum(0),
    ]  # red, green, red in three corners, everything
    found = counted(kit, rows, segmenter=Corners())
    counts, each = found.tables
    assert counts.rows == (("some", 4, 4, 1, 2, 2),)
    assert [row[3] for row in each.rows] == ["b", None, None, None]
    assert [row[5] for row in each.rows] == ["upper right", "upper right", None, None]
    assert each.rows[0][4] == pytest.approx(1.0) and each.rows[0][6] == pytest.approx(1.0)


def test_nothing_is_obvious_beyond_the_threshold(kit):
    far = counted(kit, torch.eye(12)[:2], threshold=3.0)
    assert far.tables[0].rows == (("some", 2, 0, 0, 0, 0),)
    # 3 standard deviations of one of 12 numbers, of two samples that differ by the square root of 24
    assert far.tables[1].rows[0][2] == pytest.approx(3 / 24**0.5, rel=0.15)


def test_an_empty_set_is_refused(kit):
    with pytest.raises(InterpganError, match="the set 'some' is empty"):
        counted(kit, [])


SET = DirectionSet({str(i): Direction(row, "w") for i, row in enumerate(torch.eye(16)[:2])})
test_conformance = conformance(
    CountObvious(directions=SET, scorer=Pixels(), seeds="0-1", drawn="8-15", segmenter=Corners()), toy
)
