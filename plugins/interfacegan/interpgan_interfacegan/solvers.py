"""From codes on two sides to the plane between them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Set = tuple[NDArray[np.int64], NDArray[np.bool_]]
    """Positions of samples, (t,), and the side of every sample there is, (n,)."""

Solver = Literal["svm", "logistic", "means"]


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


def solve(solver: Solver, codes: NDArray[np.float32], high: NDArray[np.bool_], seed: int) -> Plane:
    """Fit a linear classifier, C = 1, unscaled.

    Args:
        solver: svm or logistic.
        codes: (t, d) float32; changed in place.
        high: (t,) bool; which are on the positive side.
        seed: of the order in which the svm visits them.

    Source:
        InterFaceGAN fits sklearn's exact SVC, whose time grows with the square of the samples; dual
        coordinate descent finds the same normal where it converges, and one near it (cosine 0.99) where
        noise keeps it from that. It shrinks the intercept as a weight like any other, which the exact one
        does not: codes are moved to mean 0 first, so that there is little to shrink.
    """
    import warnings

    import numpy as np
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression
    from sklearn.svm import LinearSVC

    if solver == "svm":
        model = LinearSVC(loss="hinge", dual=True, C=1.0, max_iter=5000, random_state=seed)
    else:
        model = LogisticRegression(C=1.0, max_iter=1000)
    centre = codes.mean(0, dtype=np.float64).astype(np.float32)
    codes -= centre
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # said in the report
        model.fit(codes, high)
    weights = model.coef_[0].astype(np.float64)
    bias = float(model.intercept_[0]) - float(weights @ centre.astype(np.float64))
    return _plane(weights, bias, int(np.max(model.n_iter_)) < model.max_iter)


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
        for rows, high in group:
            sides.append(np.zeros(count, np.int8))
            sides[-1][rows] = np.where(high[rows], 1, -1)
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
