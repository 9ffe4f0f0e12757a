"""Shapes of a file's tensors, and what is said where one is missing."""

from pathlib import Path

import pytest
import torch

from interpgan_core.errors import InterpganError
from interpgan_core.generators.shapes import Shapes


def shapes(*names):
    return Shapes({**{name: torch.ones(4, 2) for name in names}, "step": 3}, Path("a.pt"), "BigGAN")


def test_shapes_of_tensors_alone():
    assert shapes("fc.weight") == {"fc.weight": (4, 2)}
    assert shapes("fc.weight").of("fc.weight", 2) == (4, 2)


def test_blocks_are_counted_from_0_on():
    assert shapes("b0.x", "b1.x", "b1.y", "b2.x", "c7.x").count(r"b(\d+)\.\w") == 3


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda found: found["other"], "a.pt lacks other; it is damaged, or from a variant of BigGAN that"),
        (lambda found: found.of("b0.x", 1), r"a.pt has b0.x of shape \(4, 2\), not 1 dimensions; it is"),
        (lambda found: found.count(r"c(\d)"), "a.pt has no blocks; it is damaged"),
        (lambda found: found.count(r"b(\d)\.x"), "a.pt lacks block 1 of 4; it is damaged"),
    ],
)
def test_what_is_missing_is_said(ask, message):
    with pytest.raises(InterpganError, match=message):
        ask(shapes("b0.x", "b2.x", "b3.x"))
