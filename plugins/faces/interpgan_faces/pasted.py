"""The operator `faces.pasted`: what `faces.paste` will make of the pictures of edited codes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from interpgan_core import Cutouts, Finish, Generator, Input, InterpganError, LatentBatch, Operator, Square
from interpgan_faces.paste import drawn
from interpgan_faces.ways import How

if TYPE_CHECKING:
    from torch import Tensor


class SeePasted(Operator):
    """Let `reach` look at edited faces as `faces.paste` will put them back, in place of the generator's pictures.

    What comes back keeps some of the photograph, so that a change of the generator's picture is not all seen.
    """

    faces: Input[Cutouts]
    """As of `faces.paste`."""
    inverted: Input[LatentBatch]
    """As of `faces.paste`."""
    how: How = "mix"
    """As of `faces.paste`."""

    def check(self) -> None:
        if len(self.inverted) != len(self.faces):
            raise InterpganError(
                f"there are {len(self.inverted)} codes for {len(self.faces)} faces; give one code a face"
            )

    def run(self, generator: Generator) -> Finish:
        """What `reach` takes as `finish`; batches given there hold one code for each of the faces."""
        import torch

        self.check()
        side = self.faces.resolution
        pictures = [drawn(generator, self.inverted, i, side) for i in range(len(self.faces))]
        return Pasted(self.faces, torch.stack(pictures), self.how)


@dataclass(frozen=True, eq=False)
class Pasted:
    """A `Finish`: an edited face in what its square shows of the photograph.

    Args:
        faces: n faces.
        inverted: (n, 3, s, s) the generator's pictures of them, before any edit.
        how: see `interpgan_faces.pasting.paste`.
    """

    faces: Cutouts
    inverted: Tensor
    how: How

    def finished(self, image: Tensor, sample: int) -> Tensor:
        """Paste.

        Args:
            image: (3, h, w) float32 in [-1, 1], of the edited code.
            sample: which face it is.

        Returns:
            (3, s, s), nominally in [-1, 1].

        Raises:
            InterpganError: if there is no such face.
        """
        import torch
        from torch.nn import functional

        from interpgan_faces.pasting import paste

        if sample >= len(self.inverted):
            raise InterpganError(
                f"there are {len(self.inverted)} faces, and more codes; give one code a face"
            )
        side, square = self.inverted.shape[2], self.faces.squares[sample]
        original = torch.from_numpy(self.faces.originals[self.faces.sources[sample]].copy())
        # A small face of the photograph has no room for all that the generator draws.
        pixels = min(side, round(square.side))
        photograph = square.cut(original.permute(2, 0, 1).float() / 127.5 - 1, pixels)
        whole = Square(pixels / 2, pixels / 2, pixels / 2, 0)
        edited = functional.adaptive_avg_pool2d(image.cpu()[None], side)[0]
        known = self.faces.known()[sample]
        made = paste(photograph, whole, self.inverted[sample], edited, known, self.how)
        return made if pixels == side else whole.cut(made, side)
