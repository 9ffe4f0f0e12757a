"""Exchanges of concepts in the training of a layer."""

import pytest
import torch
from torch import nn

from interpgan_interpretable.training.anchor import NeighbourExchange, anchor_loss
from interpgan_interpretable.training.energy_model import EnergyModel

ROWS = ((0, 3), (1, 2))  # the row of 4 where each of two groups is active, in each of two samples


@pytest.fixture
def maps():
    """(2, 4, 4, 4): filters 0 and 1 are active in one row, 2 and 3 in another."""
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


def exchanged(model, maps, groups):
    exchange, layer = NeighbourExchange(model, torch.tensor(groups)), nn.Identity()
    with exchange.at(layer):
        drawn = layer(maps)
    assert torch.equal(layer(maps), maps), "it is over"
    return exchange, drawn


def test_the_filters_of_the_concept_are_the_sources_and_no_others(model, maps):
    _, drawn = exchanged(model, maps, [0, 1])
    assert torch.equal(drawn[0, :2], maps[1, :2]) and torch.equal(drawn[0, 2:], maps[0, 2:])
    assert torch.equal(drawn[1, 2:], maps[0, 2:]) and torch.equal(drawn[1, :2], maps[1, :2])


def test_the_target_of_an_exchange(model, maps):
    exchange, _ = exchanged(model, maps, [1, 1])
    assert torch.equal(exchange.here[0].all(1), torch.tensor([False, False, False, True]))
    images = torch.stack([torch.zeros(3, 8, 8), torch.ones(3, 8, 8)])
    target, valid = exchange.target(images)
    taken = target[0, 0].all(1)
    assert taken.tolist() == [False] * 4 + [True] * 2 + [False] * 2  # where the source's is: row 2 of 4
    assert valid[0, 0].all(1).tolist() == [True] * 6 + [False] * 2  # behind its own, row 3, is unknown


def test_random_groups_have_filters(model):
    drawn = NeighbourExchange.random(model, 64, torch.Generator().manual_seed(0))
    assert set(drawn.groups.tolist()) == {0, 1}


def test_gradients_reach_both(model, maps):
    maps.requires_grad_(True)
    exchanged(model, maps, [0, 0])[1][0].sum().backward()
    assert bool(maps.grad[1, :2].all()) and not maps.grad[1, 2:].any() and not maps.grad[0, :2].any()


@pytest.mark.parametrize("kind", [torch.bool, torch.float32])
def test_the_loss_is_of_the_pixels_that_count(kind):
    """The mean of the absolute difference and of four times its square."""
    target, valid = torch.full((2, 3, 2, 2), 0.5), torch.zeros(2, 1, 2, 2)
    images = target - 0.25
    images[:, :, 0], valid[:, :, 0] = 1.0, 1.0
    loss, mean = anchor_loss(images, target, valid.to(kind))
    assert float(loss) == pytest.approx(0.5 + 4 * 0.25) and mean == pytest.approx(0.5)
    images.requires_grad_(True)
    anchor_loss(images, target, valid.to(kind))[0].backward()
    assert images.grad[:, :, 0].all() and not images.grad[:, :, 1].any()


def test_random_groups_are_those_of_their_seed(model):
    one, same, other = (
        NeighbourExchange.random(model, 64, torch.Generator().manual_seed(seed)).groups for seed in (1, 1, 2)
    )
    assert torch.equal(one, same) and not torch.equal(one, other) and one.shape == (64,)
