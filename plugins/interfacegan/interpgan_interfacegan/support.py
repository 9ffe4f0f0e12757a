"""The linear support vector machine, exactly: what `sklearn.svm.SVC(kernel="linear")` finds, in a fraction of the time.

Letters in shapes: n samples, d numbers of a code.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import scipy.linalg
import scipy.optimize

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Reals = NDArray[np.float64]

SETTLED = 1 - 1e-5  # cosine of the normal with that of a four times wider bend
FINEST = 1e-9  # width; copies of a sample can all lie within any
STEPS = 200  # of one width; some ten to fifty are needed


def support_vectors(
    codes: NDArray[np.floating], high: NDArray[np.bool_], c: float = 1.0
) -> tuple[Reals, float, bool]:
    """Minimise ½|w|² + c Σ max(0, 1 - y (w · x + b)) over w and b, where y is 1 on the high side and else -1.

    The corner of the loss is bent over a width that is quartered until the normal does not move any more and few
    samples lie within it: on the corner itself the exact solution has d + 1 at most. At each width Newton's
    method, from where the last one ended.

    Args:
        codes: (n, d).
        high: (n,) bool, with both sides in it.
        c: weight of the loss of one sample; above 0.

    Returns:
        w, (d,) float64; b; and whether it came to its end.

    Source:
        Chapelle, Training a Support Vector Machine in the Primal, Neural Computation 2007.
    """
    axes = None
    if codes.shape[1] > codes.shape[0]:
        # The normal is a sum of samples: look for it among their sums alone.
        axes, along = scipy.linalg.qr(codes.T.astype(np.float64), mode="economic", check_finite=False)
        codes = along.T
    smooth = _Smooth(codes, high, c)
    weights, settled = smooth.settle()
    normal = weights[:-1] if axes is None else axes @ weights[:-1]
    return normal, float(weights[-1]), settled


class _Smooth:
    """The loss with its corner bent: half a parabola from 1 - width to 1 + width.

    The offset is the last weight, of a constant number of every code; alone it is not shrunk.
    """

    def __init__(self, codes: NDArray[np.floating], high: NDArray[np.bool_], c: float) -> None:
        side = np.where(high, 1.0, -1.0)[:, None]
        self.signed = np.concatenate([codes * side, side], axis=1)
        self.shrunk = np.ones(self.signed.shape[1])
        self.shrunk[-1] = 0
        self.c = c

    def settle(self) -> tuple[Reals, bool]:
        """The weights, and whether every descent came to its end."""
        weights, before = np.zeros_like(self.shrunk), np.zeros(len(self.shrunk) - 1)
        width = 2.0  # so wide that no sample lies beyond it at the start
        while True:
            weights, settled = self._descend(weights, width)
            normal = weights[:-1] / (np.linalg.norm(weights[:-1]) or 1.0)
            few = self._bent(self.signed @ weights, width).sum() <= 2 * len(weights)
            if not settled or (few and normal @ before > SETTLED) or width < FINEST:
                return weights, settled
            before, width = normal, width / 4

    def _descend(self, weights: Reals, width: float) -> tuple[Reals, bool]:
        """Newton's method to the minimum at one width."""
        margins = self.signed @ weights
        for _ in range(STEPS):
            gradient = self.shrunk * weights - self.c * (self._slope(margins, width) @ self.signed)
            bent = self.signed[self._bent(margins, width)]
            curvature = (bent.T @ bent) * (self.c / (2 * width))
            curvature[np.diag_indices_from(curvature)] += 1  # the offset's too: where no sample is bent
            step = -scipy.linalg.solve(curvature, gradient, assume_a="pos", check_finite=False)
            moved = self.signed @ step
            share = self._share(weights, step, margins, moved, width)
            weights, margins = weights + share * step, margins + share * moved
            if -gradient @ step <= 1e-6 * (weights[:-1] @ weights[:-1]):
                return weights, True
        return weights, False

    def _bent(self, margins: Reals, width: float) -> NDArray[np.bool_]:
        """Which samples lie where the loss is bent."""
        return np.abs(1 - margins) < width

    def _slope(self, margins: Reals, width: float) -> Reals:
        """How steep the loss of each sample falls, 0 to 1."""
        return np.clip((1 - margins + width) / (2 * width), 0, 1)

    def _share(self, weights: Reals, step: Reals, margins: Reals, moved: Reals, width: float) -> float:
        """The share of a step, at most all of it, that leads lowest."""

        def rise(share: float) -> float:
            slope = self._slope(margins + share * moved, width)
            return float((self.shrunk * (weights + share * step)) @ step - self.c * (slope @ moved))

        if rise(1.0) <= 0 or rise(0.0) >= 0:
            return 1.0
        return float(scipy.optimize.brentq(rise, 0.0, 1.0))
