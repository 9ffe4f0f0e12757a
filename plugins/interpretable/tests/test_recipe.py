"""The README is so, and errors in recipes are instant."""

import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

import interpgan_interpretable
from interpgan_core import make_plan, run

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
OPERATORS = interpgan_interpretable.interpgan_operators()


@pytest.mark.parametrize("name", sorted(OPERATORS))
def test_every_parameter_stands_in_the_readme(name):
    module, _, attribute = OPERATORS[name].partition(":")
    operator = getattr(importlib.import_module(module), attribute)
    section = README.partition(f"### `{name}`")[2].partition("\n##")[0]
    cells = re.findall(r"^\| (`.*?) \|", section, re.MULTILINE)
    said = [word for cell in cells for word in re.findall(r"`(\w+)`", cell)]
    assert said == list(operator.model_fields)


def test_the_recipe_of_the_readme(tmp_path):
    text = re.search(r"```yaml\n(.*?)```", README, re.DOTALL)[1]
    (tmp_path / "recipe.yaml").write_text(text)
    page = run(make_plan(tmp_path / "recipe.yaml"), tmp_path / "out", device="cpu").read_text()
    assert "Atlas of concepts" in page and "by lot" in page and "Concept 0" in page


def test_recipe_errors_do_not_wait_for_torch():
    modules = ", ".join(sorted({path.partition(":")[0] for path in OPERATORS.values()}))
    code = f"import sys, {modules}; print(*sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8", check=True)
    assert not {"torch", "numpy", "sklearn", "scipy", "PIL"} & set(ran.stdout.split())
