"""The loss of θ, its calibration, and what is refused, on scores that are known functions of the codes."""

import math
import re
from dataclasses import FrozenInstanceError, replace
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from interpgan_core import Generator, InterpganError, LatentSpace, Ranges, Report, quiet, seeded_normal
from interpgan_core.plugin import TrainingCodes
from interpgan_ganalyze import learning
from interpgan_ganalyze.learning import Learning, Settings, Slope, learn

OF = Settings(reach=2.0, steps=7, rate=0.1, batch_size=3, held_out=Ranges("100-107"), seed=1)


class Pixels(Generator):
    """A picture of one row, whose pixels are the code."""

    fingerprint = "pixels"
    layers = ()

    def __init__(self):
        self.module = nn.Identity()
        self.spaces = {"z": LatentSpace("z", (4,))}

    def prior(self, seeds):
        return seeded_normal(seeds, (4,))

    def map(self, codes, source, target, labels):
        return codes

    def forward(self, batch):
        return batch.codes[:, None, None].expand(-1, 3, -1, -1)


class CodeScorer:
    """Three times the first number of a code; the second, or nothing where it is below a bound."""

    names = ("first", "second")

    def __init__(self, bound=-math.inf):
        self.bound = bound

    def __call__(self, images):
        first, second = images[:, 0, 0, 0], images[:, 0, 0, 1]
        return torch.stack([3 * first, second.where(second > self.bound, torch.nan)], 1)


def learner(name="first", scorer=None, of=OF, seeds="0-9", kind=Learning):
    generator = Pixels()
    return kind(
        TrainingCodes(generator, generator.spaces["z"], "all", Ranges(seeds)),
        scorer or CodeScorer(),
        name,
        of,
    )


def test_a_slope_offsets_by_what_is_asked_for():
    slope = Slope(2, 0.5)
    assert slope(torch.tensor([1.0, 2.0])).tolist() == [[0, 0], [0, 0]]
    slope.theta.data = torch.tensor([1.0, -3.0])
    assert slope(torch.tensor([1.0, 2.0])).tolist() == [[0.5, -1.5], [1, -3]]


def test_an_error_is_the_change_less_what_was_asked_for():
    """Goetschalckx et al., ICCV 2019, equation 2: along (0.5, …) the score of 3 times the first grows by 1.5 for 1."""
    slope = Slope(4, 0.5)
    slope.theta.data = torch.tensor([1.0, 9.0, 9.0, 9.0])
    errors = learner().errors(slope, [5, 6], torch.tensor([1.0, -2.0]))
    assert errors.tolist() == pytest.approx([0.5, -1.0], abs=1e-5)


@pytest.fixture
def minimised(monkeypatch):
    """What `minimise` is given, in place of a training; θ becomes `theta`."""
    noted = SimpleNamespace(given=None, theta=torch.zeros(4))

    def minimise(slope, losses, *given):
        noted.losses, noted.given = losses, given
        slope.theta.data = noted.theta.clone()
        return [{"step": 1, "loss": 0.0}]

    monkeypatch.setattr(learning, "minimise", minimise)
    return noted


def test_theta_is_in_deviations_of_the_codes_for_the_reach(minimised, tmp_path):
    slope, _ = learner().learnt(3.0, 2.0, tmp_path / "first.pt", quiet)
    assert slope.unit == 1.5 and slope.theta.shape == (4,)
    assert minimised.given == (7, 0.1, tmp_path / "first.pt", "learning first", quiet)


def test_a_code_that_does_not_move_loses_1(minimised, tmp_path):
    """In variances of what was asked for, which is even from -3 to 3, and drawn by the step alone."""
    learner(of=replace(OF, batch_size=4000)).learnt(1.0, 3.0, tmp_path / "a", quiet)
    first, second, again = (float(minimised.losses(step)["loss"].detach()) for step in (0, 1, 0))
    assert first == again != second
    assert first == pytest.approx(1, abs=0.06) and second == pytest.approx(1, abs=0.06)


