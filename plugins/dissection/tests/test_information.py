"""How well a unit tells a part, and at which level: by hand, and against every position counted by itself."""

from dataclasses import FrozenInstanceError

import numpy as np
import pytest
import torch
from scipy.stats import entropy
from sklearn.metrics import mutual_info_score

from interpgan_dissection import thresholds
from interpgan_dissection.information import (
    agreement,
    joint,
    joint_entropy,
    mutual_information,
    quality_ratio,
    union_ratio,
)
from interpgan_dissection.tally import Scale, Tally
from interpgan_dissection.thresholds import cut_by_information, cut_by_quantile, quantiles


def test_a_case_by_hand():
    """Four positions of sixteen are the part; the unit is on at three of them and at one other."""
    both, on, part = (torch.tensor([float(n)]) for n in (3, 4, 4))
    assert float(union_ratio(both, on, part)) == pytest.approx(3 / 5)
    p = np.array([11, 1, 1, 3]) / 16
    entropy = -(p * np.log(p)).sum()
    single = -(0.25 * np.log(0.25) + 0.75 * np.log(0.75))
    shares = torch.tensor(p).view(2, 2, 1)
    assert float(quality_ratio(shares)) == pytest.approx((2 * single - entropy) / entropy)
    tally = Tally(Scale.of(torch.tensor([0.0, 1.0]).view(2, 1, 1, 1)), 2, 1)
    maps, labels = torch.zeros(1, 1, 4, 4), torch.zeros(1, 4, 4, dtype=torch.int64)
    maps[0, 0, 0], labels[0, 0, :3], labels[0, 1, 0] = 1, 1, 1
    tally.add(maps, labels, torch.tensor([7]))
    cut = cut_by_quantile(tally.scale, tally.reached(), 0.25)
    assert cut.union[0, 1] == pytest.approx(3 / 5) and cut.fractions[0] == 0.25
    assert cut.ratio[0, 1] == pytest.approx((2 * single - entropy) / entropy)
    by_information = cut_by_information(tally.scale, tally.reached())
    assert by_information.ratio[0, 1] == pytest.approx((2 * single - entropy) / entropy)
    assert tally.means()[0].tolist() == pytest.approx([1 / 12, 3 / 4])
    assert (tally.top_values[0, 0], tally.top_seeds[0, 0]) == (1, 7)


def test_a_unit_that_agrees_too_little_tells_nothing():
    """On at a tenth inside the part, which fills half: information, but agreement of 0.55."""
    maps, labels = torch.zeros(1, 1, 20, 20), torch.zeros(1, 20, 20, dtype=torch.int64)
    maps[0, 0, :4, :10], labels[0, :, :10] = 1, 1
    tally = Tally(Scale.of(maps), 2, 1)
    tally.add(maps, labels, torch.tensor([0]))
    assert cut_by_quantile(tally.scale, tally.reached(), 0.1).ratio[0, 1] > 0.05
    assert not cut_by_information(tally.scale, tally.reached()).ratio.any()


# Of two binary variables.


def shares(*rows):
    return torch.tensor(rows, dtype=torch.float64)


def test_where_neither_is_anywhere_there_is_no_union():
    found = union_ratio(torch.tensor([0, 2]), torch.tensor([0, 2]), torch.tensor([0, 4]))
    assert found.tolist() == [0, 0.5] and found.dtype == torch.float64


def test_the_four_shares_of_units_and_parts():
    """Ten positions; two units, on at 4 and 5; a part at 6."""
    found = joint(torch.tensor([3, 1]), torch.tensor([4, 5]), torch.tensor(6), 10)
    assert found[:, :, 0].tolist() == [[0.3, 0.3], [0.1, 0.3]]
    assert found[:, :, 1].tolist() == [[0.0, 0.5], [0.4, 0.1]]
    assert agreement(found).tolist() == pytest.approx([0.6, 0.1])


def test_what_is_independent_says_nothing_and_what_is_the_same_says_all():
    """In nats: a quarter and three quarters have 0.5623 of entropy."""
    single = 0.25 * np.log(4) + 0.75 * np.log(4 / 3)
    apart, same = shares([3 / 8, 3 / 8], [1 / 8, 1 / 8]), shares([0.75, 0], [0, 0.25])
    assert float(mutual_information(apart)) == pytest.approx(0, abs=1e-15)
    assert float(joint_entropy(apart)) == pytest.approx(single + np.log(2))
    assert float(mutual_information(same)) == float(joint_entropy(same)) == pytest.approx(single)
    assert float(quality_ratio(same)) == pytest.approx(1)
    sure = shares([1, 0], [0, 0])
    assert float(joint_entropy(sure)) == float(quality_ratio(sure)) == 0


# At which level. Here `reached` is made of each position's level, 0 to 15, by unit.


def counted(levels, labels, parts, cells=16):
    """As `Tally.reached`: positions of each part at which a unit reaches each level."""
    return torch.tensor(
        [
            [[int(((unit >= k) & (labels == p)).sum()) for p in range(parts)] for k in range(cells)]
            for unit in levels
        ]
    )


def scale(units=1, low=0.0):
    """Level k lies at low + k / 2."""
    return Scale(torch.full((units,), low), torch.full((units,), 2.0))


