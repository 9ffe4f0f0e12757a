"""What only a generator or a file can tell to be wrong in a recipe: said before anything runs, word for word."""

import os
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from interpgan_core import check_batch_size, make_plan, run
from interpgan_core.errors import InterpganError, RefusedError
from interpgan_core.testing import toy
from interpgan_inversion import testing as encoder_files

E4E = {"encoder_type": "Encoder4Editing", "stylegan_size": 16}
SLOW = "  - {use: score, id: slow, seeds: 0-199, scorer: $judge}\n"


def rows():
    """The rows of `refused_recipes.txt`: name, steps, message."""
    text = Path(__file__).with_name("refused_recipes.txt").read_text(encoding="utf-8")
    for block in text.split("\n== ")[1:]:
        name, rest = block.split("\n", 1)
        steps, message = re.split(r"(?m)^(?=recipe\.yaml:)", rest, maxsplit=1)
        yield name, steps, message.rstrip("\n")


REFUSED = {name: (steps, message) for name, steps, message in rows()}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Files of people, and mistaken ones."""
    folder = tmp_path_factory.mktemp("files")
    np.save(folder / "d16.npy", np.ones((1, 16), np.float32))
    np.save(folder / "d512.npy", np.ones((1, 512), np.float32))
    (folder / "text.txt").write_text("hello")
    (folder / "scores.csv").write_text("seed,smile,plain\n" + "".join(f"{i},{i % 7},1\n" for i in range(400)))
    (folder / "noseed.csv").write_text("name,smile\na,1\n")
    (folder / "badrow.csv").write_text("seed,smile\n1,2\n,3\n")
    (folder / "shortrow.csv").write_text("seed,smile\n1,2\n3\n")
    (folder / "empty").mkdir()
    (folder / "few").mkdir()
    for i in range(5):
        Image.new("RGB", (64, 64), (i * 40, 0, 0)).save(folder / f"few/{i}.png")
    mean = toy().spaces["w"].mean
    for name, codes, known in (("e4e", 6, E4E), ("eight", 8, E4E | {"stylegan_size": 32}), ("unsaid", 6, {})):
        state = encoder_files.style_encoder(encoder_files.plan(codes, 16))
        torch.save(encoder_files.published(state, None, mean, **known), folder / f"{name}.pt")
    return folder


@pytest.fixture
def folder(files, tmp_path):
    """These files in a folder of the test's own."""
    return shutil.copytree(files, tmp_path, copy_function=os.link, dirs_exist_ok=True)


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


def test_a_value_of_the_command_line_is_where_the_mistake_is(folder):
    steps, message = REFUSED["direction that is not in a file"]
    plan = make_plan(
        written(steps.replace("$found.smlie", "$found"), folder), ["shift.direction=$found.smlie"]
    )
    with pytest.raises(RefusedError) as caught:
        run(plan, folder / "out", device="cpu")
    said = message.partition("\n")[0].partition(": ")[2]
    assert str(caught.value) == f"--set shift.direction=$found.smlie: {said}"


@pytest.mark.long
def test_a_dry_run_says_it_too_and_so_does_the_exit_status(folder, command):
    steps, message = REFUSED["layers past the last, sefa"]
    written(steps, folder)
    before = sorted(folder.rglob("*"))
    for arguments in ((), ("--dry-run",)):
        ran = command("recipe.yaml", *arguments, cwd=folder)
        assert (ran.status, ran.out, ran.err) == (2, "", message + "\n")
        assert sorted(folder.rglob("*")) == before


@pytest.mark.long
def test_a_dry_run_fetches_nothing_and_says_what_it_could_not_check(folder, command):
    written("  - {use: generator, weights: mobilestylegan.ffhq}\n  - {use: sefa, layers: 99}\n", folder)
    ran = command("recipe.yaml", "--dry-run", cwd=folder, INTERPGAN_CACHE=str(folder / "cache"))
    assert ran.status == 0
    assert ran.out.splitlines()[-1] == (
        "the weights of mobilestylegan.ffhq would have to be fetched first; what depends on it could not be checked"
    )
    assert [path for path in (folder / "cache").rglob("*") if path.is_file()] == []


def test_two_generators_are_loaded_ahead_and_each_result_names_its_own(folder):
    steps = (
        "  - {use: sample, id: first, seeds: 1}\n  - {use: generator, id: other, weights: avatars.pggan}\n"
    )
    text = (
        f"interpgan: 1\nsteps:\n  - {{use: generator, weights: toy}}\n{steps}  - {{use: sample, seeds: 1}}\n"
    )
    (folder / "recipe.yaml").write_text(text)
    run(make_plan(folder / "recipe.yaml"), folder / "out", device="cpu")
    records = [(folder / "out" / name / "step.json").read_text() for name in ("02-first", "04-sample")]
    assert ['"weights": "toy"' in text for text in records] == [True, False]
    assert ['"weights": "avatars.pggan"' in text for text in records] == [False, True]


def test_a_batch_that_no_memory_holds():
    generator = toy()
    check_batch_size(generator, 16, 100)
    check_batch_size(generator, 10**9, 4)  # four samples are one batch
    with pytest.raises(InterpganError) as caught:
        check_batch_size(generator, 10**9, 10**9)
    found = re.fullmatch(
        r"'batch_size' 1000000000 needs 65536 GB of memory for one layer's maps alone, and cpu has \d+ GB; "
        r"give (\d+) or fewer",
        str(caught.value),
    )
    check_batch_size(generator, int(found[1]), 10**9)
