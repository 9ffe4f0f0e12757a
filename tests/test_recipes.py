"""Every recipe of the project is right, and those that need nothing fetched run as they stand."""

import shutil
from pathlib import Path

import pytest
import write_tiny

from interpgan_core import make_plan, run
from interpgan_core.files.downloads import nothing_fetched
from interpgan_core.recipes.cache import decide
from interpgan_core.recipes.rehearsal import rehearse
from interpgan_core.recipes.store import Store

RECIPES = Path(__file__).parents[1] / "recipes"
NAMES = sorted(p.name for p in RECIPES.glob("*.yaml"))
MAKERS = sorted(p.name for p in (RECIPES / "train").glob("*.yaml"))
TOO_LONG = ("inversion-tables.yaml", "interpretable-train.yaml")  # to be shortened
FETCHED = "weights: mobilestylegan."


@pytest.fixture(scope="module")
def recipes(tmp_path_factory):
    """The recipes in a folder of their own, beside the tiny checkpoints that `make tiny` writes."""
    folder = tmp_path_factory.mktemp("recipes")
    for name in (*NAMES, *(p.name for p in RECIPES.glob("*.png"))):
        shutil.copy(RECIPES / name, folder)
    write_tiny.write(folder / "tiny")
    return folder


def right(file, tmp_path):
    """Is nothing wrong in a recipe, as far as can be said without running it or fetching anything?"""
    plan, store = make_plan(file), Store(tmp_path / "out")
    with nothing_fetched():
        rehearse(plan, decide(plan, store), store, "cpu")
    return plan.title


@pytest.mark.parametrize("name", NAMES)
def test_a_recipe_is_right(recipes, name, tmp_path):
    assert right(recipes / name, tmp_path)


@pytest.mark.parametrize("name", MAKERS)
def test_a_recipe_that_makes_weights_is_right(name, tmp_path):
    assert right(RECIPES / "train" / name, tmp_path)


@pytest.mark.parametrize("name", [n for n in NAMES if FETCHED not in (RECIPES / n).read_text()])
def test_a_recipe_runs(recipes, name, tmp_path, found_browser):
    page = run(make_plan(recipes / name), tmp_path / "out", device="cpu")
    assert page.read_text().count("data:image/webp") >= 9
    if found_browser:
        tab = found_browser.new_page(viewport={"width": 1100, "height": 800})
        tab.goto(page.as_uri())
        assert name in TOO_LONG or tab.evaluate("document.documentElement.scrollHeight") <= 6000
        tab.set_viewport_size({"width": 390, "height": 800})
        assert tab.evaluate("document.documentElement.scrollWidth") <= 390
        tab.close()
