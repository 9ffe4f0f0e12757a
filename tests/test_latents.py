from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from interpgan_core import FeatureEdit, Grid, InterpganError, LatentBatch, LatentSpace, seeded_normal
from interpgan_core.testing import toy

WPLUS = LatentSpace("w+", (4, 3), torch.tensor([[0], [1], [1], [2]]), base="w", mean=torch.zeros(4, 3))


def batch(n=3, **changes):
    return LatentBatch(torch.randn(n, 4, 3), WPLUS, seeds=torch.arange(n), **changes)


def test_seed_numbers_are_those_of_the_field():
    """NVIDIA's gen_images.py draws z of seed 85 as numpy.random.RandomState(85).randn(1, 512)."""
    expected = np.random.RandomState(85).randn(1, 512).astype(np.float32)
    assert (seeded_normal([85], (512,)).numpy() == expected).all()


@settings(deadline=None, max_examples=20)
@given(st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=6), st.integers(0, 3))
def test_a_row_depends_on_its_own_seed_alone(seeds, stream):
    together = seeded_normal(seeds, (5,), stream)
    for i, seed in enumerate(seeds):
        assert (together[i] == seeded_normal([seed], (5,), stream)[0]).all()


def test_streams_of_one_seed_are_independent():
    assert not (seeded_normal([3], (4,)) == seeded_normal([3], (4,), stream=1)).any()


@pytest.mark.parametrize(
    ("layers", "rows"),
    [("all", [0, 1, 2, 3]), ("1", [1, 2]), ("0,2", [0, 3]), ("1-2", [1, 2, 3]), ("1-", [1, 2, 3])],
)
def test_a_layer_range_is_a_mask(layers, rows):
    mask = WPLUS.mask(layers)
    assert mask.shape == (4, 3)
    assert mask.dtype == torch.bool
    assert mask.any(1).nonzero().flatten().tolist() == rows
    assert mask.all(1).nonzero().flatten().tolist() == rows


def test_a_mask_of_a_flat_space():
    flat = LatentSpace("s", (5,), torch.tensor([0, 0, 1, 1, 1]))
    assert flat.mask("1").tolist() == [False, False, True, True, True]


def test_layers_that_do_not_exist():
    with pytest.raises(InterpganError, match="layers 2-3: this generator has layers 0 to 2"):
        WPLUS.mask("2-3")
    with pytest.raises(InterpganError, match=r"space w has no layers to choose from; leave 'layers' at all"):
        LatentSpace("w", (3,)).mask("0")


def test_which_directions_a_space_takes():
    assert WPLUS.takes("w")
    assert WPLUS.takes("w+")
    assert not WPLUS.takes("z")


def test_contradicting_shapes_are_refused():
    with pytest.raises(InterpganError, match=r"codes of space w\+ have shape \(n, 4, 3\), not \(2, 3\)"):
        LatentBatch(torch.zeros(2, 3), WPLUS)
    with pytest.raises(InterpganError, match="3 codes came with 2 seeds"):
        LatentBatch(torch.zeros(3, 4, 3), WPLUS, seeds=torch.arange(2))
    with pytest.raises(InterpganError, match="3 codes do not fill rows of 2 columns"):
        batch(3, grid=Grid(("a", "b")))


def test_selecting_takes_everything_along():
    edit = FeatureEdit("x", (0,), torch.arange(3.0).view(3, 1, 1, 1), torch.ones(1, 1, 1, 1))
    some = batch(3, labels=torch.eye(3), edits=(edit,))[[2, 0]]
    assert some.seeds.tolist() == [2, 0]
    assert some.labels.argmax(1).tolist() == [2, 0]
    assert some.edits[0].value.flatten().tolist() == [2, 0]
    assert some.edits[0].weight.shape == (1, 1, 1, 1)
    assert batch()[-1].seeds.tolist() == [2]
    assert [len(part) for part in batch(5).split(2)] == [2, 2, 1]
    assert batch(2).repeat(3).seeds.tolist() == [0, 0, 0, 1, 1, 1]


def test_a_batch_survives_saving(tmp_path):
    generator = toy()
    edit = FeatureEdit("layers.2", (0, 3), torch.randn(2, 2, 8, 8), torch.rand(1, 1, 8, 8))
    before = replace(generator.sample([5, 9]), edits=(edit,), grid=Grid(("a", "b"), origin=1))
    before.save(tmp_path)
    after = LatentBatch.load(tmp_path, generator)
    assert (after.codes == before.codes).all()
    assert after.space is generator.spaces["z"]
    assert after.seeds.tolist() == [5, 9]
    assert after.grid == before.grid
    assert after.edits[0].units == (0, 3)
    assert (after.edits[0].value == edit.value).all()
    assert (after.edits[0].weight == edit.weight).all()


def test_loading_needs_the_right_generator(tmp_path):
    batch().save(tmp_path)
    with pytest.raises(InterpganError, match="load the generator that they belong to first"):
        LatentBatch.load(tmp_path)
    with pytest.raises(InterpganError, match=r"codes of space w\+ have shape \(n, 6, 16\), not \(3, 4, 3\)"):
        LatentBatch.load(tmp_path, toy())
    generator = toy()
    generator.spaces = {"z": generator.spaces["z"]}
    with pytest.raises(InterpganError, match=r"space w\+, which this generator does not have; there are: z"):
        LatentBatch.load(tmp_path, generator)


def test_an_edit_moves_only_its_units():
    maps = torch.randn(2, 4, 3, 3)
    weight = torch.zeros(1, 1, 3, 3)
    weight[..., 0, :] = 0.5
    edited = FeatureEdit("x", (1, 3), torch.zeros(1, 1, 1, 1), weight).apply(maps)
    assert (edited[:, [0, 2]] == maps[:, [0, 2]]).all()
    assert (edited[:, [1, 3], 1:] == maps[:, [1, 3], 1:]).all()
    torch.testing.assert_close(edited[:, [1, 3], 0], maps[:, [1, 3], 0] / 2)


def test_an_edit_that_does_not_fit():
    maps = torch.zeros(1, 4, 3, 3)
    with pytest.raises(InterpganError, match="layer x has units 0-3; there is no unit 4"):
        FeatureEdit("x", (4,), torch.zeros(1, 1, 1, 1), torch.ones(1, 1, 1, 1)).apply(maps)
    with pytest.raises(InterpganError, match=r"do not fit maps \(1, 1, 3, 3\)"):
        FeatureEdit("x", (0,), torch.zeros(1, 1, 2, 2), torch.ones(1, 1, 1, 1)).apply(maps)
