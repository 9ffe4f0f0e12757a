"""The operators: what they keep, and what they refuse."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from pydantic import ValidationError

from interpgan_core import InterpganError, RankedUnits, quiet
from interpgan_core.testing import conformance, plugin_conformance, recipe_error, toy
from interpgan_dissection.dissect import Dissect
from interpgan_dissection.dissection import Dissection, fractions
from interpgan_dissection.effect import MeasureEffect
from interpgan_dissection.rank import RankUnits

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


class Halves:
    """Left and right, and a part that is nowhere."""

    parts = ("left", "right", "nowhere")

    def __call__(self, images):
        columns = torch.arange(images.shape[3]) * 2 // images.shape[3]
        return columns.expand(len(images), *images.shape[2:])

    def probabilities(self, images):
        shares = torch.nn.functional.one_hot(self(images), 3).movedim(-1, 1).float()
        return shares * (1 - 0.1 * images.mean(1, keepdim=True).sigmoid())


class Thirds(Halves):
    parts = ("left", "middle", "right")


class Judge:
    names = ("red",)

    def __call__(self, images):
        return (images[:, :1] > 0).float().mean((2, 3))


HALVES = Halves()
FIELDS = {"layer": "layers.3", "seeds": "0-11"}


def dissected(generator=None, folder=Path(), **fields):
    given = {**FIELDS, "segmenter": HALVES, "shown": 0, **fields}
    return Dissect(**given).run(generator or toy(), folder, quiet)


FOUND = dissected()
LEFT = RankUnits(dissection=FOUND, part="left", count=3).run(toy(), quiet)

test_plugin = plugin_conformance("dissection")
test_dissection = conformance(Dissect(**FIELDS, segmenter=HALVES, shown=1), toy)
test_by_quantile = conformance(Dissect(**FIELDS, segmenter=HALVES, threshold="quantile"), toy)
test_without_a_segmenter = conformance(Dissect(**FIELDS), toy)
test_rank = conformance(RankUnits(dissection=FOUND, part="left", count=4), toy)
test_rank_by_ratio = conformance(RankUnits(dissection=FOUND, part="left", count=4, by="iqr"), toy)
test_rank_by_effect = conformance(
    RankUnits(
        dissection=FOUND,
        part="left",
        count=4,
        by="ace",
        segmenter=HALVES,
        seeds="0-5",
        pairs=3,
        rounds=1,
        batch_size=2,
    ),
    toy,
)
test_rank_by_selection = conformance(
    RankUnits(dissection=FOUND, by="selection", region=[0, 0, 0.5, 0.5], samples=toy().sample([5]), count=4),
    toy,
)
test_effect = conformance(
    MeasureEffect(
        ranked={"iou": LEFT},
        segmenter=HALVES,
        part="left",
        counts=(1, 3),
        seeds="0-3",
        random=1,
        scorer=Judge(),
        attribute="red",
    ),
    toy,
)


# What is refused.


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "ranked by iou for a part; name it in 'part'"),
        ({"by": "selection"}, "answer in the region of some samples; name both"),
        (
            {"by": "selection", "region": [0, 0, 1, 0.5], "samples": toy().sample([1]), "part": "left"},
            "needs no part",
        ),
        ({"part": "left", "region": [0, 0, 1, 0.5]}, "region and samples are of a selection"),
        ({"part": "left", "by": "ace"}, "looks for the part; name a step in 'segmenter'"),
    ],
)
def test_what_a_ranking_needs(fields, message):
    with pytest.raises(ValidationError, match=message):
        RankUnits(dissection=FOUND, **fields)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"part": "lift"}, "this dissection knows no part 'lift'; did you mean 'left'?"),
        ({"part": "nowhere"}, "no sample that was dissected has the part 'nowhere'"),
        ({"part": "left", "count": 17}, "'count' 17: layer layers.3 has 16 units"),
        ({"dissection": dissected(segmenter=None), "part": "left"}, "had no segmenter, so it knows no parts"),
        ({"dissection": replace(FOUND, generator="0123"), "part": "left"}, "another generator was dissected"),
        ({"part": "left", "by": "ace", "segmenter": Thirds()}, "was dissected with another segmenter"),
        (
            {"by": "selection", "region": [0, 0, 1, 1], "samples": toy().sample([1])},
            "covers all positions of the maps alike, so every unit answers in it; make it smaller",
        ),
        (
            {"by": "selection", "region": [0, 0, 0.001, 0.001], "samples": toy().sample([1])},
            "the region covers nothing of maps of 16 x 16; make it larger",
        ),
    ],
)
def test_what_a_ranking_refuses(fields, message):
    with pytest.raises(InterpganError, match=re.escape(message)):
        RankUnits(**{"dissection": FOUND, **fields}).run(toy(), quiet)


def test_a_layer_must_have_maps():
    with pytest.raises(InterpganError, match=r"no layer 'layers\.9'; did you mean"):
        dissected(layer="layers.9")
    flat = toy()
    flat.layers = ()
    with pytest.raises(InterpganError, match="names no layers, so it has no units to look at"):
        dissected(flat)


def test_kept_and_read_again(tmp_path):
    made = dissected(folder=tmp_path, shown=2)
    made.save(tmp_path)
    again = Dissection.load(tmp_path)
    assert again.strips == made.strips and again.summary() == made.summary()
    assert (again.quantiles == made.quantiles).all() and len(fractions()) == made.quantiles.shape[1]
    assert "<table>" in made._repr_html_() and "16 units of layers.3" in repr(made)


def test_the_recipe_of_the_readme_is_right(tmp_path):
    text = README.partition("```yaml\n")[2].partition("```")[0]
    with pytest.raises(AssertionError, match="the recipe is right"):
        recipe_error(text, tmp_path)


def test_a_ranking_of_all_units_has_levels():
    assert isinstance(LEFT, RankedUnits) and set(LEFT.levels) == {"mean", "map", "99%", "99.9%"}
