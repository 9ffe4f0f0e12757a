"""Files on disk: looked at before they are read, hashed, and where downloads are kept."""

from __future__ import annotations

import hashlib
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path

from interpgan_core.errors import InterpganError

# What people get instead of weights, by how it starts.
_IMPOSTORS = (
    (rb"\s*(<!--.*?-->\s*)*<(!doctype html|html|head|body)\b", "is a web page, not data: the download link "
     "has died or asks for a login; open the link in a browser and save the file it offers"),
    (rb"\s*<(\?xml|error)\b", "is an XML answer of a server, not data: download the file again"),
    (rb"version https://git-lfs\.github\.com/spec/", "is a Git LFS pointer, not the file itself; "
     "fetch it with 'git lfs pull'"),
)  # fmt: skip


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file, or of a folder: its names and contents, in the order of the names.

    Args:
        path: a file or a folder. A link inside a folder counts by the text of its target and is never
            followed.

    Returns:
        64 hexadecimal digits.

    Raises:
        InterpganError: if there is no such file, or it is neither file nor folder, or cannot be read.
    """
    try:
        if path.is_file():
            return _sha256_of_file(path)
        if not path.is_dir():
            raise InterpganError(f"there is no file or folder {path}; check the path")
        total = hashlib.sha256()
        for inside in everything_in(path):
            if inside.is_symlink():
                content = "link " + str(inside.readlink())
            elif inside.is_dir():
                content = "folder"
            else:
                content = "file " + sha256_of(inside)
            for text in (inside.relative_to(path).as_posix(), content):
                data = os.fsencode(text)
                total.update(len(data).to_bytes(8, "little") + data)
        return total.hexdigest()
    except OSError as error:
        raise InterpganError(f"cannot read {error.filename or path}: {error.strerror}") from error


_SETTLED = 2.0  # seconds, after which a change would show in a file's times
_HASHES: dict[tuple[str | int, ...], str] = {}


def _sha256_of_file(path: Path) -> str:
    """Read once, for as long as size and times stay the same: a recipe is planned again with every move of a slider."""
    state = path.stat()
    known = (
        str(path.resolve()),
        state.st_dev,
        state.st_ino,
        state.st_size,
        state.st_mtime_ns,
        state.st_ctime_ns,
    )
    if known in _HASHES:
        return _HASHES[known]
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if time.time() - max(state.st_mtime, state.st_ctime) > _SETTLED:
        _HASHES[known] = digest
    return digest


def cache_folder() -> Path:
    """Where downloads are kept: $INTERPGAN_CACHE, or this system's folder for caches.

    Returns:
        A folder that exists and can be written to.

    Raises:
        InterpganError: if it cannot be made or written to.
    """
    named = os.environ.get("INTERPGAN_CACHE")
    if named:
        folder = Path(named).expanduser()
    else:
        import pooch

        folder = Path(pooch.os_cache("interpgan"))
    advice = "; set INTERPGAN_CACHE to a folder that you can write to"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InterpganError(f"cannot make the cache folder {folder}: {error.strerror}{advice}") from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise InterpganError(f"the cache folder {folder} cannot be written to{advice}")
    return folder


def start_of(path: Path, name: str = "") -> bytes:
    """How a file starts, after refusing what is no data at all.

    Args:
        path: a file.
        name: what messages call it; the path when left out.

    Returns:
        Its first 1024 bytes, or fewer.

    Raises:
        InterpganError: if the file is missing, a folder, unreadable or empty, or is a web page or a Git LFS
            pointer in place of the data.
    """
    if path.is_dir():
        raise InterpganError(f"{path} is a folder; name a file in it")
    if not path.is_file():
        raise InterpganError(f"there is no file {path}; check the path")
    try:
        with path.open("rb") as file:
            start = file.read(1024)
    except OSError as error:
        raise InterpganError(f"cannot read {path}: {error.strerror}") from error
    refuse_impostor(start, name or str(path))
    return start


def refuse_impostor(start: bytes, name: str) -> None:
    """Refuse what people get instead of data.

    Args:
        start: how the content starts, about 1024 bytes.
        name: of the file, for messages.

    Raises:
        InterpganError: if it is empty, a web page, or a Git LFS pointer.
    """
    if not start:
        raise InterpganError(f"{name} is empty; download or make it again")
    for pattern, what in _IMPOSTORS:
        if re.match(pattern, start, re.IGNORECASE | re.DOTALL):
            raise InterpganError(f"{name} {what}")


def everything_in(folder: Path) -> Iterator[Path]:
    """Everything in a folder and its folders, in the order of the names; links are not followed."""
    for inside in sorted(folder.iterdir()):
        yield inside
        if inside.is_dir() and not inside.is_symlink():
            yield from everything_in(inside)
