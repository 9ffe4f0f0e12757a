"""Receptive fields, consistency, locality and the atlas, on generators whose concepts are known."""

import colorsys
import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from interpgan_core import FeatureEdit, InterpganError, mask_of, part_maps, quiet
from interpgan_core.testing import toy
from interpgan_interpretable.layers import rectified_maps
from interpgan_interpretable.measures.atlas import DrawAtlas
from interpgan_interpretable.measures.consistency import MeasureConsistency, random_groups
from interpgan_interpretable.measures.highlight import colours, highlighted, painted
from interpgan_interpretable.measures.locality import MeasureLocality, change
from interpgan_interpretable.receptive_fields import SHARE, overlap, receptive_fields, unit_maps


def random(*shape):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(0))


def test_a_field_is_a_tenth_of_the_places():
    maps = random(3, 4, 10, 20)
    found = receptive_fields(maps)
    assert (found.sum((2, 3)) == 200 * SHARE).all()
    for n in range(3):
        assert maps[n, 0][found[n, 0]].min() > maps[n, 0][~found[n, 0]].max()
    assert torch.equal(found, receptive_fields(7 * maps))
    assert not receptive_fields(torch.zeros(1, 1, 4, 4)).any()
    one = torch.zeros(1, 1, 10, 10)
    one[0, 0, 3, 4] = 5
    assert receptive_fields(one).sum() == 1


def test_overlap_is_intersection_over_union():
    a, b = torch.zeros(1, 1, 4, 4, dtype=torch.bool), torch.zeros(1, 1, 4, 4, dtype=torch.bool)
    a[..., :2], b[..., 1:3] = True, True
    assert float(overlap(a, b)) == pytest.approx(4 / 12)
    assert float(overlap(a, a)) == 1
    assert math.isnan(float(overlap(a & ~a, b & ~b)))


def test_unit_maps_have_unit_length():
    maps = random(2, 3, 4, 4)
    maps[0, 0] = 0
    lengths = unit_maps(maps).square().sum((2, 3))
    assert lengths[0, 0] == 0
    torch.testing.assert_close(lengths.flatten()[1:], torch.ones(5))


def test_filters_that_draw_alike_are_consistent_and_pure(world, places):
    (table,) = MeasureConsistency(segmenter=places, seeds="0-19").run(world, quiet).tables
    *rows, together = table.rows
    assert len(rows) == 3
    for name, count, consistency, _, pure, _, _ in rows:
        assert (count, consistency, pure) == (4, pytest.approx(1), 100), name
    assert {row[5] for row in rows} == {"one", "two", "three"}
    assert together[:3] == ("all", 12, pytest.approx(1)) and together[3] < 0.6


def test_consistency_by_hand(world):
    """Filters of two blobs in one group: each overlaps with the mean of the others as counted here."""
    mixed = world.with_concepts({"pair": ("drawing", (0, 1)), "trio": ("drawing", (2, 3, 5))})
    (table,) = MeasureConsistency(seeds="3-4").run(mixed, quiet).tables
    maps = unit_maps(rectified_maps(world, world.sample([3, 4]), "drawing"))
    for (name, _, consistency, _), units in zip(table.rows, ([0, 1], [2, 3, 5]), strict=False):
        overlaps = []
        for unit in units:
            others = sum(maps[:, [u]] for u in units if u != unit)
            overlaps.append(overlap(receptive_fields(maps[:, [unit]]), receptive_fields(others)))
        assert consistency == pytest.approx(float(torch.cat(overlaps).mean())), name
    assert table.columns == ("concept", "filters", "consistency", "random groups")


def test_random_groups_keep_sizes_and_filters():
    concepts = {"a": (1, 4, 7), "b": (2, 3), "c": (9,)}
    drawn = random_groups(concepts, seed=3)
    assert [len(units) for units in drawn.values()] == [3, 2, 1]
    assert sorted(u for units in drawn.values() for u in units) == [1, 2, 3, 4, 7, 9]
    assert drawn == random_groups(concepts, seed=3) != random_groups(concepts, seed=4)


def test_change_by_hand():
    old, new = torch.zeros(1, 3, 2, 2), torch.zeros(1, 3, 2, 2)
    new[0, :, 0, 0], new[0, 0, 1, 1] = 0.5, 0.3
    mask = torch.tensor([[[[1.0, 1.0], [0.0, 0.0]]]])
    torch.testing.assert_close(change(old, new, mask), torch.tensor([[0.015, 0.125]]).double())
    assert change(old, new, 0 * mask)[0, 1].isnan()


