"""What the README says is so."""

import inspect
import re
import shlex
from dataclasses import fields
from pathlib import Path

import pytest
from click.testing import CliRunner

from interpgan_core import Generator, HasEncoder, HasStyleWeights, LatentSpace, StepReport, make_plan
from interpgan_core.cli import command
from interpgan_core.hookspecs import HookSpecs
from interpgan_core.plugin import Backbone, NamedModel, Published, SavedGenerator
from interpgan_core.plugins import KINDS, Plugins
from interpgan_core.testing import recipe_error

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
EXAMPLES = {
    "example": ("pyproject.toml", "interpgan_example/__init__.py", "tests/test_example.py"),
    "example-backbone": (
        "pyproject.toml",
        "interpgan_example_backbone/__init__.py",
        "interpgan_example_backbone/models.py",
        "interpgan_example_backbone/backbone.py",
        "tests/test_example_backbone.py",
    ),
}


@pytest.mark.parametrize(("plugin", "name"), [(p, name) for p, names in EXAMPLES.items() for name in names])
def test_the_example_plugins_are_quoted_as_they_are(plugin, name):
    quoted = re.search(rf"<!-- plugins/{plugin}/{re.escape(name)} -->\n```\w+\n(.*?)\n```", README, re.DOTALL)
    assert quoted
    assert quoted[1] == (ROOT / "plugins" / plugin / name).read_text(encoding="utf-8").strip()


@pytest.mark.parametrize(("plugin", "lines"), [("example", 40), ("example-backbone", 250)])
def test_the_example_plugins_are_small_and_quoted_whole(plugin, lines):
    folder = ROOT / "plugins" / plugin
    files = {p.relative_to(folder).as_posix() for p in folder.rglob("*.py") if "build" not in p.parts}
    assert {"pyproject.toml", *files} == set(EXAMPLES[plugin])
    assert sum(len((folder / name).read_text().splitlines()) for name in EXAMPLES[plugin]) < lines


def rows_of(heading):
    """The first cell of each row of the tables of a section, with the whole row."""
    section = README.partition(f"### {heading}\n")[2].partition("\n##")[0]
    return {
        cells[1]: row
        for row in section.splitlines()
        if (cells := row.split(" | ", 1)[0].split("`"))[0] == "| "
    }


def test_every_hook_stands_in_the_readme_as_it_is():
    hooks = {
        f"{name}({', '.join(list(inspect.signature(hook).parameters)[1:])})"
        for name, hook in vars(HookSpecs).items()
        if name.startswith("interpgan_")
    }
    rows = rows_of("The hooks")
    assert set(rows) == hooks
    for kind in KINDS:
        target = re.search(r'\{"glow.*?": "(.*?)"\}', rows[f"interpgan_{kind}()"])[1]
        assert re.fullmatch(r"interpgan_glow\.\w+:\w+", target)
    for field in fields(StepReport):
        assert f"`{field.name}`" in rows["interpgan_after_step(report)"]


@pytest.mark.parametrize(
    ("heading", "things"),
    [
        ("What a generator has", (Generator, HasStyleWeights, HasEncoder)),
        ("What a backbone has", (Backbone,)),
    ],
)
def test_the_signatures_of_the_readme_are_those_of_the_code(heading, things):
    said = [
        word for row in rows_of(heading).values() for word in re.findall(r"`([^`]*)`", row.split(" | ")[0])
    ]
    for word in said:
        name, _, arguments = word.partition("(")
        [owner] = [t for t in things if hasattr(t, name) or name in t.__annotations__] or [None]
        if word == "unsupported(checkpoint)":  # no part of the protocol: most backbones have none
            continue
        assert owner, word
        if arguments:
            assert arguments == ", ".join(list(inspect.signature(getattr(owner, name)).parameters)[1:]) + ")"
    needed = {name for thing in things for name in getattr(thing, "__abstractmethods__", ())}
    assert needed <= {word.partition("(")[0] for word in said}


def test_the_arguments_of_the_readme_are_those_of_the_code():
    for cls in (LatentSpace, SavedGenerator, NamedModel, Published):
        [said] = set(re.findall(rf"`{cls.__name__}\((.*?)\)`", README))
        names = [field.name for field in fields(cls)]
        assert said.split(", ") == names[: len(said.split(", "))], cls


