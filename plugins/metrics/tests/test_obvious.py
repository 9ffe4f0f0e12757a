"""Counting obvious directions, on a generator whose axes are known."""

import pytest
import torch

from interpgan_core import Direction, DirectionSet, InterpganError, quiet, sigma
from interpgan_core.testing import conformance, recorded, toy
from interpgan_metrics.obvious import CountObvious


class Pixels:
    """Scores that are the first four numbers of the code, as the generator `Plain` draws them: red pixels."""

    names = tuple("abcd")

    def __call__(self, images):
        return images.flatten(1)[:, :4]


class Bounded(Pixels):
    """The same, but of what is too bright or too dark nothing is said of the first and the last."""

    def __call__(self, images):
        scores = super().__call__(images)
        extreme = images.flatten(1).abs().amax(1) > 1.2
        scores[extreme, 0] = scores[extreme, 3] = torch.nan
        return scores


class Corners:
    """Four parts: each quarter of the picture."""

    parts = ("upper left", "upper right", "lower left", "lower right")

    def __call__(self, images):
        height, width = images.shape[2:]
        rows, columns = torch.arange(height) * 2 // height, torch.arange(width) * 2 // width
        return (2 * rows[:, None] + columns).expand(len(images), height, width)


class Above:
    """Features: what of the pixels is above the middle; so going up changes more than going down."""

    name = "above"

    def features(self, images):
        return images.flatten(1).clamp_min(0)


def step(rows, **more):
    found = DirectionSet({str(i): Direction(row, "w") for i, row in enumerate(rows)})
    return CountObvious(**{"directions": {"some": found}, "scorer": Pixels(), "drawn": "100-199"} | more)


def counted(kit, rows, generator=None, progress=quiet, **more):
    made, generator = step(rows, **more), generator or kit.Plain()
    made.check(generator)
    return made.run(generator, progress)


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
    assert [row[:2] for row in each.rows] == [("some", str(i)) for i in range(4)]
    assert [row[3] for row in each.rows] == ["b", None, None, None]
    assert [row[5] for row in each.rows] == ["upper right", "upper right", None, None]
    assert each.rows[0][4] == pytest.approx(1.0) and each.rows[0][6] == pytest.approx(1.0)
    assert "moved by 3 standard deviations" in counts.note and "by 0.5 of the median distance" in counts.note


def test_one_set_has_no_name(kit):
    found = counted(kit, [], directions=DirectionSet({"a": Direction(torch.eye(12)[0], "w")}))
    assert found.tables[0].rows == (("directions", 1, 1, 1, 0, 1),)
    assert found.tables[1].rows[0][:2] == ("directions", "a")


def distances(generator, seeds):
    """From each of some samples to the next."""
    images = generator.images(generator.sample(seeds), 100).flatten(1).double()
    return (images[1:] - images[:-1]).norm(dim=1)


@pytest.mark.parametrize("batch_size", [1, 2, 7, 100])
def test_the_distance_is_a_share_of_the_median_of_samples(kit, batch_size):
    """3 standard deviations of one of 12 numbers, over that of each sample and the next, in any batches."""
    plain = kit.Plain(shift=0.5)
    apart = float(distances(plain, range(100, 200)).median())
    deviation = sigma(Direction(torch.eye(12)[0], "w"), plain)
    found = counted(kit, torch.eye(12)[:2], plain, threshold=3.0, batch_size=batch_size)
    assert found.tables[0].rows == (("some", 2, 0, 0, 0, 0),)
    assert found.tables[1].rows[0][2] == pytest.approx(3 * deviation * 0.2 / apart, rel=1e-4)
    assert found.tables[1].rows[0][2] == pytest.approx(3 / 24**0.5, rel=0.15)  # as of normal numbers


def test_a_direction_at_the_threshold_is_obvious(kit):
    share = counted(kit, torch.eye(12)[:1]).tables[1].rows[0][2]
    assert counted(kit, torch.eye(12)[:1], threshold=share).tables[0].rows[0][2] == 1


def test_strengths_are_standard_deviations(kit):
    half = DirectionSet({"half": Direction(torch.eye(12)[0], "w", notes={"sigma": 0.5})})
    one, other = (counted(kit, torch.eye(12)[:1], **more) for more in ({}, {"directions": {"some": half}}))
    assert other.tables[1].rows[0][2] == pytest.approx(one.tables[1].rows[0][2] / 2, rel=0.05)


