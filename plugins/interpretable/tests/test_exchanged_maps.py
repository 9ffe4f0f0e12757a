"""Trading concepts while a layer is trained."""

import pytest
import torch
from torch import nn

from interpgan_interpretable.training.energy_model import EnergyModel
from interpgan_interpretable.training.exchanged_maps import ConceptExchange

ROWS = ((0, 3), (1, 2))  # at which row of 4 each of two groups answers, in each of two samples


@pytest.fixture
def maps():
    """(2, 4, 4, 4): filters 0 and 1 answer in one row, 2 and 3 in another."""
    made = torch.full((2, 4, 4, 4), 0.1)
    for sample, rows in enumerate(ROWS):
        for group, row in enumerate(rows):
            made[sample, 2 * group : 2 * group + 2, row] = 1.0 + sample
    return made


@pytest.fixture
def model():
    made = EnergyModel(4, 3, 16)  # the third group is not in use
    made.groups = torch.tensor([0, 0, 1, 1])
    return made


def traded(model, maps, groups):
    trade, layer = ConceptExchange(model, torch.tensor(groups)), nn.Identity()
    with trade.at(layer):
        drawn = layer(maps)
    assert torch.equal(layer(maps), maps), "it is over"
    return trade, drawn


def test_the_filters_of_the_concept_are_the_sources_and_no_others(model, maps):
    _, drawn = traded(model, maps, [0, 1])
    assert torch.equal(drawn[0, :2], maps[1, :2]) and torch.equal(drawn[0, 2:], maps[0, 2:])
    assert torch.equal(drawn[1, 2:], maps[0, 2:]) and torch.equal(drawn[1, :2], maps[1, :2])


def test_what_an_exchange_is_to_make(model, maps):
    trade, _ = traded(model, maps, [1, 1])
    assert torch.equal(trade.own[0].all(1), torch.tensor([False, False, False, True]))
    pictures = torch.stack([torch.zeros(3, 8, 8), torch.ones(3, 8, 8)])
    wanted, counts = trade.target(pictures)
    source = wanted[0, 0].all(1)
    assert source.tolist() == [False] * 4 + [True] * 2 + [False] * 2  # where the source's is: row 2 of 4
    assert counts[0, 0].all(1).tolist() == [True] * 6 + [False] * 2  # behind its own, row 3, nobody knows


def test_only_groups_with_filters_are_random_choices(model):
    drawn = ConceptExchange.random(model, 64, torch.Generator().manual_seed(0))
    assert set(drawn.groups.tolist()) == {0, 1}


def test_gradients_reach_both(model, maps):
    maps.requires_grad_(True)
    traded(model, maps, [0, 0])[1][0].sum().backward()
    assert bool(maps.grad[1, :2].all()) and not maps.grad[1, 2:].any() and not maps.grad[0, :2].any()
