"""How `reach` searches: strengths looked at and taken, by hand, where a score is a known function of the strength."""

import math

import pytest
import torch
from pydantic import ValidationError

from interpgan_core import Direction, InterpganError, LatentBatch, LatentSpace, Reach, Remark, Report
from interpgan_core.generators.generator import Generator

W = LatentSpace("w", (2,))
DIRECTION = Direction(torch.tensor([1.0, 0.0]), "w")


class Plain(Generator):
    """Its pictures have their code's first number everywhere."""

    layers = ()

    def __init__(self):
        self.module, self.spaces, self.fingerprint = torch.nn.Identity(), {"w": W}, "abcd"

    def prior(self, seeds):
        raise AssertionError

    def map(self, codes, source, target, labels):
        raise AssertionError

    def forward(self, batch):
        return batch.codes[:, :1, None, None].expand(-1, 3, 2, 2)


class Known:
    """Scores a picture by a function of its pixel, and remembers where it looked."""

    names = ("found",)

    def __init__(self, function):
        self.function, self.seen = function, []

    def __call__(self, images):
        x = round(float(images[0, 0, 0, 0]), 5)
        self.seen.append(x)
        return torch.tensor([[float(self.function(x))]])


def samples(*places):
    return LatentBatch(torch.tensor([[x, 0.0] for x in places]), W, seeds=torch.arange(len(places)))


def reached(function, at=0.0, direction=DIRECTION, **fields):
    """How far one sample is moved, and where the scorer looked."""
    scorer = Known(function)
    step = Reach(direction=direction, scorer=scorer, **fields)
    found = step.run(samples(at), Plain())
    return round(float(found.codes[0, 0]) - at, 5), scorer.seen


@pytest.mark.parametrize(
    ("fields", "moved", "seen"),
    [
        ({"by": 0.5}, 0.55, [0, 1, 0.55]),
        ({"by": -0.5}, -0.55, [0, -1, -0.55]),
        ({"by": 0.05}, 0.1, [0, 1, 0.1]),
        ({"by": 0.95}, 1, [0, 1, 0.9]),
        ({"by": 1.0}, 1, [0, 1, 0.9]),
        ({"by": -1.0}, -1, [0, -1, -0.9]),
        ({"by": 1.5}, 1.55, [0, 1, 2, 1.55]),
        ({"by": 3.5, "tries": 2}, 3.65, [0, 2, 4, 3.65]),
        ({"by": 0.5, "tries": 1}, 0.55, [0, 4, 0.55]),
        ({"to": 2.5}, 2.55, [0, 1, 2, 3, 2.55]),
    ],
)
def test_a_score_that_rises_with_the_strength(fields, moved, seen):
    """Up to 4 in four steps; between the last two it looks once more, a tenth beyond the straight line.

    That place lies a tenth of the step at least from both.
    """
    assert reached(lambda x: x, most=4, **fields) == (moved, seen)


def test_the_place_between_is_left_where_it_falls_short():
    assert reached(lambda x: x**2, by=0.5, most=4) == (1, [0, 1, 0.55])


def test_a_score_that_is_there_already_moves_nothing():
    assert reached(lambda x: x, at=2.0, to=2.0) == (0, [2])


def test_a_score_of_0_is_a_goal():
    assert reached(lambda x: x, at=1.5, to=0.0, most=2) == (-1.5, [1.5, 1, 0.5, 0, 0.05])


def test_a_step_that_lands_on_the_score_is_enough():
    """Of the strengths that reach it the smallest is taken, either way."""
    assert reached(lambda x: round(x), by=1.0, most=4) == (0.9, [0, 1, 0.9])
    assert reached(lambda x: round(x), by=-1.0, most=4) == (-0.9, [0, -1, -0.9])


def test_what_comes_nearest_is_taken_and_said():
    with pytest.warns(Remark, match=r"^found was not reached within a strength of 4: seed 0 \(1 of 5\)"):
        assert reached(lambda x: 1 - (x - 2) ** 2, to=5.0, most=4) == (2, [0, 1, 2, 3, 4])
    with pytest.warns(Remark, match=r"seed 0 \(-1 of -5\)"):
        assert reached(lambda x: (x + 1) ** 2 - 1, to=-5.0, most=4) == (-1, [0, -1, -2, -3, -4])


