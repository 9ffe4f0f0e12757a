"""Which samples of an attribute a boundary is fitted on and evaluated on, and the label of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from interpgan_core import InterpganError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Threshold = Literal["midpoint", "midrange"]


@dataclass(frozen=True, eq=False)
class Split:
    """The n samples of one attribute, as positions in the table of scores.

    Args:
        name: the attribute.
        count: extremes per side.
        train: (t,) int64; the extremes to fit on, positive ones first.
        validation: (n,) bool; the extremes that are held out.
        rest: (n,) bool; scored, and not extreme.
        targets: (n,) float64; score less the midpoint of the sides' inner edges, so that every extreme is on its
            own side of 0; NaN = no score.
        labels: (n,) bool; score at or above `threshold`: on which side the rest should be.
        threshold: in units of the score.
        dropped: samples without a score.
    """

    name: str
    count: int
    train: NDArray[np.int64]
    validation: NDArray[np.bool_]
    rest: NDArray[np.bool_]
    targets: NDArray[np.float64]
    labels: NDArray[np.bool_]
    threshold: float
    dropped: int

    @property
    def positive(self) -> NDArray[np.bool_]:
        """(n,); which samples are on the positive side."""
        return self.targets >= 0

    def fitted_on(self, extremes: bool) -> NDArray[np.int64]:
        """The samples to fit on: the training extremes, or every scored sample that is not held out."""
        import numpy as np

        if extremes:
            return self.train
        used = self.rest.copy()
        used[self.train] = True
        return np.flatnonzero(used)


def check_chosen(name: str, scored: int, chosen: float) -> int:
    """How many extremes a side are chosen.

    Args:
        name: of the attribute.
        scored: how many samples have a score of it.
        chosen: a share of them, or above 1 a number.

    Raises:
        InterpganError: if they are too few.
    """
    count = min(int(scored * chosen) if chosen <= 1 else int(chosen), scored // 2)
    if count < 2:
        raise InterpganError(
            f"'{name}' has {scored} scored samples, of which chosen: {chosen:g} takes {count} a side; a side "
            "needs 2 at least: score more samples, or raise chosen"
        )
    return count


def split_samples(
    name: str, scores: NDArray[np.float64], chosen: float, train: float, threshold: Threshold, seed: int
) -> Split:
    """Sort the samples of an attribute by score, and split both ends into training and validation.

    Args:
        name: the attribute.
        scores: (n,); NaN = no score.
        chosen: samples per side, as a share of the scored ones, above 1 as a count; never more than half.
        train: which share of each side is for training.
        threshold: what labels the rest: the midpoint of the sides' inner edges, or of the lowest
            and the highest score of all.
        seed: of the split.

    Raises:
        InterpganError: if the scores have no two sides; the message says why.

    Source:
        `train_boundary` of genforce/interfacegan, the same split for the same seed of numpy. Deviations:
        samples without a score are dropped, not sorted to the positive side; equal scores keep their order.
    """
    import numpy as np

    scored = np.flatnonzero(~np.isnan(scores))
    _check_scores(name, scores[scored], len(scores))
    order = scored[np.argsort(scores[scored], kind="stable")[::-1]]
    count = check_chosen(name, len(order), chosen)
    lowest, highest = scores[order[count - 1]], scores[order[-count]]
    if lowest == highest:
        room = max(np.sum(scores[scored] > lowest), np.sum(scores[scored] < lowest))
        advice = f"at most {room} a side can be chosen" if room > 1 else "too few samples score otherwise"
        raise InterpganError(
            f"both sides of '{name}' hold samples of the score {lowest:g}, which so many samples have that "
            f"{count} a side cannot be told apart; {advice}"
        )
    cut = min(max(int(count * train), 1), count - 1)
    rng = np.random.RandomState(seed)
    sides = [side[rng.permutation(count)] for side in (order[:count], order[-count:])]
    validation, rest = np.zeros(len(scores), bool), np.zeros(len(scores), bool)
    validation[np.concatenate([side[cut:] for side in sides])] = True
    rest[order[count:-count]] = True
    midpoint = (lowest + highest) / 2
    level = midpoint if threshold == "midpoint" else (scores[order[0]] + scores[order[-1]]) / 2
    return Split(
        name=name,
        count=count,
        train=np.concatenate([side[:cut] for side in sides]),
        validation=validation,
        rest=rest,
        targets=scores - midpoint,
        labels=scores >= level,
        threshold=float(level),
        dropped=len(scores) - len(order),
    )


def _check_scores(name: str, scores: NDArray[np.float64], total: int) -> None:
    import numpy as np

    if not len(scores):
        raise InterpganError(
            f"none of the {total} samples has a score of '{name}'; choose others with attributes: […]"
        )
    infinite = int(np.isinf(scores).sum())
    if infinite:
        raise InterpganError(
            f"{infinite} scores of '{name}' are infinite; a score is a finite number, or NaN where there is none"
        )
    if scores.min() == scores.max():
        raise InterpganError(
            f"every score of '{name}' is {scores[0]:g}, and no boundary separates equal scores; score more "
            "samples, or choose others with attributes: […]"
        )


def halves(
    rows: NDArray[np.int64], positive: NDArray[np.bool_], times: int, seed: int
) -> list[NDArray[np.int64]]:
    """Disjoint random halves of some samples, each with half of either side.

    Args:
        rows: (t,) positions.
        positive: (n,) bool; the side of each sample.
        times: how often to halve.
        seed: of the draw.

    Returns:
        2 * times arrays of positions, each followed by its other half; none if a side has fewer than two samples.
    """
    import numpy as np

    rng = np.random.RandomState([seed, 1])
    sides = [rows[positive[rows]], rows[~positive[rows]]]
    if min(map(len, sides)) < 2:
        return []
    found = []
    for _ in range(times):
        mixed = [side[rng.permutation(len(side))] for side in sides]
        found.append(np.concatenate([side[: len(side) // 2] for side in mixed]))
        found.append(np.concatenate([side[len(side) // 2 :] for side in mixed]))
    return found
