"""Putting files and folders in their place whole or not at all, whatever stops the writer."""

from __future__ import annotations

import errno
import hashlib
import os
import platform
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from interpgan_core.errors import InterpganError
from interpgan_core.files.paths import everything_in

# .NAME.partial-PID-HOST-RANDOM.SUFFIX: a process number means something on its own machine only.
_PARTIAL = re.compile(r"\..*\.partial-(\d+)-([0-9a-f]{8})-[0-9a-f]{8}(\.[^.]*)?")
_HOST = hashlib.sha256(platform.node().encode()).hexdigest()[:8]
_WINDOWS = os.name == "nt"

_REASONS: dict[int | None, str] = {
    errno.ENOSPC: "no space is left there; free some or choose another folder",
    errno.EDQUOT: "your quota there is used up; free some space or choose another folder",
    errno.EFBIG: "the file would be larger than this system allows (see ulimit -f); choose another folder",
    errno.EROFS: "it is on a read-only file system; choose another folder",
    errno.EACCES: "you may not write there; change its permissions or choose another folder",
    errno.EPERM: "you may not write there; change its permissions or choose another folder",
    errno.ENOTDIR: "a file stands where a folder is needed; move it or choose another folder",
    errno.EEXIST: "a file stands where a folder is needed; move it or choose another folder",
    errno.EISDIR: "a folder stands where the file is to go; move it or choose another name",
    errno.ENAMETOOLONG: "the name is too long; choose a shorter one",
}


@contextmanager
def placing(path: Path) -> Iterator[Path]:
    """Write a file that is either there whole or not there.

    Args:
        path: where the file is to stand; its folder is made when missing, an older file is replaced.

    Yields:
        A path beside it, of the same suffix, to write to; moved into place when the block ends well,
        removed when it fails.

    Raises:
        InterpganError: if the folder cannot be written to; the message says why and what to do.
    """
    with _partial(path) as partial:
        yield partial
        _sync(partial)
        partial.replace(path)


@contextmanager
def placing_folder(path: Path) -> Iterator[Path]:
    """Fill a folder that is either there whole or not there.

    Args:
        path: where the folder is to stand; there must be nothing yet.

    Yields:
        An empty folder beside it to fill; moved into place when the block ends well, removed when it fails.

    Raises:
        InterpganError: if something stands there already, or the place cannot be written to.
    """
    if os.path.lexists(path):
        raise InterpganError(f"{path} exists already; remove it or choose another folder")
    with _partial(path) as partial:
        partial.mkdir()
        yield partial
        for inside in everything_in(partial):
            if not inside.is_symlink():
                _sync(inside)
        _sync(partial)
        # rename() would silently take the place of a folder that is empty.
        if os.path.lexists(path):
            raise InterpganError(f"{path} was made by another process meanwhile; choose another folder")
        partial.rename(path)


def sweep(folder: Path) -> list[Path]:
    """Remove what killed processes of this machine left unfinished in a folder.

    Args:
        folder: where `placing` or `placing_folder` put things; a missing folder holds nothing.

    Returns:
        What was removed.
    """
    removed = []
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        match = _PARTIAL.fullmatch(path.name)
        if match and match[2] == _HOST and not _lives(int(match[1])):
            _remove(path)
            removed.append(path)
    return removed


@contextmanager
def explaining(path: Path) -> Iterator[None]:
    """Turn the system's errors in writing a path into ones that say what to do.

    Args:
        path: what is written.

    Raises:
        InterpganError: in place of an OSError that concerns the path's folder or names no file at all.
    """
    try:
        yield
    except OSError as error:
        # An error about some other file, or of a network, is explained elsewhere.
        about = Path(error.filename or path)
        elsewhere = not about.is_relative_to(path.parent) and not path.is_relative_to(about)
        if elsewhere or (not error.filename and error.errno not in _REASONS):
            raise
        reason = _REASONS.get(error.errno, f"{error.strerror}; choose another folder")
        raise InterpganError(f"cannot write {path.name} to the folder {path.parent}: {reason}") from error


@contextmanager
def _partial(path: Path) -> Iterator[Path]:
    """A free name beside a path; whatever stands there at the end is removed."""
    token = f"{os.getpid()}-{_HOST}-{secrets.token_hex(4)}"
    partial = path.parent / f".{path.name[:40]}.partial-{token}{path.suffix[:12]}"
    try:
        with explaining(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            yield partial
            _sync(path.parent)
    finally:
        _remove(partial)


def _remove(path: Path) -> None:
    with suppress(OSError):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


def _sync(path: Path) -> None:
    """Have what was written reach the disk, so that a power cut after the move leaves no empty file."""
    if _WINDOWS and path.is_dir():
        return  # Windows opens no folders
    handle = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _lives(pid: int) -> bool:
    if _WINDOWS:
        return True  # there, asking by a signal would end it
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        pass
    return True