def test_an_edit_of_one_blob_is_local(world, places):
    batch = world.sample([0, 1, 2])
    units = next(units for _, units in world.concepts.values() if 1 in units)
    ones = torch.ones(1, 1, 1, 1)
    edited = replace(batch, edits=(FeatureEdit("drawing", units, 0 * ones, ones),))
    everything = replace(batch, edits=(FeatureEdit("drawing", tuple(range(12)), 0 * ones, ones),))
    step = MeasureLocality(
        before=batch,
        edits={"one": edited, "all": everything, "none": batch},
        segmenter=places,
        parts=("two",),
    )
    (table,) = step.run(world, quiet).tables
    one, all_, none = table.rows
    assert one[0] == "one" and one[3] == pytest.approx(one[1] / one[2]) and one[3] < 0.01
    old, new = world.images(batch), world.images(edited)
    by_hand = change(old, new, mask_of(places, old, ("two",), (32, 32))).mean(0).tolist()
    assert one[1:3] == (pytest.approx(by_hand[0]), pytest.approx(by_hand[1]))
    assert all_[3] > 10 * one[3] and all_[2] == pytest.approx(one[2], rel=0.01)
    assert none == ("none", 0, 0, None)


def test_part_maps_are_shares(places):
    pictures = torch.zeros(2, 3, 32, 32)
    for size in ((16, 16), (32, 32), (64, 64)):
        maps = part_maps(places, pictures, size)
        assert maps.shape == (2, 4, *size)
        torch.testing.assert_close(maps.sum(1), torch.ones(2, *size))
    both = mask_of(places, pictures, ("one", "two"), (16, 16))
    torch.testing.assert_close(both[:, 0], part_maps(places, pictures, (16, 16))[:, 1:3].sum(1))


def test_the_atlas_has_a_sheet_a_concept(world, tmp_path):
    report = DrawAtlas(seeds="0-3", filters=2).run(world, tmp_path, quiet)
    assert [strip.title for strip in report.strips][1:] == [f"Concept {c}: 4 filters" for c in range(3)]
    assert all((tmp_path / strip.pictures[0].file).exists() for strip in report.strips)
    (table,) = report.tables
    assert sum(row[2] for row in table.rows) == pytest.approx(100)


def test_the_region_keeps_its_colours():
    picture = np.random.RandomState(0).randint(0, 256, (20, 20, 3)).astype(np.uint8)
    inside = np.zeros((20, 20), bool)
    inside[5:9, 5:9] = True
    found = highlighted(picture, inside, (1, 2, 3))
    assert (found[inside] == picture[inside]).all()
    assert (found[4, 5] == (1, 2, 3)).all()
    outside = found[12:]
    assert (outside.min(2) == outside.max(2)).all() and outside.min() >= 180
    assert len(set(colours(24))) == 24


def test_what_is_outside_is_grey_and_near_to_white():
    """By 0.72 of the way from its own grey."""
    picture = np.full((1, 6, 3), (0, 30, 60), np.uint8)
    inside = np.array([[True, False, False, False, False, False]])
    found = highlighted(picture, inside, (9, 8, 7))
    assert found[0].tolist() == [[0, 30, 60], [9, 8, 7], *[[192, 192, 192]] * 4]
    black = highlighted(0 * picture, inside, (9, 8, 7))
    assert black[0, 2:].tolist() == [[183, 183, 183]] * 4  # of 183.6


def test_regions_are_painted_over_grey():
    picture = np.full((1, 2, 3), (0, 30, 60), np.uint8)
    found = painted(picture, np.array([[0, 1]]), [(100, 0, 0), (0, 200, 255)])
    assert found[0].tolist() == [[76, 10, 10], [10, 140, 176]]  # 0.35 * 30 + 0.65 * 100


def test_colours_go_round_by_the_golden_section():
    hues = [(0.02 + i * 0.618034) % 1 for i in range(9)]
    expected = [[round(255 * part) for part in colorsys.hls_to_rgb(hue, 0.46, 0.78)] for hue in hues]
    assert [list(colour) for colour in colours(9)] == expected


def test_mistakes(world, places, tmp_path):
    for step in (DrawAtlas(seeds="0"), MeasureConsistency(seeds="0")):
        given = {"folder": tmp_path} if isinstance(step, DrawAtlas) else {}
        with pytest.raises(InterpganError, match=r"no concepts; find some by interpretable\.partition"):
            step.run(toy(), progress=quiet, **given)
        two = toy().with_concepts({"a": ("layers.0", (0,)), "b": ("layers.1", (0,))})
        with pytest.raises(
            InterpganError, match=r"are in the layers layers\.0, layers\.1; name those of one"
        ):
            step.run(two, progress=quiet, **given)
    edits = {"a": world.sample([0, 1])}
    step = MeasureLocality(before=world.sample([0]), edits=edits, segmenter=places, parts=("one",))
    with pytest.raises(InterpganError, match="'a' has 2 samples and 'before' 1; give batches of the same"):
        step.run(world, quiet)
