"""Batches of codes, their grids and the edits that wait for rendering: what they say, select and keep."""

from dataclasses import FrozenInstanceError, replace

import pytest
import torch

from interpgan_core import FeatureEdit, Grid, InterpganError, LatentBatch, LatentSpace, SourceEdit
from interpgan_core.generators.latents import check_equal_lengths
from interpgan_core.testing import toy

SPACE = LatentSpace("w+", (4, 3), torch.arange(4)[:, None], base="w", mean=torch.zeros(4, 3))
ONE = torch.ones(1, 1, 1, 1)


def batch(n=3, **changes):
    codes = torch.arange(12.0 * n).view(n, 4, 3)
    return LatentBatch(codes, SPACE, **{"seeds": torch.arange(n) + 5, **changes})


@pytest.mark.parametrize(
    ("made", "field"),
    [
        (batch(), "codes"),
        (SPACE, "mean"),
        (FeatureEdit("x", (0,), ONE, ONE), "value"),
        (SourceEdit(("x",), batch(1), ONE), "weight"),
        (Grid(("a",)), "origin"),
    ],
)
def test_what_flows_down_a_recipe_does_not_change(made, field):
    with pytest.raises(FrozenInstanceError):
        setattr(made, field, None)


@pytest.mark.parametrize(
    "made",
    [batch(), SPACE, FeatureEdit("x", (0,), ONE, ONE), SourceEdit(("x",), batch(1), ONE)],
)
def test_what_holds_tensors_is_itself_alone(made):
    """Two are never compared number by number, so that they can be keys."""
    assert len({made, replace(made)}) == 2


def test_a_unit_goes_part_of_the_way_to_its_value():
    maps = torch.tensor([1.0, 2.0]).view(1, 2, 1, 1)
    edited = FeatureEdit("x", (1,), 6 * ONE, 0.25 * ONE).apply(maps)
    assert edited.flatten().tolist() == [1, 3]
    assert maps.flatten().tolist() == [1, 2]


def test_of_a_row_for_each_sample_those_of_the_chosen_are_taken():
    each = torch.tensor([1.0, 2.0]).view(2, 1, 1, 1)
    two = batch(2, edits=(FeatureEdit("x", (0,), each, ONE), SourceEdit(("x",), batch(2), each)))
    feature, source = two[[1]].edits
    assert feature.value.flatten().tolist() == [2] and source.weight.flatten().tolist() == [2]
    assert source.source.seeds.tolist() == [6]
    repeated = batch(1, edits=(FeatureEdit("x", (0,), ONE, ONE),)).repeat(3)
    assert repeated.edits[0].value.shape == (1, 1, 1, 1)  # one row serves them all


def test_a_grid_counts_its_copies_and_names_its_rows():
    plain, several = Grid(("a", "b")), Grid(("a", "b"), rows=("x", "y", "z"))
    assert (plain.copies, several.copies) == (2, 6)
    assert plain.row_name("seed 7", 1) == "seed 7"
    assert [several.row_name("seed 7", row) for row in range(4)] == [
        f"seed 7, {name}" for name in ("x", "y", "z", "x")
    ]
    assert len(batch(6, grid=several).codes) == 6
    with pytest.raises(InterpganError, match="4 codes do not fill 3 rows of 2 columns"):
        batch(4, grid=several)


def test_batches_that_are_compared_are_of_one_length():
    check_equal_lengths({})
    check_equal_lengths({"one": batch(2), "two": batch(2)})
    with pytest.raises(InterpganError, match="'two' has 3 samples and 'one' 2; give batches of the same"):
        check_equal_lengths({"one": batch(2), "two": batch(3)})


def test_labels_and_seeds_may_be_missing_and_must_fit():
    plain = LatentBatch(torch.zeros(2, 4, 3), SPACE)
    assert plain.labels is None and plain.seeds is None and plain.name_of(1) == "sample 1"
    with pytest.raises(InterpganError, match="3 codes came with 2 labels"):
        batch(3, labels=torch.eye(2))
    with pytest.raises(InterpganError, match=r"not \(2, 3, 3\)"):
        LatentBatch(torch.zeros(2, 3, 3), SPACE)


@pytest.mark.parametrize(
    ("count", "names"),
    [
        (1, "seed 5"),
        (3, "seed 5, seed 6, seed 7"),
        (4, "seed 5, seed 6, seed 7, seed 8"),
        (5, "seed 5, seed 6, seed 7, seed 8, …"),
    ],
)
def test_a_batch_says_what_it_is(count, names):
    assert repr(batch(count)) == f"<LatentBatch: {count} codes of w+ (4, 3): {names}>"


@pytest.mark.parametrize(("index", "seed"), [(0, 5), (1, 6), (2, 7), (-1, 7), (-2, 6)])
def test_one_sample_by_its_place(index, seed):
    assert batch()[index].seeds.tolist() == [seed]


def test_parts_follow_one_another():
    parts = list(batch(5).split(2))
    assert [part.seeds.tolist() for part in parts] == [[5, 6], [7, 8], [9]]


def test_one_sample_is_paired_with_all():
    one, two, three = batch(1), batch(2), batch(3)
    assert one.paired_with(three).seeds.tolist() == [5, 5, 5]
    assert three.paired_with(three) is three
    with pytest.raises(InterpganError, match="2 samples cannot be paired with 3; give one, or 3"):
        two.check_pairs(three)
    with pytest.raises(InterpganError, match="0 samples cannot be paired with 3"):
        three[:0].check_pairs(three)


def test_on_another_device_nothing_is_lost():
    moved = batch(2, labels=torch.eye(2)).to("cpu")
    assert torch.equal(moved.labels, torch.eye(2)) and moved.seeds.tolist() == [5, 6]
    assert batch().to("cpu").labels is None
    assert torch.equal(SPACE.to("cpu").mean, SPACE.mean)
    assert LatentSpace("z", (3,)).to("cpu").mean is None


def test_other_samples_maps_where_a_mask_says():
    """A mask of two columns is spread over eight as pixels are: their centres, not their corners, coincide."""
    generator = toy()
    weight = torch.tensor([0.0, 1.0]).expand(1, 1, 2, 2)
    edit = SourceEdit(("layers.1", "layers.0"), generator.sample([8]), weight)
    assert edit.layer == "layers.1"
    (found,) = (one for one in edit.edits(generator) if one.layer == "layers.1")
    assert found.units == tuple(range(16)) and found.value.shape == (1, 16, 8, 8)
    expected = torch.tensor([0, 0, 0.125, 0.375, 0.625, 0.875, 1, 1])
    torch.testing.assert_close(found.weight, expected.expand(1, 1, 8, 8))


def test_maps_of_other_samples_survive_saving(tmp_path):
    generator = toy()
    source = replace(generator.sample([8]), labels=torch.ones(1, 1))
    before = replace(generator.sample([7]), edits=(SourceEdit(("layers.1", "layers.2"), source, ONE / 4),))
    before.save(tmp_path)
    for place in (tmp_path, tmp_path / "batch.safetensors"):
        after = LatentBatch.load(place, generator)
        assert after.labels is None and after.grid is None
        (edit,) = after.edits
        assert edit.layers == ("layers.1", "layers.2") and edit.weight.flatten().tolist() == [0.25]
        assert torch.equal(edit.source.codes, source.codes) and torch.equal(edit.source.labels, source.labels)
