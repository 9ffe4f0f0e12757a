"""Channels by part: on a generator whose channel j paints part j alone, and on the toy."""

import pytest
import torch
from torch import nn

from interpgan_core import Generator, InterpganError, LatentSpace, quiet, seeded_normal
from interpgan_core.testing import conformance, toy
from interpgan_stylespace.parts import PartTally, RankByPart

NAMES = ("sky", "wall", "door")


class Segmented:
    """The sky is the upper half, the door a quarter of the lower one, the wall the rest."""

    parts = NAMES

    def __call__(self, images):
        where = torch.ones(8, 8, dtype=torch.int64)
        where[:4] = 0
        where[4:, 6:] = 2
        return where.expand(len(images), 8, 8)


class Planted(Generator):
    """Of 5 channels 0, 1 and 2 paint a part each, 3 paints everything, and 4 is the same in all samples."""

    fingerprint = "planted"

    def __init__(self):
        self.module = nn.Identity().eval()
        self.spaces = {
            "z": LatentSpace("z", (5,)),
            "s": LatentSpace("s", (5,), torch.tensor([0, 0, 1, 1, 1])),
        }

    def prior(self, seeds):
        return seeded_normal(seeds, (5,))

    def map(self, codes, source, target, labels):
        return codes * torch.tensor([1.0, 2.0, 0.5, 1.0, 0.0])

    def forward(self, batch):
        codes = self.to_space(batch, "s").codes
        where = Segmented()(codes)
        own = torch.stack([codes[i, where[i]] for i in range(len(codes))])
        return (own + codes[:, 3, None, None])[:, None].expand(-1, 3, -1, -1)


test_toy = conformance(RankByPart(segmenter=Segmented(), seeds="0-1", side=8, share=0.0, gap=0.0), toy)


def test_planted_channels_are_found_with_their_parts():
    found = RankByPart(segmenter=Segmented(), seeds="0-3", side=8).run(Planted(), quiet)
    assert {name: d.notes["part"] for name, d in found.items()} == {
        "0.0": "sky",
        "0.1": "wall",
        "1.0": "door",
    }
    for direction in found.values():
        assert direction.notes["first"] == 1 and direction.notes["overlap"] == pytest.approx(1)
        assert direction.notes["outside"] == 0
        assert direction.notes["inside"] == pytest.approx(direction.notes["sigma"], rel=1e-5)
    assert found["door"].vector.tolist() == [0, 0, 1, 0, 0]
    assert found["0.1"].notes["sigma"] == pytest.approx(2, rel=0.1)
    (table,) = found.summary().tables
    assert [row[:2] for row in table.rows] == [("sky", "0.0"), ("wall", "0.1"), ("door", "1.0")]


def test_some_parts_and_layers():
    step = RankByPart(segmenter=Segmented(), seeds="0-3", side=8, parts=("door",))
    assert list(step.run(Planted(), quiet)) == ["1.0"]
    step = RankByPart(segmenter=Segmented(), seeds="0-3", side=8, layers="0")
    assert list(step.run(Planted(), quiet)) == ["0.0", "0.1"]


def test_the_tally_by_hand():
    """A map of 4 positions whose part fills half: of the two largest changes one is in the part."""
    changes = torch.tensor([[[4.0, 1.0], [3.0, 0.0]]])
    maps = torch.tensor([[[1.0, 1.0], [0.0, 0.0]], [[0.0, 0.0], [1.0, 1.0]]])
    tally = PartTally.of(changes, maps)
    assert tally.overlap.tolist() == [[0.5, 0.5]] and tally.first.tolist() == [[0.0, 0.0]]  # as by chance
    assert tally.inside.tolist() == [[2.5, 1.5]] and tally.outside.tolist() == [[1.5, 2.5]]
    upper = PartTally.of(torch.tensor([[[4.0, 3.0], [1.0, 0.0]]]), maps)
    assert upper.overlap.tolist() == [[1.0, 0.0]] and upper.first.tolist() == [[1.0, 0.0]]
    both = tally + tally
    assert both.samples.tolist() == [2, 2] and both.inside.tolist() == [[5.0, 3.0]]


def test_a_part_that_is_not_there_counts_for_nothing():
    maps = torch.stack([torch.ones(2, 2), torch.zeros(2, 2)])
    tally = PartTally.of(torch.rand(3, 2, 2), maps)
    assert tally.samples.tolist() == [1, 0]
    for numbers in (tally.first, tally.overlap, tally.inside):
        assert numbers.isfinite().all() and numbers[:, 1].eq(0).all()


def test_parts_that_the_segmenter_does_not_know():
    with pytest.raises(InterpganError, match="no part 'dor'; did you mean 'door'"):
        RankByPart(segmenter=Segmented(), parts=("dor",)).check(toy())
    with pytest.raises(InterpganError, match="layers 0 to 5"):
        RankByPart(segmenter=Segmented(), layers="7").check(toy())
