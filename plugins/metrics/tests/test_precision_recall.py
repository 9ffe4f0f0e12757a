"""Precision and recall against their definition, and on points whose balls are known."""

import numpy as np
import pytest
import torch

from interpgan_core import InterpganError
from interpgan_metrics import nearest as nearest_module
from interpgan_metrics.precision_recall import PrecisionRecall, precision_recall


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def fresh(kit, count, seed, gain=0.2):
    # Seeds far from the samples': RandomState(1) begins with the sample of seed 1.
    return kit.picture_set(gain * np.random.RandomState(10**6 + seed).randn(count, 3, 2, 2))


def test_identical_sets_cover_each_other():
    a = normal(300, 8)
    assert precision_recall(a, a.clone(), 3) == (1, 1)


def test_disjoint_sets_do_not():
    a = normal(300, 8)
    assert precision_recall(a, a + 100, 3) == (0, 0)


@pytest.mark.parametrize("block", [2048, 16])
def test_precision_and_recall_by_definition(monkeypatch, block):
    monkeypatch.setattr(nearest_module, "BLOCK", block)
    real, made = normal(60, 3), 0.7 * normal(80, 3, seed=1) + 0.3

    def inside(points, balls, k):
        radii = (balls[:, None] - balls).norm(dim=2).sort(1).values[:, k]  # 0 is the point itself
        return float(((points[:, None] - balls).norm(dim=2) <= radii).any(1).double().mean())

    real, made = real.double(), made.double()
    expected = inside(made, real, 2), inside(real, made, 2)
    assert precision_recall(real.float(), made.float(), 2) == pytest.approx(expected)
    assert 0.1 < expected[1] < expected[0] < 1


def test_a_narrow_generator_is_precise_and_recalls_little(kit):
    operator = PrecisionRecall(data=fresh(kit, 400, 1), features=kit.Flat(), seeds="0-399")
    narrow = kit.values(operator.run(kit.Plain(gain=0.05), kit.quiet))
    wide = kit.values(operator.run(kit.Plain(gain=0.6), kit.quiet))
    assert narrow["precision"] > 0.95 and narrow["recall"] < 0.1
    assert wide["precision"] < 0.1 and wide["recall"] > 0.8
    assert (narrow["real pictures"], narrow["generated pictures"], narrow["neighbour"]) == (400, 400, 3)


def test_no_third_neighbour(kit):
    data = fresh(kit, 20, 1)
    with pytest.raises(InterpganError, match=r"^3 samples have no neighbour 3; give more, or lower 'k'$"):
        PrecisionRecall(data=data, features=kit.Flat(), seeds="0-2").run(kit.Plain(), kit.quiet)
    with pytest.raises(InterpganError, match=r"^20 real pictures have no neighbour 20;"):
        PrecisionRecall(data=data, features=kit.Flat(), k=20, seeds="0-29").run(kit.Plain(), kit.quiet)


def points(*places):
    return torch.tensor(places)[:, None]


def test_the_edge_of_a_ball_is_inside():
    """Radii of the nearest neighbour: of 0, 1 and 3 these are 1, 1 and 2; of 4 and 6 both are 2."""
    assert precision_recall(points(0.0, 1.0, 3.0), points(-1.0, 5.0, 6.5), 1)[0] == pytest.approx(2 / 3)
    assert precision_recall(points(2.0, 8.0, 0.0), points(4.0, 6.0), 1) == pytest.approx((1, 2 / 3))


def test_the_ball_is_that_of_the_third_neighbour(kit):
    """Kynkäänniemi et al., NeurIPS 2019, section 3: k = 3. Of 0, 1, 2, 4, 8 the ball around 8 is 7 wide."""
    assert PrecisionRecall(data=fresh(kit, 9, 1), features=kit.Flat()).k == 3
    real = points(0.0, 1.0, 2.0, 4.0, 8.0)
    assert precision_recall(real, points(14.5, 15.5, 30.0, 40.0), 3)[0] == 0.25
