"""Pictures that were cut out of larger ones, which are kept beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from interpgan_core.errors import InterpganError
from interpgan_core.files.checkpoints import read_safetensors, write_safetensors
from interpgan_core.pictures.decoding import read_picture
from interpgan_core.pictures.image_sets import ImageSet
from interpgan_core.pictures.images import save_picture
from interpgan_core.pictures.squares import Square

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor


@dataclass(frozen=True, eq=False)
class Cutouts(ImageSet):
    """An `ImageSet` of squares, with the pictures that they were cut out of.

    Args:
        pixels, classes, class_names, attributes, names, seeds, notes: as of `ImageSet`.
        originals: (h, w, 3) uint8 each, of any sizes.
        squares: one a picture of the set, in pixels of its original.
        sources: number of each picture's original.

    Example:
        >>> import numpy as np
        >>> from interpgan_core import Cutouts, Square
        >>> original = np.zeros((20, 30, 3), np.uint8)
        >>> pixels = np.zeros((1, 3, 8, 8), np.uint8)
        >>> cut = Cutouts(pixels, originals=[original], squares=[Square(0, 10, 4, 0)], sources=[0])
        >>> cut.known()[0, 0].tolist()  # of its upper row, the left half lies outside
        [False, False, False, False, True, True, True, True]
    """

    originals: Sequence[np.ndarray] = ()
    squares: Sequence[Square] = ()
    sources: Sequence[int] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        if not len(self.squares) == len(self.sources) == len(self):
            raise InterpganError(
                f"{len(self)} pictures came with {len(self.squares)} squares of {len(self.sources)} originals"
            )

    def known(self) -> Tensor:
        """(n, side, side) bool: what the originals show; the rest was mirrored at their borders."""
        import torch

        return torch.stack(
            [
                square.known(self.originals[source].shape[:2], self.size[0])
                for square, source in zip(self.squares, self.sources, strict=True)
            ]
        )

    def save(self, folder: Path) -> None:
        """Write what an `ImageSet` writes, `cutouts.safetensors`, and the originals as `original-0.png` and so on."""
        import torch

        super().save(folder)
        for i, original in enumerate(self.originals):
            save_picture(original, folder / f"original-{i}.png")
        places = {
            "squares": torch.tensor([astuple(square) for square in self.squares], dtype=torch.float64),
            "sources": torch.tensor(self.sources),
        }
        write_safetensors(
            folder / "cutouts.safetensors", places, "cutouts", {"originals": len(self.originals)}
        )

    @classmethod
    def load(cls, folder: Path, generator: Any = None) -> Cutouts:
        """Read what `save` wrote.

        Raises:
            InterpganError: if a file is missing, damaged or holds something else.
        """
        import numpy as np

        plain = ImageSet.load(folder)
        places, header = read_safetensors(folder / "cutouts.safetensors", "cutouts")
        if not {"squares", "sources"} <= set(places) or "originals" not in header:
            raise InterpganError(f"{folder / 'cutouts.safetensors'} is damaged; make the set again")
        originals = [
            np.asarray(read_picture(folder / f"original-{i}.png")) for i in range(int(header["originals"]))
        ]
        return cls(
            **{field.name: getattr(plain, field.name) for field in fields(ImageSet)},
            originals=originals,
            squares=[Square(*row) for row in places["squares"].tolist()],
            sources=places["sources"].tolist(),
        )
