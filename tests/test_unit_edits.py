"""Edits of units in a region: which units, where, how much, and to what."""

from dataclasses import replace

import pytest
import torch
from PIL import Image
from pydantic import ValidationError

from interpgan_core import Ablate, Exchange, Insert, InterpganError, RankedUnits
from interpgan_core.testing import toy

TOY = toy()
LAYER = "layers.1"  # 16 units of 8 x 8
RANKED = RankedUnits(
    LAYER, (5, 1, 7), torch.arange(3.0),
    {"mean": torch.tensor([1.0, -2.0, 3.0]), "map": torch.arange(12.0).view(3, 2, 2)},
    generator=TOY.fingerprint,
)  # fmt: skip


class Halves:
    """Parts that change sides with the sample."""

    parts = ("bright", "dark")

    def __call__(self, images):
        means = images.mean((1, 2, 3), keepdim=True)[:, 0]
        return (images.mean(1) < means).long()


def people(count=2):
    return TOY.sample(range(count))


def edit_of(step, count=2):
    (found,) = step.run(people(count), TOY).edits
    return found


def test_units_that_are_switched_off():
    edit = edit_of(Ablate(layer=LAYER, units="2,9-11"))
    assert (edit.layer, edit.units) == (LAYER, (2, 9, 10, 11))
    assert torch.equal(edit.value, torch.zeros(1, 4, 1, 1)) and torch.equal(
        edit.weight, torch.ones(1, 1, 1, 1)
    )
    assert edit_of(Ablate(layer=LAYER)).units == tuple(range(16))
    assert edit_of(Ablate(layer=LAYER, units="15")).units == (15,)
    with pytest.raises(InterpganError, match=r"layer layers.1 has units 0-15, not 16"):
        Ablate(layer=LAYER, units="3,16").run(people(), TOY)


def test_ranked_units_the_best_first():
    assert edit_of(Ablate(ranked=RANKED)).units == (5, 1, 7)
    assert edit_of(Ablate(ranked=RANKED, count=1)).units == (5,)
    for count in (0, True, 1.0):
        with pytest.raises(ValidationError):
            Ablate(ranked=RANKED, count=count)


def test_a_concept_brings_its_units():
    generator = toy()
    generator.concepts = {"sky": (LAYER, (3, 4))}
    (edit,) = Ablate(concept="sky").run(generator.sample([0]), generator).edits
    assert (edit.layer, edit.units) == (LAYER, (3, 4))
    with pytest.raises(InterpganError, match="there is no concept 'sxy'; did you mean 'sky'"):
        Ablate(concept="sxy").run(generator.sample([0]), generator)
    with pytest.raises(
        InterpganError, match="this generator has no concepts; name a layer and units instead"
    ):
        Ablate(concept="sky").run(people(), TOY)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "name either a layer .with units., or a concept, or ranked units"),
        ({"layer": LAYER, "concept": "sky"}, "name either a layer .with units."),
        ({"concept": "sky", "ranked": RANKED}, "name either a layer .with units."),
        ({"concept": "sky", "units": "1"}, "a concept brings its own units; leave 'units' out"),
        ({"ranked": RANKED, "units": "1"}, "ranked units bring their own units; leave 'units' out"),
        ({"layer": LAYER, "count": 1}, "'count' is how many of the ranked units are edited"),
        ({"concept": "sky", "count": 1}, "'count' is how many of the ranked units are edited"),
    ],
)
def test_units_are_named_in_one_way(fields, message):
    with pytest.raises(ValidationError, match=message):
        Ablate(**fields)


def test_a_region_bounds_an_edit():
    box = edit_of(Ablate(layer=LAYER, region=[0, 0, 1, 0.5])).weight
    assert box.shape == (1, 1, 8, 8) and box[0, 0, 0].tolist() == [1] * 4 + [0] * 4


