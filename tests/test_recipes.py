"""Every recipe of the project is right; those that need nothing fetched run, and show what CLAIMS.md says."""

import shutil
from pathlib import Path

import claims
import pytest
import write_tiny

from interpgan_core import make_plan, run

RECIPES = Path(__file__).parents[1] / "recipes"
NAMES = sorted(p.name for p in RECIPES.glob("*.yaml"))
MAKERS = sorted(p.name for p in (RECIPES / "train").glob("*.yaml"))
CLAIMS = claims.read_claims(RECIPES / "CLAIMS.md")
FETCHED = "weights: mobilestylegan."


@pytest.fixture(scope="module")
def recipes(tmp_path_factory):
    """The recipes in a folder of their own, beside the tiny checkpoints that `make tiny` writes."""
    folder = tmp_path_factory.mktemp("recipes")
    for name in (*NAMES, *(p.name for p in RECIPES.glob("*.png"))):
        shutil.copy(RECIPES / name, folder)
    write_tiny.write(folder / "tiny")
    return folder


@pytest.mark.parametrize("name", NAMES)
def test_a_recipe_is_right(recipes, name):
    assert make_plan(recipes / name).title


@pytest.mark.parametrize("name", MAKERS)
def test_a_recipe_that_makes_weights_is_right(name):
    assert make_plan(RECIPES / "train" / name).title


@pytest.mark.parametrize("name", [n for n in NAMES if FETCHED not in (RECIPES / n).read_text()])
def test_a_recipe_runs_and_shows_what_it_claims(recipes, name, tmp_path):
    page = run(make_plan(recipes / name), tmp_path / "out", device="cpu")
    assert page.read_text().count("data:image/webp") >= 9
    assert not list(claims.broken(tmp_path / "out", [c for c in CLAIMS if f"{c.recipe}.yaml" == name]))
