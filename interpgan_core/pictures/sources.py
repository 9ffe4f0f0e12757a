"""Where pictures stand: in a folder, an archive, an array or one file."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, TypeAlias

from interpgan_core.errors import InterpganError
from interpgan_core.files.arrays import NPY_START, check_unpacked, read_array, read_rows
from interpgan_core.files.paths import everything_in, start_of
from interpgan_core.files.unpickle import damaged
from interpgan_core.pictures import labels as labels_file
from interpgan_core.pictures.decoding import ENDINGS, MAX_PIXELS, read_picture

if TYPE_CHECKING:
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


_MAX_MEMBER = 512 * 2**20  # bytes of one file in an archive


_MAX_CLASSES = 100_000


@dataclass(frozen=True)
class Found:
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
def each_picture(source: Path) -> Iterator[tuple[int, Iterator[tuple[str, Read]]]]:
    """The pictures of a folder or a file, at their own sizes, as long as it is open.

    Args:
        source: a folder, a .zip, an .npz, an .npy or a picture, as of the step `images`.

    Yields:
        How many there are; and for each its name and a function that decodes it, RGB and upright, or raises
        `InterpganError`.

    Raises:
        InterpganError: if there are no pictures, or the archive is damaged or encrypted.

    Example:
        >>> from pathlib import Path
        >>> from PIL import Image
        >>> from interpgan_core import each_picture
        >>> Image.new("RGB", (20, 10)).save("one.png")
        >>> with each_picture(Path("one.png")) as (count, pictures):
        ...     [(name, read().size) for name, read in pictures]
        [('one.png', (20, 10))]
    """
    if source.is_file() and not start_of(source).startswith((NPY_START, b"PK")):
        # Read only when it is asked for, so that one that is damaged can be left out.
        yield 1, iter([(source.name, lambda: read_picture(source))])
        return
    with opened(source, classes=False) as found:
        names = found.names or [f"picture {i}" for i in range(found.count)]
        yield found.count, zip(names, found.pictures, strict=True)


@contextmanager
def opened(source: Path, classes: bool) -> Iterator[Found]:
    """The pictures of a folder or a file, as long as it is open."""
    if source.is_dir():
        yield _named(_files(source), source, classes, _labels_in_folder(source))
        return
    start = start_of(source)
    if start.startswith(NPY_START):
        with source.open("rb") as file:
            yield _array(file, source.stat().st_size, source.name, source)
        return
    if not start.startswith(b"PK"):
        picture = read_picture(source)
        yield Found(1, iter([lambda: picture]), names=(source.name,))
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
            yield _named(_members(archive, members), source, classes, _labels_in(archive, members))


def _named(
    found: dict[tuple[str, ...], Read], source: Path, classes: bool, told: tuple[str, bytes] | None
) -> Found:
    """Pictures by the parts of their names.

    Classes are those that `told`, folder and content of a dataset.json, says; without one the first folders that
    differ, if all pictures lie in one.
    """
    if not found:
        raise InterpganError(f"{source} holds no pictures; their names end in {', '.join(ENDINGS)}")
    order = sorted(found)
    folders = [parts[:-1] for parts in order]
    while all(folders) and len({parts[0] for parts in folders}) == 1:
        folders = [parts[1:] for parts in folders]  # a folder of everything says nothing
    pictures = (found[parts] for parts in order)
    names = ["/".join(parts) for parts in order]
    if classes and told is not None:
        inside = [name.removeprefix(told[0]) for name in names]
        numbers = labels_file.read_labels(told[1], inside, f"{labels_file.NAME} of {source}")
        if not isinstance(numbers, str):
            kinds = tuple(map(str, range(max(numbers) + 1))) if numbers else ()
            return Found(len(order), pictures, numbers or (), kinds, names)
    if not (classes and all(folders)):
        return Found(len(order), pictures, names=names)
    first = sorted({parts[0] for parts in folders})
    number_of = {kind: number for number, kind in enumerate(first)}
    return Found(len(order), pictures, [number_of[parts[0]] for parts in folders], tuple(first), names)


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


def _labels_in(archive: zipfile.ZipFile, members: Sequence[zipfile.ZipInfo]) -> tuple[str, bytes] | None:
    """The folder of the dataset.json of an archive, with a slash behind it, and its content."""
    for member in members:
        folder, slash, name = member.filename.replace("\\", "/").rpartition("/")
        if name == labels_file.NAME and member.file_size < _MAX_MEMBER:
            return folder + slash, archive.read(member)
    return None


def _labels_in_folder(folder: Path) -> tuple[str, bytes] | None:
    """The same of a folder: in itself, or in the only folder that it holds."""
    inside = [path for path in folder.iterdir() if path.is_dir()]
    for place in (folder, *(inside if len(inside) == 1 else ())):
        if (place / labels_file.NAME).is_file():
            prefix = "" if place is folder else f"{place.name}/"
            return prefix, (place / labels_file.NAME).read_bytes()
    return None


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


def _arrays(archive: zipfile.ZipFile, source: Path, classes: bool) -> Found:
    """Pictures of an .npz, row by row."""
    check_unpacked(archive.infolist(), source)
    held = {member.filename.removesuffix(".npy"): member for member in archive.infolist()}
    name = next((name for name in ("images", "arr_0") if name in held), None)
    if name is None:
        raise InterpganError(f"{source} holds {', '.join(held)}; call the array of its pictures images")
    found = _array(archive.open(held[name]), held[name].file_size, name, source)
    told = next((n for n in ("labels", "arr_1") if n in held), None)
    if not (classes and told):
        return found
    with archive.open(held[told]) as file:
        labels = read_array(file, held[told].file_size)
    if labels.dtype.kind not in "iu" or labels.size != found.count:
        raise InterpganError(
            f"labels of {source} have shape {labels.shape} and type {labels.dtype}; save {found.count} whole "
            "numbers, or have them ignored with classes: false"
        )
    numbers = [int(label) for label in labels.reshape(-1)]
    if not 0 <= min(numbers) <= max(numbers) < _MAX_CLASSES:
        raise InterpganError(
            f"labels of {source} run from {min(numbers)} to {max(numbers)}; number the classes from 0"
        )
    return Found(found.count, found.pictures, numbers, tuple(map(str, range(max(numbers) + 1))))


def _array(file: IO[bytes], size: int, name: str, source: Path) -> Found:
    """Pictures of an array, row by row: in colour, or grey."""
    shape, kind, rows = read_rows(file, size)
    if len(shape) == 3:
        shape, rows = (*shape, 1), (row[..., None] for row in rows)
    last = len(shape) == 4 and shape[3] in (1, 3)
    if kind != "uint8" or not (last or (len(shape) == 4 and shape[1] in (1, 3))):
        raise InterpganError(
            f"{name} of {source} has shape {shape} and type {kind}; save it as (n, h, w, 3) or (n, 3, h, w) uint8, or "
            "with 1 in place of 3 where it is grey"
        )
    height, width = shape[1:3] if last else shape[2:]
    if not shape[0] or not 0 < height * width <= MAX_PIXELS:
        raise InterpganError(f"{name} of {source} has shape {shape}, which are no pictures; check the file")

    def pictures() -> Iterator[Read]:
        from PIL import Image

        for row in rows:
            picture = row if last else row.transpose(1, 2, 0).copy()
            yield partial(Image.fromarray, picture.repeat(3, 2) if picture.shape[2] == 1 else picture)

    return Found(shape[0], pictures())
