"""What the README says is so."""

import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from interpgan_core.cli import command
from interpgan_core.plugins import Plugins
from interpgan_core.testing import recipe_error

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
EXAMPLE = ROOT / "plugins" / "example"
EXAMPLE_FILES = ("pyproject.toml", "interpgan_example/__init__.py", "tests/test_example.py")


@pytest.mark.parametrize("name", EXAMPLE_FILES)
def test_the_example_plugin_is_quoted_as_it_is(name):
    quoted = re.search(rf"<!-- plugins/example/{re.escape(name)} -->\n```\w+\n(.*?)\n```", README, re.DOTALL)
    assert quoted
    assert quoted[1] == (EXAMPLE / name).read_text().strip()


def test_the_example_plugin_is_small():
    assert sum(len((EXAMPLE / name).read_text().splitlines()) for name in EXAMPLE_FILES) < 40


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
