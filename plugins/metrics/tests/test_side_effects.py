"""Where pictures change, whether they look real, and who they show, by hand."""

import math

import pytest
import torch
from torch import nn

from interpgan_metrics.factors import Looked
from interpgan_metrics.side_effects import Judge, identities, most_local, part_errors, part_shares

NAN = math.nan


def looked(picture, *maps):
    """One grey picture of 2 x 2 positions; and the maps of parts."""
    small = torch.tensor(picture).view(1, 1, 2, 2).expand(1, 3, 2, 2)
    return Looked(torch.zeros(1, 1, 3), torch.tensor(maps).view(1, -1, 2, 2), small)


BEFORE = looked([1.0, 1.0, 1.0, 1.0], [1.0, 0, 0, 0], [0.0, 0, 0, 1], [0.0, 0, 0, 0])
AFTER = looked([2.0, 3.0, 1.0, 4.0], [1.0, 1, 0, 0], [0.0, 0, 0, 1], [0.0, 0, 0, 0])


def test_changes_outside_and_inside_of_parts():
    """A part is where it was, and where it has come."""
    (outside, inside) = part_errors(BEFORE, AFTER)[0].tolist()
    assert outside == pytest.approx([9 / 2, 5 / 3, 14 / 4])
    assert inside[:2] == pytest.approx([5 / 2, 9]) and math.isnan(inside[2])


def test_shares_of_parts_in_the_change():
    assert part_shares(BEFORE, AFTER)[0].tolist() == pytest.approx([5 / 14, 9 / 14, 0])
    assert part_shares(BEFORE, BEFORE)[0].isnan().all()


def test_colours_are_averaged():
    red = Looked(BEFORE.factors, BEFORE.maps, BEFORE.small + torch.tensor([3.0, 0, 0]).view(1, 3, 1, 1))
    assert part_errors(BEFORE, red)[0, 1, 0] == 3  # 9 / 3


@pytest.mark.parametrize(
    ("errors", "part", "ratio"),
    [
        ([[[2.0, 1.0], [4.0, 4.0]]], 1, 0.25),
        ([[[1.0, 2.0], [4.0, 4.0]]], 0, 0.25),
        ([[[0.0, 1.0], [0.0, 2.0]]], 1, 0.5),  # nothing changes in the first
        ([[[0.0, 0.0], [1e-12, 0.0]]], -1, NAN),  # so little is nothing
        ([[[0.0, 1.0], [2e-12, 0.0]]], 0, 0.0),
        ([[[1.0, 1.0], [NAN, NAN]]], -1, NAN),
        # two of four samples have the first part, and one has the second
        (
            [
                [[1.0, 0.1], [4.0, 4.0]],
                [[1.0, 0.1], [4.0, NAN]],
                [[1.0, 0.1], [NAN, NAN]],
                [[1.0, 0.1], [NAN, NAN]],
            ],
            0,
            0.25,
        ),
    ],
)
def test_the_part_that_a_change_is_most_confined_to(errors, part, ratio):
    found = most_local(torch.tensor(errors))
    assert found[0] == part and found[1] == pytest.approx(ratio, nan_ok=True)


class First:
    """Features: the first pixel."""

    def features(self, images):
        return images.flatten(1)[:, :2]


class Nothing:
    discriminator = None


def images(*values):
    made = torch.zeros(len(values), 3, 1, 2)
    made.flatten(1)[:, 0] = torch.tensor(values)
    return made


def test_realism_is_a_distance_without_a_discriminator():
    """Minus that to the nearest sample, in the median distance of a sample to its nearest other."""
    judge = Judge(Nothing(), First())
    assert judge.measures == "distance"
    judge.learn(images(0.0, 2.0), None)
    judge.learn(images(10.0), None)
    judge.learned()
    assert judge(images(0.0, 1.0, 12.0, 4.0), None).tolist() == pytest.approx([0, -0.5, -1, -1])


def test_of_equal_samples_the_unit_is_one():
    judge = Judge(Nothing(), First())
    judge.learn(images(1.0, 1.0), None)
    judge.learned()
    assert judge(images(4.0), None).tolist() == [-3]


def test_without_features_nothing_is_measured():
    judge = Judge(Nothing(), None)
    judge.learn(images(1.0), None)
    judge.learned()
    assert judge.measures == "" and judge(images(1.0), None) is None
    assert identities(None, images(1.0)) is None


class Net(nn.Module):
    """The mean of a batch, plus what its label says."""

    def forward(self, pictures, labels=None):
        first = pictures.flatten(1)[:, :1].mean(0, keepdim=True)
        return first if labels is None else first + 100 * labels[:, :1]


class Judged:
    discriminator = Net()


def test_realism_is_the_discriminators_logit():
    """Of each picture alone, in its standard deviations over samples."""
    judge = Judge(Judged(), First())
    assert judge.measures == "discriminator"
    judge.learn(images(1.0, 3.0), None)
    judge.learn(images(5.0), None)
    judge.learned()
    assert judge(images(4.0, 6.0), None).tolist() == pytest.approx([2, 3])
    labels = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    assert judge(images(4.0, 6.0), labels).tolist() == pytest.approx([52, 3])
    same = Judge(Judged(), None)
    same.learn(images(2.0, 2.0), labels[:1].expand(2, 2))
    same.learned()
    assert same(images(7.0), None).tolist() == [7]


def test_identities_have_length_one():
    found = identities(First(), torch.tensor([[[[3.0, 4.0]]] * 3]))
    assert found.tolist() == [pytest.approx([0.6, 0.8])]