@pytest.mark.parametrize(("edge", "share"), [("soft", 0.5), ("whole", 1.0)])
def test_a_position_that_is_partly_inside(edge, share, tmp_path):
    picture = Image.new("L", (16, 8))
    picture.paste(255, (0, 0, 3, 8))
    picture.save(tmp_path / "three.png")
    weight = edit_of(Ablate(layer=LAYER, region=tmp_path / "three.png", edge=edge)).weight
    assert weight[0, 0, 0].tolist() == [1, share, 0, 0, 0, 0, 0, 0]


def test_parts_are_those_of_each_picture():
    step = Ablate(layer="layers.5", parts=["bright"], segmenter=Halves())
    weight = edit_of(step, 3).weight
    assert weight.shape == (3, 1, 32, 32)
    assert torch.equal(weight[:, 0], 1 - Halves()(TOY.images(people(3))).float())


def test_no_samples_have_nothing_to_edit():
    assert Ablate(layer=LAYER).run(people(0), TOY).edits == ()


def test_the_size_of_a_layer_is_that_of_the_unedited_sample():
    once = Ablate(layer=LAYER).run(people(), TOY)
    assert [edit.units for edit in Ablate(layer=LAYER, units="1").run(once, TOY).edits][1] == (1,)


def test_maps_of_other_samples():
    source = TOY.sample([8, 9])
    edit = edit_of(Exchange(source=source, layer=LAYER, units="3,1"))
    maps = TOY.features(source, [LAYER])[LAYER]
    torch.testing.assert_close(edit.value, maps[:, [3, 1]])
    assert edit_of(Exchange(source=source[:1], layer=LAYER)).value.shape == (1, 16, 8, 8)


@pytest.mark.parametrize(
    ("level", "values"), [(2, [2, 2, 2]), (-0.5, [-0.5] * 3), ([1, 2, 3], [1, 2, 3]), ("mean", [1, -2, 3])]
)
def test_units_are_set_to_a_level(level, values):
    edit = edit_of(Insert(ranked=RANKED, level=level))
    assert edit.value.shape == (1, 3, 1, 1) and edit.value.flatten().tolist() == values
    assert torch.equal(edit.weight, torch.ones(1, 1, 1, 1))


def test_a_level_may_be_a_map_and_the_mean_is_the_default():
    assert edit_of(Insert(ranked=RANKED, level="map", count=2)).value.shape == (1, 2, 8, 8)
    assert Insert(ranked=RANKED).level == "mean" and Insert(ranked=RANKED).strength == 1


def test_the_strength_is_how_far_the_maps_go():
    for strength in (0, 0.25, 1):
        weight = edit_of(Insert(layer=LAYER, level=1, region=[0, 0, 1, 0.5], strength=strength)).weight
        assert weight[0, 0, 0].tolist() == [strength] * 4 + [0] * 4
    for strength in (-0.1, 1.1, "1"):
        with pytest.raises(ValidationError):
            Insert(layer=LAYER, level=1, strength=strength)


@pytest.mark.parametrize(
    "level", [[], " ", True, [1, True], None, float("inf"), float("nan"), 1e31, -1e31, [1, "a"]]
)
def test_what_is_no_level(level):
    with pytest.raises(
        ValidationError, match="a level is a number, a list of numbers, one a unit, or the name"
    ):
        Insert(ranked=RANKED, level=level)


def test_levels_and_units_go_together():
    with pytest.raises(ValidationError, match="the level 'mean' comes with ranked units, and none are named"):
        Insert(layer=LAYER)
    with pytest.raises(InterpganError, match="'level' has 2 numbers for 3 units; give one, or one a unit"):
        Insert(layer=LAYER, units="0-2", level=[1, 2]).run(people(), TOY)
    with pytest.raises(InterpganError, match="these units were ranked in another generator"):
        Insert(ranked=replace(RANKED, generator="0123")).run(people(), TOY)
    schema = Insert.model_json_schema()["properties"]["level"]["anyOf"]
    assert {"type": "array", "items": {"type": "number"}, "minItems": 1} in schema
