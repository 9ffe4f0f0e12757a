"""The operator `metrics.neighbours`: the training images nearest to samples, in the space of features."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from interpgan_core import (
    FeatureNet,
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
    check_batch_size,
)
from interpgan_metrics.features import (
    Count,
    chosen,
    generated_pictures,
    real_pictures,
    to_bytes,
    vectors,
)
from interpgan_metrics.nearest import nearest

if TYPE_CHECKING:
    from torch import Tensor

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
    shown: Annotated[int, Field(ge=0, le=200)] = 16
    """Samples in the strips."""
    batch_size: Count = 16

    def check(self, generator: Generator) -> None:
        check_batch_size(generator, self.batch_size, len(Ranges(self.seeds)))
        self._divided()

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
        shown = [(drawn, f"seed-{seed}.png", f"seed {seed}", False)]
        for place, (row, distance) in enumerate(zip(rows, distances, strict=True), start=1):
            file = f"seed-{seed}-{place}-picture-{row}.png"
            shown.append((self.data.pixels[row], file, f"picture {row}, distance {distance:.3g}", True))
        title = f"seed {seed} and its nearest"
        return Strip(
            title,
            tuple(
                Picture.write(
                    np.ascontiguousarray(pixels.transpose(1, 2, 0)), folder, file, caption, given=given
                )
                for pixels, file, caption, given in shown
            ),
        )
