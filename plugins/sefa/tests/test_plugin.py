"""The standard promises of a plugin, and the recipe of the README."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from interpgan_core.testing import plugin_conformance, recipe_error

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")

test_plugin = plugin_conformance("sefa")


@pytest.mark.long
def test_the_recipe_of_the_readme(tmp_path):
    for name, text in re.findall(r"<!-- (\S+) -->\n```\w+\n(.*?)```", README, re.DOTALL):
        (tmp_path / name).write_text(text)
    command = Path(sys.executable).parent / "interpgan-run"
    options = ["recipe.yaml", "--plugin", "colours.py", "--device", "cpu"]
    ran = subprocess.run(
        [command, *options], cwd=tmp_path, capture_output=True, encoding="utf-8", timeout=120
    )
    assert ran.returncode == 0, ran.stderr
    page = (tmp_path / "out/recipe/report.html").read_text()
    assert "The direction closest to each attribute" in page and "cosine distance" in page


def test_a_set_in_place_of_one_of_it(tmp_path):
    recipe = """interpgan: 1
steps:
  - {use: generator, weights: toy}
  - {use: sefa, id: many}
  - {use: sample, seeds: 0-1}
  - {use: shift, direction: $many, strength: 2}
"""
    said = "$many is a DirectionSet, not a Direction or another mover; pick one of it, such as $many.0"
    assert f"recipe.yaml:6:29: {said}" in recipe_error(recipe, tmp_path)