def test_every_operator_of_the_core_stands_in_the_table_with_its_parameters():
    section = README.partition("### Operators of the core")[2].partition("###")[0]
    rows = re.findall(r"^\| (`.*?) \|.*\| (.*) \|$", section, re.MULTILINE)
    said = {name: parameters for names, parameters in rows for name in re.findall(r"`(\w+)`", names)}
    core = {name: p.load() for name, p in Plugins(only=[]).operators.items()}
    assert set(said) == set(core)
    for name, operator in core.items():
        for field in operator.model_fields:
            assert f"`{field}`" in said[name], f"{name} has a parameter {field}"
        for word in re.findall(r"`(\w+)`", said[name]):
            assert any(word in core[n].model_fields for n in said if said[n] == said[name]), f"{name}: {word}"


def test_every_option_of_the_command_is_shown():
    shown = set(re.findall(r"--[a-z-]+", README))
    known = {o for p in command.params for o in p.opts if o.startswith("--")} - {"--version", "--help"}
    assert known <= shown


def test_the_mistake_of_the_readme_is_shown_as_the_command_shows_it(tmp_path):
    shown = re.search(r"^smile\.yaml:8:.*?\^$", README, re.MULTILINE | re.DOTALL)[0]
    wrong = shown.splitlines()[1].removeprefix("    ")
    lines = ["interpgan: 1", "steps:", "  - {use: generator, weights: toy}", "  - {use: sefa, id: smile}"]
    lines += ["  - {use: sample, seeds: 0}", "", "", wrong]
    said = recipe_error("\n".join(lines), tmp_path)
    assert said.replace("recipe.yaml", "smile.yaml") == shown


def test_every_command_of_the_readme_is_one():
    lines = re.findall(r"^\$ interpgan-run (.*)$", README, re.MULTILINE)
    assert lines
    options = {o for p in command.params for o in p.opts}
    for line in lines:
        for word in shlex.split(line.partition("#")[0]):
            assert not word.startswith("-") or word in options, line


RECIPES = [
    pytest.param(recipe, id=f"{file.parent.name}-{number}")
    for file in (ROOT / "README.md", *sorted(ROOT.glob("plugins/*/README.md")))
    for number, recipe in enumerate(
        re.findall(r"```yaml\n(interpgan: 1.*?)```", file.read_text(encoding="utf-8"), re.DOTALL)
    )
    if not re.search(r"use: (colours|own\.)", recipe)  # steps of the reader's own
]


@pytest.mark.parametrize("recipe", RECIPES)
def test_every_recipe_of_a_readme_is_right(recipe, tmp_path):
    """As far as its text says: the files that it names are there, and empty."""
    for name in re.findall(r": ((?:\w+/)*[\w-]+\.[a-z]{2,11}|photos)\b(?!\.)", recipe):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "recipe.yaml").write_text(recipe, encoding="utf-8")
    assert make_plan(tmp_path / "recipe.yaml").steps


LINKS = [
    pytest.param(file, target, id=f"{file.relative_to(ROOT)}-{target}")
    for file in (*ROOT.glob("*.md"), *sorted(ROOT.glob("plugins/*/README.md")), *ROOT.glob("recipes/*.md"))
    for target in re.findall(r"\]\(([^)\s:#]+)\)", file.read_text(encoding="utf-8"))
]


@pytest.mark.parametrize(("file", "target"), LINKS)
def test_every_link_of_a_readme_leads_somewhere(file, target):
    assert (file.parent / target).exists()


def test_help_says_what_the_command_does():
    said = CliRunner().invoke(command, ["--help"]).output
    assert "report.html" in said
    assert all(o in said for p in command.params for o in p.opts if o.startswith("--"))


def test_every_plugin_stands_in_the_readme():
    for folder in sorted((ROOT / "plugins").iterdir()):
        if (folder / "pyproject.toml").exists():
            assert f"(plugins/{folder.name})" in README
            assert (folder / "README.md").exists()


def test_every_recipe_opens_with_what_one_will_see():
    for file in sorted((ROOT / "recipes").rglob("*.yaml")):
        text = file.read_text(encoding="utf-8")
        assert text.startswith("# "), file
        assert len(text.partition("interpgan: 1")[0]) > 100, file


def test_the_python_of_the_readme_runs(monkeypatch):
    """As it stands, on the toy in place of the model that must be fetched."""
    code = re.search(r"## In Python.*?```python\n(.*?)```", README, re.DOTALL)[1]
    code = code.replace('"mobilestylegan.ffhq", resolution=512', '"toy"')
    names: dict = {}
    exec(code, names)
    assert names["pictures"].shape == (3, 3, 32, 32)
