"""Counting where units are on and which part is there, against counting by hand."""

import numpy as np
import pytest
import torch

from interpgan_dissection.tally import CELLS, SIDE, Scale, Tally, shares_of, upsampled


def maps_and_labels(n=5, units=3, seed=0):
    random = np.random.RandomState(seed)
    maps = torch.from_numpy(random.randn(n, units, 8, 8).astype(np.float32))
    return maps, torch.from_numpy(random.randint(0, 4, (n, 16, 16)))


def test_counts_are_those_of_every_position():
    """In one batch or several: the number of positions of each part at which a unit reaches each level."""
    maps, labels = maps_and_labels()
    scale = Scale.of(maps[:2])
    for size in (5, 2):
        tally = Tally(scale, 4, 2)
        for at in range(0, 5, size):
            tally.add(maps[at : at + size], labels[at : at + size], torch.arange(at, min(at + size, 5)))
        reached = tally.reached()
        large = upsampled(maps, 16, 16)
        for unit, level in ((0, 700), (1, 1024), (2, 1500)):
            on = large[:, unit] >= scale.level(torch.tensor([level] * 3))[unit]
            expected = [int((on & (labels == p)).sum()) for p in range(4)]
            assert reached[unit, level].tolist() == expected
        assert (reached[:, 0] == torch.bincount(labels.flatten(), minlength=4)).all()


def test_labels_smaller_than_the_maps():
    tally = Tally(Scale.of(torch.rand(2, 1, 8, 8)), 2, 1)
    tally.add(torch.rand(2, 1, 8, 8), torch.ones(2, 4, 4, dtype=torch.int64), torch.tensor([0, 1]))
    assert tally.reached()[0, 0].tolist() == [0, 128]


def test_maps_are_made_larger_with_pixels_at_their_centres():
    assert upsampled(torch.tensor([[[[0.0, 1.0]]]]), 1, 4).flatten().tolist() == [0, 0.25, 0.75, 1]
    assert upsampled(torch.zeros(2, 3, 4, 4), 8, 6).shape == (2, 3, 8, 6)


def test_the_share_of_each_position_that_a_part_fills():
    labels = torch.tensor([[[0, 0, 1, 2], [0, 1, 1, 2]]])
    found = shares_of(labels, 4, 1, 2)
    assert found[0, :, 0].tolist() == [[0.75, 0], [0.25, 0.5], [0, 0.5], [0, 0]]
    assert found.dtype == torch.float32


def test_levels_reach_a_quarter_beyond_what_the_first_samples_show():
    """2048 of them over 1.5 times their range."""
    maps = torch.zeros(2, 2, 1, 2)
    maps[1, 0, 0, 1], maps[0, 1, 0, 0], maps[1, 1, 0, 0] = 2.0, -1.0, 3.0
    scale = Scale.of(maps)
    assert scale.level(torch.tensor([0, 0])).tolist() == pytest.approx([-0.5, -2.0])
    assert scale.level(torch.tensor([CELLS - 1, CELLS - 1])).tolist() == pytest.approx([2.5, 4.0])
    several = scale.level(torch.tensor([[0, CELLS - 1], [CELLS - 1, 0]]))
    assert several[0].tolist() == pytest.approx([-0.5, 2.5]) and several[1].tolist() == pytest.approx(
        [4.0, -2.0]
    )
    step = 3.0 / (CELLS - 1)
    values = torch.tensor([-9.0, -0.5 + 10.5 * step, 2.5 - 0.5 * step, 2.5 + step / 4, 99.0])
    assert scale.cells(values, 0).tolist() == [0, 10, CELLS - 2, CELLS - 1, CELLS - 1]
    assert CELLS == 2048


def test_a_unit_that_is_always_the_same_has_levels_too():
    scale = Scale.of(torch.ones(2, 1, 3, 3))
    assert scale.density.isfinite().all() and float(scale.low) == pytest.approx(1.0)
    assert scale.cells(torch.tensor([0.0, 2.0]), 0).tolist() == [0, CELLS - 1]