def drawn(units=2, positions=2000, seed=0):
    """Two parts in thirds of the positions, and one in a thousandth; units that tell of them, more or less."""
    random = np.random.RandomState(seed)
    labels = np.repeat([0, 1, 2], [positions // 3, positions - positions // 3 - 2, 2])
    signal = np.stack([labels == 1, labels == 0])[:units]
    levels = np.clip(random.poisson(2, (units, positions)) + 7 * signal, 0, 15)
    return levels, labels


def told(on, part):
    """Information quality ratio, agreement and intersection over union, of every position by itself."""
    counts = np.array([[np.sum((on == a) & (part == b)) for b in (0, 1)] for a in (0, 1)])
    whole = entropy(counts.flatten())
    ratio = mutual_info_score(on, part) / whole if whole > 0 else 0.0
    return ratio, (on == part).mean(), counts[1, 1] / max(counts.sum() - counts[0, 0], 1)


@pytest.mark.parametrize("low", [0.0, -2.0])
def test_information_is_the_highest_of_all_levels_that_count(low):
    """Levels above 0, where a unit agrees at more than 0.8: equation 2 of GAN Dissection, as its code does it.

    A part counts that fills a thousandth, as the third does. From level 4 on all are above 0 with the low of -2.
    """
    levels, labels = drawn()
    found = cut_by_information(scale(2, low), counted(levels, labels, 3))
    for u, unit in enumerate(levels):
        best = []
        for p in range(3):
            tried = [
                (*told(unit >= k, labels == p), k)
                for k in range(1, 16)
                if low + k / 2 > 0 and (unit >= k).any()
            ]
            best.append(max((t for t in tried if t[1] > 0.8), default=(0.0, 0.0, 0.0, None)))
            assert float(found.ratio[u, p]) == pytest.approx(best[-1][0], abs=1e-12)
            if best[-1][3]:
                assert float(found.best_union[u, p]) == pytest.approx(best[-1][2])
        level = max(best)[3]
        assert float(found.levels[u]) == low + level / 2
        assert float(found.fractions[u]) == (unit >= level).mean()
        unions = [told(unit >= level, labels == p)[2] for p in range(3)]
        assert found.union[u].tolist() == pytest.approx(unions)


@pytest.mark.parametrize(("off", "counts"), [(20, False), (19, True)])
def test_a_unit_must_agree_at_more_than_four_of_five_positions(off, counts):
    labels = np.repeat([0, 1], 50)
    levels = 8 * labels
    levels[:off] = 8
    found = cut_by_information(scale(), counted(levels[None], labels, 2))
    assert bool(found.ratio[0, 1] > 0) == counts


@pytest.mark.parametrize(("top", "counts"), [(4, False), (5, True)])
def test_a_level_of_zero_does_not_count(top, counts):
    """As the fourth is, where level 0 lies at -2."""
    labels = np.repeat([0, 1], 8)
    found = cut_by_information(scale(low=-2.0), counted(top * labels[None], labels, 2))
    assert bool(found.ratio[0, 1] > 0) == counts


@pytest.mark.parametrize(("count", "seen"), [(1, False), (2, True)])
@pytest.mark.parametrize("cut", [cut_by_information, lambda *given: cut_by_quantile(*given, 0.001)])
def test_a_part_that_fills_less_than_a_thousandth_is_left_out(cut, count, seen):
    labels = (np.arange(2000) < count).astype(int)
    found = cut(scale(), counted(8 * labels[None], labels, 2))
    assert float(found.ratio[0, 1]) > 0.9 if seen else float(found.ratio[0, 1]) == 0


def test_a_hundred_levels_are_tried(monkeypatch):
    """Reached by a thousandth to all of the positions, each by as many times more as the last."""
    asked, original = [], thresholds._cells_of
    monkeypatch.setattr(thresholds, "_cells_of", lambda r, f: asked.append(f) or original(r, f))
    levels, labels = drawn(1)
    cut_by_information(scale(), counted(levels, labels, 3))
    (tried,) = asked
    assert len(tried) == 100 and float(tried[0]) == pytest.approx(1e-3) and float(tried[-1]) == 1
    np.testing.assert_allclose(tried[1:] / tried[:-1], 1000 ** (1 / 99))


QUARTERS = np.repeat([0, 1, 2, 3], 4)[None]  # all reach level 0, three quarters level 1, …; none level 4


@pytest.mark.parametrize(
    ("fraction", "level"),
    [(1.0, 1), (0.9, 1), (0.75, 1), (0.6, 2), (0.5, 2), (0.3, 3), (0.2, 3), (0.1, 4), (0.0, 4), (0.375, 2)],
)
def test_the_level_is_that_nearest_to_a_fraction(fraction, level):
    """Never level 0, which all reach; and of two as near that which more reach."""
    found = quantiles(
        scale(), counted(QUARTERS, 0 * QUARTERS[0], 1, cells=5), torch.tensor([fraction, 0.5]).double()
    )
    assert found.tolist() == [[level / 2, 1.0]] and found.dtype == torch.float32


@pytest.mark.parametrize(("fraction", "level"), [(0.25, 3), (0.5, 2)])
def test_a_cut_at_a_fraction(fraction, level):
    labels = (np.arange(16) >= 12).astype(int)
    found = cut_by_quantile(scale(), counted(QUARTERS, labels, 2), fraction)
    ratio, _, union = told(QUARTERS[0] >= level, labels == 1)
    assert (float(found.levels), float(found.fractions)) == (level / 2, fraction)
    assert float(found.ratio[0, 1]) == pytest.approx(ratio)
    assert float(found.union[0, 1]) == float(found.best_union[0, 1]) == pytest.approx(union)


def test_a_cut_stays_as_it_was_found():
    found = cut_by_quantile(scale(), counted(QUARTERS, 0 * QUARTERS[0], 1), 0.5)
    with pytest.raises(FrozenInstanceError):
        found.levels = found.fractions
