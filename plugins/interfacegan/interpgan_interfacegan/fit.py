"""The boundaries of all attributes, fitted together, with their accuracies and stability."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from interpgan_core import Generator, Progress
from interpgan_interfacegan.solvers.solve import Plane, Solver, solve
from interpgan_interfacegan.split import Split, halves

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

BLOCK = 1024  # codes at once: 2 MB of them in float32


@dataclass(frozen=True, eq=False)
class Fit:
    """The boundary of one attribute.

    Args:
        plane: the boundary.
        fitted: samples that it was fitted on.
        validation_accuracy: share of the held-out extremes that are on their side of it.
        rest_accuracy: share of the other scored samples that are on their side; None where there are none.
        stability: mean cosine between the boundaries of two disjoint halves; None if not asked for, or
            too few samples to halve.
    """

    plane: Plane
    fitted: int
    validation_accuracy: float
    rest_accuracy: float | None
    stability: float | None


class Codes:
    """The codes of scored samples, drawn again from their seeds at each pass.

    Args:
        generator: of the samples.
        space: the space of the codes, one of single vectors.
        seeds: of the samples, in the order of the scores.
        progress: shows how far a pass is.
    """

    def __init__(self, generator: Generator, space: str, seeds: Sequence[int], progress: Progress) -> None:
        self.generator, self.space, self.seeds, self.progress = generator, space, seeds, progress

    def blocks(
        self, rows: NDArray[np.int64], what: str
    ) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float32]]]:
        """Positions and codes, (b,) and (b, d), of the samples at some positions; constant memory."""
        chosen = (self.seeds[row] for row in rows.tolist())
        batches = self.generator.stream(chosen, BLOCK, self.space)
        start = 0
        for batch in self.progress(batches, total=-(-len(rows) // BLOCK), what=f"{what} {len(rows)} codes"):
            yield rows[start : start + len(batch)], batch.codes.detach().float().cpu().numpy()
            start += len(batch)

    def all(self, rows: NDArray[np.int64], what: str) -> NDArray[np.float32]:
        """(len(rows), d); the codes at some positions."""
        import numpy as np

        kept = np.empty((len(rows), *self.generator.spaces[self.space].shape), np.float32)
        start = 0
        for _, codes in self.blocks(rows, what):
            kept[start : start + len(codes)] = codes
            start += len(codes)
        return kept


def fit_boundaries(
    codes: Codes, splits: Sequence[Split], solver: Solver, bootstrap: int, seed: int, penalty: float = 0.0
) -> list[Fit]:
    """Fit one boundary for each attribute, and evaluate them.

    Args:
        codes: of the n scored samples.
        splits: one for each attribute.
        solver: svm uses the extremes, and only these are in memory; logistic and regression use every scored
            sample that is not held out, and have them in memory; means uses the same in a stream.
        bootstrap: how often the samples are halved for the stability.
        seed: of everything that is drawn.
        penalty: of regression, as of the operator.
    """
    import numpy as np

    from interpgan_interfacegan.solvers.means import means_planes

    n = len(codes.seeds)
    fitted = [split.fitted_on(extremes=solver == "svm") for split in splits]
    evaluated = np.flatnonzero(np.any([s.validation | s.rest for s in splits], axis=0))
    needed = np.zeros(n, bool)
    for rows in fitted:
        needed[rows] = True
    if solver in ("logistic", "regression"):
        needed[evaluated] = True  # in memory with the others, they need not be drawn twice
    used = np.flatnonzero(needed)
    # Of each attribute, the samples to fit on: all of them, then their halves in pairs.
    subsets = (
        [(part, split.targets) for part in (rows, *halves(rows, split.positive, bootstrap, seed))]
        for rows, split in zip(fitted, splits, strict=True)
    )
    planes: list[list[Plane]] = []
    if solver == "means":
        planes = means_planes(codes.blocks(used, "fitting on"), subsets, n)
        blocks = codes.blocks(evaluated, "evaluating on")
    else:
        kept = codes.all(used, "fitting on")
        place = np.zeros(n, np.int64)
        place[used] = np.arange(len(used))
        for group in subsets:
            planes.append(
                [solve(solver, kept[place[rows]], targets[rows], penalty) for rows, targets in group]
            )
        if solver == "svm":
            blocks = codes.blocks(evaluated, "evaluating on")
        else:
            blocks = ((used[i : i + BLOCK], kept[i : i + BLOCK]) for i in range(0, len(used), BLOCK))
    shares = accuracies(blocks, [group[0] for group in planes], splits)
    return [
        Fit(plane, len(rows), validation, rest, _stability(of_halves))
        for (plane, *of_halves), rows, (validation, rest) in zip(planes, fitted, shares, strict=True)
    ]


def accuracies(
    blocks: Iterable[tuple[NDArray[np.int64], NDArray[np.float32]]],
    planes: Sequence[Plane],
    splits: Sequence[Split],
) -> list[tuple[float, float | None]]:
    """For each attribute, the shares of the held-out extremes and of the rest that are on their side."""
    import numpy as np

    normals = np.stack([plane.normal for plane in planes], 1)
    biases = np.array([plane.bias for plane in planes])
    correct = np.zeros((len(splits), 2), np.int64)
    for rows, codes in blocks:
        sides = codes.astype(np.float64) @ normals + biases > 0
        for i, s in enumerate(splits):
            correct[i, 0] += np.sum((sides[:, i] == s.positive[rows]) & s.validation[rows])
            correct[i, 1] += np.sum((sides[:, i] == s.labels[rows]) & s.rest[rows])
    return [
        (int(v) / int(s.validation.sum()), int(r) / int(s.rest.sum()) if s.rest.any() else None)
        for (v, r), s in zip(correct, splits, strict=True)
    ]


def _stability(planes: Sequence[Plane]) -> float | None:
    import numpy as np

    pairs = zip(planes[::2], planes[1::2], strict=True)
    cosines = [float(a.normal @ b.normal) for a, b in pairs]
    return float(np.mean(cosines)) if cosines else None
