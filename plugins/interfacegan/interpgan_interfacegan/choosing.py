"""Which samples of an attribute a boundary is fitted on, checked on, and what is right for each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from interpgan_core import InterpganError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Threshold = Literal["midpoint", "midrange"]


@dataclass(frozen=True, eq=False)
class Choice:
    """The n samples of one attribute, as positions in the table of scores.

    Args:
        name: the attribute.
        count: extremes per side.
        train: (t,) int64; the extremes to fit on, positive ones first.
        validation: (n,) bool; the extremes that are held out.
        rest: (n,) bool; scored, and no extreme.
        above: (n,) float64; score less the midpoint of the sides' inner edges, so that every extreme is on its
            own side of 0; NaN = no score.
        expected: (n,) bool; score at or above `threshold`: what is right for the rest.
        threshold: in units of the score.
        dropped: samples without a score.
    """

    name: str
    count: int
    train: NDArray[np.int64]
    validation: NDArray[np.bool_]
    rest: NDArray[np.bool_]
    above: NDArray[np.float64]
    expected: NDArray[np.bool_]
    threshold: float
    dropped: int

    @property
    def high(self) -> NDArray[np.bool_]:
        """(n,); which samples are on the positive side."""
        return self.above >= 0

    def fitted_on(self, extremes: bool) -> NDArray[np.int64]:
        """The samples to fit on: the training extremes, or every scored sample that is not held out."""
        import numpy as np

        if extremes:
            return self.train
        taken = self.rest.copy()
        taken[self.train] = True
        return np.flatnonzero(taken)


def choose(
    name: str, scores: NDArray[np.float64], chosen: float, share: float, threshold: Threshold, seed: int
) -> Choice:
    """Sort the samples of an attribute by score, and split both ends into training and validation.

    Args:
        name: the attribute.
        scores: (n,); NaN = no score.
        chosen: samples per side, as a share of the scored ones, above 1 as a count; never more than half.
        share: how many of each side are for training.
        threshold: what the rest is judged by: the midpoint of the sides' inner edges, or of the lowest
            and the highest score of all.
        seed: of the split.

    Raises:
        InterpganError: if the scores make no two sides; the message says why.

    Source:
        `train_boundary` of genforce/interfacegan, the same split for the same seed of numpy. Deviations:
        samples without a score are dropped, not sorted to the positive side; equal scores keep their order.
    """
    import numpy as np

    known = np.flatnonzero(~np.isnan(scores))
    _check(name, scores[known], len(scores))
    order = known[np.argsort(scores[known], kind="stable")[::-1]]
    count = min(int(len(order) * chosen) if chosen <= 1 else int(chosen), len(order) // 2)
    if count < 2:
        raise InterpganError(
            f"'{name}' has {len(order)} scored samples, of which chosen: {chosen:g} takes {count} a side; a side "
            "needs 2 at least: score more samples, or raise chosen"
        )
    lowest, highest = scores[order[count - 1]], scores[order[-count]]
    if lowest == highest:
        room = max(np.sum(scores[known] > lowest), np.sum(scores[known] < lowest))
        advice = f"at most {room} a side can be chosen" if room > 1 else "too few samples score otherwise"
        raise InterpganError(
            f"both sides of '{name}' hold samples of the score {lowest:g}, which so many samples have that "
            f"{count} a side cannot be told apart; {advice}"
        )
    cut = min(max(int(count * share), 1), count - 1)
    random = np.random.RandomState(seed)
    sides = [side[random.permutation(count)] for side in (order[:count], order[-count:])]
    validation, rest = np.zeros(len(scores), bool), np.zeros(len(scores), bool)
    validation[np.concatenate([side[cut:] for side in sides])] = True
    rest[order[count:-count]] = True
    midpoint = (lowest + highest) / 2
    level = midpoint if threshold == "midpoint" else (scores[order[0]] + scores[order[-1]]) / 2
    return Choice(
        name=name,
        count=count,
        train=np.concatenate([side[:cut] for side in sides]),
        validation=validation,
        rest=rest,
        above=scores - midpoint,
        expected=scores >= level,
        threshold=float(level),
        dropped=len(scores) - len(order),
    )


def _check(name: str, scores: NDArray[np.float64], total: int) -> None:
    import numpy as np

    if not len(scores):
        raise InterpganError(
            f"none of the {total} samples has a score of '{name}'; choose others with attributes: […]"
        )
    wrong = int(np.isinf(scores).sum())
    if wrong:
        raise InterpganError(
            f"{wrong} scores of '{name}' are infinite; a score is a finite number, or NaN where there is none"
        )
    if scores.min() == scores.max():
        raise InterpganError(
            f"every score of '{name}' is {scores[0]:g}, and no boundary divides what is equal; score more "
            "samples, or choose others with attributes: […]"
        )


def halves(
    rows: NDArray[np.int64], high: NDArray[np.bool_], times: int, seed: int
) -> list[NDArray[np.int64]]:
    """Disjoint random halves of some samples, each with its share of either side.

    Args:
        rows: (t,) positions.
        high: (n,) bool; the side of each sample.
        times: how often to halve.
        seed: of the draw.

    Returns:
        2 * times arrays of positions, two that belong together after each other; none if a side has
        fewer than two samples.
    """
    import numpy as np

    random = np.random.RandomState([seed, 1])
    sides = [rows[high[rows]], rows[~high[rows]]]
    if min(map(len, sides)) < 2:
        return []
    found = []
    for _ in range(times):
        mixed = [side[random.permutation(len(side))] for side in sides]
        found.append(np.concatenate([side[: len(side) // 2] for side in mixed]))
        found.append(np.concatenate([side[len(side) // 2 :] for side in mixed]))
    return found
