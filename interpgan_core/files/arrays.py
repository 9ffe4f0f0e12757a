"""numpy's files, with every size checked against the file before memory is taken."""

from __future__ import annotations

import math
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from interpgan_core.errors import InterpganError
from interpgan_core.files.builders import DType
from interpgan_core.files.paths import start_of
from interpgan_core.files.unpickle import RestrictedUnpickler, damaged

if TYPE_CHECKING:
    import numpy as np

NPY_START = b"\x93NUMPY"
ZIP_START = b"PK\x03\x04"

MAX_UNPACKED = 2 * 2**30  # bytes; a few kilobytes of .npz can unpack to any size


def read_npy(path: Path) -> Any:
    """Read a `.npy` file.

    Args:
        path: the file. One that holds a pickled object (HiGAN and IDInvert publish such boundaries) is read
            by the restricted reader.

    Returns:
        The array; or what the pickled object says, in nested dicts and lists of arrays.

    Raises:
        InterpganError: if the file is missing, damaged, no .npy, larger than it can be, or asks to run code.
    """
    start = start_of(path)
    with path.open("rb") as file:
        if start.startswith(b"\x80"):
            return RestrictedUnpickler(file, str(path)).load()
        if not start.startswith(NPY_START):
            raise InterpganError(f"{path} is not a .npy file; check the path")
        try:
            return _read_array(file, path.stat().st_size, str(path))
        except InterpganError:
            raise
        except Exception as error:
            raise damaged(error, str(path)) from error


def read_npz(path: Path) -> dict[str, np.ndarray]:
    """Read a `.npz` file.

    Args:
        path: the file; its arrays together at most 2 GiB, unless it is as large itself.

    Returns:
        name -> array.

    Raises:
        InterpganError: if the file is missing, damaged, no .npz, unpacks to too much, or holds anything but
            arrays of numbers and text.
    """
    if not start_of(path).startswith(ZIP_START):
        raise InterpganError(f"{path} is not a .npz file; check the path")
    arrays = {}
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            check_unpacked(members, path)
            for member in members:
                if not member.filename.endswith(".npy"):
                    raise InterpganError(f"{path} is not a .npz file: it holds {member.filename}")
                name = member.filename.removesuffix(".npy")
                with archive.open(member) as file:
                    arrays[name] = read_array(file, member.file_size)
    except InterpganError:
        raise
    except Exception as error:
        raise damaged(error, str(path)) from error
    return arrays


def check_unpacked(members: list[zipfile.ZipInfo], path: Path) -> None:
    """Refuse a `.npz` that unpacks to more than it may.

    Args:
        members: what the archive holds.
        path: the file.

    Raises:
        InterpganError: if they are more than 2 GiB, and more than the file.
    """
    unpacked = sum(member.file_size for member in members)
    if unpacked > max(MAX_UNPACKED, path.stat().st_size):
        raise InterpganError(
            f"{path} would unpack to {unpacked / 2**30:.1f} GiB; save it by numpy.savez, which packs nothing"
        )


def read_array(file: IO[bytes], size: int) -> np.ndarray:
    """Read an open `.npy`.

    Args:
        file: at its start.
        size: of the file in bytes.

    Returns:
        The array.

    Raises:
        ValueError: if it is damaged, or holds anything but numbers and text.
    """
    import numpy as np

    value = _read_array(file, size, None)
    assert isinstance(value, np.ndarray)
    return value


def read_rows(file: IO[bytes], size: int) -> tuple[tuple[int, ...], str, Iterator[np.ndarray]]:
    """Read an open `.npy` row by row, with one row in memory at a time.

    Args:
        file: at its start; nobody else may read it.
        size: of the file in bytes.

    Returns:
        The array's shape, the name of its type, and its rows.

    Raises:
        ValueError: if it is damaged, holds anything but numbers and text, or has no rows of its own.
    """
    import numpy as np

    shape, fortran, dtype = _header(file, size)
    if fortran or not shape:
        raise ValueError("it is not stored row by row; save numpy.ascontiguousarray of it")

    def rows() -> Iterator[np.ndarray]:
        needed = math.prod(shape[1:]) * dtype.itemsize
        for _ in range(shape[0]):
            content = file.read(needed)
            if len(content) < needed:
                raise ValueError("it ends in the middle of a row")
            yield np.frombuffer(content, dtype).reshape(shape[1:])

    return shape, str(dtype), rows()


def _read_array(file: IO[bytes], size: int, pickled: str | None) -> Any:
    """An array from an open .npy of `size` bytes; `pickled` names the file where objects are welcome."""
    from numpy.lib import format as npy

    _, _, dtype = _header(file, size, pickled)
    if dtype.hasobject:
        return RestrictedUnpickler(file, str(pickled)).load()
    file.seek(0)
    return npy.read_array(file, allow_pickle=False).astype(dtype.newbyteorder("="), copy=False)


def _header(
    file: IO[bytes], size: int, pickled: str | None = None
) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Shape, order and type of an open .npy, which must be large enough to hold such an array."""
    from numpy.lib import format as npy

    version = npy.read_magic(file)
    if version not in ((1, 0), (2, 0)):
        raise ValueError(f"it is of version {version}, which no array of numbers needs")
    read_header = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, fortran, dtype = read_header(file)
    if dtype.hasobject:
        if pickled is None:
            raise ValueError("it holds objects in place of numbers")
        return shape, fortran, dtype
    DType(dtype.str)  # refuses what are no numbers
    held, needed = size - file.tell(), math.prod(shape) * dtype.itemsize
    if min(shape, default=0) < 0 or needed > held:
        raise ValueError(f"an array of shape {shape} of {dtype} needs {needed} bytes, and it has {held}")
    return shape, fortran, dtype
