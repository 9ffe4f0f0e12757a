"""Output folders that are shared, full, read-only, removed, or changed by hand."""

import json
import os
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from interpgan_core.files.atomic import placing, placing_folder

pytestmark = pytest.mark.long

SAMPLE = {"use": "sample", "seeds": "0-3"}
ONE, TWO = ({"use": "lab.add", "id": name, "name": name} for name in ("one", "two"))
RENDER = {"use": "render"}


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def snapshot(folder):
    return {str(path): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def one_sentence(run, *parts):
    """The error of a failed run: a line of text, at its place in the recipe where it concerns a step."""
    lines = run.err.splitlines()
    assert len(lines) in (1, 3) and "Traceback" not in run.err, run.err
    for part in parts:
        assert part in lines[0], run.err


# Two runs, one folder


def test_two_runs_at_the_same_time(go, ran, recipe, tmp_path, contents):
    gate = {"use": "lab.gate", "id": "gate", "file": str(tmp_path / "open")}
    file = recipe(SAMPLE, gate, ONE)
    first = go(file, wait=False)
    while ran.file.read_text() != "gate\n":
        time.sleep(0.01)
    before = snapshot(tmp_path / "out")
    second = go(file, "--set", "one.amount=2", status=1)
    one_sentence(
        second, f"another run is writing to {tmp_path / 'out'}; wait until it ends, or choose another"
    )
    assert second.out == ""
    assert snapshot(tmp_path / "out") == before
    (tmp_path / "open").touch()
    assert first.end() == 0
    assert ran() == ["gate", "one"]
    go(file, out=tmp_path / "alone")
    assert contents(tmp_path / "out") == contents(tmp_path / "alone")


def test_a_killed_run_leaves_no_lock(go, ran, recipe, tmp_path):
    gate = {"use": "lab.gate", "id": "gate", "file": str(tmp_path / "open")}
    file = recipe(SAMPLE, gate)
    first = go(file, wait=False)
    while ran.file.read_text() != "gate\n":
        time.sleep(0.01)
    assert first.kill() < 0
    (tmp_path / "open").touch()
    go(file)
    assert names(tmp_path / "out") == [".lock", "02-sample", "03-gate", "report.html", "run.json"]


# Disks that fail


@pytest.fixture
def small_disk(tmp_path):
    """A real file system, which can be given another size or made read-only."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", folder]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("this user cannot mount a small disk")

    def remount(options):
        subprocess.run(["mount", "-o", f"remount,{options}", folder], check=True)

    remount.folder = folder
    yield remount
    subprocess.run(["umount", "-l", folder], check=True)


PICTURES = [SAMPLE | {"seeds": "0-39"}, ONE, RENDER, TWO]
FILES = [SAMPLE, ONE, {"use": "lab.fill", "id": "fill", "name": "fill", "size": 1_500_000}, TWO]
CODES = [SAMPLE, ONE | {"id": "big"}, SAMPLE | {"seeds": "0-3999", "id": "many"}, TWO]


@pytest.mark.parametrize(("steps", "failed"), [(PICTURES, "render"), (FILES, "lab.fill"), (CODES, "sample")])
def test_a_full_disk(go, ran, recipe, small_disk, tmp_path, contents, steps, failed):
    file, out = recipe(*steps), small_disk.folder / "out"
    run = go(file, out=out, status=1)
    one_sentence(run, f"{failed}: cannot write", f"to the folder {out}", "no space is left there; free some")
    assert len(run.err.splitlines()) == 3
    kept = names(out)
    assert kept[:1] + kept[-1:] == [".lock", "run.json"]
    assert [name[:3] for name in kept[1:-1]] == ["02-", "03-", "rep"]
    assert ran()[0] == "one"
    small_disk("size=20m")
    go(file, out=out)
    assert "one" not in ran()
    go(file, out=tmp_path / "whole")
    assert contents(out) == contents(tmp_path / "whole")


def test_a_disk_without_room_for_anything(go, recipe, small_disk):
    full = small_disk.folder / "full"
    with pytest.raises(OSError, match="No space"):
        full.write_bytes(bytes(2**20))
    out = small_disk.folder / "out"
    one_sentence(go(recipe(SAMPLE), out=out, status=1), str(out))
    full.unlink()
    go(recipe(SAMPLE), out=out)


def test_a_limit_on_the_size_of_files(go, ran, recipe, tmp_path):
    file = recipe(*FILES)
    run = go(file, status=1, largest_file=1_000_000)
    one_sentence(run, "lab.fill: cannot write", "larger than this system allows")
    assert names(tmp_path / "out") == [".lock", "02-sample", "03-one", "report.html", "run.json"]
    assert ran() == ["one", "fill"]
    go(file)
    assert ran() == ["fill", "two"]


def test_a_read_only_disk(go, recipe, small_disk):
    out = small_disk.folder / "out"
    file = recipe(SAMPLE, ONE)
    go(file, out=out)
    before = snapshot(out)
    small_disk("ro")
    one_sentence(go(file, "--set", "one.amount=2", out=out, status=1), str(out), "choose another folder")
    one_sentence(go(file, out=small_disk.folder / "new", status=1), "new", "choose another folder")
    assert "one                  cached" in go(file, "--dry-run", out=out).out
    small_disk("rw")
    assert snapshot(out) == before


@pytest.fixture
def frozen():
    """Makes folders that nobody may write to, the superuser neither."""
    folders = []

    def freeze(folder):
        if subprocess.run(["chattr", "+i", folder], capture_output=True).returncode:
            pytest.skip("folders cannot be frozen here")
        folders.append(folder)

    yield freeze
    for folder in folders:
        subprocess.run(["chattr", "-i", folder], check=True)


def test_a_folder_that_may_not_be_written(go, recipe, tmp_path, frozen):
    (tmp_path / "empty").mkdir()
    frozen(tmp_path / "empty")
    for out in (tmp_path / "empty", tmp_path / "empty" / "new"):
        one_sentence(
            go(recipe(SAMPLE), out=out, status=1), f"{out} cannot be written", "choose another folder"
        )


def test_a_folder_frozen_during_the_run(go, ran, recipe, tmp_path, frozen):
    gate = {"use": "lab.gate", "id": "gate", "file": str(tmp_path / "open")}
    out, file = tmp_path / "out", recipe(SAMPLE, gate, ONE)
    run = go(file, wait=False)
    while ran.file.read_text() != "gate\n":
        time.sleep(0.01)
    frozen(out)
    (tmp_path / "open").touch()
    assert run.end() == 1
    one_sentence(run, "lab.gate: cannot write", f"to the folder {out}: you may not write there")
    subprocess.run(["chattr", "-i", out], check=True)
    ran()
    go(file)
    assert ran() == ["gate", "one"]
    assert names(out) == [".lock", "02-sample", "03-gate", "04-one", "report.html", "run.json"]


def test_what_a_killed_run_left_is_swept(go, recipe, tmp_path):
    """Also where the number of its process was given to another, as in containers."""
    file, out = recipe(SAMPLE, ONE), tmp_path / "out"
    go(file)
    with placing_folder(out / ".03-one.0123abcd.done") as left, placing(out / "run.json") as text:
        (left / "half").write_bytes(b"half")
        text.write_text("half")
        shutil.copytree(out, tmp_path / "left")
    for name in names(tmp_path / "left"):
        if ".partial-" in name:
            (tmp_path / "left" / name).rename(out / name)
    (out / ".03-one.0123abcd.done/half").write_bytes(b"whole")
    (out / ".mine").touch()
    go(file)
    assert names(out) == [".lock", ".mine", "02-sample", "03-one", "report.html", "run.json"]


@pytest.mark.parametrize("how", ["removed", "moved"])
def test_a_folder_that_goes_away_during_the_run(go, ran, recipe, tmp_path, how):
    gate = {"use": "lab.gate", "id": "gate", "file": str(tmp_path / "open")}
    file, out = recipe(SAMPLE, gate, ONE, RENDER), tmp_path / "out"
    run = go(file, wait=False)
    while ran.file.read_text() != "gate\n":
        time.sleep(0.01)
    if how == "removed":
        shutil.rmtree(out)
    else:
        out.rename(tmp_path / "elsewhere")
    (tmp_path / "open").touch()
    assert run.end() == 1
    one_sentence(run, f"{out} was removed or moved while a run was writing to it; start the run again")
    assert not out.exists() or names(out) == []
    ran()
    go(file)
    assert ran() == ["gate", "one"]


# What is no output folder


def test_folders_that_are_not_ours(go, recipe, tmp_path):
    file = recipe(SAMPLE)
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos/me.jpg").write_bytes(b"me")
    for out, said in (
        (tmp_path / "photos", "is not empty and not the output of a run; choose another folder with --out"),
        (file, "is a file; choose another folder with --out"),
        (file / "inside", "cannot be written (Not a directory); choose another folder with --out"),
        (tmp_path / ("long" * 100), "cannot be read (File name too long); choose another folder with --out"),
    ):
        for more in ([], ["--dry-run"]):
            run = go(file, *more, out=out, wait=False)
            status = run.end()
            if more and out.parent == file:
                continue  # a plan writes nothing, so it may be made for a folder that cannot be
            assert status in (1, 2)
            assert run.err == f"{out} {said}\n"
    assert names(tmp_path / "photos") == ["me.jpg"]
    (tmp_path / "empty").mkdir()
    go(file, out=tmp_path / "empty")
    go(file, out=tmp_path / "two" / "deep")


# Changed by hand


def spoil(how, result):
    """Change a result by hand; what a person would miss if it were thrown away."""
    codes = result / "batch.safetensors"
    if how == "deleted":
        codes.unlink()
    elif how == "changed":
        codes.write_bytes(codes.read_bytes()[:-1] + b"!")
    elif how == "shortened":
        codes.write_bytes(codes.read_bytes()[:-1])
    elif how == "no record":
        (result / "step.json").unlink()
    elif how == "half a record":
        (result / "step.json").write_text((result / "step.json").read_text()[:100])
    elif how == "no text":
        (result / "step.json").write_bytes(b"\xff\xfe\x00")
    elif how == "another record":
        (result / "step.json").write_text('{"key": 3, "content": [], "files": {"a": "b"}}')
    elif how == "strange contents":
        record = json.loads((result / "step.json").read_text())
        record |= {"key": "0", "content": {"parameters": 1, "flows": None}, "files": [3]}
        (result / "step.json").write_text(json.dumps(record))
    elif how == "removed":
        shutil.rmtree(result)
    elif how == "a file":
        shutil.rmtree(result)
        result.write_text("my notes")
    elif how == "a link":
        result.rename(result.parent.parent / "moved")
        result.symlink_to(result.parent.parent / "moved")
        spoil("changed", result)


DAMAGED = {
    "deleted": ("batch.safetensors is missing", False),
    "changed": ("batch.safetensors was changed", True),
    "shortened": ("batch.safetensors was changed", True),
    "no record": ("no earlier result", True),
    "half a record": ("no earlier result", True),
    "no text": ("no earlier result", True),
    "another record": ("no earlier result", True),
    "strange contents": ("no earlier result", True),
    "removed": ("no earlier result", False),
    "a file": ("no earlier result", True),
    "a link": ("batch.safetensors was changed", True),
}


@pytest.mark.parametrize("how", DAMAGED)
def test_a_result_changed_by_hand(go, ran, recipe, tmp_path, contents, how):
    reason, kept = DAMAGED[how]
    file, out = recipe(SAMPLE, ONE, TWO), tmp_path / "out"
    go(file)
    expected = contents(out)
    spoil(how, out / "03-one")
    what = out / "03-one"
    mine = what.read_bytes() if what.is_file() else snapshot(what)
    ran()
    assert f"one                  would run ({reason})" in go(file, "--dry-run").out
    run = go(file)
    assert ran() == ["one"]
    assert reason in run.out
    told = "03-one.kept-1: you had changed something in this result, so it was kept\n"
    assert run.err == (told if kept else "")
    assert (out / "03-one.kept-1").exists() == kept
    if kept:
        aside = out / "03-one.kept-1"
        assert (aside.read_bytes() if aside.is_file() else list(snapshot(aside).values())) == (
            mine if isinstance(mine, bytes) else list(mine.values())
        )
        assert "would run" not in go(file, "--dry-run").out
        aside.rename(tmp_path / "aside")
    now = contents(out)
    assert now.pop("03-one/step.json").pop("reason") == reason
    assert now == {name: content for name, content in expected.items() if name != "03-one/step.json"}


def test_what_a_person_adds_stays(go, ran, recipe, tmp_path):
    file, out = recipe(SAMPLE, ONE), tmp_path / "out"
    go(file)
    (out / "mine.txt").write_text("notes")
    (out / "03-one/mine.txt").write_text("more notes")
    ran()
    assert go(file).err == ""
    assert ran() == []
    for number, amount in ((1, 2), (2, 3)):
        (out / "03-one/mine.txt").write_text(f"notes {number}")
        assert f"03-one.kept-{number}" in go(file, "--set", f"one.amount={amount}").err
        assert (out / f"03-one.kept-{number}/mine.txt").read_text() == f"notes {number}"
    assert (out / "mine.txt").read_text() == "notes"
    assert "kept" not in go(file).err  # what was kept once is nobody's result


def test_a_result_in_pictures_changed_by_hand(go, recipe, tmp_path):
    """A picture painted over is not lost, and the report shows what the recipe makes."""
    file, out = recipe(SAMPLE, RENDER), tmp_path / "out"
    go(file)
    picture = next(iter(sorted((out / "03-render").glob("*.png"))))
    whole = picture.read_bytes()
    picture.write_bytes(b"painted over")
    run = go(file)
    assert f"{picture.name} was changed" in run.out
    assert (out / "03-render.kept-1" / picture.name).read_bytes() == b"painted over"
    assert picture.read_bytes() == whole


def test_a_damaged_manifest(go, ran, recipe, tmp_path):
    file, out = recipe(SAMPLE, ONE), tmp_path / "out"
    go(file)
    ran()
    for text in ("", "{", "[]", "\0"):
        (out / "run.json").write_text(text)
        go(file)
        assert json.loads((out / "run.json").read_text())["status"] == "finished"
    assert ran() == []


def test_a_pipe_that_closes_is_no_disk_error(recipe, tmp_path):
    """`interpgan-run … | head -1`."""
    command = [
        Path(sys.executable).with_name("interpgan-run"),
        recipe(SAMPLE, RENDER),
        "--out",
        tmp_path / "out",
    ]
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, text=True)
    os.close(writer)
    assert done.returncode != 0
    assert "cannot be written" not in done.stderr and "Traceback" not in done.stderr


def test_random_damage(go, recipe, tmp_path, contents):
    """Whatever is cut, filled with noise or deleted in the folder: the next run makes it whole."""
    file, out = recipe(SAMPLE, ONE, RENDER), tmp_path / "out"
    go(file)
    expected = contents(out)
    damage = random.Random(3)
    for _ in range(5):
        for path in damage.sample([p for p in out.rglob("*") if p.is_file() and p.name != ".lock"], 3):
            data = path.read_bytes()
            at = damage.randrange(len(data) + 1)
            damage.choice(
                (
                    path.unlink,
                    lambda p=path, d=data, a=at: p.write_bytes(d[:a]),
                    lambda p=path, d=data, a=at: p.write_bytes(d[:a] + b"\0" + d[a + 1 :]),
                )
            )()
        go(file)
        for kept in out.glob("*.kept-*"):
            shutil.rmtree(kept)
        now = contents(out)
        assert now.keys() == expected.keys()
        for name in now:
            if name.endswith("step.json"):
                now[name].pop("reason"), expected[name].pop("reason", None)
        assert now == expected
