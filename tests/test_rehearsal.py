"""What only a generator or a file can tell to be wrong in a recipe: said before anything runs, word for word."""

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from interpgan_core import make_plan, run
from interpgan_core.errors import RefusedError

SLOW = "  - {use: score, id: slow, seeds: 0-199, scorer: $judge}\n"


def rows():
    """The rows of `refused_recipes.txt`: name, steps, message."""
    text = Path(__file__).with_name("refused_recipes.txt").read_text(encoding="utf-8")
    for block in text.split("\n== ")[1:]:
        name, rest = block.split("\n", 1)
        steps, message = re.split(r"(?m)^(?=recipe\.yaml:)", rest, maxsplit=1)
        yield name, steps, message.rstrip("\n")


REFUSED = {name: (steps, message) for name, steps, message in rows()}


@pytest.fixture
def folder(tmp_path):
    """Files of people, and mistaken ones."""
    np.save(tmp_path / "d16.npy", np.ones((1, 16), np.float32))
    np.save(tmp_path / "d512.npy", np.ones((1, 512), np.float32))
    (tmp_path / "text.txt").write_text("hello")
    (tmp_path / "scores.csv").write_text(
        "seed,smile,plain\n" + "".join(f"{i},{i % 7},1\n" for i in range(400))
    )
    (tmp_path / "noseed.csv").write_text("name,smile\na,1\n")
    (tmp_path / "badrow.csv").write_text("seed,smile\n1,2\n,3\n")
    (tmp_path / "shortrow.csv").write_text("seed,smile\n1,2\n3\n")
    (tmp_path / "empty").mkdir()
    (tmp_path / "few").mkdir()
    for i in range(5):
        Image.new("RGB", (64, 64), (i * 40, 0, 0)).save(tmp_path / f"few/{i}.png")
    return tmp_path


def written(steps, folder):
    """A recipe whose first steps load a generator, and score samples, which takes long."""
    given = "" if steps.startswith("  - {use: generator") else "  - {use: generator, weights: toy}\n"
    first, rest = (steps.split("\n", 1)[0] + "\n", steps.split("\n", 1)[1]) if not given else (given, steps)
    text = f"interpgan: 1\nsteps:\n{first}  - {{use: avatars.scorer, id: judge}}\n{SLOW}{rest}"
    (folder / "recipe.yaml").write_text(text)
    return folder / "recipe.yaml"


@pytest.mark.parametrize("name", REFUSED)
def test_a_recipe_is_refused_before_anything_runs(name, folder):
    steps, message = REFUSED[name]
    plan = make_plan(written(steps, folder))
    before = sorted(folder.rglob("*"))
    with pytest.raises(RefusedError) as caught:
        run(plan, folder / "out", device="cpu")
    assert str(caught.value).replace(f"{folder}/", "") == message
    assert sorted(folder.rglob("*")) == before
