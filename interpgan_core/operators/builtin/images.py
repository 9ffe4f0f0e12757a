"""The step `images`: a set of pictures from a folder, an archive or one file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

from pydantic import Field

from interpgan_core.errors import InterpganError
from interpgan_core.operators.base import Operator
from interpgan_core.operators.fields import InputFile
from interpgan_core.pictures.decoding import Fit, fitted
from interpgan_core.pictures.image_sets import PIXELS, ImageSet, map_pixels, write_pixels
from interpgan_core.pictures.sources import Found, opened
from interpgan_core.progress import Progress

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image

    Read: TypeAlias = Callable[[], Image.Image]


Side = Annotated[int, Field(ge=4, le=4096)]


_NAMED = 3  # pictures in an error


_NOTED = 100  # pictures whose names go with a set


class ReadImages(Operator):
    """Read a set of pictures: a folder of files, with all folders in it; a .zip of one; an array; or one picture.

    Files are JPEG, PNG, WebP, BMP or GIF, in the order of their names; other files, and hidden ones, are passed
    over. A `dataset.json` among them, as NVIDIA's dataset_tool.py writes it, says their classes. An .npy holds
    (n, h, w, 3) or (n, 3, h, w) uint8, or grey ones, (n, h, w); an .npz holds such `images` or `arr_0`, and perhaps
    `labels` or `arr_1`, (n,) int.

    Example:
        >>> from pathlib import Path
        >>> from PIL import Image
        >>> from interpgan_core import ReadImages, quiet
        >>> Image.new("RGB", (20, 10)).save("one.png")
        >>> ReadImages(source="one.png", resolution=8).run(Path("."), quiet).resolution
        8
    """

    source: InputFile
    """A folder, a .zip, an .npz, an .npy or a picture."""
    resolution: Side | tuple[Side, Side]
    """Side of the pictures in the set, in pixels; [height, width] of pictures that are no squares."""
    fit: Fit = "crop"
    """crop: the middle of each picture; pad: all of it, on white."""
    classes: bool = True
    """Are the classes of a dataset.json, or without one the folders, where every picture lies in one, classes of the
    set? False for folders that only divide it."""
    unreadable: Annotated[int, Field(ge=0)] = 0
    """How many pictures that cannot be read are left out, before the step refuses the set."""

    def check(self) -> ImageSet | None:
        """See what is there; the pictures of the stand-in are black."""
        import numpy as np
        import torch

        height, width = self._size
        with opened(self.source, self.classes) as found:
            black = np.broadcast_to(np.zeros(1, np.uint8), (found.count, 3, height, width))
            classes = torch.tensor(found.classes) if found.class_names else None
            return ImageSet(black, classes, found.class_names) if found.count else None

    @property
    def _size(self) -> tuple[int, int]:
        size = self.resolution
        return size if isinstance(size, tuple) else (size, size)

    def run(self, folder: Path, progress: Progress) -> ImageSet:
        """Read them.

        Raises:
            InterpganError: if there are no pictures, more than `unreadable` cannot be read, or the archive is
                damaged or encrypted.
        """
        import torch

        kept: list[int] = []
        bad: list[str] = []
        cures: set[str] = set()
        enlarged = 0
        height, width = self._size

        def pixels(found: Found) -> Iterator[np.ndarray]:
            nonlocal enlarged
            import numpy as np

            what = f"reading {found.count} pictures"
            for i, read in enumerate(progress(found.pictures, total=found.count, what=what)):
                try:
                    picture = read()
                except InterpganError as error:
                    said, divided, cure = str(error).rpartition("; ")
                    bad.append(said if divided else str(error))
                    cures.add(cure)
                    continue
                kept.append(i)
                enlarged += min(picture.width / width, picture.height / height) < 1
                yield np.asarray(fitted(picture, (height, width), self.fit)).transpose(2, 0, 1)

        path = folder / PIXELS
        with opened(self.source, self.classes) as found:
            write_pixels(path, pixels(found), (height, width))
        if len(bad) > self.unreadable or not kept:
            raise InterpganError(self._refusal(bad, cures, found.count))
        notes: dict[str, object] = {"read from": self.source.name, "fit": self.fit}
        if enlarged:
            notes["enlarged, for they were smaller"] = enlarged
        if bad:
            notes["left out"] = bad
        if found.names and len(kept) <= _NOTED:
            notes["pictures"] = [found.names[i] for i in kept]
        return ImageSet(
            map_pixels(path),
            classes=torch.tensor(found.classes)[kept] if found.class_names else None,
            class_names=found.class_names,
            notes=notes,
        )

    def _refusal(self, bad: Sequence[str], cures: set[str], count: int) -> str:
        named = ", ".join(bad[:_NAMED]) + (f" and {len(bad) - _NAMED} more" if len(bad) > _NAMED else "")
        cure = "convert" if cures == {"convert it to PNG"} else "repair"
        advice = f"{cure} them" + (" to PNG" if cure == "convert" else "")
        if len(bad) < count:
            advice = f"{cure} or remove them, or leave them out with unreadable: {len(bad)}"
        return f"{len(bad)} of {count} pictures in {self.source} cannot be read: {named}; {advice}"
