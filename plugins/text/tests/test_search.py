"""Searches by hand: what is returned, how far and how often is looked, and how the rate rises and falls."""

import math

import pytest
import torch

from interpgan_core import InterpganError
from interpgan_text.search import POPULATION, REACH, descended, evolved, ramp

START = torch.tensor([2.0, -1.0])


class Seen:
    """A loss that remembers the vectors it was asked about."""

    def __init__(self, loss):
        self.loss, self.asked = loss, []

    def __call__(self, vectors):
        self.asked.append(vectors.detach().clone())
        return self.loss(vectors)

    @property
    def least(self):
        vectors = torch.cat(self.asked)
        return vectors[self.loss(vectors).argmin()]


def wavy(x):
    """Many hollows: the last vector of a search is seldom its best."""
    return (x * 7).sin().sum(1) + 0.1 * x.square().sum(1)


@pytest.mark.parametrize(
    ("share", "rate"), [(0, 0), (0.025, 0.5), (0.05, 1), (0.5, 1), (0.75, 1), (0.875, 0.5), (1, 0)]
)
def test_the_rate_rises_in_a_line_and_falls_along_a_cosine(share, rate):
    """Karras et al., CVPR 2020, appendix D: up over 5 % of the steps, down over 25 %."""
    assert ramp(share) == pytest.approx(rate)
    assert ramp(11 / 12) == pytest.approx(0.25)  # a third of the way down a cosine there is a quarter left


@pytest.mark.parametrize("seed", range(3))
def test_evolution_returns_the_best_of_all_that_it_came_by(seed):
    loss = Seen(wavy)
    found = evolved(loss, START, generations=6, population=5, reach=2.0, seed=seed)
    assert torch.equal(found, loss.least)
    assert [len(vectors) for vectors in loss.asked] == [1] + [5] * 6
    assert torch.equal(loss.asked[0][0], START)
    assert torch.equal(found, evolved(wavy, START, 6, 5, 2.0, seed))
    assert not torch.equal(found, evolved(wavy, START, 6, 5, 2.0, seed + 1))


def test_without_a_seed_it_is_0():
    assert torch.equal(evolved(wavy, START, 6, 5, 2.0), evolved(wavy, START, 6, 5, 2.0, seed=0))


def test_the_start_stays_where_nothing_is_better():
    assert evolved(lambda x: (x - START).square().sum(1), START, generations=2) is START
    assert evolved(lambda x: 0 * x.sum(1), START, generations=2) is START
    assert torch.equal(descended(lambda x: (x - START).square().sum(1), START, 3, 0.1), START)


def test_draws_begin_as_far_from_the_start_as_is_asked():
    loss = Seen(lambda x: x.sum(1))
    evolved(loss, START, generations=1, population=2000)
    assert loss.asked[1].std(0) == pytest.approx([REACH, REACH], rel=0.1)
    assert loss.asked[1].mean(0) == pytest.approx(START.tolist(), abs=0.1)
    wider = Seen(lambda x: x.sum(1))
    evolved(wider, START, generations=1, population=2000, reach=2.0)
    assert wider.asked[1].std(0) == pytest.approx([2, 2], rel=0.1)
    usual = Seen(lambda x: x.sum(1))
    evolved(usual, START, generations=1)
    assert len(usual.asked[1]) == POPULATION == 12 and REACH == 0.5


def test_evolution_moves_to_what_is_better():
    found = evolved(lambda x: (x - 5).square().sum(1), START, generations=60)
    torch.testing.assert_close(found, torch.tensor([5.0, 5.0]), atol=0.05, rtol=0)


def test_each_step_is_as_long_as_the_rate_says():
    """Where the slope is the same everywhere, a step of Adam is the rate."""
    loss = Seen(lambda x: x.sum(1))
    found = descended(loss, START, steps=40, rate=0.1)
    path = torch.cat(loss.asked)
    assert len(path) == 41
    wanted = torch.tensor([0.1 * ramp(i / 40) for i in range(40)])
    torch.testing.assert_close(path[:-1] - path[1:], wanted[:, None].expand(-1, 2), atol=1e-5, rtol=0)
    assert torch.equal(found, path[-1])


def test_descent_returns_the_best_of_its_way():
    loss = Seen(wavy)
    found = descended(loss, START, steps=30, rate=0.7)
    assert torch.equal(found, loss.least)
    assert not torch.equal(found, loss.asked[-1][0])


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan])
def test_a_loss_that_is_not_finite(value):
    for search in (lambda loss: evolved(loss, START, 1), lambda loss: descended(loss, START, 1, 0.1)):
        with pytest.raises(InterpganError, match="a loss is not finite"):
            search(lambda x: x.sum(1) * value)
