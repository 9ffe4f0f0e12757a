"""Bent ways: the network turns a move by what it sees of a code, wherever codes lie."""

import torch
from torch import nn

from interpgan_core import seeded_normal
from interpgan_steerability.ways import Bent


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
