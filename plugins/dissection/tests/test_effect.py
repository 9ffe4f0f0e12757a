"""What units do to a part, on a generator whose three units are the colours of its pixels."""

import math
import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from torch import nn

from interpgan_core import FeatureEdit, Generator, InterpganError, LatentSpace, RankedUnits, quiet
from interpgan_core.testing import recorded, toy
from interpgan_dissection.effect import MeasureEffect
from interpgan_dissection.measure import Effect, Question, at_equal, mean_of

GREEN, BLUE = 0.5, -0.5


class Colours(Generator):
    """Pictures of 4 x 4 pixels that are their maps. Sample k has k modulo 5 red columns at the left; the others are
    without any red. Green and blue are the same everywhere."""

    fingerprint, layers = "colours", ("maps",)

    def __init__(self):
        self.module = nn.Module()
        self.module.maps = nn.Identity()
        self.spaces = {"z": LatentSpace("z", (1,))}

    def prior(self, seeds):
        return (torch.as_tensor(list(seeds)) % 5).float()[:, None]

    def map(self, codes, source, target, labels):
        raise AssertionError("there is one space")

    def forward(self, batch):
        red = torch.where(torch.arange(4) < batch.codes, 1.0, -1.0)[:, None].expand(-1, 4, 4)
        return self.module.maps(
            torch.stack([red, torch.full_like(red, GREEN), torch.full_like(red, BLUE)], 1)
        )


class Red:
    """Finds what is red, and scores the share of it."""

    parts, names = ("rest", "red"), ("grey", "red")

    def __call__(self, images):
        return (images[:, 0] > 0).long()


class Share(Red):
    def __call__(self, images):
        share = (images[:, 0] > 0).float().mean((1, 2))
        return torch.stack([1 - share, share], 1)


def ranked(*units, **levels):
    levels = {name: torch.tensor(values) for name, values in levels.items()}
    return RankedUnits("maps", units, torch.zeros(len(units)), levels, "by hand", "colours")


def asked(region=None, enough=1.0, scorer=None):
    return Question(Colours(), Red(), 1, enough, scorer, "red", region)


EVERYWHERE = torch.ones(1, 1, 1, 1)


def edit(unit, value, mask=EVERYWHERE):
    return FeatureEdit(
        "maps", (unit,), torch.full((1, 1, 1, 1), value), torch.ones(1, 1, 1, 1) if mask is None else mask
    )


def measured(question, one, *seeds):
    looked = question.look(Colours().sample(seeds))
    return question.measure([(looked, one)])


# Measuring.


def test_what_is_gone_and_what_changes_elsewhere():
    """Red off everywhere: columns 2 to 3 of sample 2 change by half of the range of one colour of three."""
    found = measured(asked(), edit(0, 0.0), 2)
    assert found.gone == 1 and found.there == 0 and found.outside == 0 and math.isnan(found.score)
    assert found.elsewhere == pytest.approx(1 / 2 / 3)
    assert measured(asked(), edit(1, 0.0), 2).elsewhere == pytest.approx(0.5 / 2 / 3)
    assert measured(asked(), edit(1, 9.0), 2).elsewhere == pytest.approx(
        0.5 / 2 / 3
    )  # white is as far as it goes


def test_a_part_that_grows_is_gone_by_less_than_nothing():
    assert measured(asked(), edit(0, 1.0), 1, 2).gone == 1 - 32 / 12
    assert math.isnan(measured(asked(), edit(0, 1.0), 0).gone)  # there was none
    assert math.isnan(measured(asked(), edit(0, 1.0), 0).elsewhere)  # and nothing else is left


def test_a_region_is_where_the_part_is_to_come():
    """Red on in the left three columns, where two are asked for."""
    region, mask = torch.zeros(1, 4, 4, dtype=torch.bool), torch.zeros(1, 1, 4, 4)
    region[:, :, :2], mask[..., :3] = True, 1.0
    found = measured(asked(region, 8.0), edit(0, 1.0, mask), 0, 1)
    assert found.there == 1 and found.outside == 4 and found.elsewhere == 0
    assert measured(asked(region, 8.5), edit(0, 1.0, mask), 0, 1).there == 0
    two = measured(asked(region, 5.0), edit(1, 0.0), 1, 2)
    assert two.there == 0.5 and two.outside == 0 and two.elsewhere == pytest.approx(0.5 / 2 / 3)


def test_scores_are_means_over_samples():
    question = asked(scorer=Share())
    assert measured(question, edit(1, 0.0), 1, 2, 4).score == pytest.approx((4 + 8 + 16) / 48)
    looked = [question.look(Colours().sample(seeds)) for seeds in ([1], [2, 4])]
    assert question.mean_score(looked) == pytest.approx((4 + 8 + 16) / 48)
    assert math.isnan(asked().mean_score(looked))
    batches = question.measure([(one, edit(1, 0.0)) for one in looked])
    assert batches == measured(question, edit(1, 0.0), 1, 2, 4)


