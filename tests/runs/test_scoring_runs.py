"""Many samples, scored and rendered: a run that is killed goes on, and ends as if nothing had been."""

import csv
import hashlib
import json
import os
import random
import signal
import time
from pathlib import Path

import pytest
import torch
from processes import python

from interpgan_core import InterpganError, Score, Scores, quiet
from interpgan_core.testing import toy

SEEDS = "0-150,500-899"

SCORE = """
import sys, time, torch
from pathlib import Path
from interpgan_core import Score, quiet
from interpgan_core.testing import toy

class Colours:
    names = ("red", "green")
    def __call__(self, images):
        time.sleep(0.004)
        return images.mean((2, 3))[:, :2]

Score(seeds=sys.argv[1], scorer=Colours(), batch_size=4).run(toy(), quiet, Path(sys.argv[2]))
"""


class Colours:
    names = ("red", "green")

    def __init__(self):
        self.pictures = 0

    def __call__(self, images):
        self.pictures += len(images)
        return images.mean((2, 3))[:, :2]


def score(scratch=None, scorer=None, seeds=SEEDS):
    return Score(seeds=seeds, scorer=scorer or Colours(), batch_size=4).run(toy(), quiet, scratch)


def parts(scratch):
    return sorted(scratch.glob("0*.safetensors"))


@pytest.mark.long
def test_parts_change_nothing(tmp_path):
    """The scores of whole batches, as they were before there were parts, in the order of the seeds."""
    made, kept, colours = score(), score(tmp_path), Colours()
    expected = torch.cat([colours(toy().images(b, 4)) for b in toy().stream(made.seeds.tolist(), 4)])
    assert made.values.equal(expected) and kept.values.equal(expected)
    assert made.seeds.tolist() == [*range(151), *range(500, 900)]
    assert [len(Scores.load(path).seeds) for path in parts(tmp_path)] == [32] * 17 + [7]


@pytest.mark.long
def test_nothing_is_scored_twice(tmp_path):
    whole = score(tmp_path)
    for path in parts(tmp_path)[3::2]:
        path.unlink()
    counting = Colours()
    assert score(tmp_path, counting).values.equal(whole.values)
    assert counting.pictures == 7 * 32 + 7
    again = Colours()
    assert score(tmp_path, again).values.equal(whole.values) and again.pictures == 0


@pytest.mark.long
def test_what_is_damaged_is_scored_again(tmp_path):
    """Cut short, empty, of other seeds, of other attributes; and what a killed writer left is no part."""
    whole = score(tmp_path)
    cut, empty, others, renamed, *_ = parts(tmp_path)
    cut.write_bytes(cut.read_bytes()[:-1])
    empty.write_bytes(b"")
    others.write_bytes(parts(tmp_path)[5].read_bytes())
    kept = Scores.load(renamed)
    Scores(kept.seeds, kept.values, ("red", "blue")).write(renamed)
    (tmp_path / ".000009.safetensors.partial-1-00000000-00000000.safetensors").write_bytes(b"half")
    counting = Colours()
    assert score(tmp_path, counting).values.equal(whole.values)
    assert counting.pictures == 4 * 32


@pytest.mark.long
def test_a_scorer_that_fails_leaves_what_is_done(tmp_path):
    class Tired(Colours):
        def __call__(self, images):
            if self.pictures >= 128:
                raise InterpganError("enough")
            return super().__call__(images)

    with pytest.raises(InterpganError, match="enough"):
        score(tmp_path, Tired())
    assert len(parts(tmp_path)) == 4
    assert score(tmp_path).values.equal(score().values)


@pytest.mark.long
def test_kills_lose_nothing(tmp_path):
    """A process killed again and again, at any moment, and the scores of one that was not, to the bit."""
    moments = random.Random(0)
    for _ in range(3):
        before = len(parts(tmp_path))
        process = python(SCORE, SEEDS, tmp_path)
        while len(parts(tmp_path)) < before + 2:
            assert process.poll() is None, process.communicate()[1]
            time.sleep(0.01)
        time.sleep(moments.random() * 0.1)
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
    found = parts(tmp_path)
    assert 6 <= len(found) < 18
    counting = Colours()
    assert score(tmp_path, counting).values.equal(score().values)
    assert counting.pictures == 551 - 32 * len(found)


@pytest.mark.long
def test_the_bar_counts_samples(tmp_path):
    told = []

    def progress(items, total=None, what=""):
        told.append((total, what))
        return iter(told.append(item) or item for item in items)

    score(tmp_path)
    parts(tmp_path)[1].unlink()
    Score(seeds=SEEDS, scorer=Colours(), batch_size=4).run(toy(), progress, tmp_path)
    assert told == [(32, "scoring 32 samples"), *range(32, 64)]


PICTURES = {"use": "pictures", "id": "made", "seeds": "0-99"}


@pytest.mark.long
def test_pictures_go_on_after_a_kill(go, recipe, tmp_path):
    """Each file is named by its seed, there whole or not there, and made once."""
    file = recipe(PICTURES)
    process = go(file, wait=False)
    while not (made := [*tmp_path.glob("out/.*.scratch/pictures/seed*.png")]):
        time.sleep(0.005)
    assert process.kill() != 0
    made = [*tmp_path.glob("out/.*.scratch/pictures/seed*.png")]
    stamps = {path.name: path.stat().st_mtime_ns for path in made}
    go(file)
    (folder,) = tmp_path.glob("out/*-made/pictures")
    assert sorted(path.name for path in folder.iterdir()) == [f"seed{seed:06d}.png" for seed in range(100)]
    assert {name: (folder / name).stat().st_mtime_ns for name in stamps} == stamps
    again = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}
    go(file, "--fresh")
    assert {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()} == again


@pytest.mark.long
def test_scored_elsewhere_and_read_back(go, recipe, tmp_path):
    """The pictures of a run, a table that names them, and the same samples."""
    go(recipe({**PICTURES, "seeds": "3-6"}))
    (folder,) = tmp_path.glob("out/*-made/pictures")
    with (tmp_path / "bytes.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(("file", "bytes"))
        table.writerows((path, path.stat().st_size) for path in sorted(folder.iterdir()))
    go(recipe({"use": "scores", "id": "read", "file": str(tmp_path / "bytes.csv")}))
    (kept,) = tmp_path.glob("out/*-read")
    assert Scores.load(kept).seeds.tolist() == [3, 4, 5, 6]


def test_the_engine_is_no_part_of_the_key(tmp_path):
    from interpgan_core import make_plan

    def key(text):
        file = Path(tmp_path, "recipe.yaml")
        head = "  - {use: generator, weights: toy}\n  - {use: avatars.scorer, id: scorer}\n"
        file.write_text(
            f"interpgan: 1\nsteps:\n{head}  - {{use: score, seeds: 0-3, scorer: $scorer{text}}}\n"
        )
        return json.dumps(make_plan(file).steps[-1].content, sort_keys=True)

    assert key("") == key(", engine: local") == key(", engine: {use: local}") != key(", batch_size: 4")
