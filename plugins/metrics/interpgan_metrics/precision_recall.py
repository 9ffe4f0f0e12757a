"""The operator `metrics.coverage`: precision and recall of samples, in the space of features."""

from __future__ import annotations

from typing import TYPE_CHECKING

from interpgan_core import (
    FeatureNet,
    Generator,
    Input,
    InterpganError,
    Progress,
    Ranges,
    Report,
    Table,
)
from interpgan_metrics.features import Comparison, Count, chosen, generated_pictures, real_pictures, vectors
from interpgan_metrics.nearest import blocks, nearest

if TYPE_CHECKING:
    from torch import Tensor


class PrecisionRecall(Comparison):
    """Precision and recall: how many samples look like the data, and how much of the data the samples reach.

    A picture is like a set where it lies, in features, in a ball around one of the set's pictures, whose radius
    is the distance to that picture's k-th nearest in its own set.

    Source: Kynkäänniemi et al., Improved Precision and Recall Metric for Assessing Generative Models, NeurIPS
        2019, equations 1 and 2. Deviation: the features are those of the extractor that is given.
    """

    features: Input[FeatureNet]
    """The extractor."""
    k: Count = 3
    """Which neighbour gives the radius; the paper's 3."""

    def check_counts(self, generated: int, real: int) -> None:
        for count, what in ((generated, "samples"), (real, "real pictures")):
            if count <= self.k:
                raise InterpganError(f"{count} {what} have no neighbour {self.k}; give more, or lower 'k'")

    def run(self, generator: Generator, progress: Progress) -> Report:
        import torch

        seeds, rows = Ranges(self.seeds), chosen(self.data, self.real)
        self.check_counts(len(seeds), len(rows))
        pictures = real_pictures(self.data, rows, self.batch_size, progress)
        real = torch.cat(list(vectors(self.features, pictures)))
        pictures = generated_pictures(generator, seeds, self.batch_size, progress)
        made = torch.cat(list(vectors(self.features, pictures)))
        precision, recall = precision_recall(real, made, self.k)
        lines = (
            ("precision", precision),
            ("recall", recall),
            ("neighbour", self.k),
            ("real pictures", len(rows)),
            ("generated pictures", len(seeds)),
            ("extractor", self.features.name),
        )
        note = "Numbers compare only within one extractor and equal numbers of pictures."
        return Report(tables=(Table("Precision and recall", ("measure", "value"), lines, note),))


def precision_recall(real: Tensor, made: Tensor, k: int) -> tuple[float, float]:
    """Share of `made` in the balls of `real`, and of `real` in the balls of `made`.

    Args:
        real: (n, d) float32; features, n more than k.
        made: (m, d) float32; m more than k.
        k: which neighbour gives the radius of a ball; a picture is not its own.
    """
    import torch

    balls = nearest(real, real, k + 1)[0][:, -1]
    made_balls = nearest(made, made, k + 1)[0][:, -1]
    like_real = torch.zeros(len(made), dtype=torch.bool)
    reached = torch.zeros(len(real), dtype=torch.bool)
    for rows, columns, distances in blocks(made, real):
        like_real[rows] |= (distances <= balls[columns]).any(1)
        reached[columns] |= (distances <= made_balls[rows, None]).any(0)
    return float(like_real.double().mean()), float(reached.double().mean())
