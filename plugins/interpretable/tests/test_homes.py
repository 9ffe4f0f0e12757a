"""Homes of concepts: shares of activity, masks, and the groups of filters, by hand."""

import pytest
import torch

from interpgan_core import AddedLayer
from interpgan_interpretable.adaptation.filters import FilterBank
from interpgan_interpretable.homes import (
    HALF,
    LOOKED_AT,
    NARROW,
    group_shares,
    groups_of,
    groups_with,
    grown,
    shares,
    shares_of,
    soft,
)
from interpgan_interpretable.training.energy_model import EnergyModel


def test_a_home_is_where_a_group_has_more_than_half_of_the_activity():
    """A single position among those of another group is none; a strip of them is."""
    maps = torch.full((1, 2, 9, 9), 0.5)
    maps[0, 0] = 1.0
    maps[0, 1, 1, 1], maps[0, 1, 6:] = 1.5, 2.0
    share = shares_of(maps, torch.tensor([0, 1]), [1])
    found = (share > HALF)[0, 0]
    assert not found[:4].any() and found[7:].all()
    torch.testing.assert_close(share[0, 0, 4, 4], torch.tensor(1 / 3))  # 0.5 of 1 + 0.5
    assert shares_of(torch.zeros(1, 2, 3, 3), torch.tensor([0, 1]), [1]).eq(0).all()


def test_a_mask_rises_with_the_share():
    found = soft(torch.tensor([0, 0.1, 0.225, 0.35, 0.5, 1]))
    torch.testing.assert_close(found, torch.tensor([0, 0, 0.5, 1, 1, 1]))
    torch.testing.assert_close(soft(torch.tensor([0.3, 0.475, 0.7]), NARROW), torch.tensor([0, 0.5, 1]))


def test_what_moves_has_its_edge():
    share = torch.zeros(1, 1, 7, 7)
    share[..., 3, 3] = 0.225
    mask = grown(share)[0, 0]
    torch.testing.assert_close(mask[2:5, 2:5], torch.full((3, 3), 0.5))
    assert mask.sum() == pytest.approx(4.5)


def test_shares_of_little_are_shares():
    share = group_shares(torch.full((1, 2, 3, 3), 1e-4), torch.tensor([0, 1]))
    torch.testing.assert_close(share, torch.full((1, 2, 3, 3), 0.5))


def test_shares_are_means_over_squares_of_three():
    """At a border only of what is there."""
    maps = torch.zeros(1, 2, 4, 4)
    maps[0, 0], maps[0, 1, 0, 0] = 1.0, 8.0
    share = group_shares(maps, torch.tensor([0, 1]))
    assert share.shape == (1, 2, 4, 4)
    torch.testing.assert_close(share[0, 1, 0, 0], torch.tensor(2 / 3))  # 8 / 4 of 1 + 8 / 4
    torch.testing.assert_close(share[0, 1, 0, 1], torch.tensor(8 / 6 / (1 + 8 / 6)))
    torch.testing.assert_close(share[0, 1, 1, 1], torch.tensor(8 / 9 / (1 + 8 / 9)))
    assert share[0, 1, 2, 2] == 0
    torch.testing.assert_close(share.sum(1), torch.ones(1, 4, 4))


def test_groups_with_units():
    groups = torch.tensor([2, -1, 0, 2, 1])
    assert groups_with(groups, [0, 3]).tolist() == [2]
    assert groups_with(groups, [4, 1, 2]).tolist() == [0, 1]  # the second unit is of none
    assert groups_with(groups, [1]).tolist() == []


def test_groups_that_were_trained_with_an_energy(numbered):
    """Filters are divided by the root mean squares that belong to the model; those of 0 are 0 as well."""
    model = EnergyModel(13, 2, 256)
    model.groups = torch.tensor([0, 1] * 6 + [-1])
    model.rms = torch.tensor([0.5, 0.0, *[2.0] * 11])
    model.attach(numbered)
    groups, scale = groups_of(numbered, "drawing", torch.zeros(2, 13, 16, 16))
    assert groups.tolist() == model.groups.tolist()
    assert scale.tolist() == pytest.approx([0.5, 1e-12, *[2.0] * 11], abs=1e-15)
    other, _ = groups_of(numbered, "drawing", torch.zeros(2, 14, 16, 16))  # the model is of another layer
    assert other.shape == (14,) and other[:3].tolist() == [0, 1, 2]


def test_filters_behind_a_layer_are_as_strong_as_one_another(numbered):
    bank = FilterBank(13, 4, torch.tensor([0, 0, 1, 1, 1]))
    made = numbered.with_layer(AddedLayer("drawing.filters", "drawing", bank, "interpretable.adapt"))
    groups, scale = groups_of(made, "drawing.filters", torch.zeros(1, 5, 1, 1))
    assert groups.tolist() == [0, 0, 1, 1, 1] and scale.tolist() == [1] * 5


def test_concepts_are_the_groups_where_nothing_was_trained(numbered):
    """Each filter is divided by its root mean square over the first sixteen samples, 0 to 15."""
    maps = numbered.features(numbered.sample(range(16)), ["drawing"])["drawing"].relu()
    groups, scale = groups_of(numbered, "drawing", maps[:1])
    assert groups.tolist() == [0, 1, 2] * 4 + [-1]
    rms = maps.square().mean((0, 2, 3)).sqrt()
    torch.testing.assert_close(scale[:12], rms[:12])
    assert float(scale[12]) == pytest.approx(1e-12, abs=1e-15)  # silent
    assert LOOKED_AT == 16


def test_the_shares_of_a_generator(numbered):
    """Of every sample by itself, of filters divided by their strength."""
    batch = numbered.sample([3, 4, 5])
    maps = numbered.features(batch, ["drawing"])["drawing"].relu()
    groups, scale = groups_of(numbered, "drawing", maps)
    found = shares(numbered, batch, "drawing", [0, 4])
    torch.testing.assert_close(found, shares_of(maps / scale[:, None, None], groups, [0, 4]))
    torch.testing.assert_close(found[1:2], shares(numbered, batch[1], "drawing", [0, 4]))
    assert found.shape == (3, 1, 16, 16) and 0 < found.min() < found.max() <= 1 + 1e-6
