"""What a person reads whose recipe is wrong: the whole message, word for word."""

import os
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from interpgan_core.errors import RecipeError
from interpgan_core.plugins import plugins
from interpgan_core.recipes.plan import make_plan
from interpgan_core.testing import recipe_error

START = """\
interpgan: 1
steps:
  - {use: generator, weights: toy}
  - {use: sample, id: people, seeds: 0-3}
  - {use: directions, id: found, file: found.safetensors}
"""


def rows():
    """The rows of `wrong_recipes.txt`: name, recipe, message."""
    text = Path(__file__).with_name("wrong_recipes.txt").read_text(encoding="utf-8")
    for block in text.split("\n== ")[1:]:
        name, rest = block.split("\n", 1)
        recipe, message = re.split(r"(?m)^(?=recipe\.yaml:)", rest, maxsplit=1)
        yield name, (START if recipe.startswith("  - ") else "") + recipe, message.rstrip("\n")


WRONG = {name: (recipe, message) for name, recipe, message in rows()}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A folder for recipes, in which no plugin adds to the choices that a message lists."""
    monkeypatch.setenv("INTERPGAN_PLUGINS", "")
    plugins.cache_clear()
    (tmp_path / "found.safetensors").touch()
    yield tmp_path
    plugins.cache_clear()


@pytest.mark.parametrize("name", WRONG)
def test_wrong_recipe(name, folder):
    recipe, message = WRONG[name]
    assert recipe_error(recipe, folder) == message


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("peolpe.seeds=3", "the recipe has no step 'peolpe'; did you mean 'people'?"),
        ("people.seed=3", "sample has no parameter 'seed'; did you mean 'seeds'?"),
        ("people.seeds=9-2", "'9-2' runs backwards; write 2-9"),
        ("people.classes=[0, 1.5]", "entry 2 of 'classes' of sample must be a whole number, not 1.5"),
        ("people.seeds=", "'seeds' of sample must be numbers such as 3, 0-7 or 0-3,6, but is empty"),
        (
            "people.seeds=$generator",
            "'seeds' of sample must be numbers such as 3, 0-7 or 0-3,6, not the result of a step ($generator)",
        ),
        ("people.seeds=$fuond", "there is no step 'fuond'; there are: generator"),
        ("people.seeds", "write it as step.parameter=value"),
        ("seeds=3", "write it as step.parameter=value"),
        ("=", "write it as step.parameter=value"),
        ("people.use=render", "'use' is fixed by the recipe; edit the file instead"),
        ("people.id=folk", "'id' is fixed by the recipe; edit the file instead"),
        ("people.seeds=[1", "'[1' is not a value: this is not closed; add the missing quote or bracket"),
        (
            "people.seeds=!!str 1",
            "'!!str 1' is not a value: tags such as !this are not allowed in a recipe; write a plain value",
        ),
    ],
)
def test_wrong_override(override, message, folder):
    assert recipe_error(START, folder, override) == f"--set {override}: {message}"


def test_the_last_of_two_equal_overrides_is_the_one_that_counts(folder):
    message = recipe_error(START, folder, "people.seeds=5", "people.seeds=9-2")
    assert message == "--set people.seeds=9-2: '9-2' runs backwards; write 2-9"


def nowhere(folder):
    (folder / "smiles.yaml").touch()
    return folder / "smile.yaml"


def nowhere_at_all(folder):
    return folder / "lost" / "smile.yaml"


def a_folder(folder):
    return folder


def large(folder):
    (folder / "photo.yaml").write_bytes(b"\n" * 20_000_000)
    return folder / "photo.yaml"


def endless(folder):
    return Path(os.devnull).with_name("zero")


def latin(folder):
    (folder / "old.yaml").write_bytes("interpgan: 1\ntitle: Café\n".encode("latin-1"))
    return folder / "old.yaml"


def nul(folder):
    (folder / "nul.yaml").write_bytes(b"interpgan: 1\ntitle: a\0b\n")
    return folder / "nul.yaml"


def one_line(folder):
    steps = "{use: generator, weights: toy}, " * 9 + "{use: smaple}"
    (folder / "line.yaml").write_text(f"interpgan: 1\nsteps: [{steps}]\n")
    return folder / "line.yaml"


def many_values(folder):
    (folder / "many.yaml").write_text("interpgan: 1\ntitle: [" + "0," * 30_000 + "]\n")
    return folder / "many.yaml"


def other_line_ends(folder):
    text = "\ufeffinterpgan: 1\r\ntitle: 'a\u2028b\u0085c'\r\nsteps:\r\n  - {use: smaple}\r\n"
    (folder / "ends.yaml").write_bytes(text.encode())
    return folder / "ends.yaml"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (nowhere, "smile.yaml: there is no such file; did you mean 'smiles.yaml'?"),
        (nowhere_at_all, "lost/smile.yaml: there is no such file; check its name and folder"),
        (a_folder, "recipes: this is a folder; name a recipe in it"),
        (large, "photo.yaml: the file is larger than a recipe may be, 300 kB; is it the right file?"),
        (endless, "/dev/zero: the file is larger than a recipe may be, 300 kB; is it the right file?"),
        (
            latin,
            "old.yaml:2:11: this is not text in UTF-8; save the file as UTF-8\n"
            "    title: Caf\N{REPLACEMENT CHARACTER}\n"
            "              ^",
        ),
        (
            nul,
            "nul.yaml:2:9: this character cannot stand in YAML; remove it\n"
            "    title: a\N{REPLACEMENT CHARACTER}b\n"
            "            ^",
        ),
        (
            one_line,
            "line.yaml:2:303: there is no step 'smaple'; did you mean 'sample'?\n"
            "    ts: toy}, {use: generator, weights: toy}, {use: generator, weights: toy}, {use: smaple}]\n"
            + " " * 84
            + "^",
        ),
        (
            many_values,
            "many.yaml:2:40003: the recipe grows to more than 20000 values here, aliases written out; "
            "shorten it\n    " + "0," * 80 + "\n" + " " * 84 + "^",
        ),
        (
            other_line_ends,
            "ends.yaml:4:11: there is no step 'smaple'; did you mean 'sample'?\n"
            "      - {use: smaple}\n"
            "              ^",
        ),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_wrong_file(make, message, folder):
    home = folder / "recipes"
    home.mkdir()
    with pytest.raises(RecipeError) as caught:
        make_plan(make(home))
    assert str(caught.value).replace(f"{home}/", "").replace(str(home), "recipes") == message


@pytest.mark.long
@pytest.mark.parametrize(
    "name",
    [
        "unknown step",
        "typo in a parameter",
        "text for a number",
        "wrong reference type",
        "missing file",
        "duplicate key",
        "cycle",
        "alias bomb",
        "tab",
        "unknown version",
        "reserved word as id",
        "Python tag",
        "empty file",
    ],
)
def test_the_command_says_it_and_does_nothing(name, folder, command):
    recipe, message = WRONG[name]
    (folder / "recipe.yaml").write_text(recipe, encoding="utf-8")
    before = sorted(folder.iterdir())
    ran = command("recipe.yaml", cwd=folder)
    assert (ran.status, ran.out, ran.err) == (2, "", message + "\n")
    assert not {"torch", "numpy"} & ran.modules
    assert sorted(folder.iterdir()) == before


def test_a_pipe_is_a_recipe_too(folder, command):
    pipe = folder / "recipe.yaml"
    os.mkfifo(pipe)
    with ThreadPoolExecutor() as pool:
        pool.submit(pipe.write_text, WRONG["no generator"][0])
        ran = command("recipe.yaml", cwd=folder)
    assert ran.err == WRONG["no generator"][1] + "\n"


def test_what_is_neither_file_nor_folder_has_no_content(folder):
    os.mkfifo(folder / "pipe")
    assert recipe_error(START + "  - {use: load, file: pipe}\n", folder) == (
        "recipe.yaml:6:5: load: there is no file or folder pipe; check the path\n"
        "      - {use: load, file: pipe}\n"
        "        ^"
    )


def test_a_name_that_no_file_can_have(folder):
    recipe = f"{START}  - {{use: load, file: {'a' * 300}}}\n"
    assert recipe_error(recipe, folder).split("\n")[0] == (
        "recipe.yaml:6:5: a file of load cannot be read: File name too long"
    )
