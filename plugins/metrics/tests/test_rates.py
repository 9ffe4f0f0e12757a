from collections import Counter

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from interpgan_core import InterpganError, Remark
from interpgan_metrics.rates import AttributeRates, total_variation


class Known:
    """Is the first pixel bright, is the second, and how bright is the picture."""

    names = ("first", "second", "brightness")

    def __call__(self, images):
        flat = images.flatten(1)
        return torch.stack([(flat[:, 0] > 0).float(), (flat[:, 1] > 0).float(), flat.mean(1)], 1)


def planted(kit, count=1000, first=0.8, **known):
    """Pictures of which the first pixel is bright in a share of them, the second in the first half."""
    pictures = np.zeros((count, 12)) - 0.5
    pictures[: int(first * count), 0] = 0.5
    pictures[: count // 2, 1] = 0.5
    return kit.picture_set(pictures.reshape(-1, 3, 2, 2), **known)


def measured(kit, data, generator, **fields):
    fields = {"seeds": "0-999", "numbers": ("brightness",)} | fields
    return AttributeRates(data=data, scorer=Known(), **fields).run(generator, kit.quiet)


def test_a_planted_shift_is_found(kit):
    report = measured(kit, planted(kit), kit.Plain())
    rows = {row[0]: row[1:] for row in report.tables[0].rows}
    codes = kit.Plain().sample(range(1000)).codes
    generated = [100 * float((codes[:, i] * 25.5 >= 0).float().mean()) for i in (0, 1)]
    true, real, made, difference, error = rows["first"]
    assert true is None
    assert real == pytest.approx(80)
    assert made == pytest.approx(generated[0], abs=2)  # a code just above 0 may be rounded below it
    assert difference == pytest.approx(made - 80)
    assert error == pytest.approx(100 * np.sqrt((0.8 * 0.2 + 0.01 * made * (1 - 0.01 * made)) / 1000))
    assert abs(difference) > 10 * error
    assert abs(rows["second"][3]) < 4 * rows["second"][4]


def test_the_distance_stands_beside_that_of_chance(kit):
    report = measured(kit, planted(kit), kit.Plain())
    (_, alone, alone_by_chance), (_, together, together_by_chance) = report.tables[1].rows
    rows = report.tables[0].rows
    assert alone == pytest.approx(np.mean([abs(row[4]) for row in rows]))
    # The data has 50 % with both, 30 % with the first alone, 20 % with neither; the generator a quarter of each.
    assert together == pytest.approx((25 + 5 + 25 + 5) / 2, abs=4)
    assert 0.3 < alone_by_chance < 3
    assert alone_by_chance < together_by_chance < 6


def test_the_same_pictures_have_no_distance(kit):
    generator = kit.Plain()
    report = measured(kit, kit.drawn(generator, range(1000)), generator)
    assert [row[1] for row in report.tables[1].rows] == [0, 0]
    assert [row[4] for row in report.tables[0].rows] == [0, 0]


def test_numbers_have_mean_and_deviation(kit):
    generator = kit.Plain(gain=0.1, shift=0.25)
    data = planted(kit, names=("brightness",), attributes=torch.full((1000, 1), 7.0))
    report = measured(kit, data, generator)
    name, true, mean, deviation, made, made_deviation, difference, error = report.tables[2].rows[0]
    brightness = data.images(slice(None)).flatten(1).mean(1).double()
    assert (name, true) == ("brightness", 7)
    assert mean == pytest.approx(float(brightness.mean()))
    assert deviation == pytest.approx(float(brightness.std()))
    assert made == pytest.approx(0.25, abs=0.01)
    assert made_deviation == pytest.approx(0.1 / 12**0.5, rel=0.1)
    assert difference == pytest.approx(made - mean)
    assert error == pytest.approx(np.hypot(deviation, made_deviation) / 1000**0.5)


def test_the_true_rate_is_that_of_the_pictures_measured(kit):
    known = (torch.arange(1000) % 3 == 0).float()[:, None]
    known[:500] = torch.nan
    data = planted(kit, names=("first",), attributes=known)
    report = measured(kit, data, kit.Plain(), real=100, threshold=0.5, seeds="0-9")
    rows = np.random.RandomState(0).permutation(1000)[:100]
    counted = rows[rows >= 500]
    assert report.tables[0].rows[0][1] == pytest.approx(100 * np.mean(counted % 3 == 0))
    assert report.tables[0].rows[0][2] == pytest.approx(100 * np.mean(rows < 800))
    assert report.notes == ("100 real pictures, 10 generated ones.",)


def test_a_threshold_of_its_own(kit):
    report = measured(kit, planted(kit), kit.Plain(), numbers=("first", "second"), threshold=-0.38)
    (row,) = report.tables[0].rows
    assert row[2] == pytest.approx(50)  # the mean of a picture is above it where two pixels are bright


def test_numbers_alone(kit):
    report = measured(kit, planted(kit), kit.Plain(), numbers=Known.names)
    assert [table.title for table in report.tables] == ["Numbers"]


def test_total_variation_of_known_answers():
    a = torch.tensor([[1, 1], [0, 0]]).bool()
    b = torch.tensor([[1, 0], [0, 1], [1, 0], [0, 1]]).bool()
    assert total_variation(a, b) == (0, 1)  # each attribute alone is as frequent, no combination is
    assert total_variation(a, a[:1]) == (0.5, 0.5)


def test_an_attribute_that_the_scorer_does_not_know(kit):
    with pytest.raises(
        InterpganError, match=r"the scorer has no attribute 'brigthness'; did you mean 'brightness'"
    ):
        measured(kit, planted(kit), kit.Plain(), numbers=("brigthness",))


def test_one_picture_has_no_rate(kit):
    with pytest.raises(InterpganError, match=r"^1 samples have no rate; give at least 2$"):
        measured(kit, planted(kit), kit.Plain(), seeds="0")
    with pytest.raises(InterpganError, match=r"^1 real pictures have no rate; give at least 2$"):
        measured(kit, planted(kit), kit.Plain(), real=1)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda s: s[:, :2], "the scorer has 3 attributes and returned .*; correct the scorer"),
        (lambda s: s / 0, "the scorer returned numbers that are not finite; use another one"),
    ],
)
def test_a_scorer_that_is_wrong(kit, wrong, message):
    class Wrong(Known):
        def __call__(self, images):
            return wrong(super().__call__(images))

    with pytest.raises(InterpganError, match=message):
        AttributeRates(data=planted(kit), scorer=Wrong(), seeds="0-9").run(kit.Plain(), kit.quiet)


