"""The operators `metrics.neighbours` and `metrics.coverage`: nearest pictures in the space of features."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from interpgan_core import (
    Generator,
    ImageSet,
    Input,
    InterpganError,
    Operator,
    Picture,
    Progress,
    Ranges,
    Report,
    Seeds,
    Strip,
    Table,
)
from interpgan_metrics.features import (
    Count,
    FeatureNet,
    chosen,
    generated_pictures,
    real_pictures,
    to_bytes,
    vectors,
)

if TYPE_CHECKING:
    from torch import Tensor

BLOCK = 2048  # rows and columns of distances in memory at once: 32 MB
HELD_OUT = 1000  # pictures that are set aside, at most, where there are none
NEIGHBOURS = 3  # shown beside each sample


class Neighbours(Operator):
    """The training pictures nearest to each sample, and whether they are nearer than those of fresh real pictures.

    The strips show the samples that come nearest to a training picture, closest first, with its distance. A generator
    that repeats its training pictures has more than 1 % of its samples within the distance that 1 % of the
    held-out pictures have; a good one that repeats nothing has about 1 %.

    Source: the yardstick of Meehan et al., A Non-Parametric Test to Detect Data-Copying in Generative Models,
        AISTATS 2020: held-out real pictures. Deviation: a share and medians instead of their statistic.
    """

    data: Input[ImageSet]
    """The pictures that the generator was trained on, all of which are searched."""
    features: Input[FeatureNet]
    """The extractor."""
    held_out: Input[ImageSet] | None = None
    """Real pictures that the generator has not seen. Without them a fifth of the data is set aside, at most 1000
    pictures; copies of these are then not found."""
    seeds: Seeds = "0-999"
    """The samples to draw."""
    shown: Annotated[int, Field(ge=0, le=200, strict=True)] = 16
    """Samples in the strips."""
    batch_size: Count = 16

    def run(self, generator: Generator, folder: Path, progress: Progress) -> Report:
        import torch

        rows, held, held_rows = self._divided()
        searched = torch.cat(list(self._vectors(self.data, rows, progress)))
        fresh = torch.cat(list(self._vectors(held, held_rows, progress)))
        seeds = Ranges(self.seeds)
        pictures = generated_pictures(generator, seeds, self.batch_size, progress)
        made = torch.cat(list(vectors(self.features, pictures)))
        distances, positions = nearest(made, searched, NEIGHBOURS)
        yardstick = nearest(fresh, searched, 1)[0][:, 0]
        within = yardstick.quantile(0.01)
        lines = []
        for kind, values in (("generated", distances[:, 0]), ("held out", yardstick)):
            share = 100 * float((values <= within).double().mean())
            median, low = float(values.median()), float(values.quantile(0.01))
            lines.append((kind, len(values), median, low, float(values.min()), share))
        columns = ("pictures", "number", "median", "1st percentile", "smallest", "share within, %")
        note = (
            f"Distance to the nearest of {len(rows)} training pictures, in features of {self.features.name}; "
            f"share within {float(within):.4g}, the 1st percentile of the held-out ones."
        )
        if self.held_out is None:
            note += " The held-out pictures are part of the data: a copy of one of them is not found here."
        closest = distances[:, 0].argsort(stable=True)[: self.shown].tolist()
        strips = [
            self._strip(generator, seeds[i], [rows[j] for j in positions[i]], distances[i].tolist(), folder)
            for i in closest
        ]
        table = Table("Distance to the training pictures", columns, tuple(lines), note)
        return Report(strips=tuple(strips), tables=(table,))

    def _divided(self) -> tuple[list[int], ImageSet, list[int]]:
        """Rows of the data to search; the held-out pictures, and rows of them."""
        order = chosen(self.data, len(self.data))
        aside = 0 if self.held_out is not None else min(HELD_OUT, len(order) // 5)
        if self.held_out is None and aside < 2:
            raise InterpganError(
                f"{len(order)} pictures are too few to set some of them aside; give 'held_out', or more data"
            )
        held = self.data if self.held_out is None else self.held_out
        held_rows = order[:aside] or chosen(held, len(held))
        rows = order[aside:]
        if len(rows) < NEIGHBOURS or len(held_rows) < 2:
            raise InterpganError(
                f"{len(rows)} pictures of data and {len(held_rows)} held out are too few; "
                f"give at least {NEIGHBOURS} and 2"
            )
        return rows, held, held_rows

    def _vectors(self, data: ImageSet, rows: list[int], progress: Progress) -> Iterator[Tensor]:
        return vectors(self.features, real_pictures(data, rows, self.batch_size, progress))

    def _strip(
        self, generator: Generator, seed: int, rows: list[int], distances: list[float], folder: Path
    ) -> Strip:
        import numpy as np

        drawn = to_bytes(generator.images(generator.sample([seed])))[0].cpu().numpy()
        shown = [(drawn, f"seed-{seed}.png", f"seed {seed}")]
        for place, (row, distance) in enumerate(zip(rows, distances, strict=True), start=1):
            file = f"seed-{seed}-{place}-picture-{row}.png"
            shown.append((self.data.pixels[row], file, f"picture {row}, distance {distance:.3g}"))
        title = f"seed {seed} and its nearest"
        return Strip(
            title,
            tuple(
                Picture.write(np.ascontiguousarray(pixels.transpose(1, 2, 0)), folder, file, caption)
                for pixels, file, caption in shown
            ),
        )


class PrecisionRecall(Operator):
    """Precision and recall: how many samples look like the data, and how much of the data the samples reach.

    A picture is like a set where it lies, in features, in a ball around one of the set's pictures, whose radius
    is the distance to that picture's k-th nearest in its own set.

    Source: Kynkäänniemi et al., Improved Precision and Recall Metric for Assessing Generative Models, NeurIPS
        2019, equations 1 and 2. Deviation: the features are those of the extractor that is given.
    """

    data: Input[ImageSet]
    """The real pictures."""
    features: Input[FeatureNet]
    """The extractor."""
    seeds: Seeds = "0-9999"
    """The samples to draw."""
    real: Count = 10000
    """At most so many pictures of the data, chosen at random, the same ones in every run."""
    k: Count = 3
    """Which neighbour gives the radius; the paper's 3."""
    batch_size: Count = 16

    def run(self, generator: Generator, progress: Progress) -> Report:
        import torch

        seeds, rows = Ranges(self.seeds), chosen(self.data, self.real)
        for count, what in ((len(seeds), "samples"), (len(rows), "real pictures")):
            if count <= self.k:
                raise InterpganError(f"{count} {what} have no neighbour {self.k}; give more, or lower 'k'")
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


