"""The operator `interfacegan.tables`: accuracies, cosines of the boundaries, correlations of the scores."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from interpgan_core import Direction, Input, Operator, Report, Scores, Table
from interpgan_interfacegan.inputs import Directions, check_not_empty

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Square = NDArray[np.float64]


class Tabulate(Operator):
    """Tables 1 to 3 of InterFaceGAN: accuracies, cosines of the boundaries, correlations of the scores.

    Source: Shen et al., CVPR 2020, Tab. 1, 2 and 3.
    """

    boundaries: Directions
    """A set, or some under names of your own: {pose: $pose.pggan_celebahq_pose_boundary, …}."""
    scores: Input[Scores] | None = None
    """The scores that the boundaries were fitted on; left out, there is no table of correlations."""

    def run(self) -> Report:
        check_not_empty(self.boundaries)
        names = list(self.boundaries)
        matrices = {"Cosines of the boundaries": (names, cosines(self.boundaries))}
        if self.scores is not None:
            matrices["Correlations of the scores"] = (list(self.scores.names), correlations(self.scores))
        tables = [_accuracies(self.boundaries)]
        for title, (labels, matrix) in matrices.items():
            cells = [[None if x != x else x for x in row] for row in matrix.tolist()]
            rows = tuple((name, *row) for name, row in zip(labels, cells, strict=True))
            tables.append(Table(title, ("attribute", *labels), rows, full=1.0))
        shown = tuple(table for table in tables if table.rows)
        notes = () if tables[0].rows else ("Accuracies are known only of boundaries that were fitted here.",)
        return Report(tables=shown, notes=notes)


def cosines(boundaries: Mapping[str, Direction]) -> Square:
    """The cosine of every pair, (k, k); Tab. 2.

    Raises:
        InterpganError: if they are of different spaces, shapes or generators.
    """
    import torch

    (first_name, first), *others = boundaries.items()
    for name, other in others:
        first.check_comparable(other, first_name, name)
    rows = torch.stack([d.vector.flatten() / d.vector.norm() for d in boundaries.values()])
    found: Square = (rows @ rows.T).numpy()
    return found


def correlations(scores: Scores) -> Square:
    """Pearson's correlation of every pair of attributes, (k, k), over the samples that have both; Tab. 3.

    NaN where an attribute has the same score in all of them.
    """
    import numpy as np

    values = scores.values.double().numpy()
    known = np.isfinite(values)
    found = np.full((len(scores.names),) * 2, np.nan)
    for i in range(len(found)):
        for j in range(i + 1):
            both = known[:, i] & known[:, j]
            a, b = (values[both, k] - values[both, k].mean() if both.any() else values[:0, k] for k in (i, j))
            length = np.sqrt((a @ a) * (b @ b))
            if length > 0:
                found[i, j] = found[j, i] = a @ b / length
    return found


def _accuracies(boundaries: Mapping[str, Direction]) -> Table:
    """Tab. 1, of the boundaries whose notes have accuracies."""
    keys = ("validation_accuracy", "rest_accuracy", "validated", "rest")
    rows = tuple(
        (name, *(d.notes.get(key) for key in keys)) for name, d in boundaries.items() if keys[0] in d.notes
    )
    note = (
        "Validation: share of the held-out extremes that are on their side. All: of all other scored samples."
    )
    return Table(
        "Accuracy of the boundaries", ("attribute", "validation", "all", "held out", "others"), rows, note
    )