class Sometimes(Known):
    """Has no score of bright pictures."""

    def __init__(self, most):
        self.most = most

    def __call__(self, images):
        return super().__call__(images).where(images.mean((1, 2, 3))[:, None] <= self.most, torch.nan)


def test_pictures_without_a_score_are_left_out_and_said(kit):
    step = {"data": planted(kit), "seeds": "0-9"}
    bright = kit.Plain().images(kit.Plain().sample(range(10)), 10).mean((1, 2, 3)).sort().values
    most = float(bright[4:6].mean())
    assert most > -0.3  # of the data, all are darker
    with pytest.warns(Remark, match="5 of 10 samples have no scores, and are left out"):
        report = AttributeRates(scorer=Sometimes(most), **step).run(kit.Plain(), kit.quiet)
    assert report.notes == ("1000 real pictures, 5 generated ones.",)
    with pytest.raises(InterpganError, match="no scores of 1000 of 1000 real pictures; give others"):
        AttributeRates(scorer=Sometimes(-9), **step).run(kit.Plain(), kit.quiet)


def test_chance_is_the_mean_of_twenty_random_divisions(kit):
    """Worked out with counters, for the first two attributes of 30 real pictures and 10 generated ones."""
    report = measured(kit, planted(kit, 30), kit.Plain(), seeds="0-9", real=30)
    rows = np.random.RandomState(0).permutation(30)
    real = [(row < 24, row < 15) for row in rows]
    pixels = kit.drawn(kit.Plain(), range(10)).images(slice(None)).flatten(1)
    pooled = real + [(bool(p[0] > 0), bool(p[1] > 0)) for p in pixels]
    alone = together = 0.0
    random = torch.Generator().manual_seed(0)
    for _ in range(20):
        order = torch.randperm(40, generator=random).tolist()
        a, b = ([pooled[i] for i in part] for part in (order[:30], order[30:]))
        alone += sum(abs(np.mean([x[i] for x in a]) - np.mean([x[i] for x in b])) for i in (0, 1)) / 2
        counts = Counter(a), Counter(b)
        together += sum(abs(counts[0][kind] / 30 - counts[1][kind] / 10) for kind in {*a, *b}) / 2
    found = [row[2] for row in report.tables[1].rows]
    assert found == pytest.approx([100 * alone / 20, 100 * together / 20])


def test_a_score_at_the_threshold_is_no_yes(kit):
    known = torch.tensor([[0.0], [1.0], [1.0], [2.0]])
    data = planted(kit, 4, names=("first",), attributes=known)
    first = measured(kit, data, kit.Plain(), seeds="0-9", threshold=1.0).tables[0].rows[0]
    assert first[1:4] == (25, 0, 0)


def test_two_pictures_are_enough(kit):
    report = measured(kit, planted(kit, 2), kit.Plain(), seeds="0-1", real=2)
    assert report.notes == ("2 real pictures, 2 generated ones.",)


@pytest.mark.parametrize(("count", "enough"), [(1, False), (2, True)])
def test_two_pictures_with_scores_are_enough(kit, count, enough):
    bright = kit.Plain().images(kit.Plain().sample(range(10)), 10).mean((1, 2, 3)).sort().values
    most = float(bright[count - 1 : count + 1].mean())
    step = AttributeRates(data=planted(kit), scorer=Sometimes(most), seeds="0-9", threshold=0.5)
    if enough:
        with pytest.warns(Remark, match="8 of 10 samples have no scores"):
            assert step.run(kit.Plain(), kit.quiet).notes == ("1000 real pictures, 2 generated ones.",)
    else:
        with pytest.raises(InterpganError, match="no scores of 9 of 10 samples; give others"):
            step.run(kit.Plain(), kit.quiet)


def test_a_threshold_is_a_number(kit):
    assert AttributeRates(data=planted(kit, 4), scorer=Known()).threshold == 0.5
    with pytest.raises(ValidationError, match="threshold"):
        AttributeRates(data=planted(kit, 4), scorer=Known(), threshold=float("inf"))
