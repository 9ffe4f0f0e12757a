"""Scores, colours and sizes of parts on pictures of a few pixels, and how far they change."""

import math
from dataclasses import FrozenInstanceError

import pytest
import torch

from interpgan_core import InterpganError
from interpgan_metrics.factors import Change, Factors, Looked, change, pictures

PARTS = ("skin", "hair", "hat")


class Scores:
    """The first two numbers of a picture."""

    name = "scores"
    names = ("first", "second")

    def __call__(self, images):
        return images.flatten(1)[:, :2]


class Columns:
    """In a map of 1 x 4: hair, hair, skin, skin; of the second picture all is skin. There is no hat."""

    parts = PARTS

    def __call__(self, images):
        return torch.tensor([[[1, 1, 0, 0]], [[0, 0, 0, 0]]])[: len(images)]


# Two pictures of 2 x 4 pixels: red grows from left to right, green from top to bottom, blue is the picture's own.
ACROSS, DOWN = torch.arange(4.0).expand(2, 4), torch.tensor([[0.0], [1.0]]).expand(2, 4)
IMAGES = torch.stack([torch.stack([ACROSS, DOWN, torch.full((2, 4), blue)]) for blue in (-1.0, 5.0)])


def test_colours_and_sizes_are_those_of_the_parts():
    """In the size of the maps, where green is everywhere a half; a part that is not there has no colour."""
    factors = Factors(Scores(), Columns(), colours=("hair", "hat", "skin"), sizes=("skin", "hair"))
    assert factors.names == (
        "first",
        "second",
        "hair colour",
        "hat colour",
        "skin colour",
        "skin size",
        "hair size",
    )
    looked = factors.look(IMAGES)
    nan = [math.nan] * 3
    expected = [
        [[0, 0, 0], [1, 0, 0], [0.5, 0.5, -1], nan, [2.5, 0.5, -1], [0.5, 0, 0], [0.5, 0, 0]],
        [[0, 0, 0], [1, 0, 0], nan, nan, [1.5, 0.5, 5], [1, 0, 0], [0, 0, 0]],
    ]
    torch.testing.assert_close(looked.factors, torch.tensor(expected).double(), equal_nan=True)
    assert looked.maps.shape == (2, 3, 1, 4) and looked.small.shape == (2, 3, 1, 4)
    assert looked.maps[0].tolist() == [[[0, 0, 1, 1]], [[1, 1, 0, 0]], [[0, 0, 0, 0]]]


@pytest.mark.parametrize("wanted", [{"colours": ("hair",)}, {"sizes": ("hair",)}])
def test_colours_or_sizes_alone_need_the_maps(wanted):
    looked = Factors(Scores(), Columns(), **wanted).look(IMAGES, with_maps=False)
    assert looked.maps is not None
    assert looked.factors[0, 2].tolist() == [0.5, *([0.5, -1] if "colours" in wanted else [0, 0])]


def test_parts_are_found_where_no_factor_needs_them_unless_they_are_not_wanted():
    factors = Factors(Scores(), Columns())
    assert factors.look(IMAGES).maps is not None
    without = factors.look(IMAGES, with_maps=False)
    assert without.maps is None and without.small is None
    assert Factors(Scores()).look(IMAGES).maps is None
    assert without.factors.shape == (2, 2, 3)


def test_a_score_without_end_is_not_known():
    images = IMAGES.clone()
    images[0, 0, 0, 0] = math.inf
    found = Factors(Scores()).look(images).factors[:, :, 0]
    assert math.isnan(found[0, 0]) and found[1].tolist() == [0, 1]


@pytest.mark.parametrize(("width", "pixels", "seen"), [(1000, 1, True), (2001, 2, False), (2001, 3, True)])
def test_a_thousandth_of_the_picture_has_a_colour(width, pixels, seen):
    class Strip:
        parts = ("skin", "dot")

        def __call__(self, images):
            return (torch.arange(width) < pixels).long().expand(1, 1, -1)

    looked = Factors(Scores(), Strip(), colours=("dot",)).look(torch.ones(1, 3, 1, width))
    assert bool(looked.factors[0, 2].isfinite().all()) == seen


def test_deviations_are_around_the_mean_of_what_is_known():
    """A number, 1 to 5 with one missing; a colour, whose distance from the mean is 5 in both."""
    number = torch.tensor([[1.0, 0, 0], [5.0, 0, 0], [math.nan, 0, 0]])
    colour = torch.tensor([[3.0, 4, 0], [-3.0, -4, 0], [math.nan] * 3])
    found = Factors(Scores()).deviations(torch.stack([number, colour], 1).double())
    assert found.tolist() == pytest.approx([2, 5])


@pytest.mark.parametrize("known", [[1.0, 1.0, 1.0], [1.0, math.nan, math.nan], [math.nan] * 3])
def test_what_never_differs_has_no_unit(known):
    factors = torch.zeros(3, 2, 3).double()
    factors[:, 0, 0], factors[:, 1, 0] = torch.arange(3.0), torch.tensor(known)
    with pytest.raises(
        InterpganError, match="'second' is the same in all of 3 samples, so that no change of it has a"
    ):
        Factors(Scores()).deviations(factors)


def test_changes_are_in_deviations_and_numbers_keep_their_sign():
    """Numbers change by -1 and -3, colours by (0, 3, 4) and (0, 3, -4), of a deviation of 2; half is missing."""
    before, after = torch.zeros(3, 3, 3).double(), torch.zeros(3, 3, 3).double()
    after[:, 0, 0] = torch.tensor([-1.0, -3.0, math.nan])
    after[:, 1, 1:] = torch.tensor([[3.0, 4.0], [3.0, -4.0], [math.nan, math.nan]])
    after[:, 2] = math.nan
    found = change(before + 1, after + 1, torch.full((3,), 2.0).double())
    assert found.effects.tolist() == pytest.approx([-1, 1.5, math.nan], nan_ok=True)
    assert found.sizes.tolist() == pytest.approx([1, 2.5, math.nan], nan_ok=True)


@pytest.mark.parametrize("entry", [1, 2])
def test_a_change_of_one_channel_is_that_of_a_colour(entry):
    after = torch.zeros(1, 2, 3).double()
    after[0, 0, entry] = -1.0
    assert change(torch.zeros(1, 2, 3).double(), after, torch.ones(2).double()).effects.tolist() == [1, 0]


@pytest.mark.parametrize(
    ("effects", "target", "reached"),
    [([1.0, -2.0], 1, 2), ([math.nan, 0.0], 1, 0), ([math.nan, math.nan], 0, 0), ([0.5, math.nan], 0, 0.5)],
)
def test_the_target_is_what_changes_most(effects, target, reached):
    found = Change(torch.tensor(effects), torch.zeros(2))
    assert (found.target, found.reached) == (target, reached)


def test_pictures_come_part_by_part_without_gradients(kit):
    generator = kit.Plain()
    batch = generator.sample(range(5))
    batch.codes.requires_grad_()
    parts = list(pictures(batch, generator, 2))
    assert [len(part) for part in parts] == [2, 2, 1]
    assert not any(part.requires_grad for part in parts)
    torch.testing.assert_close(torch.cat(parts), generator.images(batch, 5).detach())


@pytest.mark.parametrize("made", [Looked(IMAGES, None, None), Change(IMAGES, IMAGES)])
def test_they_are_not_changed(made):
    field = next(iter(vars(made)))
    with pytest.raises(FrozenInstanceError):
        setattr(made, field, None)