def test_where_nothing_is_found_any_more_is_too_far():
    with pytest.warns(Remark, match=r"seed 0 \(2 of 3\)"):
        assert reached(lambda x: x if x < 3 else math.nan, to=3.0, most=4) == (2, [0, 1, 2, 3])
    hole = {0: 0, 1: 1, 2: 2}
    assert reached(lambda x: hole.get(x, math.nan), by=1.5, most=4) == (2, [0, 1, 2, 1.55])
    with pytest.warns(Remark, match=r"seed 0 \(0 of 3\)"):
        assert reached(lambda x: 0 if x == 0 else math.nan, to=3.0, most=4) == (0, [0, 1])
    with pytest.raises(InterpganError, match="the scorer finds nothing to score in seed 0; leave it out"):
        reached(lambda x: math.nan, by=1.0)


def test_strengths_are_in_units_of_sigma_where_asked():
    wide = Direction(DIRECTION.vector, "w", notes={"sigma": 2.0})
    assert reached(lambda x: x, direction=wide, by=1.0, most=4, unit="sigma") == (1.1, [0, 2, 1.1])


def test_each_sample_goes_its_own_way(tmp_path):
    step = Reach(direction=DIRECTION, scorer=Known(lambda x: x), to=2.0, most=4)
    moved = step.run(samples(0.0, 1.5, 2.0), Plain(), tmp_path)
    torch.testing.assert_close(moved.codes[:, 0], torch.tensor([2.0, 2.05, 2.0]))
    (table,) = Report.load(tmp_path).tables
    assert table.columns == ("sample", "strength", "found before", "found wanted", "found after")
    rows = [(name, *(round(number, 4) for number in numbers)) for name, *numbers in table.rows]
    assert rows == [("seed 0", 2, 0, 2, 2), ("seed 1", 0.55, 1.5, 2, 2.05), ("seed 2", 0, 2, 2, 2)]
    assert len(step.run(samples(0.0)[:0], Plain())) == 0
    assert torch.equal(step.move(samples(0.0), "all", Plain()).codes, moved.codes[:1])
    assert torch.equal(step.check(samples(0.0), Plain()).codes, samples(0.0).codes)


def test_the_attribute_that_is_named():
    class Two(Known):
        names = ("other", "found")

        def __call__(self, images):
            return torch.cat([-super().__call__(images), super().__call__(images)], 1)

    step = Reach(direction=DIRECTION, scorer=Two(lambda x: x), attribute="found", by=0.5, most=4)
    torch.testing.assert_close(step.run(samples(0.0), Plain()).codes[:, 0], torch.tensor([0.55]))
    with pytest.raises(InterpganError, match="the scorer has several attributes; name one: other, found"):
        Reach(direction=DIRECTION, scorer=Two(abs), by=0.5).check(samples(0.0), Plain())
    with pytest.raises(InterpganError, match="the scorer has no attribute 'fond'; did you mean 'found'"):
        Reach(direction=DIRECTION, scorer=Two(abs), attribute="fond", by=0.5).check(samples(0.0), Plain())


def test_what_is_asked_for():
    known = {"direction": DIRECTION, "scorer": Known(abs)}
    plain = Reach(**known, by=1.0)
    assert (plain.most, plain.tries, plain.version, plain.by) == (5.0, 4, 2, 1.0)
    assert Reach(**known, by=-1.0, most=0.5, tries=1).most == 0.5
    wrong = ({"most": 0.0}, {"most": math.inf}, {"most": "1"}, {"tries": 0}, {"tries": 2.0})
    for fields in wrong:
        with pytest.raises(ValidationError):
            Reach(**known, by=1.0, **fields)
    for fields in ({}, {"to": 1.0, "by": 1.0}):
        with pytest.raises(ValidationError, match="say either 'to' which score, or 'by' how much"):
            Reach(**known, **fields)
    with pytest.raises(ValidationError, match="a change 'by' 0 is none"):
        Reach(**known, by=0.0)
