"""Sets of pictures with labels: what GANs are trained on and compared with."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from interpgan_core.errors import InterpganError, did_you_mean
from interpgan_core.files.atomic import placing
from interpgan_core.files.checkpoints import read_safetensors, write_safetensors
from interpgan_core.files.unpickle import damaged
from interpgan_core.pictures import images
from interpgan_core.pictures.report import Picture, Report, Strip, Table

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

PIXELS = "pixels.npy"

_SHOWN = 12  # pictures in the report
_LISTED = 50  # classes in the report


@dataclass(frozen=True, eq=False)
class ImageSet:
    """Pictures of one size, an `Artifact`; the pixels stay on disk, in `pixels.npy`, until they are asked for.

    Args:
        pixels: (n, 3, h, w) uint8, n at least 1; an array, or one mapped into memory from a file.
        classes: (n,) int64 number of each picture's class, or None.
        class_names: one a class, in the order of their numbers.
        attributes: (n, k) float32, or None; the labels of each picture.
        names: k attributes.
        seeds: (n,) int64 of pictures that were drawn from seeds, or None.
        notes: where they come from; JSON values.

    Example:
        >>> import numpy as np
        >>> from interpgan_core import ImageSet
        >>> black = ImageSet(np.zeros((2, 3, 8, 8), np.uint8))
        >>> len(black), black.resolution, float(black.images([0]).max())
        (2, 8, -1.0)
    """

    pixels: np.ndarray
    classes: Tensor | None = None
    class_names: tuple[str, ...] = ()
    attributes: Tensor | None = None
    names: tuple[str, ...] = ()
    seeds: Tensor | None = None
    notes: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        shape = self.pixels.shape
        if len(shape) != 4 or shape[1] != 3 or str(self.pixels.dtype) != "uint8":
            raise InterpganError(
                f"pictures have shape (n, 3, h, w) and type uint8, not {shape} of {self.pixels.dtype}"
            )
        if not len(self):
            raise InterpganError("a set of pictures holds one at least, and this holds none")
        for what in ("classes", "attributes", "seeds"):
            rows = getattr(self, what)
            if rows is not None and len(rows) != len(self):
                raise InterpganError(f"{len(self)} pictures came with {len(rows)} {what}")
        if self.attributes is not None and tuple(self.attributes.shape) != (len(self), len(self.names)):
            raise InterpganError(
                f"attributes of shape {tuple(self.attributes.shape)} came with {len(self.names)} names"
            )
        if self.classes is not None and not 0 <= self.classes.min() <= self.classes.max() < len(
            self.class_names
        ):
            raise InterpganError(
                f"classes {int(self.classes.min())} to {int(self.classes.max())} came with "
                f"{len(self.class_names)} names"
            )

    def __len__(self) -> int:
        return len(self.pixels)

    def __repr__(self) -> str:
        height, width = self.size
        known = f", {len(self.class_names)} classes" if self.class_names else ""
        known += f", known: {', '.join(self.names)}" if self.names else ""
        return f"<ImageSet: {len(self)} pictures of {height} x {width} pixels{known}>"

    def _repr_html_(self) -> str:
        """As a notebook shows it: the first pictures."""
        import numpy as np

        shown = np.ascontiguousarray(self.pixels[:_SHOWN].transpose(0, 2, 3, 1))
        sheet = _sheet(np.stack([images.thumbnail(picture, 128) for picture in shown]))
        return f'<p>{escape(repr(self))}</p><img src="{images.data_uri(sheet)}" alt="the first pictures">'

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the pictures, in pixels."""
        return int(self.pixels.shape[2]), int(self.pixels.shape[3])

    @property
    def resolution(self) -> int:
        """The longer side of the pictures, in pixels."""
        return max(self.size)

    def images(self, rows: Any) -> Tensor:
        """Some of the pictures.

        Args:
            rows: a slice or a list of positions; m of them.

        Returns:
            (m, 3, h, w) float32 in [-1, 1].
        """
        import numpy as np
        import torch

        return torch.from_numpy(np.array(self.pixels[rows])).float() / 127.5 - 1

    @cached_property
    def labels(self) -> Tensor | None:
        """(n, classes) float32 class weights, or None."""
        import torch

        if self.classes is None:
            return None
        return torch.nn.functional.one_hot(self.classes, len(self.class_names)).float()

    def attribute(self, name: str) -> Tensor:
        """One attribute of every picture.

        Args:
            name: one of `names`.

        Returns:
            (n,) float32.

        Raises:
            InterpganError: if it is not known of these pictures.
        """
        if self.attributes is None or name not in self.names:
            raise InterpganError(
                f"these pictures have no attribute '{name}'" + did_you_mean(name, self.names)
            )
        return self.attributes[:, self.names.index(name)]

    def save(self, folder: Path) -> None:
        """Write `pixels.npy` and `known.safetensors` into the folder, and `sheet.png` to look at.

        Pixels that are mapped from that very file stay where they are.
        """
        import numpy as np

        path = folder / PIXELS
        if not self._maps(path):
            with placing(path) as partial:  # some other part of the file in its place may be what is written
                np.save(partial, self.pixels)
        tensors = {
            name: tensor
            for name in ("classes", "attributes", "seeds")
            if (tensor := getattr(self, name)) is not None
        }
        header = {"class_names": self.class_names, "names": self.names, "notes": dict(self.notes or {})}
        write_safetensors(folder / "known.safetensors", tensors, "images", header)
        shown = np.ascontiguousarray(self.pixels[:_SHOWN].transpose(0, 2, 3, 1))
        Picture.write(_sheet(shown), folder, "sheet.png", "")

    def _maps(self, path: Path) -> bool:
        """Are the pixels the whole of the file?"""
        import numpy as np

        if not isinstance(self.pixels, np.memmap) or self.pixels.filename is None or not path.exists():
            return False
        if not path.samefile(self.pixels.filename) or not self.pixels.flags.c_contiguous:
            return False
        self.pixels.flush()
        return bool(map_pixels(path).shape == self.pixels.shape)

    @classmethod
    def load(cls, folder: Path, generator: Any = None) -> ImageSet:
        """Read what `save` wrote; the pixels are mapped into memory, not read.

        Raises:
            InterpganError: if a file is missing, damaged or holds something else.
        """
        tensors, header = read_safetensors(folder / "known.safetensors", "images")
        if not {"class_names", "names", "notes"} <= set(header):
            raise InterpganError(
                f"the header of {folder / 'known.safetensors'} is damaged; make the set again"
            )
        return cls(
            map_pixels(folder / PIXELS),
            tensors.get("classes"),
            tuple(header["class_names"]),
            tensors.get("attributes"),
            tuple(header["names"]),
            tensors.get("seeds"),
            header["notes"],
        )

    def summary(self) -> Report:
        """What the report shows of them: how many, the first ones, and what is known."""
        tables = []
        if self.attributes is not None:
            rows = tuple(
                (name, float(column.mean()), float(column.min()), float(column.max()))
                for name, column in zip(self.names, self.attributes.unbind(1), strict=True)
            )
            tables.append(Table("What is known", ("attribute", "mean", "lowest", "highest"), rows))
        if self.classes is not None:
            counts = self.classes.bincount(minlength=len(self.class_names)).tolist()
            kinds = tuple(zip(self.class_names, counts, strict=True))
            more = f"and {len(kinds) - _LISTED} more" if len(kinds) > _LISTED else ""
            tables.append(Table("Classes", ("class", "pictures"), kinds[:_LISTED], more))
        first = f"the first {_SHOWN}" if len(self) > _SHOWN else ""
        sheet = Picture("sheet.png", first, thumbnail="small/sheet.webp", given=True)
        height, width = self.size
        size = f"{height}" if height == width else f"{height} x {width}"
        notes = [f"{len(self)} picture{'s' if len(self) > 1 else ''} of {size} pixels."]
        notes += [f"{name}: {_said(value)}" for name, value in (self.notes or {}).items()]
        return Report(strips=(Strip("", (sheet,)),), tables=tuple(tables), notes=tuple(notes))