def test_every_sample_is_drawn_as_often(minimised, tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr(
        Learning, "errors", lambda self, slope, seeds, asked: drawn.extend(seeds) or slope(asked)[:, 0]
    )
    learner(of=replace(OF, batch_size=2000), seeds="0-3").learnt(1.0, 1.0, tmp_path / "a", quiet)
    minimised.losses(0)
    assert [abs(drawn.count(seed) - 500) < 100 for seed in range(4)] == [True] * 4


def test_samples_without_a_score_do_not_count(minimised, tmp_path):
    """Of the second score, which does not change; half of the samples have none."""
    learner("second", CodeScorer(0.0), replace(OF, batch_size=4000), "0-99").learnt(
        1.0, 3.0, tmp_path / "a", quiet
    )
    assert float(minimised.losses(0)["loss"].detach()) == pytest.approx(1, abs=0.08)
    learner("second", CodeScorer(99.0)).learnt(1.0, 3.0, tmp_path / "a", quiet)
    message = "step 0: none of 3 samples has a score 'second'; give a larger 'batch_size'"
    with pytest.raises(InterpganError, match=message):
        minimised.losses(0)


def test_scores_of_moved_samples_come_in_their_order():
    """Of 8 samples in three batches."""
    found = learner().scores(range(20, 28), torch.tensor([0.5, 0.0, 0.0, 0.0]))
    torch.testing.assert_close(found, 3 * (Pixels().prior(range(20, 28))[:, 0] + 0.5).double())


class Answering(Learning):
    """Scores by a rule of the offset, on top of scores that differ and are partly missing."""

    rule = staticmethod(lambda x: x)
    start = torch.tensor([1.0, 3.0, torch.nan]).double()

    def scores(self, seeds, offset):
        tries.append((list(seeds), float(offset[0])))
        return self.start + self.rule(float(offset[0]))


tries = []


def calibrated(rule, reach=2.0):
    """How many times longer the vector becomes, and how far up it was tried, in what is asked for."""
    tries.clear()
    one = learner(kind=type("Ruled", (Answering,), {"rule": staticmethod(rule)}))
    try:
        vector = one.calibrated(torch.tensor([1.0, -1.0]), reach, Answering.start, quiet)
        length = float(vector[0])
        assert vector.tolist() == [length, -length]
    finally:
        assert all(seeds == [0, 1, 2] for seeds, _ in tries)
        assert [x for _, x in tries[1::2]] == [-x for _, x in tries[::2]]
    return length, [x / (0.25 * reach) for _, x in tries[::2]]


@pytest.mark.parametrize(
    ("gain", "tried"), [(1.0, [1]), (0.2, [1, 2, 4, 5]), (8.0, [1, 0.5, 0.25, 0.125]), (0.8, [1, 1.25])]
)
@pytest.mark.parametrize("reach", [2.0, 0.6])
def test_a_direction_is_calibrated_to_what_is_asked_for(gain, tried, reach):
    """At a quarter of the reach; by no more than double or half each time."""
    length, found = calibrated(lambda x: gain * x, reach)
    assert found == pytest.approx(tried) and length == pytest.approx(1 / gain)


def test_up_and_down_count_alike():
    """A score that bends: its even part cancels."""
    length, found = calibrated(lambda x: 0.8 * x + x * x)
    assert length == pytest.approx(1.25) and len(found) == 2


def constant(share, reach=2.0):
    """Changes by a share of what is asked for, however far the move is."""
    return lambda x: math.copysign(share * 0.25 * reach, x)


@pytest.mark.parametrize("share", [0.95, 1.05])
def test_after_six_tries_a_tenth_is_near_enough(share):
    length, found = calibrated(constant(share))
    assert len(found) == 6 and length == pytest.approx(share**-6)


@pytest.mark.parametrize(("share", "count"), [(0.995, 1), (1.005, 1), (0.985, 6)])
def test_a_hundredth_ends_the_tries(share, count):
    assert len(calibrated(constant(share))[1]) == count


@pytest.mark.parametrize(
    ("rule", "changed", "count"),
    [
        (constant(0.88), 0.44, 6),
        (constant(1.12), 0.56, 6),
        (lambda x: 0.01 * x, 0.16, 6),
        (lambda x: 0.0, 0.0, 1),
        (lambda x: -0.5 * x, -0.25, 1),
    ],
)
def test_what_does_not_change_so_far_is_said(rule, changed, count):
    message = f"asked to change the score 'first' by 0.5, the direction changes it by {changed:.3g} in the mean; give"
    with pytest.raises(InterpganError, match=re.escape(message)):
        calibrated(rule)
    assert len(tries) == 2 * count


@pytest.fixture
def learned(minimised, monkeypatch, tmp_path):
    """`learned(reach, theta)` is the result of `learn`, with a θ that is given, and what was calibrated."""
    given = []
    own = Learning.calibrated

    def noted(self, vector, reach, before, progress):
        given.append((vector, reach, before))
        return own(self, vector, reach, before, progress)

    monkeypatch.setattr(Learning, "calibrated", noted)
    monkeypatch.setattr(
        learning, "report_of_training", lambda folder, curves, tables, notes: Report(tables=tables)
    )

    def run(reach, theta=(0.3, 0.0, 0.0, 0.0), names=("first",), scorer=None):
        minimised.theta = torch.tensor(theta)
        one = learner()
        of = replace(OF, reach=reach)
        return learn(
            one.codes, scorer or CodeScorer(), names, of, tmp_path, tmp_path / "scratch", quiet
        ), given

    return run


@pytest.mark.parametrize(
    ("reach", "asked"),
    [
        (0.5, [-0.5, -0.25, -0.125, 0.125, 0.25, 0.5]),
        (1.0, [-1, -0.5, -0.25, 0.25, 0.5, 1]),
        (1.5, [-1.5, -1, -0.75, -0.375, 0.375, 0.75, 1, 1.5]),
    ],
)
def test_the_test_asks_for_parts_of_the_reach_and_for_1(learned, reach, asked):
    """A score of three times the first number changes by 1 along a third of it."""
    found, _ = learned(reach)
    rows = found.summary().tables[0].rows
    assert [row[1] for row in rows] == asked
    assert [row[2] for row in rows] == pytest.approx(asked, rel=1e-4)
    assert found["first"].vector.tolist() == pytest.approx([1, 0, 0, 0])
    assert found["first"].notes == {"attribute": "first", "score_per_unit": pytest.approx(3), "reach": reach}


def test_what_is_calibrated_is_theta_in_units_of_the_space(learned):
    _, given = learned(2.0)
    ((vector, reach, before),) = given
    spread = learner().codes.spread()
    assert vector.tolist() == pytest.approx([0.3 * spread / 2, 0, 0, 0])
    torch.testing.assert_close(before, 3 * Pixels().prior(range(8))[:, 0].double())
    assert reach == 2.0


def test_the_reach_is_the_deviation_of_the_scores(learned, minimised, tmp_path):
    """Of the samples to learn from that have one, as many as are held out."""
    found, _ = learned(None, theta=(0.0, 0.5, 0.0, 0.0), names=("second",), scorer=CodeScorer(-0.3))
    scores = Pixels().prior(range(8))[:, 1]
    assert found["second"].notes["reach"] == pytest.approx(float(scores[scores > -0.3].std()))
    assert minimised.given[2] == tmp_path / "scratch/second.pt"


class Dull(CodeScorer):
    def __call__(self, images):
        return 0 * super().__call__(images)


@pytest.mark.parametrize(("reach", "scorer"), [(None, Dull()), (math.inf, None), (None, CodeScorer(99.0))])
def test_scores_that_are_the_same_or_missing_are_said(learned, reach, scorer):
    message = "the score 'second' is the same, or missing, in 8 samples; give 'reach', or other seeds"
    with pytest.raises(InterpganError, match=message):
        learned(reach, names=("second",), scorer=scorer)


def test_a_score_that_no_code_changes_is_said(learned):
    with pytest.raises(
        InterpganError, match="the score 'first' does not change with the codes; take other layers"
    ):
        learned(1.0, theta=(0.0, 0.0, 0.0, 0.0))


@pytest.mark.parametrize(("made", "field"), [(OF, "reach"), (learner(), "attribute")])
def test_they_are_not_changed(made, field):
    with pytest.raises(FrozenInstanceError):
        setattr(made, field, None)
