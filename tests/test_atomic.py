"""Putting files in place whole or not at all, on disks that fail; hashes; the cache folder."""

import errno
import os
import re
import signal
import subprocess

import pytest
import torch
from processes import names, output, python

from interpgan_core.errors import InterpganError
from interpgan_core.files import atomic
from interpgan_core.files.atomic import placing, placing_folder, sweep
from interpgan_core.files.checkpoints import write_safetensors
from interpgan_core.files.paths import cache_folder, sha256_of


@pytest.fixture
def tiny_disk(tmp_path):
    """A real file system of 256 KiB, which can be remounted read-only."""
    folder = tmp_path / "disk"
    folder.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", folder], capture_output=True)
    if made.returncode:
        pytest.skip("this user cannot mount a small disk")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def test_placing_replaces_whole(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with placing(path) as new:
        new.write_text("new")
        assert new.parent == tmp_path
        assert new.name.startswith(".a.txt.partial-")
        assert new.suffix == ".txt"  # by which some libraries choose a format
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert names(tmp_path) == ["a.txt"]


def test_the_name_of_what_is_unfinished(tmp_path):
    """Long names are cut, so that what is added fits; `sweep` knows the rest by its form."""
    with placing(tmp_path / ("x" * 50 + ".abcdefghijklmnop")) as new:
        new.write_text("")
        form = r"\.x{40}\.partial-(\d+)-[0-9a-f]{8}-[0-9a-f]{8}\.abcdefghijk"
        assert int(re.fullmatch(form, new.name)[1]) == os.getpid()


@pytest.mark.parametrize("windows", [False, True])
def test_everything_reaches_the_disk_before_it_is_placed(tmp_path, monkeypatch, windows):
    """Files, and on systems that open folders these too, of which a power cut would lose the names."""
    synced = set()
    monkeypatch.setattr(os, "fsync", lambda handle: synced.add(os.fstat(handle).st_ino))
    monkeypatch.setattr(atomic, "_WINDOWS", windows)
    (tmp_path / "linked").write_text("somebody else's")
    with placing_folder(tmp_path / "step") as new:
        (new / "inner").mkdir()
        (new / "inner" / "a").write_text("1")
        (new / "link").symlink_to(tmp_path / "linked")
    files = [tmp_path / "step/inner/a"]
    folders = [tmp_path, tmp_path / "step", tmp_path / "step/inner"]
    assert synced == {path.stat().st_ino for path in (files if windows else files + folders)}


@pytest.mark.parametrize("stop", [RuntimeError, KeyboardInterrupt])
def test_a_failure_leaves_the_old_file(tmp_path, stop):
    path = tmp_path / "a.txt"
    path.write_text("old")

    def write():
        with placing(path) as new:
            new.write_text("new")
            raise stop

    with pytest.raises(stop):
        write()
    assert path.read_text() == "old"
    assert names(tmp_path) == ["a.txt"]


def test_errors_about_other_files_stay_theirs(tmp_path):
    with pytest.raises(FileNotFoundError), placing(tmp_path / "out" / "a") as new:
        new.write_bytes((tmp_path / "elsewhere" / "missing").read_bytes())


def test_errors_that_have_no_advice_of_their_own(tmp_path):
    """Of the file itself they are explained in the system's words; of no file, as of a network, they stay."""
    words = os.strerror(errno.EIO)
    with pytest.raises(InterpganError, match=f"{words}; choose"), placing(tmp_path / "a") as new:
        raise OSError(errno.EIO, words, str(new))
    with pytest.raises(ConnectionResetError), placing(tmp_path / "a"):
        raise ConnectionResetError(errno.ECONNRESET, os.strerror(errno.ECONNRESET))


def test_a_folder_is_placed_whole_or_not(tmp_path):
    path = tmp_path / "step"
    with placing_folder(path) as new:
        (new / "inner").mkdir()
        (new / "inner" / "a").write_text("1")
        assert not path.exists()
    assert (path / "inner" / "a").read_text() == "1"
    with pytest.raises(InterpganError, match="exists already; remove it"), placing_folder(path):
        pytest.fail("the block must not run")
    with pytest.raises(KeyError), placing_folder(tmp_path / "other") as new:
        (new / "a").write_text({"a": "1"}["b"])
    late = tmp_path / "late"
    with pytest.raises(InterpganError, match="made by another process"), placing_folder(late):
        late.mkdir()
    assert names(tmp_path) == ["late", "step"]


@pytest.mark.parametrize("kind", ["placing", "placing_folder"])
def test_a_killed_writer_leaves_nothing_under_the_name(tmp_path, kind, monkeypatch):
    code = """
        import sys, time
        from pathlib import Path
        from interpgan_core.files import atomic
        with getattr(atomic, sys.argv[1])(Path(sys.argv[2])) as new:
            ((new / "part") if new.is_dir() else new).write_text("half")
            print("writing", flush=True)
            time.sleep(600)
    """
    process = python(code, kind, tmp_path / "name.pt")
    assert process.stdout.readline() == "writing\n"
    assert sweep(tmp_path) == []  # it lives
    [left] = tmp_path.iterdir()
    assert left.name.startswith(f".name.pt.partial-{process.pid}-")
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert (
        process.returncode == -signal.SIGKILL
    )  # and it was asked whether it lives by no signal that ends it
    assert not (tmp_path / "name.pt").exists()
    (tmp_path / ".mine.partial-1").write_text("some other file")
    with monkeypatch.context() as patched:
        patched.setattr(atomic, "_WINDOWS", True)  # where it cannot be asked, everyone may live
        assert sweep(tmp_path) == []
    assert sweep(tmp_path) == [left]
    assert names(tmp_path) == [".mine.partial-1"]


def test_sweeping_leaves_other_machines_alone(tmp_path):
    code = """
        import os, sys
        from pathlib import Path
        from interpgan_core.files.atomic import placing
        with placing(Path(sys.argv[1])) as new:
            new.write_text("half")
            os._exit(0)
    """
    output(python(code, tmp_path / "name"))
    [left] = tmp_path.iterdir()
    pid, _, token = left.name.removeprefix(".name.partial-").split("-")
    elsewhere = left.rename(tmp_path / f".name.partial-{pid}-00000000-{token}")
    assert sweep(tmp_path) == []
    assert elsewhere.exists()
    assert sweep(tmp_path / "missing") == []


def test_a_full_disk(tiny_disk):
    with pytest.raises(
        InterpganError, match=r"cannot write a to the folder .*no space is left there; free some"
    ):
        write_safetensors(tiny_disk / "a", {"x": torch.ones(200_000)}, "batch", {})
    assert names(tiny_disk) == []


@pytest.mark.long
def test_a_file_larger_than_allowed(tmp_path):
    code = """
        import resource, signal, sys, torch
        from pathlib import Path
        from interpgan_core.files.checkpoints import write_safetensors
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
        try:
            write_safetensors(Path(sys.argv[1]), {"x": torch.ones(5000)}, "batch", {})
        except ValueError as error:
            print(error)
    """
    assert "larger than this system allows (see ulimit -f)" in output(python(code, tmp_path / "a"))
    assert names(tmp_path) == []


def test_a_read_only_disk(tiny_disk, monkeypatch):
    subprocess.run(["mount", "-o", "remount,ro", tiny_disk], check=True)
    with (
        pytest.raises(InterpganError, match="read-only file system; choose another folder"),
        placing(tiny_disk / "a") as new,
    ):
        new.write_text("x")
    with pytest.raises(InterpganError, match="read-only"), placing(tiny_disk / "deep" / "er" / "a"):
        pytest.fail("the block must not run")
    monkeypatch.setenv("INTERPGAN_CACHE", str(tiny_disk))
    with pytest.raises(InterpganError, match="cannot be written to; set INTERPGAN_CACHE"):
        cache_folder()


@pytest.mark.skipif(os.geteuid() == 0, reason="permissions do not bind root")
def test_a_folder_of_somebody_else(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(InterpganError, match="you may not write there"), placing(tmp_path / "a"):
        pass


def test_a_file_in_place_of_a_folder(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file" / "a", tmp_path / "file" / "deep" / "a"):
        with pytest.raises(InterpganError, match="a file stands where a folder is needed"), placing(path):
            pass
    (tmp_path / "taken").mkdir()
    with (
        pytest.raises(InterpganError, match="a folder stands where the file is to go"),
        placing(tmp_path / "taken") as new,
    ):
        new.write_text("x")
    monkeypatch.setenv("INTERPGAN_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(InterpganError, match="set INTERPGAN_CACHE"):
        cache_folder()
    assert names(tmp_path) == ["file", "taken"]


def test_long_names_fit(tmp_path):
    with placing(tmp_path / ("é" * 120)) as new:
        new.write_text("x")
    with pytest.raises(InterpganError, match="name is too long"), placing(tmp_path / ("x" * 300)) as new:
        new.write_text("x")


def test_cache_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("INTERPGAN_CACHE", str(tmp_path / "a" / "b"))
    assert cache_folder() == tmp_path / "a" / "b"
    assert cache_folder().is_dir()
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("INTERPGAN_CACHE", "~/c")
    assert cache_folder() == tmp_path / "c"
    monkeypatch.setenv("INTERPGAN_CACHE", "")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "x"))
    assert cache_folder() == tmp_path / "x" / "interpgan"


# Hashes


def test_the_hash_of_a_file(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")
    assert sha256_of(tmp_path / "a") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_the_hash_of_a_folder(tmp_path):
    def make(name, files):
        for inside, text in files.items():
            path = tmp_path / name / inside
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return sha256_of(tmp_path / name)

    one = make("one", {"a": "1", "b/c": "2"})
    assert one == make("two", {"b/c": "2", "a": "1"})
    others = [
        make("v", {"a": "1", "b/c": "3"}),
        make("w", {"a": "1", "b/d": "2"}),
        make("x", {"a": "1", "bc": "2"}),
        make("y", {"a": "1"}),
    ]
    (tmp_path / "y" / "b").mkdir()
    others.append(sha256_of(tmp_path / "y"))
    assert len({one, *others}) == 6


def test_links_are_not_followed(tmp_path):
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret").write_text("1")
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "link").symlink_to(tmp_path / "outside")
    (folder / "loop").symlink_to(folder)
    before = sha256_of(folder)
    (tmp_path / "outside" / "secret").write_text("2")
    assert sha256_of(folder) == before
    (folder / "link").unlink()
    (folder / "link").symlink_to(tmp_path)
    assert sha256_of(folder) != before
    os.mkfifo(folder / "pipe")
    with pytest.raises(InterpganError, match="no file or folder"):
        sha256_of(folder)
    with pytest.raises(InterpganError, match="check the path"):
        sha256_of(tmp_path / "missing")
