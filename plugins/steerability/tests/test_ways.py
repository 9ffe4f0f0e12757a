"""Bent ways: the network turns a move by what it sees of a code, wherever codes lie."""

import torch
from torch import nn

from interpgan_core import seeded_normal
from interpgan_core.plugin import TrainingCodes
from interpgan_core.testing import toy
from interpgan_steerability.ways import Bent, Straight, moved


def bent():
    way = Bent(size=12, spread=0.5, reach=0.1, width=8, seed=0)
    nn.init.normal_(way.outer.weight)
    return way


def test_a_move_is_of_the_same_size_wherever_codes_lie():
    """Codes of S lie far from 0, and a network that saw their size would tear them away."""
    way, codes = bent(), seeded_normal(range(5), (12,))
    amounts = torch.full((5,), 1e-4)
    near, far = (way(start, amounts) - start for start in (codes, 100 * codes + 30))
    torch.testing.assert_close(near, far, rtol=0.05, atol=1e-4)
    assert near.abs().max() > 0


def test_it_begins_straight():
    way = Bent(size=12, spread=0.5, reach=0.1, width=8, seed=0)
    way.w.data.copy_(torch.arange(12.0))
    codes, amounts = seeded_normal(range(3), (12,)), torch.tensor([-0.1, 0.0, 0.05])
    torch.testing.assert_close(way(codes, amounts), codes + amounts[:, None] * 5 * way.w)


def test_a_straight_way_moves_every_code_alike():
    """By w, in standard deviations of the codes, at the amount that it reaches to."""
    way = Straight(size=2, spread=0.5, reach=0.1)
    assert way.w.tolist() == [0, 0]
    way.w.data = torch.tensor([1.0, -2.0])
    found = way(torch.tensor([[0.0, 0.0], [3.0, 3.0]]), torch.tensor([0.1, -0.2]))
    torch.testing.assert_close(found, torch.tensor([[0.5, -1.0], [2.0, 5.0]]))
    torch.testing.assert_close(way.vector, torch.tensor([5.0, -10.0]))


def test_a_bent_way_looks_anew_at_each_of_four_steps():
    way = bent()
    way.w.data.copy_(torch.linspace(-1, 1, 12))
    codes, amounts = seeded_normal(range(3), (12,)), torch.tensor([0.1, -0.05, 0.2])
    expected = codes.clone()
    for _ in range(4):
        mean = expected.mean(1, keepdim=True)
        normal = (expected - mean) / (expected.var(1, correction=0, keepdim=True) + 1e-5).sqrt()
        inner = normal @ way.inner.weight.T + way.inner.bias
        seen = torch.where(inner > 0, inner, 0.2 * inner)
        offset = way.w + seen @ way.outer.weight.T / 8
        expected = expected + amounts[:, None] / 0.1 / 4 * 0.5 * offset
    torch.testing.assert_close(way(codes, amounts), expected)
    assert not torch.allclose(expected, codes + amounts[:, None] * way.vector, atol=0.01)


def test_weights_are_those_of_the_seed():
    torch.manual_seed(3)
    before = torch.random.get_rng_state()
    one, same, other = (Bent(4, 1.0, 1.0, 8, seed) for seed in (1, 1, 2))
    assert torch.equal(before, torch.random.get_rng_state())
    assert torch.equal(one.inner.weight, same.inner.weight) and not torch.equal(
        one.inner.weight, other.inner.weight
    )
    assert one.outer.bias is None and not one.outer.weight.any()


def test_layer_by_layer_where_codes_have_a_vector_for_each():
    generator = toy()
    codes = TrainingCodes(generator, "w", "1-2", range(4))
    way = Straight(size=16, spread=1.0, reach=1.0)
    way.w.data += 1
    batch = generator.to_space(generator.sample([1, 2]), "w+")
    found = moved(codes, way, batch, torch.tensor([1.0, -2.0]))
    offset = found.codes - batch.codes
    assert offset[:, [0, 3, 4, 5]].abs().max() == 0
    torch.testing.assert_close(
        offset[:, 1:3], torch.tensor([1.0, -2.0])[:, None, None].expand(2, 2, 16), atol=1e-5, rtol=0
    )
    torch.testing.assert_close(moved(codes, way, batch[:1], torch.tensor([1.0])).codes, found.codes[:1])
    none = generator.to_space(generator.sample([]), "w+")
    assert moved(codes, way, none, torch.zeros(0)).codes.shape == none.codes.shape
