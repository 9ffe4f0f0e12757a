"""The solvers, against scikit-learn and closed forms."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.svm import SVC

from interpgan_interfacegan.solvers import regression
from interpgan_interfacegan.solvers.regression import logistic, ridge
from interpgan_interfacegan.solvers.solve import solve


@pytest.mark.parametrize(
    ("samples", "size", "noise", "scale", "share"),
    [
        (300, 48, 1.0, 1.0, 0.5),
        (700, 48, 2.0, 1.0, 0.5),
        (700, 48, 0.0, 1.0, 0.5),  # two sides that a plane can divide
        (400, 6, 3.0, 10.0, 0.5),
        (900, 24, 1.0, 0.01, 0.1),  # little spread, and few on one side
        (60, 200, 1.0, 1.0, 0.5),  # fewer samples than numbers
        (2, 4, 0.0, 1.0, 0.5),
    ],
)
def test_the_fast_svm_is_the_exact_one(samples, size, noise, scale, share):
    random = np.random.RandomState(0)
    codes = random.randn(samples, size)
    value = codes[:, 0] + noise * random.randn(samples)
    value -= np.quantile(value, 1 - share)
    high = value > 0
    codes = (scale * codes + 4).astype(np.float32)
    middle = codes.mean(0, dtype=np.float64)
    # libsvm's kernel values are float32: away from the origin they lose the differences between samples.
    exact = SVC(kernel="linear", tol=1e-9).fit(codes - middle, high)
    plane = solve("svm", codes.copy(), value)
    length = np.linalg.norm(exact.coef_)
    assert plane.normal @ exact.coef_[0] / length > 0.9999
    assert middle @ plane.normal + plane.bias == pytest.approx(
        exact.intercept_[0] / length, rel=1e-3, abs=0.01 * scale
    )
    assert plane.converged


def test_the_regression_is_the_mean_gradient():
    """A score that bends, with another slope on either side: of few samples on one side, most of its slope counts."""
    random = np.random.RandomState(0)
    codes = random.randn(40_000, 8).astype(np.float32)
    score = np.where(codes[:, 0] > 1.2, 9.0, 1.0) * (codes[:, 0] - 1.2) + codes[:, 1] ** 2 + codes[:, 2]
    slope = np.array([1 + 8 * (codes[:, 0] > 1.2).mean(), 0, 1, 0, 0, 0, 0, 0])
    plane = solve("regression", codes.copy(), score)
    assert plane.normal @ slope / np.linalg.norm(slope) > 0.999


def test_a_penalty_bends_the_regression_to_where_codes_vary():
    """Against its closed form; and the score is carried by a place that hardly varies."""
    random = np.random.RandomState(0)
    spread = np.array([3, 1, 0.1])
    codes = (random.randn(5000, 3) * spread + 2).astype(np.float32)
    score = codes @ np.array([1.0, 0.0, 10.0])
    for penalty in (0.0, 1.0, 100.0):
        centred = codes.astype(np.float64) - codes.mean(0, dtype=np.float64)
        alpha = 1 + penalty * len(codes) * centred.var(0).mean()
        exact = np.linalg.solve(centred.T @ centred + alpha * np.eye(3), centred.T @ (score - score.mean()))
        plane = solve("regression", codes.copy(), score, penalty)
        assert plane.normal == pytest.approx(exact / np.linalg.norm(exact), abs=1e-4)
    assert abs(plane.normal[0]) > 0.99  # without one it is the third that counts


def test_the_logistic_weights_are_at_the_optimum():
    """Where the gradient of the summed log loss, plus half the squared weights (C = 1), is 0."""
    random = np.random.RandomState(0)
    codes = random.normal(size=(40, 3)).astype(np.float32)
    positive = codes[:, 0] + random.normal(size=40) > 0
    weights, bias, converged = logistic(codes, positive)
    left = positive - 1 / (1 + np.exp(-(codes @ weights + bias)))
    np.testing.assert_allclose(
        left @ codes, weights, atol=1e-2
    )  # a hundredth of the weights: the solver stops there
    assert abs(left.sum()) < 1e-2 and converged


def test_a_logistic_regression_that_was_stopped_says_so(monkeypatch):
    """After 1,000 iterations; here after one."""
    asked = {}

    def stopped(**settings):
        asked.update(settings)
        return LogisticRegression(**{**settings, "max_iter": 1})

    monkeypatch.setattr(regression, "LogisticRegression", stopped)
    codes = np.random.RandomState(0).normal(size=(40, 3)).astype(np.float32)
    assert not logistic(codes, codes[:, 0] > 0)[2]
    assert asked == {"C": 1.0, "max_iter": 1000}


@pytest.mark.parametrize("penalty", [0.0, 0.5])
def test_the_ridge_of_few_samples_in_closed_form(penalty):
    """(XᵀX + α)⁻¹ Xᵀy of centred X and y; α is 1, and the penalty in variances of all samples."""
    random = np.random.RandomState(0)
    codes, targets = random.normal(size=(6, 4)).astype(np.float32), random.normal(size=6)
    weights, bias, converged = ridge(codes, targets, penalty)
    x, y = codes - codes.mean(0), targets - targets.mean()
    alpha = 1 + penalty * (x**2).sum() / 4
    expected = np.linalg.solve(x.T @ x + alpha * np.eye(4), x.T @ y)
    np.testing.assert_allclose(weights, expected, atol=1e-5)
    assert bias == pytest.approx(targets.mean() - codes.mean(0) @ expected, abs=1e-5) and converged is True
