"""Logistic regression on the side of each sample, and ridge regression on its score."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, Ridge

if TYPE_CHECKING:
    from numpy.typing import NDArray


def logistic(
    codes: NDArray[np.float32], positive: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], float, bool]:
    """Args: codes: (n, d); positive: (n,). Returns: the weights, (d,); the offset; whether the solver converged."""
    model = LogisticRegression(C=1.0, max_iter=1000)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the report shows it
        model.fit(codes, positive)
    converged = int(np.max(model.n_iter_)) < model.max_iter
    return model.coef_[0].astype(np.float64), float(model.intercept_[0]), converged


def ridge(
    codes: NDArray[np.float32], targets: NDArray[np.float64], penalty: float
) -> tuple[NDArray[np.float64], float, bool]:
    """Args: codes: (n, d); targets: (n,); penalty: of the squared weights, in mean variances of a sample's codes.

    Returns: the weights, (d,); the offset; True, as it is in closed form.
    """
    alpha = 1.0 + penalty * len(codes) * float(codes.var(0).mean()) if penalty else 1.0
    model = Ridge(alpha=alpha, solver="cholesky").fit(codes, targets.astype(np.float32))
    return model.coef_.astype(np.float64), float(model.intercept_), True