def nearest(queries: Tensor, references: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """The k nearest references of each query.

    Args:
        queries: (n, d) float32.
        references: (m, d) float32; m at least k.
        k: how many.

    Returns:
        distances: (n, k) float64, ascending.
        positions: (n, k) int64; among the references.
    """
    import torch

    best = torch.full((len(queries), k), torch.inf, dtype=torch.float64)
    positions = torch.zeros((len(queries), k), dtype=torch.int64)
    for rows, columns, distances in blocks(queries, references):
        numbers = torch.arange(columns.start, columns.stop).expand(len(distances), -1)
        candidates = torch.cat([best[rows], distances], 1)
        best[rows], order = candidates.topk(k, largest=False)
        positions[rows] = torch.cat([positions[rows], numbers], 1).gather(1, order)
    return best, positions


def blocks(queries: Tensor, references: Tensor) -> Iterator[tuple[slice, slice, Tensor]]:
    """All distances between two sets, with constant memory.

    Args:
        queries: (n, d) float32.
        references: (m, d) float32.

    Returns:
        Rows, columns, and (rows, columns) float64 Euclidean distances of each block; row by row of blocks.
    """
    for rows in _slices(len(queries)):
        a = queries[rows].double()
        for columns in _slices(len(references)):
            b = references[columns].double()
            squares = a.square().sum(1)[:, None] + b.square().sum(1)
            distances = squares - 2 * a @ b.T
            # What is left of equal vectors is rounding, of float32 features and of this difference.
            yield rows, columns, distances.where(distances > 1e-12 * squares, 0).sqrt()


def _slices(count: int) -> list[slice]:
    return [slice(start, min(start + BLOCK, count)) for start in range(0, count, BLOCK)]
