"""Every recipe of the project is right; those that need nothing fetched run, and show what CLAIMS.md says."""

import re
import shutil
from pathlib import Path

import claims
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
CLAIMS = claims.read_claims(RECIPES / "CLAIMS.md")
WITHOUT_STRENGTH = {
    "smile-without-ageing": ("leak.seeds=0-9", "smiling.strength=0", "only-smiling.strength=0"),
    "move-part": ("left.right=0", "right.right=0", "smaller.scale=1.0", "interpretable-move.scale=1.0"),
    "published-boundary": ("place.distance=[0, 0.01]",),
    "my-photo": (
        "inversion-pivotal.steps=1",
        "glasses.strength=0",
        "turned.strength=0",
        "smiling.strength=0",
    ),
}
# A minute each, on one core: `make recipes` runs them, and CI does.
SLOW = (
    "brush",
    "dissect",
    "fix-artifacts",
    "interfacegan-tables",
    "interpretable-tables",
    "interpretable-train",
    "inversion-tables",
    "my-encoder",
    "my-photo",
    "paint-words",
    "region-directions",
    "sefa-named",
    "smile-without-ageing",
    "studio",
    "words",
)
FETCHED = re.compile(r"weights: (mobilestylegan|dcgan)\.")


def each(names):
    """Names of recipes as parameters; those that take long are marked."""
    return [pytest.param(n, marks=[pytest.mark.slow] if Path(n).stem in SLOW else []) for n in names]


@pytest.fixture(scope="module")
def recipes(tmp_path_factory):
    """The recipes in a folder of their own, beside the tiny checkpoints that `make tiny` writes."""
    folder = tmp_path_factory.mktemp("recipes")
    beside = [*RECIPES.glob("my-*.[pj][np]g"), *RECIPES.glob("*.csv"), *RECIPES.glob("*.safetensors")]
    for name in (*NAMES, *(p.name for p in beside)):
        shutil.copy(RECIPES / name, folder)
    write_tiny.write(folder / "tiny")
    return folder


def right(file, tmp_path):
    """Is nothing wrong in a recipe, as far as can be said without running it or fetching anything?"""
    plan, store = make_plan(file), Store(tmp_path / "out")
    with nothing_fetched():
        rehearse(plan, decide(plan, store), store, "cpu")
    return plan.title


@pytest.mark.long
@pytest.mark.parametrize("name", NAMES)
def test_a_recipe_is_right(recipes, name, tmp_path):
    assert right(recipes / name, tmp_path)


@pytest.mark.long
@pytest.mark.parametrize("name", MAKERS)
def test_a_recipe_that_makes_weights_is_right(name, tmp_path):
    assert right(RECIPES / "train" / name, tmp_path)


@pytest.mark.long
@pytest.mark.parametrize("name", each(n for n in NAMES if not FETCHED.search((RECIPES / n).read_text())))
def test_a_recipe_runs_and_shows_what_it_claims(recipes, name, tmp_path, found_browser):
    page = run(make_plan(recipes / name), tmp_path / "out", device="cpu")
    assert page.read_text().count("data:image/webp") >= 9
    assert not list(claims.broken(tmp_path / "out", claims_of(name)))
    if found_browser:
        tab = found_browser.new_page(viewport={"width": 1100, "height": 800})
        tab.goto(page.as_uri())
        assert tab.evaluate("document.documentElement.scrollHeight") <= 6000
        tab.set_viewport_size({"width": 390, "height": 800})
        assert tab.evaluate("document.documentElement.scrollWidth") <= 390
        tab.close()


@pytest.mark.long
@pytest.mark.parametrize("name", each(WITHOUT_STRENGTH))
def test_edits_without_strength_keep_no_claim(recipes, name, tmp_path):
    run(make_plan(recipes / f"{name}.yaml", WITHOUT_STRENGTH[name]), tmp_path / "out", device="cpu")
    broken = list(claims.broken(tmp_path / "out", claims_of(f"{name}.yaml")))
    for claim in claims_of(f"{name}.yaml"):
        assert any(f"{words} is not so" in said for words in claim.changes for said in broken)


def test_what_takes_long_is_a_recipe_that_runs_here():
    assert {f"{name}.yaml" for name in SLOW} <= set(NAMES)
    assert not [n for n in SLOW if FETCHED.search((RECIPES / f"{n}.yaml").read_text())]


def test_every_recipe_of_photographs_was_looked_at():
    drawn = [
        n for n in NAMES if "use: render" in (text := (RECIPES / n).read_text()) or "use: faces.paste" in text
    ]
    fetched = {n for n in drawn if FETCHED.search((RECIPES / n).read_text())}
    assert fetched == {f"{c.recipe}.yaml" for c in CLAIMS if c.changes == ("by eye",)}


def claims_of(name: str) -> list[claims.Claim]:
    return [claim for claim in CLAIMS if f"{claim.recipe}.yaml" == name]
