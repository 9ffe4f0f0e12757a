"""Pictures that somebody collected or rendered, with what is known of each: what GANs are trained on and held to."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from interpgan_core import images
from interpgan_core.checkpoints import read_safetensors, write_safetensors
from interpgan_core.errors import InterpganError, did_you_mean
from interpgan_core.report import Picture, Report, Strip, Table

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

_SHOWN = 12  # pictures in the report


@dataclass(frozen=True, eq=False)
class ImageSet:
    """Square pictures of one size, an `Artifact`; the pixels stay on disk, in `pixels.npy`, until they are asked for.

    Args:
        pixels: (n, 3, r, r) uint8; an array, or one mapped into memory from a file.
        classes: (n,) int64 number of each picture's class, or None.
        class_names: one a class, in the order of their numbers.
        attributes: (n, k) float32, or None; what is known of each picture.
        names: k attributes.
        seeds: (n,) int64 of pictures that were drawn from seeds, or None.
        notes: where they come from; JSON values.
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
        if len(shape) != 4 or shape[1] != 3 or shape[2] != shape[3] or str(self.pixels.dtype) != "uint8":
            raise InterpganError(
                f"pictures have shape (n, 3, r, r) and type uint8, not {shape} of {self.pixels.dtype}"
            )
        for what in ("classes", "attributes", "seeds"):
            rows = getattr(self, what)
            if rows is not None and len(rows) != len(self):
                raise InterpganError(f"{len(self)} pictures came with {len(rows)} {what}")
        if self.attributes is not None and self.attributes.shape[1] != len(self.names):
            raise InterpganError(f"{self.attributes.shape[1]} attributes came with {len(self.names)} names")

    def __len__(self) -> int:
        return len(self.pixels)

    @property
    def resolution(self) -> int:
        """Of the pictures, in pixels."""
        return int(self.pixels.shape[2])

    def images(self, rows: Any) -> Tensor:
        """Some of the pictures.

        Args:
            rows: a slice or a list of positions; m of them.

        Returns:
            (m, 3, r, r) float32 in [-1, 1].
        """
        import numpy as np
        import torch

        return torch.from_numpy(np.ascontiguousarray(self.pixels[rows])).float() / 127.5 - 1

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
        """Write `pixels.npy` and `known.safetensors` into the folder, and `sheet.png` to look at."""
        import numpy as np

        np.save(folder / "pixels.npy", self.pixels)
        tensors = {
            name: tensor
            for name in ("classes", "attributes", "seeds")
            if (tensor := getattr(self, name)) is not None
        }
        header = {"class_names": self.class_names, "names": self.names, "notes": dict(self.notes or {})}
        write_safetensors(folder / "known.safetensors", tensors, "images", header)
        shown = np.ascontiguousarray(self.pixels[:_SHOWN].transpose(0, 2, 3, 1))
        Picture.write(
            images.contact_sheet(shown, _SHOWN // 2), folder, "sheet.png", f"the first {len(shown)}"
        )

    @classmethod
    def load(cls, folder: Path, generator: Any = None) -> ImageSet:
        """Read what `save` wrote; the pixels are mapped into memory, not read."""
        import numpy as np

        tensors, header = read_safetensors(folder / "known.safetensors", "images")
        return cls(
            np.load(folder / "pixels.npy", mmap_mode="r", allow_pickle=False),
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
            tables.append(
                Table("Classes", ("class", "pictures"), (*zip(self.class_names, counts, strict=True),))
            )
        sheet = Picture("sheet.png", f"the first {min(len(self), _SHOWN)}", thumbnail="small/sheet.webp")
        notes = [f"{len(self)} pictures of {self.resolution} pixels."]
        if self.notes:
            notes.append(json.dumps(self.notes, ensure_ascii=False))
        return Report(strips=(Strip("", (sheet,)),), tables=tuple(tables), notes=tuple(notes))