def test_samples_are_moved_both_ways(kit):
    """Of features that see what is above the middle, one way changes much and the other little."""
    plain = kit.Plain()
    images = plain.images(plain.sample(range(8)), 8).flatten(1).double()
    above, apart = images.clamp_min(0), plain.images(plain.sample(range(100, 200)), 100).flatten(1).double()
    apart = (apart[1:].clamp_min(0) - apart[:-1].clamp_min(0)).norm(dim=1).median()
    move = torch.zeros(12).double()
    move[0] = 3 * 0.2
    ways = [((images + sense * move).clamp_min(0) - above).norm(dim=1).mean() for sense in (1, -1)]
    assert ways[0] > 3 * ways[1]
    found = counted(kit, torch.eye(12)[:1], plain, features=Above(), seeds="0-7")
    assert found.tables[1].rows[0][2] == pytest.approx(float(sum(ways) / 2 / apart), rel=0.05)


@pytest.mark.parametrize(("strength", "attribute"), [(0.3, None), (0.8, "a")])
def test_a_small_change_explains_nothing(kit, strength, attribute):
    """An attribute must change by half a standard deviation."""
    found = counted(kit, torch.eye(12)[:1], strength=strength, threshold=0.01)
    assert found.tables[0].rows[0][2] == 1 and found.tables[1].rows[0][3] == attribute


def test_attributes_of_which_nothing_is_known_do_not_count(kit):
    found = counted(kit, torch.eye(12)[1:2], scorer=Bounded(), strength=15.0)
    assert found.tables[1].rows[0][3:5] == ("b", pytest.approx(1.0))


def test_where_nothing_changes_no_part_explains_it(kit):
    class Blind(kit.Plain):
        def forward(self, batch):
            return super().forward(batch) * torch.tensor([0.0, 1, 1]).view(1, 3, 1, 1) + torch.zeros(1)

    found = counted(kit, torch.eye(12)[:1], Blind(), scorer=Green(), segmenter=Corners(), threshold=0.01)
    assert found.tables[0].rows == (("some", 1, 0, 0, 0, 0),)
    assert found.tables[1].rows[0][2:] == (0.0, None, None, None, None)


class Green(Pixels):
    """The same of green pixels."""

    def __call__(self, images):
        return images.flatten(1)[:, 4:8]


def test_of_each_set_the_first_so_many(kit):
    assert counted(kit, torch.eye(12)[:5], count=3).tables[0].rows[0][1] == 3


def test_progress_is_in_batches(kit):
    said = []
    counted(kit, torch.eye(12)[:2], progress=recorded(said), drawn="0-15", batch_size=5)
    assert said == [("looking at 16 samples", 4, 4), ("moving along 2 of some", 2, 2)]


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"drawn": "7"}, "one sample of 'drawn' tells nothing; give 2 at least"),
        ({"directions": {"none": DirectionSet({})}}, "the set 'none' is empty"),
    ],
)
def test_what_is_refused(kit, more, message):
    with pytest.raises(InterpganError, match=message):
        step(torch.eye(12)[:1], **more).check(kit.Plain())


def test_no_sets_are_refused():
    with pytest.raises(ValueError, match="at least 1 item"):
        step([], directions={})


@pytest.mark.parametrize("count", [1, 2])
def test_two_attributes_at_least(kit, count):
    class Few(Pixels):
        names = Pixels.names[:count]

        def __call__(self, images):
            return super().__call__(images)[:, :count]

    two = step(torch.eye(12)[:1], scorer=Few(), drawn="5-6")
    if count == 2:
        two.check(kit.Plain())
        assert two.run(kit.Plain(), quiet).tables[0].rows[0][1] == 1
        return
    with pytest.raises(InterpganError, match="one attribute explains everything"):
        two.check(kit.Plain())


SET = DirectionSet({str(i): Direction(row, "w") for i, row in enumerate(torch.eye(16)[:2])})
test_conformance = conformance(
    CountObvious(directions=SET, scorer=Pixels(), seeds="0-1", drawn="8-15", segmenter=Corners()), toy
)
