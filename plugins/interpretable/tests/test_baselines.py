"""PandA and Retrieve in Style, on a generator whose blobs are known."""

import pytest
import torch

from interpgan_core import InterpganError
from interpgan_interpretable.edits.factors import error_of, factorised, gram
from interpgan_interpretable.edits.panda import ExchangePanda, mean_in, of_part, part_map
from interpgan_interpretable.edits.retrieve_in_style import RetrieveInStyle, in_and_all


def drawn(generator, batch):
    return generator.features(batch, ["drawing"])["drawing"]


def planted(seed=0):
    """Three factors that share no position, and the scatter of maps that they make."""
    random = torch.Generator().manual_seed(seed)
    factors = torch.zeros(12, 3, dtype=torch.float64)
    for i in range(3):
        factors[4 * i : 4 * i + 4, i] = 0.5 + torch.rand(4, generator=random, dtype=torch.float64)
    factors /= factors.norm(dim=0)
    maps = torch.randn(20, 3, generator=random, dtype=torch.float64) @ factors.T
    return factors, gram(maps)


def test_planted_factors_are_found():
    true, scatter = planted()
    start = torch.rand(12, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    found = factorised(scatter, 0.01 * start, 3000)
    assert (found >= 0).all() and error_of(scatter, found) < 1e-3
    cosines = torch.nn.functional.normalize(found, dim=0).T @ true
    assert sorted(cosines.argmax(1).tolist()) == [0, 1, 2] and cosines.max(1).values.min() > 0.98


def test_the_error_is_that_of_the_formula_and_never_rises():
    random = torch.Generator().manual_seed(0)
    maps = torch.randn(7, 10, generator=random, dtype=torch.float64)
    maps = maps / maps.norm()
    factors = torch.rand(10, 4, generator=random, dtype=torch.float64)
    by_hand = (maps - maps @ factors @ factors.T).square().sum()
    torch.testing.assert_close(error_of(gram(maps), factors), float(by_hand))
    errors = [error_of(gram(maps), factorised(gram(maps), factors, steps)) for steps in (0, 1, 5, 50)]
    assert errors == sorted(errors, reverse=True) and errors[-1] < errors[0]


def test_factors_of_a_part():
    factors = torch.tensor([[1.0, 0, 0], [1, 1, 0], [0, 1, 1]], dtype=torch.float64)
    assert of_part(factors, torch.tensor([1.0, 1, 0])).tolist() == [True, False, False]
    assert of_part(factors, torch.tensor([0.0, 0, 0.2])).tolist() == [False, False, True]  # the best of all
    assert part_map(torch.tensor([[2.0, 1], [0, 1], [0, 0]])).tolist() == [1, pytest.approx(1 / 3), 0]
    assert mean_in(torch.tensor([[1.0, 3, 9]]), torch.tensor([1.0, 1, 0])).tolist() == [2]


def test_panda_gives_a_blob_the_brightness_of_the_source(world, places):
    batch, source = world.sample([0, 1]), world.sample([5, 6])
    step = ExchangePanda(
        source=source, layer="drawing", segmenter=places, parts=("two",), factors=4, seeds="0-19"
    )
    before, after, theirs = (drawn(world, b) for b in (batch, step.run(batch, world), source))
    part = [1, 4, 7, 10]  # of the blob in the upper right
    wanted, moved = ((x - before)[:, part, 3, 12] for x in (theirs, after))
    assert ((moved / wanted > 0.4) & (moved / wanted < 1.05)).all()  # the mean of a blob is below its peak
    assert (after - before)[..., 12, 8].abs().max() < 0.1 * wanted.abs().max()
    assert torch.equal(after, drawn(world, step.run(batch, world)))


def test_retrieve_in_style_turns_the_channels_of_the_part(world, places):
    batch, source = world.sample([0, 1]), world.sample([5])
    step = RetrieveInStyle(
        source=source, layer="drawing", segmenter=places, parts=("two",), clusters=4, seeds="0-19"
    )
    before, after, theirs = (drawn(world, b) for b in (batch, step.run(batch, world), source))
    part, rest = [1, 4, 7, 10], [0, 2, 3, 5, 6, 8, 9, 11]
    change, wanted = (after - before)[:, part].norm(), (theirs - before)[:, part].norm()
    assert 0.5 < change / wanted < 1.05
    assert (after - before)[:, rest].norm() < 0.25 * (theirs - before)[:, rest].norm()


def test_shares_of_squares():
    maps = torch.zeros(1, 2, 4, 4)
    maps[0, 0, :2] = torch.tensor([1.0, -1, 1, -1])
    maps[0, 1] = torch.tensor([1.0, -1, 1, -1])
    where = torch.zeros(1, 4, 4)
    where[:, :2] = 1
    inside, everywhere = in_and_all(maps, where)
    assert inside.tolist() == [8, 8] and everywhere.tolist() == [8, 16]


@pytest.mark.parametrize("operator", [ExchangePanda, RetrieveInStyle])
def test_mistakes(world, places, operator):
    batch = world.sample([0, 1])
    with pytest.raises(InterpganError, match="knows no part 'mouth'; there are: nothing, one, three, two"):
        operator(source=batch, layer="drawing", segmenter=places, parts=("mouth",)).check(batch, world)
    with pytest.raises(InterpganError, match="no layer 'draw'; did you mean 'drawing'"):
        operator(source=batch, layer="draw", segmenter=places, parts=("one",)).run(batch, world)
    step = operator(source=batch, layer="drawing", segmenter=places, parts=("one",))
    one = operator(source=batch[0], layer="drawing", segmenter=places, parts=("one",))
    assert len(one.run(world.sample([]), world)) == 0
    with pytest.raises(InterpganError, match="2 samples cannot be paired with 3; give one, or 3"):
        step.run(world.sample([1, 2, 3]), world)
