"""The standard promises of a plugin, and the operators as steps of a recipe, from scores to an edit."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from interpgan_core.testing import plugin_conformance, recipe_error

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")

test_plugin = plugin_conformance("interfacegan")


@pytest.mark.slow  # processes of their own; `make recipes` runs it
def test_the_recipe_of_the_readme(tmp_path):
    for name, text in re.findall(r"<!-- (\S+) -->\n```\w+\n(.*?)```", README, re.DOTALL):
        (tmp_path / name).write_text(text)
    command = Path(sys.executable).parent / "interpgan-run"
    options = ["recipe.yaml", "--plugin", "colours.py", "--out", "out", "--device", "cpu"]

    def run(*more):
        ran = subprocess.run(
            [command, *options, *more], cwd=tmp_path, capture_output=True, encoding="utf-8", timeout=120
        )
        assert ran.returncode == 0, ran.stderr
        return {s["id"]: s for s in json.loads((tmp_path / "out/run.json").read_text())["steps"]}

    steps = run()
    report = json.loads((tmp_path / "out" / steps["boundary"]["folder"] / "report.json").read_text())
    (table,) = report["tables"]
    assert table["title"] == "Boundaries in w, svm"
    for row in table["rows"]:
        figures = dict(zip(table["columns"], row, strict=True))
        assert figures["validation"] > 0.9 and figures["the rest"] > 0.6 and figures["stability"] > 0.6
    page = (tmp_path / "out/report.html").read_text()
    assert "red without bright" in page and "degrees" in page
    assert "Cosines of the boundaries" in page and "Correlations of the scores" in page
    report = json.loads((tmp_path / "out" / steps["checked"]["folder"] / "report.json").read_text())
    plain, alone = report["tables"][0]["rows"]
    assert (plain[0], alone[0]) == ("plain", "alone") and abs(alone[1]) < abs(plain[1]) / 2
    # A changed strength takes the boundary and the conditioned direction from the folder.
    steps = run("--set", "walk.strengths=[-1, 0, 1]")
    assert {steps[name]["status"] for name in ("boundary", "red", "checked")} == {"cached"}


HEAD = "interpgan: 1\nsteps:\n  - {use: generator, weights: toy}\n  - {use: sefa, id: found}\n  - "


@pytest.mark.parametrize(
    ("step", "message"),
    [
        ("{use: interfacegan, scores: $found}", "$found is a DirectionSet, not a Scores"),
        ("{use: interfacegan.condition, direction: $found, given: [$found.1]}", "pick one of it, such as $found.0"),
        ("{use: interfacegan.condition, direction: $found.0, given: []}", "must have at least one entry"),
        ("{use: interfacegan.condition, direction: $found.0, without: [$found.1]}", "has no parameter 'without'"),
        ("{use: interfacegan.verify, directions: $found.0, scorer: $found}", "is a Direction, not a DirectionSet"),
        ("{use: interfacegan.verify, directions: {a: $found}, scorer: $found}", "pick one of it, such as $found.0"),
        ("{use: interfacegan.tables, boundaries: $found, scores: $found}", "$found is a DirectionSet, not a Scores"),
        ("{use: interfacegan.quality, chosen: 2.5}", "above 1 it is a number of samples, so a whole number"),
    ],
)  # fmt: skip
def test_wrong_recipes(step, message, tmp_path):
    assert message in recipe_error(HEAD + step, tmp_path)
