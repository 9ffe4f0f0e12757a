"""The planes halfway between means, by hand."""

import numpy as np

from interpgan_interfacegan.solvers.means import means_planes


def test_means_lie_halfway():
    codes = np.array([[1, 0], [3, 0], [-1, 2], [-1, -2]], np.float32)
    above = np.array([1.0, 0.5, -0.5, -9])
    ((plane,),) = means_planes([(np.arange(4), codes)], [[(np.arange(4), above)]], 4)
    assert plane.normal.tolist() == [1, 0]
    assert plane.bias == -0.5  # between 2 and -1


def test_a_sample_on_the_threshold_is_positive_and_others_do_not_count():
    codes = np.array([[1], [3], [-2], [-4], [100]], np.float32)
    targets = np.array([0.0, 0.0, -1.0, -1.0, 5.0])
    ((plane,),) = means_planes([(np.arange(5), codes)], [[(np.arange(4), targets)]], 5)
    assert plane.normal.tolist() == [1]
    assert plane.bias == 0.5  # between 2 and -3


def test_every_subset_has_a_plane_of_its_own_in_one_pass():
    """Sides of unequal counts, in two groups, from codes that come in blocks."""
    codes = np.array([[0, 1], [0, 2], [0, 6], [5, -1], [9, 0]], np.float32)
    low_last = np.array([1.0, 1, 1, -1, -1])
    high_last = np.array([-1.0, -1, -1, 1, 1])
    blocks = [(np.array([3, 0]), codes[[3, 0]]), (np.array([1, 2, 4]), codes[[1, 2, 4]])]
    groups = [
        [(np.array([0, 1, 2, 3]), low_last), (np.array([0, 4]), high_last)],
        [(np.array([0, 3]), high_last)],
    ]
    (first, second), (third,) = means_planes(blocks, groups, 5)
    down = np.array([-5.0, 4]) / 41**0.5  # from (5, -1) to the mean of three, (0, 3)
    np.testing.assert_allclose(first.normal, down)
    np.testing.assert_allclose(first.bias, -down @ [2.5, 1])
    side = np.array([9.0, -1]) / 82**0.5
    np.testing.assert_allclose(second.normal, side)
    np.testing.assert_allclose(second.bias, -side @ [4.5, 0.5])
    flat = np.array([5.0, -2]) / 29**0.5
    np.testing.assert_allclose(third.normal, flat)
    np.testing.assert_allclose(third.bias, -flat @ [2.5, 0])
