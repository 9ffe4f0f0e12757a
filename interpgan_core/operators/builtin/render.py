"""The step `render`: pictures of a batch, and what changed in them."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import Field, model_validator

from interpgan_core.errors import InterpganError, did_you_mean
from interpgan_core.generators.generator import Generator
from interpgan_core.generators.latents import Grid, LatentBatch
from interpgan_core.operators.base import Operator
from interpgan_core.operators.builtin.pixels import MARK, BatchSize, Format, pixels_of
from interpgan_core.operators.fields import Input
from interpgan_core.operators.scores import Scorer, score_images
from interpgan_core.pictures import figures, images
from interpgan_core.pictures.figures import FigureFormat
from interpgan_core.pictures.motion import Motion, need_video, save_motion
from interpgan_core.pictures.report import THUMBNAIL, Picture, Report, Strip
from interpgan_core.progress import Progress

if TYPE_CHECKING:
    from interpgan_core.pictures.images import Pixels


_NO_MOTION = "a motion needs rows of several columns; put walk or interpolate before this step"


class Render(Operator):
    """Render the batch: a file a picture, a contact sheet, and maps of what changed.

    A walk shows one row a sample; plain samples stand in one row, or each beside its original.

    Example:
        >>> from pathlib import Path
        >>> from interpgan_core import Render, quiet
        >>> from interpgan_core.testing import toy
        >>> generator = toy()
        >>> report = Render().run(generator, generator.sample([7, 8]), Path("."), quiet)
        >>> [picture.caption for picture in report.strips[0].pictures]
        ['seed 7', 'seed 8']
    """

    title: str = ""
    """Heading in the report."""
    compare: Input[LatentBatch] | Annotated[dict[str, Input[LatentBatch]], Field(min_length=1)] | None = None
    """Earlier batches to stand on the left, the first unedited: one, or several by their captions. A walk
    through strength 0 knows its own."""
    caption: str = "after"
    """What stands under the batch itself when it is compared."""
    differences: bool = True
    """Show how each picture differs from the unedited one, where that is known."""
    scorer: Input[Scorer] | None = None
    """Says under every picture what it sees there."""
    attributes: tuple[str, ...] = ()
    """Of the scorer; all when left out."""
    format: Format | Literal["gif"] = "png"
    """png, jpg or webp; gif: png, and every row as a GIF that moves."""
    motion: Motion | None = None
    """Every row of a walk as a picture that moves from its first column to its last and back; mp4 needs PyAV."""
    frames: Annotated[int, Field(ge=1, le=120)] = 6
    """Of the motion, from one column to the next; each is shown 60 ms."""
    figure: FigureFormat | tuple[FigureFormat, ...] = ()
    """Also write the rows with their labels as a figure for a paper: png (300 dpi), pdf or svg, or several."""
    alpha: bool = False
    """Keep what is transparent, of a generator that draws it, in png and webp; otherwise it is set on white."""
    batch_size: BatchSize = 8
    """Samples that pass a GPU at once; on a CPU they pass one by one, so that no byte depends on it."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.figure:
            figures.need_figures()
        if self.motion == "mp4":
            need_video()
        if self.alpha and self.format == "jpg":
            raise InterpganError("'alpha' needs format: png or webp; jpg cannot keep it")
        return self

    def check(self, batch: LatentBatch) -> None:
        if (self.motion or self.format == "gif") and batch.grid is None:
            raise InterpganError(_NO_MOTION)

    def run(self, generator: Generator, batch: LatentBatch, folder: Path, progress: Progress) -> Report:
        import numpy as np

        if self.scorer and (unknown := set(self.attributes) - set(self.scorer.names)):
            name = sorted(unknown)[0]
            raise InterpganError(
                f"the scorer has no attribute '{name}'" + did_you_mean(name, self.scorer.names)
            )
        plain = batch.grid is None and self.compare is None
        earlier = self._earlier(batch)
        if plain:
            # One row of them all, each under its own name.
            grid = Grid(tuple(_name(generator, batch, i) for i in range(len(batch))) or ("",))
        else:
            grid = batch.grid or Grid((self.caption,))
            if earlier:
                grid = replace(grid, columns=(*earlier, *grid.columns), origin=0)
        width = len(grid.columns) - len(earlier)
        rows = self._rows(generator, [*earlier.values(), batch], width, progress)
        strips: list[Strip] = []
        moving: list[Strip] = []
        sheet: list[Pixels] = []
        labelled: list[figures.Row] = []
        ending = "png" if self.format == "gif" else self.format
        motion = self.motion or ("gif" if self.format == "gif" else None)
        for row in rows:
            number = len(strips)
            title = "" if plain else grid.row_name(_name(generator, batch, number * width), number)
            strips.append(self._strip(f"{number:03d}", title, row, grid, folder, ending))
            if motion and width > 1 and not plain:
                way = batch[number * width : (number + 1) * width]
                moving.append(self._motion(generator, way, folder / f"motion/{number:03d}.{motion}", title))
            sheet += [images.thumbnail(images.over_white(picture), 256) for picture in row]
            if self.figure:
                small = [images.thumbnail(images.over_white(picture), 512) for picture in row]
                labelled.append((title, tuple(zip(grid.columns, small, strict=True))))
        for number, page in enumerate(
            images.sheet_pages(np.stack(sheet), len(grid.columns)) if sheet else (), 1
        ):
            name = "sheet" if number == 1 else f"sheet-{number}"
            images.save_picture(page, folder / f"{name}.{ending}", MARK)
        if motion and not moving:
            raise InterpganError(_NO_MOTION)
        notes: tuple[str, ...] = ()
        if labelled:
            asked = (self.figure,) if isinstance(self.figure, str) else self.figure
            notes = (f"As a figure: {', '.join(figures.save_figures(labelled, folder, asked))}.",)
        return Report(self.title, (*strips, *moving), notes=notes)

    def _motion(self, generator: Generator, way: LatentBatch, path: Path, title: str) -> Strip:
        """A row as a picture that moves: codes between two columns lie on the straight line between theirs."""
        import torch

        steps = torch.linspace(0, len(way) - 1, (len(way) - 1) * self.frames + 1, device=way.codes.device)
        before = steps.floor().long().clamp(max=len(way) - 2)
        share = (steps - before).view(-1, *[1] * (way.codes.ndim - 1))
        first, then = way[before.cpu()], way[before.cpu() + 1]
        batch = replace(first, codes=first.codes.lerp(then.codes, share))
        frames = list(pixels_of(generator, batch, self.batch_size))
        frames += frames[-2:0:-1]
        small = path.parent / f"small/{path.stem}{'.mp4' if path.suffix == '.mp4' else '.webp'}"
        save_motion(frames, path)
        save_motion([images.thumbnail(frame, THUMBNAIL) for frame in frames], small)
        name, thumb = (file.relative_to(path.parents[1]).as_posix() for file in (path, small))
        return Strip(
            f"{title}, in motion",
            (Picture(name, "", f"{title}, from the first to the last and back", thumb),),
        )

    def _earlier(self, batch: LatentBatch) -> dict[str, LatentBatch]:
        """The batches to compare with, by caption; one sample of each for every row."""
        if self.compare is None:
            return {}
        earlier = self.compare if isinstance(self.compare, dict) else {"before": self.compare}
        rows = len(batch) // len(batch.grid.columns if batch.grid else (self.caption,))
        for caption, other in earlier.items():
            if len(other) != rows:
                raise InterpganError(
                    f"'{caption}' has {len(other)} samples and what it is compared with {rows}; "
                    "compare with the batch that was edited"
                )
        return earlier

    def _rows(
        self, generator: Generator, batches: list[LatentBatch], width: int, progress: Progress
    ) -> Iterator[list[Pixels]]:
        *earlier, after = (pixels_of(generator, batch, self.batch_size, self.alpha) for batch in batches)
        count = len(batches[-1])
        shown = iter(progress(after, total=count, what=f"rendering {count} pictures"))
        while row := list(itertools.islice(shown, width)):
            yield [*(next(pictures) for pictures in earlier), *row]

    def _seen(self, row: list[Pixels]) -> list[str]:
        """What the scorer says of each picture, as its file shows it."""
        import torch

        if self.scorer is None:
            return [""] * len(row)
        pixels = torch.stack([torch.from_numpy(images.over_white(picture)) for picture in row])
        scores = score_images(self.scorer, pixels.permute(0, 3, 1, 2).float() / 127.5 - 1)
        names = self.attributes or self.scorer.names
        columns = [self.scorer.names.index(name) for name in names]
        return [
            ", ".join(f"{name} {value:.2f}" for name, value in zip(names, one, strict=True))
            for one in scores[:, columns].tolist()
        ]

    def _strip(
        self, stem: str, title: str, row: list[Pixels], grid: Grid, folder: Path, ending: str
    ) -> Strip:
        pictures, differences = [], []
        captions = zip(row, grid.columns, self._seen(row), strict=True)
        for i, (picture, column, seen) in enumerate(captions):
            caption = ": ".join(w for w in (column, seen) if w)
            words = "_".join(re.sub(r"[^\w.+-]+", "-", w) for w in (title, column) if w)
            file = f"{stem}-{i:02d}_{words}"
            alt = ", ".join(w for w in (title, caption) if w)
            pictures.append(Picture.write(picture, folder, f"{file}.{ending}", caption, alt, MARK))
            if self.differences and grid.origin not in (None, i):
                changed = images.difference(
                    images.over_white(row[grid.origin or 0]), images.over_white(picture)
                )
                path = f"changes/{file}.png"
                small = THUMBNAIL // 2
                differences.append(
                    Picture.write(changed, folder, path, caption, f"change at {alt}", side=small)
                )
        return Strip(title, tuple(pictures), grid.origin, tuple(differences))


def _name(generator: Generator, batch: LatentBatch, index: int) -> str:
    """What a sample is called: its seed, and its class where the generator has names for classes."""
    name = batch.name_of(index)
    if batch.labels is None or not generator.class_names:
        return name
    row = batch.labels[index]
    return f"{name}, {generator.class_names[int(row.argmax())]}" if bool(row.max() == 1) else name