@pytest.mark.parametrize("shape", [(4, 4), (4, 24), (24, 4)])
def test_labels_that_are_smaller_on_one_side(shape):
    tally = Tally(Scale.of(torch.rand(1, 1, 8, 8)), 2, 1)
    tally.add(torch.rand(1, 1, 8, 8), torch.ones(1, *shape, dtype=torch.int64), torch.tensor([0]))
    assert tally.reached()[0, 0].tolist() == [0, 64]


def test_labels_as_large_as_the_maps_stay():
    labels = torch.tensor([[[0, 1], [1, 1]]])
    tally = Tally(Scale.of(torch.rand(1, 1, 2, 2)), 2, 1)
    tally.add(torch.rand(1, 1, 2, 2), labels, torch.tensor([0]))
    assert tally.reached()[0, 0].tolist() == [1, 3]


def filled(top=2):
    """Of three samples, in two batches: unit 0 is 1, 2 and 3, and unit 1 the negative; the left is part 0."""
    values = torch.tensor([1.0, 2.0, 3.0])
    maps = torch.stack([values, -values], 1)[:, :, None, None].expand(3, 2, 4, 4).contiguous()
    labels = torch.zeros(3, 8, 8, dtype=torch.int64)
    labels[:, :, 4:] = 1
    labels[2] = 1  # nothing of the last sample is part 0
    tally = Tally(Scale.of(maps), 3, top)
    tally.add(maps[:2], labels[:2], torch.tensor([10, 11]))
    tally.add(maps[2:], labels[2:], torch.tensor([12]))
    return tally


def test_means_where_a_part_is():
    means = filled().means()
    assert means[:, 0].tolist() == pytest.approx([1.5, -1.5])
    assert means[:, 1].tolist() == pytest.approx([(1.5 + 3) / 2, -(1.5 + 3) / 2])  # two halves, and the third
    assert means[:, 2].isnan().all() and means.dtype == torch.float32


def test_mean_maps_weigh_samples_by_how_much_they_show_of_a_part():
    maps = filled().mean_maps()
    assert maps.shape == (3, 2, 4, 4) and maps[2].isnan().all()
    torch.testing.assert_close(maps[0, 0], torch.full((4, 4), 1.5))
    torch.testing.assert_close(maps[1, 1], torch.full((4, 4), -(0.5 * 1 + 0.5 * 2 + 3) / 2))


@pytest.mark.parametrize(("shape", "kept"), [((64, 16), (32, 16)), ((32, 32), (32, 32)), ((8, 40), (8, 32))])
def test_mean_maps_have_32_positions_a_side_at_most(shape, kept):
    maps = torch.arange(shape[0] * shape[1], dtype=torch.float32).view(1, 1, *shape)
    tally = Tally(Scale.of(maps), 1, 1)
    tally.add(maps, torch.zeros(1, *shape, dtype=torch.int64), torch.tensor([0]))
    expected = torch.nn.functional.adaptive_avg_pool2d(maps, kept)
    torch.testing.assert_close(tally.mean_maps(), expected)
    assert SIDE == 32


def test_the_strongest_samples_are_kept():
    tally = filled()
    assert tally.top_values.tolist() == [[3, 2], [-1, -2]]
    assert tally.top_seeds.tolist() == [[12, 11], [10, 11]]
    four = filled(top=4)
    assert four.top_values[0].tolist() == [3, 2, 1, -torch.inf] and four.top_seeds[0].tolist() == [
        12,
        11,
        10,
        -1,
    ]


def test_of_equal_samples_the_earlier_stays():
    tally = Tally(Scale.of(torch.rand(1, 1, 2, 2)), 1, 2)
    for seeds in ([5, 3, 8], [1, 2]):
        maps = torch.ones(len(seeds), 1, 2, 2)
        tally.add(maps, torch.zeros(len(seeds), 2, 2, dtype=torch.int64), torch.tensor(seeds))
    assert tally.top_seeds.tolist() == [[5, 3]]
