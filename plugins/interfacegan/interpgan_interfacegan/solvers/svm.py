"""The linear support vector machine, exactly: what `sklearn.svm.SVC(kernel="linear")` finds, in a fraction of the time.

Shape symbols: n samples, d numbers of a code.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import scipy.linalg
import scipy.optimize

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Reals = NDArray[np.float64]

CONVERGED = 1 - 1e-5  # cosine of the normal with that of a four times greater width
SMALLEST_WIDTH = 1e-9  # copies of a sample can all lie within any
MAX_STEPS = 200  # of Newton's method at one width; some ten to fifty are needed


def support_vectors(
    codes: NDArray[np.floating], positive: NDArray[np.bool_], c: float = 1.0
) -> tuple[Reals, float, bool]:
    """Minimise ½|w|² + c Σ max(0, 1 - y (w · x + b)) over w and b, where y is 1 on the positive side and else -1.

    The hinge loss is smoothed over a width that is quartered until the normal does not change any more and few
    samples lie within it: the exact solution has at most d + 1 on the margin. At each width Newton's method starts
    from the last solution.

    Args:
        codes: (n, d).
        positive: (n,) bool, with both sides in it.
        c: weight of the loss of one sample; above 0.

    Returns:
        w, (d,) float64; b; and whether it converged.

    Source:
        Chapelle, Training a Support Vector Machine in the Primal, Neural Computation 2007.
    """
    basis = None
    if codes.shape[1] > codes.shape[0]:
        # The normal is a weighted sum of samples: search only in their span.
        basis, coordinates = scipy.linalg.qr(codes.T.astype(np.float64), mode="economic", check_finite=False)
        codes = coordinates.T
    weights, converged = _SmoothedHinge(codes, positive, c).minimise()
    normal = weights[:-1] if basis is None else basis @ weights[:-1]
    return normal, float(weights[-1]), converged


class _SmoothedHinge:
    """The problem with a smooth hinge loss: quadratic for margins from 1 - width to 1 + width.

    The offset is the last weight, of a constant feature of every code; it alone is not regularised.
    """

    def __init__(self, codes: NDArray[np.floating], positive: NDArray[np.bool_], c: float) -> None:
        side = np.where(positive, 1.0, -1.0)[:, None]
        self.signed = np.concatenate([codes * side, side], axis=1)
        self.regularised = np.ones(self.signed.shape[1])
        self.regularised[-1] = 0
        self.c = c

    def minimise(self) -> tuple[Reals, bool]:
        """The weights, and whether Newton's method converged at every width."""
        weights, before = np.zeros_like(self.regularised), np.zeros(len(self.regularised) - 1)
        width = 2.0  # so wide that no sample lies beyond it at the start
        while True:
            weights, converged = self._newton(weights, width)
            normal = weights[:-1] / (np.linalg.norm(weights[:-1]) or 1.0)
            few = self._within(self.signed @ weights, width).sum() <= 2 * len(weights)
            if not converged or (few and normal @ before > CONVERGED) or width < SMALLEST_WIDTH:
                return weights, converged
            before, width = normal, width / 4

    def _newton(self, weights: Reals, width: float) -> tuple[Reals, bool]:
        """Newton's method to the minimum at one width."""
        margins = self.signed @ weights
        for _ in range(MAX_STEPS):
            gradient = self.regularised * weights - self.c * (self._slope(margins, width) @ self.signed)
            within = self.signed[self._within(margins, width)]
            # The Hessian, as in Chapelle's paper: I + c / (2 width) Σ x xᵀ over the samples within the width.
            hessian = (within.T @ within) * (self.c / (2 * width))
            hessian[np.diag_indices_from(hessian)] += 1  # the offset's too: there may be no sample within
            step = -scipy.linalg.solve(hessian, gradient, assume_a="pos", check_finite=False)
            margin_step = self.signed @ step
            share = self._line_search(weights, step, margins, margin_step, width)
            weights, margins = weights + share * step, margins + share * margin_step
            if -gradient @ step <= 1e-6 * (weights[:-1] @ weights[:-1]):
                return weights, True
        return weights, False

    def _within(self, margins: Reals, width: float) -> NDArray[np.bool_]:
        """Which samples lie where the loss is quadratic."""
        return np.abs(1 - margins) < width

    def _slope(self, margins: Reals, width: float) -> Reals:
        """Minus the derivative of each sample's loss by its margin, 0 to 1."""
        return np.clip((1 - margins + width) / (2 * width), 0, 1)

    def _line_search(
        self, weights: Reals, step: Reals, margins: Reals, margin_step: Reals, width: float
    ) -> float:
        """The share of a step, at most 1, at which the loss is lowest."""

        def derivative(share: float) -> float:
            slope = self._slope(margins + share * margin_step, width)
            return float(
                (self.regularised * (weights + share * step)) @ step - self.c * (slope @ margin_step)
            )

        if derivative(1.0) <= 0 or derivative(0.0) >= 0:
            return 1.0
        return float(scipy.optimize.brentq(derivative, 0.0, 1.0))
