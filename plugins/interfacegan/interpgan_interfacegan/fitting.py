"""Boundaries of all attributes together, with what is known of how good they are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from interpgan_core import Generator, Progress
from interpgan_interfacegan.choosing import Choice, halves
from interpgan_interfacegan.solvers import Plane, Solver, means, solve

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from interpgan_interfacegan.solvers import Set

BLOCK = 1024  # codes at once: 2 MB of them in float32


@dataclass(frozen=True, eq=False)
class Fit:
    """What was found for one attribute.

    Args:
        plane: the boundary.
        fitted: samples that it was fitted on.
        validation: share of the held-out extremes that are on their side of it.
        rest: share of the other scored samples that are on their side; None where there are none.
        stability: mean cosine between the boundaries of two disjoint halves; None if not asked for, or
            too few samples to halve.
    """

    plane: Plane
    fitted: int
    validation: float
    rest: float | None
    stability: float | None


class Codes:
    """The codes of scored samples, drawn again from their seeds whenever they are looked at.

    Args:
        generator: of the samples.
        space: where the codes shall be, a space of vectors.
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


def fit(codes: Codes, choices: Sequence[Choice], solver: Solver, bootstrap: int, seed: int) -> list[Fit]:
    """Fit one boundary an attribute, and measure them.

    Args:
        codes: of the n scored samples.
        choices: one an attribute.
        solver: svm sees the extremes, and only these are in memory; logistic and regression see every scored
            sample that is not held out, and have them in memory; means sees the same in a stream.
        bootstrap: how often the samples are halved for the stability.
        seed: of everything that is drawn.
    """
    import numpy as np

    n = len(codes.seeds)
    fitted = [choice.fitted_on(extremes=solver == "svm") for choice in choices]
    judged = np.flatnonzero(np.any([c.validation | c.rest for c in choices], axis=0))
    seen = np.zeros(n, bool)
    for rows in fitted:
        seen[rows] = True
    if solver in ("logistic", "regression"):
        seen[judged] = True  # in memory with the others, they need not be drawn twice
    used = np.flatnonzero(seen)

    def sets() -> Iterator[list[Set]]:
        """Of each attribute, everything to fit on: all of it, and its halves two by two."""
        for rows, c in zip(fitted, choices, strict=True):
            yield [(part, c.above) for part in (rows, *halves(rows, c.high, bootstrap, seed))]

    planes: list[list[Plane]] = []
    if solver == "means":
        planes = means(codes.blocks(used, "fitting on"), sets(), n)
        blocks = codes.blocks(judged, "checking on")
    else:
        kept = codes.all(used, "fitting on")
        place = np.zeros(n, np.int64)
        place[used] = np.arange(len(used))
        for own in sets():
            planes.append([solve(solver, kept[place[rows]], above[rows]) for rows, above in own])
        if solver == "svm":
            blocks = codes.blocks(judged, "checking on")
        else:
            blocks = ((used[i : i + BLOCK], kept[i : i + BLOCK]) for i in range(0, len(used), BLOCK))
    shares = accuracies(blocks, [found[0] for found in planes], choices)
    return [
        Fit(own, len(rows), validation, rest, _stability(more))
        for (own, *more), rows, (validation, rest) in zip(planes, fitted, shares, strict=True)
    ]


def accuracies(
    blocks: Iterator[tuple[NDArray[np.int64], NDArray[np.float32]]],
    planes: Sequence[Plane],
    choices: Sequence[Choice],
) -> list[tuple[float, float | None]]:
    """The shares of the held-out extremes and of the rest that are on their side, of each attribute."""
    import numpy as np

    normals = np.stack([plane.normal for plane in planes], 1)
    biases = np.array([plane.bias for plane in planes])
    right = np.zeros((len(choices), 2), np.int64)
    for rows, codes in blocks:
        sides = codes.astype(np.float64) @ normals + biases > 0
        for i, c in enumerate(choices):
            right[i, 0] += np.sum((sides[:, i] == c.high[rows]) & c.validation[rows])
            right[i, 1] += np.sum((sides[:, i] == c.expected[rows]) & c.rest[rows])
    return [
        (int(v) / int(c.validation.sum()), int(r) / int(c.rest.sum()) if c.rest.any() else None)
        for (v, r), c in zip(right, choices, strict=True)
    ]


def _stability(planes: Sequence[Plane]) -> float | None:
    import numpy as np

    pairs = zip(planes[::2], planes[1::2], strict=True)
    cosines = [float(a.normal @ b.normal) for a, b in pairs]
    return float(np.mean(cosines)) if cosines else None
