"""From codes on two sides to the plane between them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Set = tuple[NDArray[np.int64], NDArray[np.float64]]
    """Positions of samples, (t,), and how far every sample there is scores above the divide, (n,)."""

    Numbers = NDArray[np.float32]
    Found = tuple[NDArray[np.float64], float, bool]
    """A normal of any length, its offset, and whether the solver came to its end."""

Solver = Literal["svm", "logistic", "means", "regression"]


class Plane(NamedTuple):
    """`normal . code + bias = 0`.

    Args:
        normal: (d,) float64, of length 1; it points to the high scores.
        bias: in units of the space.
        converged: whether the solver came to its end.
    """

    normal: NDArray[np.float64]
    bias: float
    converged: bool = True


def solve(solver: Solver, codes: Numbers, above: NDArray[np.float64]) -> Plane:
    """Fit a linear model, C = 1, unscaled.

    Args:
        solver: svm, logistic or regression.
        codes: (t, d) float32; changed in place.
        above: (t,); how far each scores above the divide; all but regression look at the sign alone.

    Source:
        InterFaceGAN fits sklearn's SVC; `support_vectors` finds the same plane. Regression: of normal codes the
        slope of the best line is the mean gradient of the score (Stein, 1981), whatever the score's shape.
    """
    import numpy as np

    # Far from 0, as w can be, the offset would be the difference of large numbers.
    centre = codes.mean(0, dtype=np.float64).astype(np.float32)
    codes -= centre
    fit = {"svm": _supported, "logistic": _logistic, "regression": _regression}[solver]
    weights, offset, converged = fit(codes, above)
    return _plane(weights, offset - float(weights @ centre.astype(np.float64)), converged)


def _supported(codes: Numbers, above: NDArray[np.float64]) -> Found:
    from interpgan_interfacegan.support import support_vectors

    return support_vectors(codes, above >= 0)


def _logistic(codes: Numbers, above: NDArray[np.float64]) -> Found:
    import warnings

    import numpy as np
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=1.0, max_iter=1000)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # said in the report
        model.fit(codes, above >= 0)
    ended = int(np.max(model.n_iter_)) < model.max_iter
    return model.coef_[0].astype(np.float64), float(model.intercept_[0]), ended


def _regression(codes: Numbers, above: NDArray[np.float64]) -> Found:
    import numpy as np
    from sklearn.linear_model import Ridge

    model = Ridge(alpha=1.0, solver="cholesky").fit(codes, above.astype(np.float32))
    return model.coef_.astype(np.float64), float(model.intercept_), True


def means(
    blocks: Iterable[tuple[NDArray[np.int64], NDArray[np.float32]]], sets: Iterable[Sequence[Set]], count: int
) -> list[list[Plane]]:
    """The planes halfway between the means of both sides, of many sets of samples in one pass.

    Args:
        blocks: positions and codes, (b,) and (b, d), of all samples in the sets.
        sets: groups of sets.
        count: n, number of positions there are.

    Returns:
        One plane a set, in their groups.
    """
    import numpy as np

    sides: list[NDArray[np.int8]] = []
    sizes: list[int] = []
    for group in sets:
        sizes.append(len(group))
        for rows, above in group:
            sides.append(np.zeros(count, np.int8))
            sides[-1][rows] = np.where(above[rows] >= 0, 1, -1)
    side = np.array(sides)
    up = down = np.zeros((len(side), 1))
    for rows, codes in blocks:
        wide = codes.astype(np.float64)
        up = up + (side[:, rows] == 1) @ wide
        down = down + (side[:, rows] == -1) @ wide
    up = up / (side == 1).sum(1)[:, None]
    down = down / (side == -1).sum(1)[:, None]
    # Of codes c, those with (a - b) . c = (|a|² - |b|²) / 2 are as far from a as from b.
    found = iter([_plane(a - b, float((b - a) @ (a + b)) / 2) for a, b in zip(up, down, strict=True)])
    return [[next(found) for _ in range(size)] for size in sizes]


def _plane(normal: NDArray[np.float64], bias: float, converged: bool = True) -> Plane:
    """The same plane with a normal of length 1; a zero normal stays, for `Direction` to refuse."""
    import numpy as np

    length = float(np.linalg.norm(normal)) or 1.0
    return Plane(normal / length, bias / length, converged)
