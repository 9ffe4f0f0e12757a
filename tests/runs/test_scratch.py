"""Scratch folders: what a step that takes hours has done so far outlives the run that is killed."""

import json
import signal
import time

import pytest

SAMPLE = {"use": "sample", "seeds": "0-3"}


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def scratches(folder):
    return [path for path in folder.iterdir() if path.name.endswith(".scratch")]


@pytest.fixture
def gate(tmp_path):
    """The file that the steps wait for."""
    return tmp_path / "open"


@pytest.fixture
def patient(gate):
    def step(**more):
        return {"use": "lab.patient", "id": "patient", "file": str(gate), **more}

    return step


@pytest.fixture
def killed(go, ran):
    """`killed(recipe)`: a run that is killed while its step waits; what the step had found."""

    def run(file, *args, number=signal.SIGKILL, **more):
        process = go(file, *args, wait=False, **more)
        while not (found := [line for line in ran() if line.startswith("found:")]):
            time.sleep(0.01)
        assert process.kill(number) != 0
        return found[0]

    return run


@pytest.mark.long
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_it_outlives_a_kill_and_ends_with_the_step(go, ran, recipe, tmp_path, gate, patient, killed, number):
    file = recipe(SAMPLE, patient())
    assert killed(file, number=number) == "found:"
    assert killed(file, number=number) == "found:1"
    (left,) = scratches(tmp_path / "out")
    assert names(left) == ["1", "2"]
    gate.touch()
    go(file)
    assert ran() == ["found:1,2"]
    assert names(tmp_path / "out") == [".lock", "02-sample", "03-patient", "report.html", "run.json"]
    assert "run 3 times" in (tmp_path / "out/report.html").read_text()
    *_, last = json.loads((tmp_path / "out/run.json").read_text())["steps"]
    assert last["reason"] == "no earlier result; goes on where it stopped"
    go(file)
    assert ran() == []


@pytest.mark.long
def test_it_belongs_to_what_the_step_is_to_do(go, ran, recipe, tmp_path, gate, patient, killed):
    """A recipe that is changed, and changed back, finds the work of before; a new name or place is no change."""
    file = recipe(SAMPLE, patient())
    killed(file)
    assert killed(file, "--set", "patient.name=b") == "found:"
    assert len(scratches(tmp_path / "out")) == 2
    assert killed(file, "--set", "patient.name=b") == "found:b1"
    moved = recipe(SAMPLE, {"use": "lab.fill", "name": "fill"}, patient(id="renamed"))
    gate.touch()
    go(moved)
    assert ran() == ["fill", "found:1"]
    assert [names(path) for path in scratches(tmp_path / "out")] == [["b1", "b2"]]
    go(recipe(SAMPLE, patient(name="b")))
    assert ran() == ["found:b1,b2"]
    assert scratches(tmp_path / "out") == []


@pytest.mark.long
def test_a_step_that_fails_keeps_it(go, ran, recipe, tmp_path, gate, patient):
    gate.touch()
    file = recipe(SAMPLE, patient(fails=True))
    for found in ("found:", "found:1"):
        go(file, status=1)
        assert ran() == [found]


@pytest.mark.long
def test_fresh_begins_anew(go, ran, recipe, tmp_path, gate, patient, killed):
    file = recipe(SAMPLE, patient())
    killed(file)
    assert killed(file, "--fresh") == "found:"
    gate.touch()
    go(file, "--fresh")
    assert ran() == ["found:"]
    assert scratches(tmp_path / "out") == []


def test_steps_that_do_the_same_take_turns(go, ran, recipe, tmp_path, gate, patient):
    gate.touch()
    go(recipe(SAMPLE, patient(), patient(id="twin")))
    assert ran() == ["found:", "found:"]


def test_a_step_that_is_not_kept(go, ran, recipe, tmp_path, gate, patient, killed):
    file = recipe(SAMPLE, patient(use="lab.forgotten"), {"use": "lab.add", "id": "add", "name": "add"})
    killed(file)
    gate.touch()
    go(file)
    assert ran() == ["found:1", "add"]
    assert scratches(tmp_path / "out") == []


@pytest.mark.long
@pytest.mark.parametrize("whole", [True, False])
def test_what_a_kill_at_the_end_of_a_step_left(go, ran, recipe, tmp_path, gate, patient, whole):
    """It goes, unless the result must be made again."""
    gate.touch()
    file = recipe(SAMPLE, patient())
    go(file)
    result = tmp_path / "out/03-patient"
    key = json.loads((result / "step.json").read_text())["key"]
    (tmp_path / "out" / f".{key[:16]}.scratch" / "1").mkdir(parents=True)
    if not whole:
        (result / "report.json").unlink()
    ran()
    go(file)
    assert ran() == ([] if whole else ["found:1"])
    assert scratches(tmp_path / "out") == []


@pytest.mark.long
def test_killed_while_it_is_removed(go, ran, recipe, tmp_path, gate, patient, contents):
    gate.touch()
    file = recipe(SAMPLE, patient())
    go(file, out=tmp_path / "whole", env={"KILL_AT": "0"})
    events = len([line for line in ran() if line.startswith("os.")])
    for moment in range(events - 9, events + 1):
        out = tmp_path / f"out-{moment}"
        assert go(file, out=out, wait=False, env={"KILL_AT": str(moment)}).end() == -signal.SIGKILL
        for left in scratches(out):
            assert names(left) == ["1"]
        go(file, out=out)
        assert names(out) == names(tmp_path / "whole"), f"after a kill at change {moment}"
        assert contents(out).keys() == contents(tmp_path / "whole").keys()
