"""The pictures to invert, from wherever they are, at the size that the generator draws."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias
from zipfile import is_zipfile

from pydantic import Discriminator, Field, Tag, WithJsonSchema

from interpgan_core import Generator, ImageSet, Input, InputFile, InterpganError, Progress, ReadImages

Fit = Literal["crop", "pad"]
"""How a picture becomes square: its middle is cut out, or it is set on white."""


def _kind(value: Any) -> str:
    """Which of the types of `Pictures` was meant, so that a mistake is explained in its terms."""
    return "file" if isinstance(value, str | Path) else "files" if isinstance(value, list | tuple) else "set"


Pictures: TypeAlias = Annotated[
    Annotated[Input[ImageSet], Tag("set")]
    | Annotated[InputFile, Tag("file"), WithJsonSchema({"type": "string", "pattern": "^[^$]"})]
    | Annotated[tuple[InputFile, ...], Tag("files"), Field(min_length=1)],
    Discriminator(_kind),
]
"""The set of another step, a picture, a folder (or a .zip or .npz) of pictures, or several of these."""


def size_of(generator: Generator) -> tuple[int, int]:
    """Height and width of what the generator draws, in pixels."""
    import torch

    with torch.no_grad():
        height, width = generator.images(generator.sample([0])).shape[2:]
    return int(height), int(width)


def read(
    pictures: ImageSet | Path | tuple[Path, ...],
    size: tuple[int, int],
    fit: Fit,
    unreadable: int,
    folder: Path,
    progress: Progress,
) -> ImageSet:
    """Read pictures.

    Args:
        pictures: see `Pictures`.
        size: height and width, in pixels.
        fit: how files get that shape.
        unreadable: how many files that cannot be read are left out.
        folder: for the pixels of what is read.
        progress: shows how far it is.

    Returns:
        A set whose notes say what was left out.

    Raises:
        InterpganError: if a set has another size, more than `unreadable` files cannot be read, or none can.
    """
    if isinstance(pictures, ImageSet):
        return of_size(pictures, size)
    sources = pictures if isinstance(pictures, tuple) else (pictures,)
    sets: list[ImageSet] = []
    bad: list[str] = []
    for i, source in enumerate(sources):
        own = folder / f"source{i}"
        own.mkdir(parents=True, exist_ok=True)
        left = unreadable - len(bad)
        step = ReadImages(source=source, resolution=size, fit=fit, classes=False, unreadable=left)
        try:
            sets.append(step.run(own, progress))
        except InterpganError as error:
            if not left or source.is_dir() or is_zipfile(source):
                raise
            bad.append(str(error).rsplit("; ", 1)[0])
        else:
            bad += (sets[-1].notes or {}).get("left out", [])
    if not sets:
        raise InterpganError(f"none of the pictures can be read: {', '.join(bad)}; repair them")
    return joined(sets, bad)


def look(pictures: ImageSet | Path | tuple[Path, ...], size: tuple[int, int]) -> None:
    """See what can be seen before pictures are read: that they are there, and of the right size if they are a set.

    Raises:
        InterpganError: as `read`.
    """
    if isinstance(pictures, ImageSet):
        of_size(pictures, size)
        return
    for source in pictures if isinstance(pictures, tuple) else (pictures,):
        ReadImages(source=source, resolution=size, classes=False).check()


def of_size(pictures: ImageSet, size: tuple[int, int]) -> ImageSet:
    """The set itself.

    Raises:
        InterpganError: if its pictures have another height or width.
    """
    if pictures.size != size:
        have, wanted = (str(s[0]) if s[0] == s[1] else f"{s[0]} x {s[1]}" for s in (pictures.size, size))
        asked = size[0] if size[0] == size[1] else list(size)
        raise InterpganError(
            f"these pictures have {have} pixels and the generator draws {wanted}; "
            f"make the set with resolution: {asked}, or name the files here"
        )
    return pictures


def joined(sets: list[ImageSet], bad: list[str]) -> ImageSet:
    """Several sets as one, with the names of its pictures and of those that were left out."""
    import numpy as np

    notes = {"pictures": [name for each in sets for name in names_of(each)]} | (
        {"left out": bad} if bad else {}
    )
    return ImageSet(np.concatenate([each.pixels for each in sets]), notes=notes)


def names_of(pictures: ImageSet) -> list[str]:
    """What a person calls each picture: its file, its seed, or else its number."""
    known = (pictures.notes or {}).get("pictures")
    if known and len(known) == len(pictures):
        return list(known)
    if pictures.seeds is not None:
        return [f"seed {int(seed)}" for seed in pictures.seeds]
    return [f"picture {i}" for i in range(len(pictures))]
