"""ARCHITECTURE.md is a map of the tree as it is."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MAP = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
NAMED = sorted(set(re.findall(r"`([\w./-]+/[\w./-]*(?::\w+)?)`", MAP)))


@pytest.mark.parametrize("name", NAMED)
def test_what_the_map_names_is_there(name):
    path, _, definition = name.partition(":")
    assert (ROOT / path).exists()
    assert not path.endswith("/") or (ROOT / path).is_dir()
    if definition:
        found = {getattr(node, "name", None) for node in ast.parse((ROOT / path).read_text()).body}
        assert definition in found


def test_every_folder_is_on_the_map():
    table = MAP.partition("## Where to add what")[0]
    folders = [
        p
        for p in ROOT.iterdir()
        if p.is_dir() and p.name[0] not in "._" and not p.name.endswith((".egg-info", "out", "build"))
    ]
    core = [p for p in (ROOT / "interpgan_core").rglob("*") if p.is_dir() and p.name != "__pycache__"]
    for folder in (*folders, *core):
        assert f"| `{folder.relative_to(ROOT).as_posix()}/` |" in table


def test_every_file_beside_the_folders_of_the_core_is_on_the_map():
    files = {p.name for p in (ROOT / "interpgan_core").glob("*.py")} - {"__init__.py", "__main__.py"}
    said = set(re.findall(r"(\w+\.py)`", MAP.partition("## Where to add what")[0]))
    assert files - {"plugin.py"} <= said
    assert "`interpgan_core.plugin`" in MAP


def test_it_is_one_page_with_twenty_words():
    glossary = MAP.partition("## Twenty words")[2]
    assert len(re.findall(r"^\| (?!word|-)", glossary, re.MULTILINE)) == 20
    assert len(MAP.splitlines()) < 100
