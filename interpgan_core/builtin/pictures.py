"""Sets of pictures from folders and archives."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

from pydantic import Field, StrictBool

from interpgan_core.arrays import check_unpacked, read_array, read_rows
from interpgan_core.decoding import ENDINGS, MAX_PIXELS, Fit, fitted, read_picture
from interpgan_core.errors import InterpganError
from interpgan_core.files import everything_in, start_of
from interpgan_core.imagesets import PIXELS, ImageSet, map_pixels, write_pixels
from interpgan_core.operators import InputFile, Operator, Progress
from interpgan_core.unpickle import damaged

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image

    Read: TypeAlias = Callable[[], Image.Image]

_UNREAD = (
    ".tif",
    ".tiff",
    ".heic",
    ".heif",
    ".avif",
    ".jp2",
    ".jxl",
    ".tga",
)  # pictures; not to be passed over
_NAMED = 3  # pictures in an error
_NOTED = 100  # pictures whose names go with a set
_MAX_MEMBER = 512 * 2**20  # bytes of one file in an archive
_MAX_CLASSES = 100_000


class ReadImages(Operator):
    """Read a set of pictures: a folder of files, with all folders in it; a .zip of one; an .npz; or one picture.

    Files are JPEG, PNG, WebP, BMP or GIF, in the order of their names; other files, and hidden ones, are passed
    over. An .npz holds `images` or `arr_0`, (n, h, w, 3) or (n, 3, h, w) uint8, and perhaps `labels`, (n,) int.
    """

    source: InputFile
    """A folder, a .zip, an .npz or a picture."""
    resolution: Annotated[int, Field(ge=4, le=4096, strict=True)]
    """Side of the pictures in the set, in pixels."""
    fit: Fit = "crop"
    """crop: the middle of each picture; pad: all of it, on white."""
    classes: StrictBool = True
    """Are folders classes, where every picture lies in one? False for folders that only divide a large set."""
    unreadable: Annotated[int, Field(ge=0, strict=True)] = 0
    """How many pictures that cannot be read are left out, before the step refuses the set."""

    def run(self, folder: Path, progress: Progress) -> ImageSet:
        """Read them.

        Raises:
            InterpganError: if there are no pictures, more than `unreadable` cannot be read, or the archive is
                damaged or encrypted.
        """
        import torch

        kept: list[int] = []
        bad: list[str] = []
        enlarged = 0

        def pixels(found: _Found) -> Iterator[np.ndarray]:
            nonlocal enlarged
            import numpy as np

            what = f"reading {found.count} pictures"
            for i, read in enumerate(progress(found.pictures, total=found.count, what=what)):
                try:
                    picture = read()
                except InterpganError as error:
                    bad.append(str(error).rpartition(";")[0] or str(error))
                    continue
                kept.append(i)
                enlarged += min(picture.size) < self.resolution
                yield np.asarray(fitted(picture, self.resolution, self.fit)).transpose(2, 0, 1)

        path = folder / PIXELS
        with _opened(self.source, self.classes) as found:
            write_pixels(path, pixels(found), self.resolution)
        if len(bad) > self.unreadable or not kept:
            raise InterpganError(self._refusal(bad, found.count))
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

    def _refusal(self, bad: Sequence[str], count: int) -> str:
        named = ", ".join(bad[:_NAMED]) + (f" and {len(bad) - _NAMED} more" if len(bad) > _NAMED else "")
        advice = "repair them"
        if len(bad) < count:
            advice = f"repair or remove them, or leave them out with unreadable: {len(bad)}"
        return f"{len(bad)} of {count} pictures in {self.source} cannot be read: {named}; {advice}"


@dataclass(frozen=True)
class _Found:
    """Pictures somewhere.

    Args:
        count: how many.
        pictures: a function for each, which decodes it.
        classes: number of each picture's class.
        class_names: in the order of their numbers; empty if there are none.
        names: of the files; empty where pictures have none.
    """

    count: int
    pictures: Iterator[Read]
    classes: Sequence[int] = ()
    class_names: tuple[str, ...] = ()
    names: Sequence[str] = ()


@contextmanager
def _opened(source: Path, classes: bool) -> Iterator[_Found]:
    """The pictures of a folder or a file, as long as it is open."""
    if source.is_dir():
        yield _named(_files(source), source, classes)
        return
    if not start_of(source).startswith(b"PK"):
        picture = read_picture(source)
        yield _Found(1, iter([lambda: picture]), names=(source.name,))
        return
    try:
        archive = zipfile.ZipFile(source)
    except Exception as error:
        raise damaged(error, str(source)) from error
    with archive:
        members = [member for member in archive.infolist() if not member.is_dir()]
        if any(member.flag_bits & 1 for member in members):
            raise InterpganError(f"{source} is encrypted; unpack it, and name the folder")
        if members and all(member.filename.endswith(".npy") for member in members):
            try:
                yield _arrays(archive, source, classes)
            except InterpganError:
                raise
            except (ValueError, EOFError, NotImplementedError, zipfile.BadZipFile, zlib.error) as error:
                raise damaged(error, str(source)) from error
        else:
            yield _named(_members(archive, members), source, classes)


def _named(found: dict[tuple[str, ...], Read], source: Path, classes: bool) -> _Found:
    """Pictures by the parts of their names; the first folders that differ are classes, if all lie in one."""
    if not found:
        raise InterpganError(f"{source} holds no pictures; their names end in {', '.join(ENDINGS)}")
    order = sorted(found)
    folders = [parts[:-1] for parts in order]
    while all(folders) and len({parts[0] for parts in folders}) == 1:
        folders = [parts[1:] for parts in folders]  # a folder of everything says nothing
    pictures = (found[parts] for parts in order)
    names = ["/".join(parts) for parts in order]
    if not (classes and all(folders)):
        return _Found(len(order), pictures, names=names)
    kinds = sorted({parts[0] for parts in folders})
    numbers = {kind: number for number, kind in enumerate(kinds)}
    return _Found(len(order), pictures, [numbers[parts[0]] for parts in folders], tuple(kinds), names)


def _files(folder: Path) -> dict[tuple[str, ...], Read]:
    found: dict[tuple[str, ...], Read] = {}

    def reader(path: Path, name: str) -> Read:
        def read() -> Image.Image:
            if path.is_symlink():
                raise InterpganError(f"{name} is a link, which is not followed; put the file itself there")
            return read_picture(path, name)

        return read

    try:
        for path in everything_in(folder):
            parts = path.relative_to(folder).parts
            leads_away = path.is_symlink() and path.is_dir()
            if leads_away or (_is_picture(parts) and not path.is_dir()):
                found[parts] = reader(path, "/".join(parts))
    except OSError as error:
        raise InterpganError(f"cannot read {error.filename or folder}: {error.strerror}") from error
    return found


def _members(archive: zipfile.ZipFile, members: Sequence[zipfile.ZipInfo]) -> dict[tuple[str, ...], Read]:
    def reader(member: zipfile.ZipInfo) -> Read:
        def read() -> Image.Image:
            if member.file_size > _MAX_MEMBER:
                size = f"{member.file_size / 2**30:.1f} GiB"
                raise InterpganError(f"{member.filename} would unpack to {size}; no picture is that large")
            try:
                content = archive.read(member)
            except MemoryError:
                raise
            except Exception as error:  # of the many ways to pack, and of what may be wrong with each
                raise damaged(error, member.filename) from error
            return read_picture(content, member.filename)

        return read

    named = {tuple(member.filename.replace("\\", "/").split("/")): member for member in members}
    return {parts: reader(member) for parts, member in named.items() if _is_picture(parts)}


def _is_picture(parts: Sequence[str]) -> bool:
    """By its name; what systems hide, such as the shadow files of macOS, is none."""
    if parts[0] == "__MACOSX" or any(part.startswith(".") and part.strip(".") for part in parts):
        return False
    return Path(parts[-1]).suffix.lower() in (*ENDINGS, *_UNREAD)


def _arrays(archive: zipfile.ZipFile, source: Path, classes: bool) -> _Found:
    """Pictures of an .npz, row by row."""
    check_unpacked(archive.infolist(), source)
    held = {member.filename.removesuffix(".npy"): member for member in archive.infolist()}
    name = next((name for name in ("images", "arr_0") if name in held), None)
    if name is None:
        raise InterpganError(f"{source} holds {', '.join(held)}; call the array of its pictures images")
    shape, kind, rows = read_rows(archive.open(held[name]), held[name].file_size)
    last = len(shape) == 4 and shape[3] == 3
    if kind != "uint8" or not (last or (len(shape) == 4 and shape[1] == 3)):
        raise InterpganError(
            f"{name} of {source} has shape {shape} and type {kind}; save it as (n, h, w, 3) or (n, 3, h, w) uint8"
        )
    height, width = shape[1:3] if last else shape[2:]
    if not shape[0] or not 0 < height * width <= MAX_PIXELS:
        raise InterpganError(f"{name} of {source} has shape {shape}, which are no pictures; check the file")

    def pictures() -> Iterator[Read]:
        from PIL import Image

        for row in rows:
            yield partial(Image.fromarray, row if last else row.transpose(1, 2, 0).copy())

    if not (classes and "labels" in held):
        return _Found(shape[0], pictures())
    with archive.open(held["labels"]) as file:
        labels = read_array(file, held["labels"].file_size)
    if labels.dtype.kind not in "iu" or labels.size != shape[0]:
        raise InterpganError(
            f"labels of {source} have shape {labels.shape} and type {labels.dtype}; save {shape[0]} whole "
            "numbers, or have them ignored with classes: false"
        )
    numbers = [int(label) for label in labels.reshape(-1)]
    if not 0 <= min(numbers) <= max(numbers) < _MAX_CLASSES:
        raise InterpganError(
            f"labels of {source} run from {min(numbers)} to {max(numbers)}; number the classes from 0"
        )
    return _Found(shape[0], pictures(), numbers, tuple(map(str, range(max(numbers) + 1))))