def test_labels_larger_than_the_pictures():
    class Fine(Red):
        def __call__(self, images):
            return super().__call__(images).repeat_interleave(2, 1).repeat_interleave(2, 2)

    found = measured(Question(Colours(), Fine(), 1), edit(0, 0.0), 3)
    assert found.gone == 1 and found.elsewhere == pytest.approx(1 / 2 / 3)


def test_means_of_effects():
    assert mean_of([Effect(0, 1, 2, 3, 4), Effect(1, 1, 4, 5, 0)]) == Effect(0.5, 1, 3, 4, 2)


@pytest.mark.parametrize(
    ("gone", "expected"),
    [
        (0.05, 0.005),
        (0.1, 0.01),
        (0.3, 0.03),
        (0.45, 0.045),
        (0.7, 0.125),
        (0.9, 0.2),
        (0.95, None),
        (-0.1, 0.0),
    ],
)
def test_change_at_equal_removal(gone, expected):
    """Between its points, and from nothing, the curve is linear; where more units remove less, they are passed over."""
    points = ((0.1, 0.01), (0.5, 0.05), (0.4, 0.07), (0.9, 0.2))
    found = at_equal(gone, [Effect(g, 0, 0, c, 0) for g, c in points])
    assert found == (None if expected is None else pytest.approx(expected))
    assert at_equal(0.0, []) is None


def test_of_units_that_remove_as_much_the_first_count():
    curve = [Effect(g, 0, 0, c, 0) for g, c in ((0.1, 0.01), (0.1, 0.03), (0.5, 0.05))]
    assert at_equal(0.3, curve) == pytest.approx(0.03)


def test_a_sample_has_the_part_from_one_pixel_on():
    one = torch.ones(1, 1, 4, 4)
    assert measured(Question(Colours(), Red(), 1), edit(0, -1.0, one), 2).there == 0
    one[0, 0, 1, 1] = 0
    assert measured(Question(Colours(), Red(), 1), edit(0, -1.0, one), 2).there == 1


def test_pictures_are_compared_as_they_are_shown():
    """What is beyond black or white is black or white."""
    for beyond, shown in ((9.0, 1.0), (-9.0, -1.0)):
        batch = replace(Colours().sample([0]), edits=(edit(1, beyond),))
        found = asked().measure([(asked().look(batch), edit(1, 0.25))])
        assert found.elsewhere == pytest.approx(abs(shown - 0.25) / 2 / 3)
    assert measured(asked(), edit(2, -9.0), 0).elsewhere == pytest.approx(0.5 / 2 / 3)


# The step.


def effect(progress=quiet, generator=None, **fields):
    given = {"ranked": {"ours": ranked(0, 1)}, "segmenter": Red(), "part": "red", "seeds": "0-9", "random": 0}
    return MeasureEffect(**given | fields).run(generator or Colours(), progress)


def test_a_removal():
    """Of samples that have half of the mean area of those that have the part: 2, 3 and 4, 7, 8 and 9."""
    found = effect(counts=(1, 2, 3), scorer=Share(), attribute="red", everywhere=True)
    (table,) = found.tables
    assert table.title == "red removed, 6 samples" and table.columns[-1] == "mean score of red"
    rows = [[1, 100, 100 / 6, None, None, 0], [2, 100, 100 / 6 + 100 / 12, None, None, 0]]
    for row, expected in zip(table.rows, rows, strict=True):
        assert row[0] == "ours" and list(row[1:]) == pytest.approx(expected)
    assert found.notes == ("Before, the mean score of red is 0.75.",)
    assert effect().notes == ()


def test_units_are_off_only_where_the_part_is():
    (table,) = effect(counts=(2,)).tables
    assert table.rows == (("ours", 2, 100.0, 0.0, None, None),)


def test_so_many_samples():
    assert effect(samples=4).tables[0].title == "red removed, 4 samples"


def test_a_part_of_half_the_mean_area_counts():
    """Areas of 4 and 12: their mean is 8, and 4 is half of it."""
    assert effect(seeds="1,3").tables[0].title == "red removed, 2 samples"
    assert effect(seeds="1,4").tables[0].title == "red removed, 1 samples"


def test_random_units_stand_beside():
    """Orders by their seed; the ratio is to as much removed, between the points of their mean."""
    (table,) = effect(counts=(1, 2), random=2, everywhere=True).tables
    orders = [np.random.RandomState([draw, 4]).permutation(3).tolist() for draw in range(2)]
    changes = {0: 1 / 6, 1: 1 / 12, 2: 1 / 12}
    curve = [
        Effect(
            sum(0 in order[:n] for order in orders) / 2,
            0,
            0,
            sum(changes[u] for o in orders for u in o[:n]) / 2,
            0,
        )
        for n in (1, 2, 3)
    ]
    random = [row for row in table.rows if row[0] == "random units"]
    assert [row[1] for row in random] == [1, 2, 3]
    for row, one in zip(random, curve, strict=True):
        assert row[2:4] == (pytest.approx(100 * one.gone), pytest.approx(100 * one.elsewhere)) and row[
            4:
        ] == (None, None)
    equal = at_equal(1.0, curve)
    assert table.rows[0][4] == pytest.approx(100 * equal)
    assert table.rows[0][5] == pytest.approx(1 / 6 / equal)


