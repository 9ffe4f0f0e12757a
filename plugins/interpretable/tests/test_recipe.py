"""The README is so, and errors in recipes are instant."""

import re
from pathlib import Path

from interpgan_core import make_plan, run
from interpgan_core.testing import plugin_conformance

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def test_the_recipe_of_the_readme(tmp_path):
    text = re.search(r"```yaml\n(.*?)```", README, re.DOTALL)[1]
    (tmp_path / "recipe.yaml").write_text(text)
    page = run(make_plan(tmp_path / "recipe.yaml"), tmp_path / "out", device="cpu").read_text()
    assert "Atlas of concepts" in page and "random groups" in page and "Concept 0" in page


test_plugin = plugin_conformance("interpretable")
