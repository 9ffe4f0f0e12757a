"""The step `reach`: samples moved as far as a scorer says."""

import pytest
import torch

from interpgan_core import Direction, InterpganError, Reach, Remark, Report
from interpgan_core.testing import conformance, toy

TOY = toy()


class Brightness:
    names = ("brightness", "darkness")

    def __call__(self, images):
        found = images.mean((1, 2, 3))
        return torch.stack([found, -found], 1)


def lighter():
    """The direction along which samples get lighter, by least squares."""
    batch = TOY.to_space(TOY.sample(range(60)), "w")
    scores = Brightness()(TOY.images(batch))[:, :1]
    found = torch.linalg.lstsq(batch.codes - batch.codes.mean(0), scores - scores.mean()).solution[:, 0]
    return Direction(found / found.norm(), "w")


DIRECTION = lighter()

test_reach = conformance(
    Reach(direction=DIRECTION, scorer=Brightness(), attribute="brightness", by=0.02), toy
)


def score_of(batch):
    return Brightness()(TOY.images(batch))[:, 0]


@pytest.mark.parametrize("by", [0.02, -0.02])
def test_reach_goes_as_far_as_the_scorer_says(by, tmp_path):
    before = TOY.sample([1, 2, 3])
    step = Reach(direction=DIRECTION, scorer=Brightness(), attribute="brightness", by=by, most=4, tries=8)
    after = step.run(before, TOY, tmp_path)
    gained = score_of(after) - score_of(before)
    assert (gained / by >= 1 - 1e-5).all()
    (table,) = Report.load(tmp_path).tables
    strengths = torch.tensor([row[1] for row in table.rows])
    assert (strengths.abs() < 4).any()
    moved = DIRECTION.distance(after.codes) - DIRECTION.distance(TOY.to_space(before, "w").codes)
    torch.testing.assert_close(moved.float(), strengths, rtol=1e-4, atol=1e-4)


def test_reach_brings_samples_to_one_score():
    before = TOY.sample([1, 2, 3])
    middle = float(score_of(before).median())
    step = Reach(
        direction=DIRECTION, scorer=Brightness(), attribute="brightness", to=middle, most=4, tries=12
    )
    left, after = (score_of(before) - middle).abs(), (score_of(step.run(before, TOY)) - middle).abs()
    assert (after <= left / 2 + 0.005).all()


class Faded:
    """A finish: of each sample after the first only half is seen."""

    def finished(self, image, sample):
        return image / (1 + sample)


def test_the_scorer_sees_what_a_finish_makes_of_the_pictures():
    """Half of a change is seen of the second sample: it has to move further."""
    first, again = TOY.sample([3]), TOY.sample([3, 3])
    step = Reach(direction=DIRECTION, scorer=Brightness(), attribute="brightness", by=0.02, most=4, tries=8)
    plain, seen = step.run(first, TOY), step.model_copy(update={"finish": Faded()}).run(again, TOY)
    assert torch.equal(plain.codes[0], seen.codes[0])
    gained = score_of(seen) - score_of(again)
    assert gained[0] + 1e-5 >= 0.02 and gained[1] + 1e-5 >= 0.04


def test_reach_says_what_it_did_not_reach():
    step = Reach(direction=DIRECTION, scorer=Brightness(), attribute="brightness", by=10, most=0.5)
    with pytest.warns(Remark, match=r"brightness was not reached within a strength of 0\.5: seed 1"):
        after = step.run(TOY.sample([1]), TOY)
    assert len(after) == 1


def test_reach_is_refused_what_it_cannot_know():
    for fields, message in (
        ({}, "say either 'to' which score, or 'by'"),
        ({"to": 1.0, "by": 1.0}, "say either 'to' which score, or 'by'"),
        ({"by": 0.0}, "give the change that you want"),
    ):
        with pytest.raises(ValueError, match=message):
            Reach(direction=DIRECTION, scorer=Brightness(), attribute="brightness", **fields)
    for attribute, message in ((None, "several attributes"), ("bright", "did you mean 'brightness'")):
        with pytest.raises(InterpganError, match=message):
            Reach(direction=DIRECTION, scorer=Brightness(), attribute=attribute, by=1.0).check(
                TOY.sample([1]), TOY
            )
