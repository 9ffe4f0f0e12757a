"""SIGKILL in steps of several kinds: the page and the tables of what was done are there, and the run goes on."""

import csv
import json
import os
import re
import signal
import subprocess
import sys
import time
from contextlib import contextmanager

import pytest
import torch

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

# Everything before the last step takes seconds; the last takes hours.
DONE = """\
interpgan: 1
steps:
  - {use: avatars.scorer, id: scorer, scale: logit}
  - {use: generator, weights: avatars.pggan}
  - {use: score, id: scores, seeds: 0-63, scorer: $scorer}
  - {use: interfacegan, id: boundaries, scores: $scores, bootstrap: 0, chosen: 8}
  - {use: interfacegan.tables, id: tables, boundaries: $boundaries, scores: $scores}
  - {use: sample, id: people, seeds: 0-3}
  - {use: render, title: Four people}
  - {use: avatars.data, id: faces, seeds: 0-63}
"""
TRAINED = "data: $faces, batch_size: 8, kimg: 40"
SLOW = {
    "render": ["{use: sample, seeds: 0-199999}", "{use: render, title: Many people}"],
    "score": ["{use: score, id: many, seeds: 0-999999, scorer: $scorer}"],
    "inversion": ["{use: inversion, pictures: $faces, space: z, steps: 100000, batch_size: 4}"],
    "training": [
        f"{{use: training, architecture: {{family: stylegan2, widths: [8, 8, 8, 8, 8]}}, {TRAINED}}}"
    ],
    "interpretable.train": [f"{{use: interpretable.train, layer: layer6, {TRAINED}}}"],
}
TABLES = {"scores", "boundaries", "tables", "faces"}


@contextmanager
def running(folder, kind):
    """The command in a process of its own, which is killed at the end."""
    recipe = folder / "recipe.yaml"
    recipe.write_text(DONE + "".join(f"  - {line}\n" for line in SLOW[kind]))
    command = [sys.executable, "-m", "interpgan_core", str(recipe), "--out", str(folder / "out")]
    with (folder / "said.txt").open("w") as said:
        process = subprocess.Popen(
            command, stdout=said, stderr=said, env=os.environ | {"OMP_NUM_THREADS": "1"}
        )
    try:
        yield process
        assert process.poll() is None, (folder / "said.txt").read_text()
    finally:
        process.kill()
        process.wait()
    assert process.returncode == -signal.SIGKILL


def wait_for(process, what):
    """What `what()` gives as soon as it gives something."""
    while process.poll() is None:
        if found := what():
            return found
        time.sleep(0.1)
    return pytest.fail("the run ended by itself")


def done(folder):
    """The steps of the run that is going on, by id, or none before the last step has begun."""
    steps = (
        json.loads((folder / "out/run.json").read_text())["steps"]
        if (folder / "out/run.json").exists()
        else []
    )
    return {step["id"]: step for step in steps} if len(steps) == 7 + len(SLOW[folder.name]) else {}


@pytest.fixture
def folder(tmp_path, request):
    made = tmp_path / request.getfixturevalue("kind")
    made.mkdir()
    return made


@pytest.mark.parametrize("kind", SLOW)
def test_what_was_done_is_there_and_is_not_done_again(folder, kind):
    with running(folder, kind) as process:
        wait_for(process, lambda: done(folder))
        time.sleep(3)
    page = (folder / "out/report.html").read_text()
    assert "This run has not ended" in page and ">Four people</h2>" in page and page.count("<img") >= 5
    for step in done(folder).values():
        kept = folder / "out" / (step["folder"] or "")
        assert all((kept / file["name"]).stat().st_size == file["bytes"] for file in step["files"])
        tables = list(kept.glob("tables/*.csv")) if step["folder"] else []
        assert bool(tables) == (step["id"] in TABLES)
        for table in tables:
            rows = list(csv.reader(table.open(newline="")))
            assert len(rows) > 1 and len(set(map(len, rows))) == 1
    (folder / "out/run.json").unlink()
    with running(folder, kind) as process:
        again = wait_for(process, lambda: done(folder))
    assert {step["status"] for step in again.values() if step["folder"]} == {"cached"}


@pytest.mark.parametrize("kind", ["inversion", "training", "interpretable.train"])
def test_long_work_goes_on_from_what_was_saved(folder, kind):
    """Also that a log file has a line every half minute, which says how much is left."""

    def saved():
        return next((folder / "out").glob(".*.scratch/[!.]*.pt"), None)

    with running(folder, kind) as process:
        state = wait_for(process, saved)
    steps = torch.load(state, weights_only=True)["step"]
    total, each = (100_000, 1) if kind == "inversion" else (40_000, 8)
    if kind != "inversion":
        rows = list(csv.DictReader((state.parent / "log.csv").open(newline="")))
        assert rows and 0 < int(rows[-1]["pictures"]) <= steps * each + 200
    line = re.compile(r"^\d+/\d+ .+: (\d+) of (\d+), .* left$", re.MULTILINE)
    with running(folder, kind) as process:
        left = wait_for(process, lambda: line.search((folder / "said.txt").read_text()))
    assert int(left[2]) == total - steps * each and 0 < int(left[1]) < int(left[2])
