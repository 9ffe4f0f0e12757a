"""Fetching files: over https, resumed where they broke off, in place only when their hash holds."""

from __future__ import annotations

import ipaddress
import json
import logging
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from interpgan_core.errors import InterpganError
from interpgan_core.files.atomic import explaining, placing
from interpgan_core.files.paths import cache_folder, sha256_of, start_of

if TYPE_CHECKING:
    import requests
    from rich.progress import Progress, TaskID

TRIES = 4  # connections for one download, each going on where the last broke off
TIMEOUT = (30, 60)  # seconds to connect, and without a byte
CHUNK = 1 << 16  # bytes; what is lost at most when a connection breaks


_fetching = ContextVar("fetching", default=True)


class NotFetchedError(InterpganError):
    """A file is not in the cache, and nothing is fetched now."""


@contextmanager
def nothing_fetched() -> Iterator[None]:
    """Meanwhile `download` finds files in the cache alone."""
    token = _fetching.set(False)
    try:
        yield
    finally:
        _fetching.reset(token)


def check_fetching(name: str) -> None:
    """Say so where something would be fetched that may not be now, as in `--dry-run`.

    Args:
        name: what messages call it.

    Raises:
        NotFetchedError: if nothing is fetched now.
    """
    if not _fetching.get():
        raise NotFetchedError(f"{name} would have to be fetched first")


def download(url: str, name: str, sha256: str | None = None) -> Path:
    """Fetch a file into the cache, or find it there.

    Args:
        url: https; http only from this machine itself.
        name: of the file in the cache folder.
        sha256: what its content must be, 64 hexadecimal digits. Left out, the first download is recorded
            beside it in `<name>.sha256.json`, and every later one must equal it.

    Returns:
        The file, whose content has been checked.

    Raises:
        InterpganError: if the address is not safe, the server does not give the file, the content is not
            what it must be, or the cache cannot be written to.
    """
    _check_address(url, from_here=True)
    if not re.fullmatch(r"\w[\w.+@=-]*", name):
        raise InterpganError(
            f"'{name}' cannot name a file in the cache; use letters, digits, '.', '-' and '_'"
        )
    if sha256 is not None and not re.fullmatch(r"[0-9a-fA-F]{64}", sha256):
        raise InterpganError(f"'{sha256}' is no SHA-256; give its 64 hexadecimal digits")
    path = cache_folder() / name
    record = path.with_name(f"{name}.sha256.json")
    if not path.is_file():
        check_fetching(name)
    with explaining(path), alone(path):
        wanted = sha256.lower() if sha256 else _recorded(record)
        if not path.is_file() or (wanted and sha256_of(path) != wanted):
            part = _Part(path)
            _fetch(url, part, wanted, record)
            with placing(path) as new:
                part.data.replace(new)
            part.drop()
        if wanted is None:
            with placing(record) as new:
                new.write_text(json.dumps({"sha256": sha256_of(path), "from": _shown(url)}) + "\n")
    return path


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """One process at a time fetches a file, or what a folder holds; the others wait, and find it there.

    Args:
        path: of the file or folder; the folder above it must be there.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(path.with_name(f".{path.name}.lock"))
    try:
        lock.acquire(timeout=1)
    except Timeout:
        logging.getLogger(__name__).warning("another process is fetching %s; waiting for it", path.name)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


class _Part:
    """What has come of a download so far, and what tells whether the server still has the same file."""

    def __init__(self, path: Path) -> None:
        self.data = path.with_name(f".{path.name}.part")
        self.note = path.with_name(f".{path.name}.part.json")
        self.name = path.name
        self.resumed = False

    def size(self) -> int:
        return self.data.stat().st_size if self.data.is_file() else 0

    def drop(self) -> None:
        self.data.unlink(missing_ok=True)
        self.note.unlink(missing_ok=True)

    def validator(self, url: str) -> str | None:
        """The server's mark of the file's state, as it was when the part was begun."""
        try:
            note = json.loads(self.note.read_bytes())
            return str(note["validator"]) if note["url"] == url else None
        except (OSError, ValueError, KeyError, TypeError):
            return None


class _BrokenError(Exception):
    """The connection ended before the file did."""


def _fetch(url: str, part: _Part, wanted: str | None, record: Path) -> None:
    """Complete the part, and check it."""
    _receive_all(url, part)
    if wanted and part.resumed and sha256_of(part.data) != wanted:
        # The pieces may have been of two files; only one that came at a stroke is to blame.
        part.drop()
        _receive_all(url, part)
    try:
        start_of(part.data)  # an error page
    except InterpganError as error:
        part.drop()
        raise InterpganError(f"{_shown(url)} does not give the file: {error}") from error
    found = sha256_of(part.data)
    if wanted and found != wanted:
        part.drop()
        advice = "; if that is right, remove " + str(record) if record.is_file() else ""
        raise InterpganError(
            f"{_shown(url)} gives a file with the SHA-256 {found}, but it must be {wanted}: it was changed, "
            f"at its source or on the way, and was not kept{advice}"
        )


def _receive_all(url: str, part: _Part) -> None:
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    columns = TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn()
    part.resumed = False
    with Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task(part.name, total=None)
        for _ in range(TRIES):
            try:
                return _receive(url, part, progress, task)
            except _BrokenError as error:
                reason = error
    raise InterpganError(
        f"{_shown(url)} broke off {TRIES} times, the last time with: {reason}; check the network and run "
        "this again to go on"
    )


def _receive(url: str, part: _Part, progress: Progress, task: TaskID) -> None:
    """One connection's worth of the part."""
    validator = part.validator(url)
    have = part.size() if validator else 0
    ask = {"Accept-Encoding": "identity"}  # the hash is of the file, not of a packed one
    if have and validator:
        ask |= {"Range": f"bytes={have}-", "If-Range": validator}
    with _answer(url, ask) as response:
        answer = response.headers
        span = re.fullmatch(r"bytes (?:(\d+)-\d+|\*)/(\d+|\*)", answer.get("Content-Range", ""))
        now = answer.get("ETag") or answer.get("Last-Modified")
        if response.status_code == 416 and have and span and span[2] == str(have):
            return  # all of it was there
        if (
            response.status_code == 206
            and have
            and span
            and span[1] == str(have)
            and now in (None, validator)
        ):
            part.resumed = True
        elif response.status_code == 200:
            have = 0
        elif have:
            part.drop()
            raise _BrokenError("the server did not go on where it broke off")
        else:
            raise InterpganError(
                f"{_shown(url)} answers '{response.status_code} {response.reason}'; check the address, "
                "or fetch the file by hand and name it in place of the address"
            )
        if "html" in answer.get("Content-Type", ""):
            raise InterpganError(
                f"{_shown(url)} gives a web page, not the file: the link has died or asks for a login; "
                "open it in a browser and save the file that it offers"
            )
        length = answer.get("Content-Length", "")
        total = have + int(length) if length.isdecimal() else None
        if not have:
            part.drop()
            if now and not now.startswith("W/"):
                part.note.write_text(json.dumps({"url": url, "validator": now}))
        progress.update(task, completed=have, total=total)
        with part.data.open("ab") as file:
            for chunk in _chunks(response):
                file.write(chunk)
                progress.update(task, advance=len(chunk))
        if total is not None and part.size() != total:
            raise _BrokenError(f"it broke off after {part.size()} of {total} bytes")