def _sheet(shown: np.ndarray) -> np.ndarray:
    return images.contact_sheet(shown, min(len(shown), _SHOWN // 2))


def write_pixels(path: Path, pictures: Iterable[np.ndarray], size: tuple[int, int]) -> int:
    """Write pictures one after the other, in constant memory, when their number is not known before.

    Args:
        path: the `.npy` file.
        pictures: (3, h, w) uint8 each.
        size: height and width, in pixels.

    Returns:
        How many there were.
    """
    import numpy as np
    from numpy.lib import format as npy

    def header(count: int) -> dict[str, Any]:
        return {"descr": "|u1", "fortran_order": False, "shape": (count, 3, *size)}

    count = 0
    with path.open("wb") as file:
        npy.write_array_header_1_0(file, header(0))
        for count, picture in enumerate(pictures, start=1):  # noqa: B007
            file.write(np.ascontiguousarray(picture).data)
        file.seek(0)
        npy.write_array_header_1_0(file, header(count))  # as long as before: numpy leaves room for the count
    return count


def map_pixels(path: Path) -> np.ndarray:
    """Pixels in a file, mapped into memory.

    Args:
        path: the `.npy` file.

    Returns:
        The array; it must not be written to.

    Raises:
        InterpganError: if there is no such file, or it is damaged.
    """
    import numpy as np

    try:
        pixels: np.ndarray = np.load(path, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError as error:
        raise InterpganError(f"there is no file {path}; make the set again") from error
    except (OSError, ValueError, EOFError) as error:
        raise damaged(error, str(path)) from error
    return pixels


def _said(value: Any) -> str:
    """A note in words; of a long list, how it begins."""
    if isinstance(value, list | tuple):
        more = f", and {len(value) - _SHOWN} more" if len(value) > _SHOWN else ""
        return ", ".join(map(_said, value[:_SHOWN])) + more
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
