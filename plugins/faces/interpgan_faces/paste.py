"""The operator `faces.paste`: edited faces back into their photographs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from interpgan_core import (
    Cutouts,
    FeatureNet,
    Generator,
    Input,
    InterpganError,
    LatentBatch,
    Operator,
    Picture,
    Progress,
    Report,
    Scorer,
    Square,
    Strip,
    Table,
    did_you_mean,
    score_images,
    to_uint8,
)
from interpgan_faces.ways import How

if TYPE_CHECKING:
    from torch import Tensor

AROUND = 1.3  # of the side of a face's square: what the report shows
MARK = {
    "Software": "interpgan",
    "Comment": "A photograph with a face drawn by a generative adversarial network.",
}


class PasteFaces(Operator):
    """Put edited faces back into their photographs, at the photographs' own resolution.

    difference: what the edit changes is added, so that every detail of the photograph stays. ellipse: the same, within
    the face alone. mix: the same where the edit changes little, and the edited picture where it changes much, as when
    the head turns or a mouth closes.
    """

    version: ClassVar[int] = 2

    faces: Input[Cutouts]
    """Faces and their photographs, of the step `inversion.align`."""
    inverted: Input[LatentBatch]
    """The code of each face, of the step `inversion`, before any edit."""
    batches: Annotated[dict[str, Input[LatentBatch]], Field(min_length=1)]
    """Edited codes, one a face, by the caption that they get."""
    how: How = "mix"
    scorer: Input[Scorer] | None = None
    """Scores each photograph and each edited one: `$step`."""
    attributes: Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    """Which of the scorer's stand under the pictures and in the table; all when left out."""
    identity: Input[FeatureNet] | None = None
    """A net that tells persons apart: the distance of its features to those of the photograph, `$step`."""

    def check(self) -> None:
        known = () if self.scorer is None else self.scorer.names
        for name in self.attributes or ():
            if name not in known:
                raise InterpganError(f"the scorer has no attribute '{name}'" + did_you_mean(name, known))

    def run(self, generator: Generator, folder: Path, progress: Progress) -> Report:
        """Paste.

        Raises:
            InterpganError: if there is not one code a face.
        """
        import numpy as np
        import torch

        from interpgan_faces.pasting import paste

        self.check()
        for caption, batch in {"inverted": self.inverted, **self.batches}.items():
            if len(batch) != len(self.faces):
                raise InterpganError(
                    f"'{caption}' has {len(batch)} codes, and there are {len(self.faces)} faces; give one code a face"
                )
        known = self.faces.known()
        names = list((self.faces.notes or {}).get("pictures", map(str, range(len(self.faces)))))
        side = self.faces.resolution
        strips, rows = [], list[tuple[str | float, ...]]()
        for i in progress(range(len(self.faces)), total=len(self.faces), what="pasting faces"):
            original, square = self.faces.originals[self.faces.sources[i]], self.faces.squares[i]
            photograph = torch.from_numpy(np.array(original.transpose(2, 0, 1))).float() / 127.5 - 1
            inverted = drawn(generator, self.inverted, i, side)
            first = self.faces.images([i])
            figures = self._figures(first, None)
            rows.append((names[i], "photograph", *figures.values()))
            around = _around(square, original.shape[:2])
            words = _words("photograph", figures)
            shown = [Picture.write(original, folder, f"{i:03d}-0.png", words, given=True, part=around)]
            for k, (caption, batch) in enumerate(self.batches.items(), 1):
                edited = drawn(generator, batch, i, side)
                made = paste(photograph, square, inverted, edited, known[i], self.how)
                figures = self._figures(square.cut(made, side)[None], first)
                rows.append((names[i], caption, *figures.values()))
                pixels = to_uint8(made[None])[0]
                words = _words(caption, figures)
                shown.append(Picture.write(pixels, folder, f"{i:03d}-{k}.png", words, text=MARK, part=around))
            strips.append(Strip(names[i], tuple(shown)))
        columns = ("photograph", "picture", *figures)
        tables = (Table("What the pictures show", columns, tuple(rows)),) if figures else ()
        return Report("", tuple(strips), tables)

    def _figures(self, image: Tensor, photograph: Tensor | None) -> dict[str, float]:
        """By the heading of their columns; image: (1, 3, s, s)."""
        import torch

        found: dict[str, float] = {}
        if self.scorer is not None:
            scores = dict(zip(self.scorer.names, score_images(self.scorer, image)[0].tolist(), strict=True))
            found |= {name: scores[name] for name in self.attributes or self.scorer.names}
        if self.identity is not None:
            before = image if photograph is None else photograph
            with torch.no_grad():
                one, other = (self.identity.features(each) for each in (image, before))
            found["identity distance"] = float((one - other).norm())
        return found


def drawn(generator: Generator, batch: LatentBatch, i: int, side: int) -> Tensor:
    """(3, side, side) the picture of one code of a batch, on the CPU."""
    import torch
    from torch.nn import functional

    with torch.no_grad():
        image = generator.images(batch[i]).cpu()
    return functional.adaptive_avg_pool2d(image, side)[0]


def _around(square: Square, size: Sequence[int]) -> tuple[slice, slice]:
    """Rows and columns of the photograph around a face, for the small picture."""
    reach = AROUND * square.side / 2
    bounds = zip((square.y, square.x), size, strict=True)
    rows, columns = (slice(max(0, int(at - reach)), min(end, int(at + reach) + 1)) for at, end in bounds)
    return rows, columns


def _words(caption: str, figures: dict[str, float]) -> str:
    """A caption with its figures: "older: age 61, smile 0.9"."""
    said = ", ".join(
        f"{name} {value:.0f}" if abs(value) >= 10 else f"{name} {value:.2f}"
        for name, value in figures.items()
    )
    return f"{caption}: {said}" if said else caption
