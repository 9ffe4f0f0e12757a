"""What may carry an attribute in a layer, ranked by correlation: by hand, and against numpy."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from interpgan_core import LatentSpace
from interpgan_interfacegan.carriers import Move, Ranking

# Layer a has two units and is layer 0 of the codes; of layer b's one unit no code is its own.
GENERATOR = SimpleNamespace(
    layers=("a", "b"),
    layer_shapes=lambda: {"a": (2, 4, 4), "b": (1, 8, 8)},
    layer_number=lambda name: {"a": 0, "b": None}[name],
    spaces={"s": LatentSpace("s", (3,), torch.tensor([0, 0, 1]))},
)
COLUMNS = 6


def numbers(count, seed=0):
    random = np.random.RandomState(seed)
    return torch.from_numpy(random.randn(count, COLUMNS) * [1, 2, 3, 1, 1, 1] + 100), torch.from_numpy(
        random.randn(count, 2) + 7
    )


def filled(columns, scores, *cuts, styled=True):
    ranking = Ranking(GENERATOR, styled)
    for start, end in zip((0, *cuts), (*cuts, len(columns)), strict=True):
        ranking.add(columns[start:end], scores[start:end])
    return ranking


def test_what_is_ranked():
    ranking = Ranking(GENERATOR, styled=True)
    assert ranking.names == {0: "a", "b": "b"}
    units = [("units", 0, 0), ("units", 0, 1), ("units", "b", 0)]
    assert ranking.columns == [*units, ("channels", 0, 0), ("channels", 0, 1), ("channels", 1, 2)]
    assert Ranking(GENERATOR, styled=False).columns == units
    assert ranking.shown(Move(0, "channels", 1, (2,))) == [0]  # of its layer the first
    assert ranking.shown(Move(0, "channels", 0, (1, 0))) == [1, 0]
    assert ranking.shown(Move(0, "units", "b", (5,))) == [5]


@pytest.mark.parametrize("cuts", [(), (1,), (7, 9)])
def test_the_standard_deviation_of_scores(cuts):
    columns, scores = numbers(20)
    assert filled(columns, scores, *cuts).deviation.tolist() == pytest.approx(scores.numpy().std(0, ddof=1))


def test_scores_that_never_differ_have_no_unit_and_missing_ones_are_the_mean():
    columns, scores = numbers(6)
    scores[:, 0], scores[:, 1] = 3.0, torch.tensor([1.0, 3.0, torch.nan, torch.nan, 2.0, 2.0])
    found = filled(columns, scores, 2).deviation
    assert found[0].isnan()
    assert float(found[1]) == pytest.approx(
        np.std([1, 3, 2, 2, 2, 2], ddof=1)
    )  # the mean of the first two is 2


@pytest.mark.parametrize("cuts", [(), (3, 30)])
@pytest.mark.parametrize("count", [1, 2])
def test_the_best_of_every_layer(cuts, count):
    """By the size of their correlations, moved towards more of it, by standard deviations of their own."""
    columns, scores = numbers(50)
    # The first is nearer, though the second varies twice as much.
    scores[:, 0] += 3 * columns[:, 0] + columns[:, 1]
    columns *= 0.01
    moves = list(filled(columns, scores, *cuts).moves([1, 0], count, strength=1.5))
    expected = np.corrcoef(columns.numpy().T, scores.numpy().T)[:COLUMNS, COLUMNS:]
    groups = {("units", 0): [0, 1], ("units", "b"): [2], ("channels", 0): [3, 4], ("channels", 1): [5]}
    assert [(m.attribute, m.carrier, m.layer) for m in moves] == [
        (j, *group) for j in (1, 0) for group in groups
    ]
    for move in moves:
        own = groups[move.carrier, move.layer]
        best = sorted(own, key=lambda c: -abs(expected[c, move.attribute]))[:count]
        assert move.where == tuple({0: 0, 1: 1, 2: 0, 3: 0, 4: 1, 5: 2}[c] for c in best)
        by = [1.5 * columns[:, c].numpy().std(ddof=1) * np.sign(expected[c, move.attribute]) for c in best]
        assert move.by.tolist() == pytest.approx(by) and move.shift is None


def test_what_never_differs_carries_nothing():
    columns, scores = numbers(10)
    columns[:, 0], columns[:, 2] = 5.0, 5.0
    moves = {(m.carrier, m.layer): m.where for m in filled(columns, scores).moves([0], 2, 1.0)}
    assert moves["units", 0] == (1,) and ("units", "b") not in moves and ("channels", 1) in moves
