"""How rare the answers of units are, by hand."""

import math

import pytest
import torch

from interpgan_dissection.selection import answers, rarity

FRACTIONS = torch.tensor([0.001, 0.01, 0.1, 1.0], dtype=torch.float64)
LEVELS = torch.tensor([[3.0, 2.0, 1.0, 0.0]])
TEN = math.log(10)


def test_rarity_is_minus_the_logarithm_of_the_share():
    maps = torch.tensor([-1.0, 0.0, 1.0, 1.5, 3.0, 9.0]).view(1, 1, 1, 6)
    expected = torch.tensor([0, 0, 1, 1.5, 3, 3], dtype=torch.float64) * TEN
    torch.testing.assert_close(rarity(maps, LEVELS, FRACTIONS).flatten(), expected)


def test_every_unit_has_its_own_levels():
    levels = torch.cat([LEVELS, 10 * LEVELS])
    maps = torch.tensor([2.5, 5.0]).view(1, 2, 1, 1).expand(3, 2, 2, 1) + torch.zeros(3, 2, 2, 1)
    maps[2, 1] = 25.0
    found = rarity(maps, levels, FRACTIONS) / TEN
    assert found.shape == (3, 2, 2, 1)
    torch.testing.assert_close(found[:, 0], torch.full((3, 2, 1), 2.5, dtype=torch.float64))
    assert found[:, 1, 0, 0].tolist() == pytest.approx([0.5, 0.5, 2.5])


def test_levels_may_be_near_to_each_other():
    maps = torch.tensor([0.0015, 0.0005]).view(1, 1, 1, 2)
    found = rarity(maps, 1e-3 * LEVELS, FRACTIONS).flatten() / TEN
    torch.testing.assert_close(found, torch.tensor([1.5, 0.5], dtype=torch.float64))


def test_where_levels_are_equal_the_rarest_is_meant():
    """A unit that is mostly 0 reaches 0 everywhere."""
    levels = torch.tensor([[2.0, 0.0, 0.0, 0.0]])
    found = rarity(torch.tensor([0.0, 1.0, 2.0]).view(1, 1, 1, 3), levels, FRACTIONS).flatten() / TEN
    torch.testing.assert_close(found, torch.tensor([2.0, 2.5, 3.0], dtype=torch.float64))


def test_answers_are_means_over_the_selection():
    levels = torch.cat([LEVELS, LEVELS])
    maps = torch.zeros(2, 2, 1, 3)
    maps[0, 0, 0], maps[1, 1, 0] = torch.tensor([1.0, 2.0, 3.0]), torch.tensor([3.0, 3.0, 0.0])
    mask = torch.tensor([1.0, 0.5, 0.0]).view(1, 1, 1, 3)
    expected = torch.tensor([(1 + 0.5 * 2) / 3, (3 + 0.5 * 3) / 3], dtype=torch.float64) * TEN
    torch.testing.assert_close(answers(maps, mask, levels, FRACTIONS), expected)
    each = torch.cat([mask, 0 * mask])  # of the first sample alone
    expected = torch.tensor([2 / 1.5, 0.0], dtype=torch.float64) * TEN
    torch.testing.assert_close(answers(maps, each, levels, FRACTIONS), expected)
