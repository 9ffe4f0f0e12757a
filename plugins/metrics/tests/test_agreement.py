"""Whether movers are the same ones: ways of length 1, pairs, and what chance makes of them."""

import pytest
import torch

from interpgan_core import Direction, DirectionSet
from interpgan_core.testing import toy
from interpgan_metrics.agreement import agreement, by_chance, common_space, displacements, moved_batches


def movers(*rows, space="w"):
    return DirectionSet({str(i): Direction(torch.tensor(row), space) for i, row in enumerate(rows)}).values()


def test_movers_are_compared_by_a_step_of_one(kit):
    generator = kit.Plain()
    batch = generator.to_space(generator.sample([1, 2]), "w")
    rows = [[1.0] + [0.0] * 11, [0.0, 0.6, -0.8] + [0.0] * 9]
    moved = moved_batches(movers(*rows), batch, generator)
    for row, one in zip(rows, moved, strict=True):
        torch.testing.assert_close(one.codes - batch.codes, torch.tensor(row).expand(2, -1))
    found = displacements(moved, batch, generator, "w")
    expected = torch.cat([torch.tensor(rows)] * 2, 1) / 2**0.5
    torch.testing.assert_close(found, expected.double(), atol=1e-6, rtol=0)


def test_ways_are_compared_in_the_latest_space():
    generator = toy()
    batches = [generator.to_space(generator.sample([1]), space) for space in ("z", "w", "w+")]
    assert common_space(batches[:1], batches[:2], generator) == "w"
    assert common_space(batches, batches[:1], generator) == "w+"


def test_pairs_are_those_of_the_greatest_sum():
    """Not each row's own best: 0.9 would leave 0.1 for the other. Signs do not count."""
    first = torch.tensor([[0.9, 0.8], [0.8, 0.1]])
    assert agreement(first, torch.eye(2)) == pytest.approx(0.8)
    assert agreement(first, torch.tensor([[-1.0, 0.0], [0.0, 1.0]])) == pytest.approx(0.8)


def test_movers_beyond_the_pairs_do_not_count():
    assert agreement(torch.eye(3), torch.eye(3)[[2, 0]]) == 1


def test_chance_is_less_in_a_larger_space():
    assert by_chance(4, 4, 512) < by_chance(4, 4, 12) < 1
    assert by_chance(3, 2, 1) == pytest.approx(1)


def test_chance_is_the_same_in_every_version():
    """The mean of eight random pairs of sets."""
    assert by_chance(2, 3, 8) == pytest.approx(0.49838, abs=1e-5)
