"""The support vector machine: small problems against scikit-learn, its steps in closed form, and when it stops."""

import numpy as np
import pytest
import scipy.linalg
import scipy.optimize
from sklearn.svm import SVC

from interpgan_interfacegan.solvers import svm
from interpgan_interfacegan.solvers.svm import support_vectors


def problem(samples, size, seed=0):
    """Codes about 0, and sides that no plane quite divides."""
    random = np.random.RandomState(seed)
    codes = random.randn(samples, size)
    positive = codes[:, 0] + 0.5 * random.randn(samples) > 0.2
    positive[:2] = True, False
    return codes, positive


@pytest.mark.parametrize(("samples", "size", "c"), [(60, 5, 1.0), (60, 5, 0.1), (12, 20, 1.0)])
def test_it_finds_the_plane_of_libsvm(samples, size, c):
    codes, positive = problem(samples, size)
    exact = SVC(kernel="linear", tol=1e-9, C=c).fit(codes, positive)
    normal, offset, converged = support_vectors(codes, positive, c)
    length, known = np.linalg.norm(normal), np.linalg.norm(exact.coef_)
    assert normal / length == pytest.approx(exact.coef_[0] / known, abs=3e-3)
    assert offset / length == pytest.approx(exact.intercept_[0] / known, abs=3e-3)
    assert converged is True


def test_a_sample_counts_once_unless_it_is_said():
    codes, positive = problem(60, 5)
    normal, offset, _ = support_vectors(codes, positive)
    same, again, _ = support_vectors(codes, positive, c=1.0)
    assert np.array_equal(normal, same) and offset == again


@pytest.mark.parametrize(("samples", "size", "reduced"), [(6, 4, False), (5, 5, False), (4, 6, True)])
def test_only_fewer_samples_than_numbers_are_searched_in_their_span(monkeypatch, samples, size, reduced):
    calls, original = [], scipy.linalg.qr

    def qr(*given, **settings):
        calls.append(given)
        return original(*given, **settings)

    monkeypatch.setattr(svm.scipy.linalg, "qr", qr)
    normal, _, _ = support_vectors(*problem(samples, size))
    assert normal.shape == (size,) and bool(calls) == reduced


def test_sides_that_are_the_same_have_no_normal():
    """Nor is there a warning of a division by 0."""
    with np.errstate(all="raise"):
        normal, _, converged = support_vectors(np.ones((4, 2)), np.array([True, False, True, False]))
    assert normal.tolist() == [0, 0] and converged is True


# Its steps


def hinge(samples=20, size=3, c=0.5):
    return svm._SmoothedHinge(*problem(samples, size), c)


def loss(one, weights, width):
    """½|w|² + c Σ of the hinge, which is (1 - m + width)² / 4 width for margins m within the width of 1."""
    short = 1 - one.signed @ weights
    smooth = np.where(short < -width, 0, np.where(short > width, short, (short + width) ** 2 / (4 * width)))
    return weights[:-1] @ weights[:-1] / 2 + one.c * smooth.sum()


def test_newton_needs_one_step_where_every_margin_is_within_the_width(monkeypatch):
    """There the loss is quadratic. Pairs of opposite codes leave the offset, which is not exact, at 0."""
    monkeypatch.setattr(svm, "MAX_STEPS", 1)
    codes = np.array([[1.0, 0.2], [0.3, 0.5]])
    one = svm._SmoothedHinge(np.concatenate([codes, -codes]), np.array([True, True, False, False]), 0.5)
    weights, converged = one._newton(np.zeros(3), 2.0)
    gradient = scipy.optimize.approx_fprime(weights, lambda w: loss(one, w, 2.0), 1e-6)
    assert gradient == pytest.approx(0, abs=1e-5) and np.abs(weights[:2]).min() > 0.1
    assert converged is False  # which the first step cannot know


def test_newton_gives_up_after_two_hundred_steps(monkeypatch):
    one, calls = hinge(), []
    monkeypatch.setattr(one, "_line_search", lambda *given: calls.append(given) or 0.0)
    assert one._newton(np.zeros(4), 2.0)[1] is False
    assert len(calls) == 200


@pytest.mark.parametrize("width", [2.0, 0.1])
@pytest.mark.parametrize("near", [False, True])
def test_a_step_ends_where_the_loss_is_lowest(width, near):
    """However steep the loss is at its end: near the solution it is nearly flat."""
    one, away = hinge(), np.array([0.1, -0.2, 0.3, 0.1])
    if near:
        weights = one._newton(np.zeros(4), width)[0] + 0.1 * away
        step = -0.2 * away
    else:
        weights, step = away, -4 * scipy.optimize.approx_fprime(away, lambda w: loss(one, w, width), 1e-6)
    found = one._line_search(weights, step, one.signed @ weights, one.signed @ step, width)
    best = scipy.optimize.minimize_scalar(
        lambda share: loss(one, weights + share * step, width), bounds=(0, 1), method="bounded"
    )
    assert found == pytest.approx(best.x, abs=1e-4) and 0.01 < found < 0.9


@pytest.mark.parametrize("steepness", [0.5, 20.0])
def test_a_step_that_is_not_downhill_is_taken_whole(steepness):
    """Rounding can make one of the last steps so; the search for the lowest place has none then."""
    one, weights = hinge(), np.array([0.1, -0.2, 0.3, 0.1])
    uphill = scipy.optimize.approx_fprime(weights, lambda w: loss(one, w, 2.0), 1e-6)
    step = steepness * uphill / (uphill @ uphill)
    assert one._line_search(weights, step, one.signed @ weights, one.signed @ step, 2.0) == 1.0


# When it stops


class Stubborn(svm._SmoothedHinge):
    """Has the same weights at every width, which it notes; the margins of its samples are given."""

    def __init__(self, margins, converges=True):
        super().__init__(np.array(margins)[:, None], np.ones(len(margins), bool), 1.0)
        self.widths, self.converges = [], converges

    def _newton(self, weights, width):
        self.widths.append(width)
        return np.array([1.0, 0.0]), self.converges


def test_it_stops_at_the_second_width_where_few_samples_are_left_within():
    """At most twice as many as there are weights, of which there are two here; a width is a quarter of the last."""
    one = Stubborn([1.0] * 4 + [9.0])
    assert one.minimise()[1] is True
    assert one.widths == [2.0, 0.5]


def test_it_goes_on_while_many_samples_are_within_but_not_for_ever():
    """Copies of one sample on the margin are within every width."""
    one = Stubborn([1.0] * 5)
    one.minimise()
    assert one.widths[-1] < 1e-9 < one.widths[-2]


def test_it_stops_where_newton_does_not_converge():
    one = Stubborn([1.0] * 5, converges=False)
    assert one.minimise()[1] is False
    assert one.widths == [2.0]


def test_it_goes_on_while_the_normal_turns():
    """By more than some 0.26 degrees, whose cosine is 1 - 1e-5."""
    one = Stubborn([1.0] * 2)
    turning = iter([0.0, 1.0, 1.3, 1.31, 1.311, 1.312])
    one.signed, one.regularised = np.ones((1, 3)), np.array([1.0, 1, 0])
    angles = []

    def newton(weights, width):
        angles.append(next(turning))
        return np.array([np.cos(angles[-1]), np.sin(angles[-1]), 0.0]), True

    one._newton = newton
    one.minimise()
    assert angles == [0.0, 1.0, 1.3, 1.31, 1.311]