@contextmanager
def _answer(url: str, headers: dict[str, str]) -> Iterator[requests.Response]:
    """What the server says in the end, after redirections to safe addresses only."""
    import requests

    with requests.Session() as session:
        for _ in range(10):
            try:
                response = session.get(
                    url, headers=headers, stream=True, timeout=TIMEOUT, allow_redirects=False
                )
            except (requests.RequestException, ValueError) as error:
                raise InterpganError(
                    f"{_shown(url)} could not be reached: {_cause(error)}; check the network and "
                    "run this again"
                ) from error
            with response:
                if not response.is_redirect:
                    yield response
                    return
                here, url = url, urljoin(url, response.headers["Location"])
                _check_address(url, from_here=_is_this_machine(here))
    raise InterpganError(f"{_shown(url)} redirects without end; check the address")


def _chunks(response: requests.Response) -> Iterator[bytes]:
    """The body, where only the network's errors mean that it broke off."""
    import requests

    try:
        yield from response.iter_content(CHUNK)
    except (requests.RequestException, OSError) as error:
        raise _BrokenError(_cause(error)) from error


def _check_address(url: str, from_here: bool) -> None:
    """Refuse what others could read or change on the way, and any other protocol."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError as error:
        raise InterpganError(f"'{url}' is no address: {error}") from error
    if not host or not (
        parts.scheme == "https" or (parts.scheme == "http" and from_here and _is_this_machine(url))
    ):
        raise InterpganError(
            f"{_shown(url)} is not fetched: only https addresses are safe; find one for this file"
        )


def _is_this_machine(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _shown(url: str) -> str:
    """The address without what may be secret: user, password, query."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def _cause(error: BaseException) -> str:
    """The innermost reason: the outer ones repeat addresses and object numbers."""
    while error.__context__ is not None:
        error = error.__context__
    return str(error) or type(error).__name__


def _recorded(record: Path) -> str | None:
    """The hash of the first download."""
    if not record.is_file():
        return None
    try:
        sha256 = json.loads(record.read_bytes())["sha256"]
        if re.fullmatch(r"[0-9a-f]{64}", sha256):
            return str(sha256)
        raise ValueError(sha256)
    except (ValueError, KeyError, TypeError) as error:
        raise InterpganError(f"{record} is damaged; remove it to trust the next download") from error