@pytest.mark.parametrize(
    ("counts", "wider"), [((1,), [1, 2, 3, 4, 6, 9, 14, 16]), ((8, 2, 40), [2, 8, 16]), ((16,), [16])]
)
def test_random_units_are_added_until_all_are_off(counts, wider):
    """By a factor of 1.5 beyond those asked for."""
    units = RankedUnits("layers.3", tuple(range(16)), torch.zeros(16))
    (table,) = effect(
        generator=toy(),
        ranked={"all": units},
        segmenter=Left(),
        part="left",
        counts=counts,
        random=1,
        seeds="0-1",
    ).tables
    assert [row[1] for row in table.rows if row[0] == "random units"] == wider


class Left:
    parts = ("left", "right")

    def __call__(self, images):
        return (
            (torch.arange(images.shape[3]) >= images.shape[3] // 2)
            .long()
            .expand(len(images), *images.shape[2:])
        )


def inserted(**fields):
    given = {
        "action": "insert",
        "region": [0, 0, 1, 0.5],
        "ranked": {"ours": ranked(0, 1, mean=[1.0, 0.9], low=[-0.5, 0.5])},
    }
    return effect(**given | fields)


def test_an_insertion():
    """Into samples that have none of it, 0 and 5; half of the mean area, 10, has to come."""
    (table,) = inserted(counts=(1, 2), scorer=Share(), attribute="red").tables
    assert table.title == "red inserted, 2 samples"
    assert [row[:2] for row in table.rows] == [("ours", 1), ("ours", 2)]
    for row in table.rows:
        assert row[2:] == (100.0, 0.0, 0.0, 0.5)
    assert inserted(level="low").tables[0].rows[0][2] == 0
    assert inserted(region=[0, 0, 1, 0.25]).tables[0].rows[0][2] == 0  # 4 pixels


def test_what_an_insertion_changes_elsewhere():
    """Here blue grows everywhere by a tenth of the mean of red, which half of the picture moves from -1 to 0."""

    class Tinted(Colours):
        def forward(self, batch):
            images = super().forward(batch)
            return images + torch.tensor([0, 0, 0.1]).view(1, 3, 1, 1) * images[:, :1].mean(
                (2, 3), keepdim=True
            )

    (table,) = inserted(generator=Tinted(), counts=(1,)).tables
    assert table.rows[0][4] == pytest.approx(100 * 0.1 / 2 / 3)


def test_random_units_are_inserted_at_their_levels():
    """Those that the ranking does not know at 0; not more of them than asked for."""
    (table,) = inserted(counts=(1, 2), random=4).tables
    random = [row for row in table.rows if row[0] == "random units"]
    orders = [np.random.RandomState([draw, 4]).permutation(3).tolist() for draw in range(4)]
    assert [row[1] for row in random] == [1, 2]
    for row in random:
        assert row[2] == 100 * sum(0 in order[: row[1]] for order in orders) / 4


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"action": "insert"}, "a region is where units are inserted"),
        ({"region": [0, 0, 1, 0.5]}, "a region is where units are inserted"),
        (
            {"action": "insert", "region": [0, 0, 1, 0.5], "everywhere": True},
            "'everywhere' is of action: remove",
        ),
        ({"scorer": Share()}, "a scorer and one of its attributes go together"),
        ({"attribute": "red"}, "a scorer and one of its attributes go together"),
        ({"part": "rod"}, "the segmenter knows no part 'rod'; did you mean 'red'?"),
        ({"seeds": "0,5"}, "none of these samples has the part 'red'"),
        (
            {
                "action": "insert",
                "region": [0, 0, 1, 0.5],
                "ranked": {"a": ranked(0, mean=[1.0])},
                "seeds": "1-4",
            },
            "all of these samples have the part 'red'",
        ),
        ({"scorer": Share(), "attribute": "rod"}, "the scorer has no attribute 'rod'; did you mean 'red'?"),
        (
            {"ranked": {"a": ranked(0), "b": replace(ranked(0), layer="layers.2")}},
            "the rankings are of the layers layers.2, maps; compare those of one",
        ),
        (
            {"ranked": {"a": replace(ranked(0), generator="0123")}},
            "these units were ranked in another generator",
        ),
        (
            {
                "action": "insert",
                "region": [0, 0, 1, 0.5],
                "ranked": {"a": ranked(0, mean=[1.0])},
                "level": "maen",
            },
            "no level 'maen'; did you mean 'mean'?",
        ),
    ],
)
def test_what_is_refused(fields, message):
    with pytest.raises((InterpganError, ValidationError), match=re.escape(message)):
        effect(**fields)


def test_two_rankings_side_by_side():
    (table,) = effect(ranked={"one": ranked(0), "other": ranked(1)}, counts=(1,)).tables
    assert [row[:3] for row in table.rows] == [("one", 1, 100.0), ("other", 1, 0.0)]


def test_progress_is_in_batches():
    said = []
    effect(recorded(said), batch_size=4, counts=(1, 2))
    assert said == [("looking for red in 10 samples", 3, 3), ("editing 6 samples", 2, 2)]
