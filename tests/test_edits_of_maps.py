"""Edits of feature maps, on the pictures and maps of the toy generator."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from interpgan_core import (
    Ablate,
    Exchange,
    Insert,
    InterpganError,
    RankedUnits,
)
from interpgan_core.testing import toy

TOY = toy()
OTHER = TOY.to_space(TOY.sample([99]), "w")
RANKED = RankedUnits(
    "layers.3", (5, 1, 7), torch.arange(3.0), {"mean": torch.tensor([1.0, -2.0, 3.0])}, "test"
)


def people(space="w", count=3):
    return TOY.to_space(TOY.sample(range(count)), space)


def test_exchange_puts_the_maps_of_the_source_there():
    edited = Exchange(source=OTHER, layer="layers.3", units="4-7").run(people(), TOY)
    own = TOY.features(people(), ["layers.3"])["layers.3"]
    source = TOY.features(OTHER, ["layers.3"])["layers.3"]
    found = TOY.features(edited, ["layers.3"])["layers.3"]
    torch.testing.assert_close(found[:, 4:8], source[:, 4:8].expand(3, -1, -1, -1))
    torch.testing.assert_close(found[:, :4], own[:, :4])


def test_exchange_of_everything_in_the_last_layer_is_the_other_picture():
    edited = Exchange(source=OTHER, layer="layers.5").run(people(count=1), TOY)
    torch.testing.assert_close(TOY.images(edited), TOY.images(OTHER))


def test_a_region_bounds_an_edit():
    edited = Ablate(layer="layers.5", region=[0, 0.5, 1, 1]).run(people(), TOY)
    maps = TOY.features(edited, ["layers.5"])["layers.5"]
    assert (maps[..., 16:] == 0).all()
    assert (maps[..., :16] == TOY.features(people(), ["layers.5"])["layers.5"][..., :16]).all()
    pictures, plain = TOY.images(edited), TOY.images(people())
    assert (pictures[..., :16] == plain[..., :16]).all()


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"layer": "layers.9"}, "no layer 'layers.9'; did you mean"),
        ({"layer": "layers.1", "units": "10-16"}, "layer layers.1 has units 0-15, not 16"),
        ({"concept": "mouth"}, "this generator has no concepts; name a layer and units instead"),
    ],
)
def test_edits_of_what_is_not_there(fields, message):
    with pytest.raises(InterpganError, match=message):
        Ablate(**fields).run(people(), TOY)


def test_a_concept_brings_layer_and_units():
    generator = toy()
    generator.concepts = {"sky": ("layers.3", (1, 2))}
    batch = generator.sample([1])
    edited = Ablate(concept="sky").run(batch, generator)
    assert (edited.edits[0].layer, edited.edits[0].units) == ("layers.3", (1, 2))
    with pytest.raises(InterpganError, match="there is no concept 'sxy'; did you mean 'sky'"):
        Ablate(concept="sxy").run(batch, generator)


class Halves:
    parts = ("left", "right")

    def __call__(self, images):
        columns = torch.arange(images.shape[3]) * 2 // images.shape[3]
        return columns.expand(len(images), *images.shape[2:])


def test_a_region_may_be_a_picture_or_parts(tmp_path):
    white = np.zeros((8, 8), np.uint8)
    white[:, 4:] = 255
    Image.fromarray(white).save(tmp_path / "right.png")
    box = Ablate(layer="layers.5", region=[0, 0.5, 1, 1]).run(people(), TOY)
    for other in ({"region": tmp_path / "right.png"}, {"parts": ["right"], "segmenter": Halves()}):
        edited = Ablate(layer="layers.5", **other).run(people(), TOY)
        assert torch.equal(TOY.images(edited), TOY.images(box))


def test_a_region_that_covers_nothing_is_refused(tmp_path):
    Image.new("L", (8, 8)).save(tmp_path / "black.png")
    with pytest.raises(InterpganError, match="covers nothing of maps of"):
        Ablate(layer="layers.5", region=tmp_path / "black.png").run(people(), TOY)
    for fields, message in (
        ({"parts": ["left"]}, "parts are found by a segmenter"),
        ({"segmenter": Halves()}, "name them in 'parts'"),
        ({"parts": ["lift"], "segmenter": Halves()}, "no part 'lift'; did you mean 'left'"),
        ({"parts": ["left"], "segmenter": Halves(), "region": [0, 0, 1, 1]}, "either a region or parts"),
    ):
        with pytest.raises(ValueError, match=message):
            Ablate(layer="layers.5", **fields)


def maps_of(batch, layer="layers.3"):
    return TOY.features(batch, [layer])[layer]


def test_inserted_units_have_their_level_in_the_region_alone(tmp_path):
    soft = np.zeros((16, 16), np.uint8)
    soft[:, 8:12], soft[:, 12:] = 51, 255  # a fifth, all
    Image.fromarray(soft).save(tmp_path / "soft.png")
    before = maps_of(people())
    brush = Insert(ranked=RANKED, count=2, region=tmp_path / "soft.png")
    after = maps_of(brush.run(people(), TOY))
    level = torch.tensor([1.0, -2.0]).view(1, 2, 1, 1)
    assert (after[:, :, :, :8] == before[:, :, :, :8]).all()
    assert (after[:, [0, 2, 7]] == before[:, [0, 2, 7]]).all()
    torch.testing.assert_close(after[:, [5, 1], :, 12:], level.expand(3, 2, 16, 4))
    torch.testing.assert_close(after[:, [5, 1], :, 8:12], torch.lerp(before[:, [5, 1], :, 8:12], level, 0.2))
    weaker = maps_of(brush.model_copy(update={"strength": 0.5}).run(people(), TOY))
    torch.testing.assert_close(weaker, torch.lerp(before, after, 0.5))
    each = Insert(layer="layers.3", units="5,1", level=[1, -2], region=tmp_path / "soft.png")
    assert (maps_of(each.run(people(), TOY)) == after).all()


def test_insert_ablate_and_exchange_go_in_any_order():
    """Each works on what those before it have left; so the last one wins where two meet."""
    steps = {
        "insert": Insert(layer="layers.3", units="0-3", level=2.0, region=[0, 0, 1, 0.75]),
        "ablate": Ablate(layer="layers.3", units="2-5", region=[0, 0.25, 1, 1]),
        "exchange": Exchange(source=OTHER, layer="layers.3", units="3", region=[0.5, 0, 1, 1]),
    }
    other = maps_of(OTHER)
    for order in (
        ("insert", "ablate", "exchange"),
        ("exchange", "insert", "ablate"),
        ("ablate", "exchange", "insert"),
    ):
        batch, expected = people(), maps_of(people()).clone()
        for name in order:
            batch = steps[name].run(batch, TOY)
            if name == "insert":
                expected[:, :4, :, :12] = 2
            elif name == "ablate":
                expected[:, 2:6, :, 4:] = 0
            else:
                expected[:, 3, 8:] = other[:, 3, 8:]
        torch.testing.assert_close(maps_of(batch), expected)


def test_the_edge_of_a_region_may_be_soft_or_whole(tmp_path):
    slim = np.zeros((32, 32), np.uint8)
    slim[:, 0] = 255
    Image.fromarray(slim).save(tmp_path / "slim.png")
    where = {"layer": "layers.3", "units": "0", "region": tmp_path / "slim.png"}
    for edge, share in (("soft", 0.5), ("whole", 1.0)):
        weight = Ablate(**where, edge=edge).run(people(), TOY).edits[0].weight
        assert weight.shape == (1, 1, 16, 16) and weight[..., 0].unique().tolist() == [share]
        assert not weight[..., 1:].any()


def test_insert_in_a_part_follows_each_picture():
    whole = Insert(layer="layers.5", units="2", level=1.0).run(people(), TOY)
    assert whole.edits[0].weight.shape == (1, 1, 1, 1)
    found = Insert(layer="layers.5", units="2", level=1.0, parts=["left"], segmenter=Halves()).run(
        people(), TOY
    )
    assert found.edits[0].weight.shape == (3, 1, 32, 32)
    assert found.edits[0].weight.mean() == 0.5


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (
            {"layer": "layers.3", "units": "0-3"},
            "the level 'mean' comes with ranked units, and none are named",
        ),
        (
            {"layer": "layers.3", "units": "0-3", "level": []},
            "a level is a number, a list of numbers, one a unit",
        ),
        ({"layer": "layers.3", "level": True}, "a level is a number, a list of numbers, one a unit"),
        (
            {"ranked": RANKED, "layer": "layers.3"},
            "either a layer .with units., or a concept, or ranked units",
        ),
        ({"ranked": RANKED, "units": "1"}, "ranked units bring their own units; leave 'units' out"),
        ({"layer": "layers.3", "level": 1, "count": 2}, "'count' is how many of the ranked units are edited"),
        ({"ranked": RANKED, "strength": 1.5}, "less than or equal to 1"),
    ],
)
def test_what_insert_refuses(fields, message):
    with pytest.raises(ValueError, match=message):
        Insert(**fields)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"ranked": RANKED, "level": "maen"}, "these units have no level 'maen'; did you mean 'mean'"),
        ({"ranked": RANKED, "count": 4}, "'count' 4: 3 units are ranked; give 1 to 3"),
        ({"ranked": RANKED, "level": [1, 2]}, "'level' has 2 numbers for 3 units; give one, or one a unit"),
        (
            {"ranked": replace(RANKED, generator="0123")},
            "these units were ranked in another generator .0123, not .*; rank the units of this one",
        ),
    ],
)
def test_what_insert_refuses_of_units(fields, message):
    with pytest.raises(InterpganError, match=message):
        Insert(**fields).run(people(), TOY)


def test_ranked_units_are_what_they_say():
    with pytest.raises(InterpganError, match="need one unit at least, each once"):
        RankedUnits("layers.3", (1, 1), torch.zeros(2))
    with pytest.raises(InterpganError, match=r"2 units came with mean of shape \(3,\)"):
        RankedUnits("layers.3", (1, 2), torch.zeros(2), {"mean": torch.zeros(3)})
    maps = RankedUnits(
        "layers.3", (1, 2), torch.zeros(2), {"map": torch.ones(2, 4, 4), "mean": torch.zeros(2)}
    )
    assert maps.level_at("map", (8, 8)).shape == (1, 2, 8, 8) and maps.level_at("mean", (8, 8)).shape == (
        1,
        2,
        1,
        1,
    )
    assert maps.summary().tables[0].columns == ("unit", "score", "level mean")
    after = maps_of(Insert(ranked=maps, level="map", region=[0, 0, 0.5, 1]).run(people(), TOY))
    torch.testing.assert_close(after[:, [1, 2], :8], torch.ones(3, 2, 8, 16))
    assert RANKED.first(1).units == (5,) and RANKED.summary().tables[0].rows[1] == (1, 1.0, -2.0)
    assert RankedUnits.expected("layers.3", 2, ("mean",), TOY).generator == TOY.fingerprint
