"""Runs that are killed and go on, and what the output folder remembers as a cache."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from interpgan_core.files.paths import sha256_of

pytestmark = pytest.mark.long

LAB = Path(__file__).with_name("lab.py")
SAMPLE = {"use": "sample", "seeds": "0-3"}
RENDER = {"use": "render"}


def add(name, amount=1, **more):
    return {"use": "lab.add", "id": name, "name": name, "amount": amount, **more}


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def results(folder):
    return {path.name for path in folder.glob("[0-9]*")} if folder.is_dir() else set()


def whole(folder):
    """Everything under its final name is whole: JSON parses, files are those that the records name."""
    if (folder / "run.json").exists():
        json.loads((folder / "run.json").read_text())
    for name in results(folder):
        record = json.loads((folder / name / "step.json").read_text())
        for file in record["files"]:
            assert sha256_of(folder / name / file["name"]) == file["sha256"]


def key(result):
    return json.loads((result / "step.json").read_text())["key"]


def reasons(run):
    """id -> why it ran, of the steps that ran and keep their results."""
    lines = [line.split(maxsplit=5) for line in run.out.splitlines() if " ran " in line]
    return {words[1]: words[5][1:-1] for words in lines if len(words) == 6}


# Killed and run again


def test_killed_at_random_moments(go, ran, recipe, tmp_path, contents):
    steps = [add(f"a{i}", seconds=0.04) for i in range(8)]
    many = {"use": "lab.fill", "id": "many", "name": "many", "count": 20}
    file = recipe(SAMPLE, *steps[:4], many, *steps[4:], RENDER, add("last", seconds=0.04))
    began = time.perf_counter()
    go(file, out=tmp_path / "whole")
    length = time.perf_counter() - began
    expected = contents(tmp_path / "whole")
    ran()

    moments = random.Random(20)
    kills, folders, caught = 0, 0, set()
    while kills < 10:
        out = tmp_path / f"killed-{folders}"
        folders += 1
        placed = set()
        while True:
            run = go(file, out=out, wait=False)
            time.sleep(moments.uniform(0, length / 2))
            status = run.kill()
            made = ran()
            again = {name for name in placed if name.partition("-")[2] in made}
            assert not again, "a result was kept, and made again"
            if status == 0:
                break
            assert status == -signal.SIGKILL, run.err
            kills += 1
            if out.exists():
                whole(out)
                placed = results(out)
                caught.add(len(placed))
        assert contents(out) == expected
        assert {n for n in names(out) if n.startswith(".")} <= {".lock"}
        assert pictures(out) == pictures(tmp_path / "whole")
    assert len(caught) > 3, "the kills did not spread over the run"


def pictures(out):
    page = (out / "report.html").read_text()
    return [part.partition('"')[0] for part in page.split('src="data:image/')[1:]]


@pytest.mark.parametrize("every", [pytest.param(True, marks=pytest.mark.slow), False], ids=["every", "some"])
def test_killed_at_changes_of_the_folder(go, ran, recipe, tmp_path, contents, every):
    """Killed just before a file or folder is made, moved or removed, while old results give way to new ones."""
    fill = {"use": "lab.fill", "id": "fill", "name": "fill", "count": 3}
    one = add("one", batch="$sample")
    zero = add("zero", 0, batch="$sample")
    before = recipe(SAMPLE, one, add("two"), fill, add("three"), zero, name="before")
    after = recipe(SAMPLE, one, add("two", 3), fill, zero, add("three"), name="after")
    start = tmp_path / "start"
    go(before, out=start)
    expected = tmp_path / "expected"
    shutil.copytree(start, expected)
    ran()
    go(after, out=expected, env={"KILL_AT": "0"})
    keys = {step["key"] for step in json.loads((expected / "run.json").read_text())["steps"]}
    events = len([name for name in ran() if name.startswith("os.")])
    assert events > 40
    moments = range(1, events + 1)
    for moment in moments if every else random.Random(5).sample(moments, 6):
        out = tmp_path / f"out-{moment}"
        shutil.copytree(start, out)
        assert go(after, out=out, wait=False, env={"KILL_AT": str(moment)}).end() == -signal.SIGKILL
        whole(out)
        placed = {name.partition("-")[2] for name in results(out) if key(out / name) in keys}
        ran()
        go(after, out=out)
        again = placed & set(ran())
        assert not again, f"made again after a kill at change {moment}"
        assert contents(out) == contents(expected), f"after a kill at change {moment}"
        assert names(out) == names(expected)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopped_by_a_signal(go, ran, recipe, tmp_path, number):
    gate = {"use": "lab.gate", "id": "gate", "file": str(tmp_path / "open")}
    file = recipe(SAMPLE, add("one"), gate, add("two"))
    run = go(file, wait=False)
    while ran.file.read_text() != "one\ngate\n":
        time.sleep(0.01)
    assert run.kill(number) == 130
    assert run.err.strip() == "stopped; run the same command again to go on"
    assert json.loads((tmp_path / "out/run.json").read_text())["status"] == "stopped"
    assert names(tmp_path / "out") == [".lock", "02-sample", "03-one", "report.html", "run.json"]
    assert (
        "This run was stopped: the page shows the\n    3 steps" in (tmp_path / "out/report.html").read_text()
    )
    (tmp_path / "open").touch()
    ran()
    go(file)
    assert ran() == ["gate", "two"]
    assert results(tmp_path / "out") == {"02-sample", "03-one", "04-gate", "05-two"}


def test_a_killed_run_leaves_its_page_and_its_tables(go, ran, recipe, tmp_path):
    """SIGKILL in a later step: what was done can be looked at, and goes on."""
    gate = {"use": "lab.gate", "id": "gate", "file": str(tmp_path / "open")}
    scores = tmp_path / "scores.csv"
    scores.write_text("seed,smile\n" + "".join(f"{i},{i % 7}\n" for i in range(64)))
    found = {"use": "scores", "id": "scores", "file": str(scores)}
    boundary = {"use": "interfacegan", "id": "b", "scores": "$scores", "bootstrap": 0, "chosen": 8}
    file = recipe(SAMPLE, found, boundary, {"use": "render", "id": "pictures"}, gate)
    run = go(file, wait=False)
    while "gate" not in ran.file.read_text():
        time.sleep(0.01)
    assert run.kill() == -signal.SIGKILL
    page = (tmp_path / "out/report.html").read_text()
    assert "This run has not ended: the page shows the" in page and page.count("data:image/webp") >= 1
    (table,) = (tmp_path / "out/04-b/tables").glob("01-*.csv")
    assert table.read_text().splitlines()[0].startswith("attribute,") and "smile," in table.read_text()
    (tmp_path / "open").touch()
    go(file)
    assert "This run" not in (tmp_path / "out/report.html").read_text()


# What is run again, and why


def test_a_changed_parameter_runs_what_depends_on_it(go, ran, recipe):
    aside = {"use": "lab.fill", "id": "aside", "name": "aside", "batch": "$sample"}
    steps = [SAMPLE, add("one"), add("two", 2), add("three"), aside]
    assert set(reasons(go(recipe(*steps))).values()) == {"no earlier result"}
    ran()
    run = go(recipe(*steps), "--set", "two.amount=3")
    assert ran() == ["two", "three"]
    assert reasons(run) == {"two": "amount 2.0 -> 3.0", "three": "batch changed"}
    dry = go(recipe(*steps), "--dry-run").out
    assert "two                  would run (amount 3.0 -> 2.0)" in dry
    assert ran() == []


def test_what_does_not_count(go, ran, recipe):
    go(recipe(SAMPLE, add("one"), add("two")))
    file = recipe(
        SAMPLE | {"id": "people"}, add("one") | {"id": "uno"}, add("two") | {"id": "due"}, title="New"
    )
    file.write_text("# a comment\n" + file.read_text().replace('"amount": 1', '"amount":  1.0'))
    ran()
    assert "would run" not in go(file, "--dry-run").out
    assert "uno                  cached" in go(file).out
    assert ran() == []


def test_every_result_goes_with_its_step(go, ran, recipe, contents, tmp_path):
    one, two = add("one", batch="$sample"), add("two", 2, batch="$sample")
    three = add("three", 3, batch="$one")
    go(recipe(SAMPLE, one, two, three))
    ran()
    for steps, made in (
        ([SAMPLE, one, three], []),  # one is gone
        ([SAMPLE, one, two, three], []),  # and back
        ([SAMPLE, two, one, three], []),  # changed places
        ([SAMPLE, two | {"id": "one"}, one | {"id": "two"}, three | {"batch": "$two"}], []),  # swapped names
        ([SAMPLE, add("new", 9), one, two, three], ["new"]),
        ([SAMPLE, one, one | {"id": "twin"}, two, three | {"batch": "$twin"}], ["one"]),
    ):
        file = recipe(*steps)
        dry = go(file, "--dry-run").out
        go(file)
        assert ran() == made, steps
        assert dry.count("would run") == len(made) + bool(made)  # and the generator
    go(file, out=tmp_path / "fresh")
    stale = results(tmp_path / "out") - results(tmp_path / "fresh")
    for name in stale:
        shutil.rmtree(tmp_path / "out" / name)
    assert _without_reasons(contents(tmp_path / "out")) == _without_reasons(contents(tmp_path / "fresh"))


def _without_reasons(found):
    return {
        n: {k: v for k, v in c.items() if k != "reason"} if isinstance(c, dict) else c
        for n, c in found.items()
    }


def test_a_file_counts_by_its_content(go, ran, recipe, tmp_path):
    (tmp_path / "a.txt").write_text("1")
    file = recipe(SAMPLE, {"use": "lab.read", "id": "read", "file": "a.txt"})
    go(file)
    (tmp_path / "a.txt").rename(tmp_path / "b.txt")
    file.write_text(file.read_text().replace("a.txt", "b.txt"))
    ran()
    go(file)
    assert ran() == []
    (tmp_path / "b.txt").write_text("2")
    assert reasons(go(file)) == {"read": "file changed"}
    assert ran() == ["read"]


def test_a_new_version_of_an_operator(go, ran, recipe):
    file = recipe(SAMPLE, add("one"))
    go(file)
    assert reasons(go(file, env={"VERSION": "2"})) == {"one": "version of lab.add 1 -> 2"}
    ran()
    go(file, env={"VERSION": "2"})
    assert ran() == []


def test_what_a_plugin_comes_with_counts_by_its_content(go, ran, recipe, tmp_path):
    """A release of a plugin may bring other weights under the same name."""
    carried = tmp_path / "carried.txt"
    carried.write_text("1")
    file = recipe(SAMPLE, {"use": "lab.carrying", "id": "one"}, add("two"))
    env = {"CARRIED": str(carried)}
    go(file, env=env)
    assert reasons(go(file, env=env)) == {}
    carried.write_text("2")
    assert reasons(go(file, env=env)) == {"one": "what lab.carrying reads changed", "two": "batch changed"}


def test_what_is_not_kept_runs_when_needed(go, ran, recipe):
    passing = {"use": "lab.passing", "id": "passing", "name": "passing"}
    file = recipe(SAMPLE, passing, add("one"), add("two"))
    go(file)
    assert ran() == ["passing", "one", "two"]
    assert "passing              skipped" in go(file).out
    go(file, "--set", "two.amount=5")
    assert ran() == ["two"]
    go(file, "--set", "one.amount=5")
    assert ran() == ["passing", "one", "two"]


def test_fresh(go, ran, recipe):
    file = recipe(SAMPLE, add("one"))
    go(file)
    assert reasons(go(file, "--fresh")) == {"sample": "--fresh", "one": "--fresh"}
    assert ran() == ["one", "one"]


def test_a_cached_run_needs_no_torch(go, ran, recipe, tmp_path):
    file = recipe(SAMPLE, add("one"), RENDER)
    go(file)
    ran()
    code = "import sys; from interpgan_core.cli import main; main(); print(*sorted(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code, file, "--out", tmp_path / "out", "--plugin", LAB],
        capture_output=True, text=True, env=os.environ | {"RAN": str(ran.file)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert ran() == []
    modules = done.stdout.splitlines()[-1].split()
    assert "interpgan_core.recipes.runner" in modules
    assert not {"torch", "numpy", "PIL"} & set(modules)


def test_keys_are_the_same_in_every_process(recipe, tmp_path, monkeypatch):
    (tmp_path / "a.txt").write_text("1")
    file = recipe(SAMPLE, {"use": "lab.read", "file": "a.txt"}, {"use": "walk", "direction": "$d.0"}, RENDER)
    file.write_text(
        file.read_text().replace("steps:\n", "steps:\n  - {use: generator, weights: toy, id: g}\n")
    )
    file.write_text(
        file.read_text().replace('  - {"use": "walk"', '  - {use: sefa, id: d}\n  - {"use": "walk"')
    )
    code = (
        "import sys; from pathlib import Path; from interpgan_core import make_plan\n"
        "from interpgan_core.plugins import plugins\n"
        "plugins().add_file(Path(sys.argv[2]))\n"
        "print(*(s.key for s in make_plan(Path(sys.argv[1])).steps))"
    )
    found = set()
    for seed, folder in (("0", tmp_path), ("1", tmp_path / "elsewhere"), ("31", tmp_path)):
        folder.mkdir(exist_ok=True)
        for name in ("recipe.yaml", "a.txt"):
            if folder != tmp_path:
                shutil.copy(tmp_path / name, folder)
        command = [sys.executable, "-c", code, folder / "recipe.yaml", LAB]
        env = os.environ | {"PYTHONHASHSEED": seed}
        found.add(subprocess.run(command, capture_output=True, text=True, check=True, env=env).stdout)
    assert len(found) == 1
    assert len(set(found.pop().split())) == 6  # the two generators are one


# Operators that fail


SENTENCES = {
    "sentence": "lab.fail: there is no smile in these codes; choose other seeds",
    "mistake": "lab.fail failed: ZeroDivisionError: integer division or modulo by zero; report it to {lab}, "
    "with {out}/error.txt",
    "memory": "lab.fail: out of memory; use fewer samples or a smaller resolution",
    "tensor": "lab.fail: out of memory; use fewer samples or a smaller resolution",
    "nothing": "lab.fail: it returned a NoneType, not the LatentBatch that it promises; report it to {lab}",
    "in-place": "lab.fail: it changed the codes that it was given, which other steps use; report it to {lab}",
    "network": "lab.fail failed: ConnectionResetError: the server hung up; report it to {lab}, "
    "with {out}/error.txt",
}


@pytest.mark.parametrize("way", SENTENCES)
def test_an_operator_that_fails(go, ran, recipe, tmp_path, way):
    out = tmp_path / "out"
    file = recipe(SAMPLE, add("one"), {"use": "lab.fail", "id": "fail", "way": way})
    run = go(file, status=1)
    said = SENTENCES[way].format(lab=LAB.resolve(), out=out)
    line = file.read_text().splitlines()[-1]
    assert run.err == f"{file}:6:5: {said}\n    {line}\n        ^\n"
    assert ("Traceback" in (out / "error.txt").read_text()) if "error.txt" in said else True
    assert (out / "error.txt").exists() == ("error.txt" in said)
    assert json.loads((out / "run.json").read_text())["status"] == "stopped"
    assert results(out) == {"02-sample", "03-one"}
    whole(out)
    ran()
    go(recipe(SAMPLE, add("one"), add("two")))
    assert ran() == ["two"]
    assert not (out / "error.txt").exists()


def test_memory_that_a_smaller_batch_would_not_need(go, recipe):
    run = go(recipe(SAMPLE, {"use": "lab.fail", "way": "memory", "batch_size": 8}), status=1)
    assert "lab.fail: out of memory; lower 'batch_size', which is 8\n" in run.err


def test_an_operator_that_ends_the_process(go, ran, recipe, tmp_path):
    for way, status in (("crash", -signal.SIGSEGV), ("exit", 1)):
        run = go(recipe(SAMPLE, add("one"), {"use": "lab.fail", "way": way}), wait=False)
        assert run.end() == status
        whole(tmp_path / "out")
    go(recipe(SAMPLE, add("one"), add("two")))
    assert ran() == ["one", "fail", "fail", "two"]
    assert names(tmp_path / "out") == [
        ".lock", "02-sample", "03-one", "04-two", "report.html", "run.json",
    ]  # fmt: skip


# The report


def test_the_report_after_a_change_shows_the_new_pictures(go, recipe, tmp_path):
    import base64

    file = recipe(SAMPLE, add("one"), RENDER)
    go(file)
    old = pictures(tmp_path / "out")
    go(file, "--set", "one.amount=2")
    new = pictures(tmp_path / "out")
    assert len(new) == 4
    assert not set(new) & set(old)
    small = sorted((tmp_path / "out/04-render/small").iterdir())
    assert [base64.b64decode(text.partition(",")[2]) for text in new] == [path.read_bytes() for path in small]
