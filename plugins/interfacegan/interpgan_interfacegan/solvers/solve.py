"""From codes and their scores to a plane, by the solver of a name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Solver = Literal["svm", "logistic", "means", "regression"]


class Plane(NamedTuple):
    """`normal . code + bias = 0`.

    Args:
        normal: (d,) float64, of length 1; it points to the high scores.
        bias: in units of the space.
        converged: whether the solver converged.
    """

    normal: NDArray[np.float64]
    bias: float
    converged: bool = True


def solve(
    solver: Literal["svm", "logistic", "regression"],
    codes: NDArray[np.float32],
    targets: NDArray[np.float64],
    penalty: float = 0.0,
) -> Plane:
    """Fit a linear model, C = 1, to unscaled codes.

    Args:
        solver: which model; for `means` there is `means_planes`.
        codes: (t, d) float32; changed in place.
        targets: (t,); the score of each less the midpoint; all but regression use only the sign.
        penalty: of regression, as of the operator.

    Source:
        InterFaceGAN fits sklearn's SVC; `support_vectors` finds the same plane. Regression: of normal codes the
        slope of the best line is the mean gradient of the score (Stein, 1981), whatever the score's shape.
    """
    import numpy as np

    # Far from 0, as w can be, the offset would be the difference of large numbers.
    centre = codes.mean(0, dtype=np.float64).astype(np.float32)
    codes -= centre
    if solver == "svm":
        from interpgan_interfacegan.solvers.svm import support_vectors

        weights, offset, converged = support_vectors(codes, targets >= 0)
    elif solver == "logistic":
        from interpgan_interfacegan.solvers.regression import logistic

        weights, offset, converged = logistic(codes, targets >= 0)
    else:
        from interpgan_interfacegan.solvers.regression import ridge

        weights, offset, converged = ridge(codes, targets, penalty)
    return unit_plane(weights, offset - float(weights @ centre.astype(np.float64)), converged)


def unit_plane(normal: NDArray[np.float64], bias: float, converged: bool = True) -> Plane:
    """The same plane with a normal of length 1; a zero normal stays, for `Direction` to refuse."""
    import numpy as np

    length = float(np.linalg.norm(normal)) or 1.0
    return Plane(normal / length, bias / length, converged)
