"""The paper's tables: how well boundaries divide, how they lie to each other, how their scores go together."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from interpgan_core import Direction, Input, InterpganError, Operator, Picture, Report, Scores, Strip, Table
from interpgan_interfacegan.heat import write_heat
from interpgan_interfacegan.naming import Directions, checked

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
    """What the boundaries were fitted on; left out, there is no table of correlations."""

    def run(self, folder: Path) -> Report:
        boundaries = checked(self.boundaries)
        names = list(boundaries)
        matrices = {"Cosines of the boundaries": (names, cosines(boundaries))}
        if self.scores is not None:
            matrices["Correlations of the scores"] = (list(self.scores.names), correlations(self.scores))
        tables, strips = [_accuracies(boundaries)], []
        for title, (labels, matrix) in matrices.items():
            cells = [[None if x != x else x for x in row] for row in matrix.tolist()]
            file = title.split()[0].lower() + ".png"
            write_heat(folder, file, cells, labels, labels, full=1.0)
            alt = f"The numbers of the table '{title}', as colours."
            strips.append(Strip(title, (Picture(file, "", alt),)))
            rows = tuple((name, *row) for name, row in zip(labels, cells, strict=True))
            tables.append(Table(title, ("", *labels), rows))
        shown = tuple(table for table in tables if table.rows)
        notes = (
            () if tables[0].rows else ("How well they divide is known of boundaries that were fitted here.",)
        )
        return Report(strips=tuple(strips), tables=shown, notes=notes)


def cosines(boundaries: Mapping[str, Direction]) -> Square:
    """The cosine of every pair, (k, k); Tab. 2.

    Raises:
        InterpganError: if they are of different spaces, shapes or generators, and so share nothing.
    """
    import torch

    (first, one), *others = boundaries.items()
    for name, other in others:
        if (other.space, other.vector.shape) != (one.space, one.vector.shape):
            raise InterpganError(
                f"'{first}' is a direction of {one.space} {tuple(one.vector.shape)}, and '{name}' of {other.space} "
                f"{tuple(other.vector.shape)}: there is no angle between them; compare those of one space"
            )
        if one.generator and other.generator and one.generator != other.generator:
            raise InterpganError(
                f"'{first}' was found on the generator {one.generator}, and '{name}' on {other.generator}: there is "
                "no angle between them; compare those of one generator"
            )
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
    """Tab. 1, of those boundaries that know."""
    keys = ("validation_accuracy", "rest_accuracy", "validated", "rest")
    rows = tuple(
        (name, *(d.notes.get(key) for key in keys)) for name, d in boundaries.items() if keys[0] in d.notes
    )
    note = (
        "Validation: share of the held-out extremes that are on their side. All: of all other scored samples."
    )
    return Table("Accuracy of the boundaries", ("", "validation", "all", "held out", "others"), rows, note)
