"""Channels by part: on a generator whose channel j paints part j alone, and on the toy."""

import pytest
import torch
from torch import nn

from interpgan_core import Generator, InterpganError, LatentSpace, quiet, seeded_normal
from interpgan_core.testing import conformance, toy
from interpgan_stylespace.parts import RankByPart

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


def test_layers_that_never_differ():
    class Same(Planted):
        def map(self, codes, source, target, labels):
            return 0 * codes

    with pytest.raises(
        InterpganError, match="no channel of layers 1 differs between samples; take other layers"
    ):
        RankByPart(segmenter=Segmented(), seeds="0-3", side=8, layers="1").run(Same(), quiet)


def test_notes_are_means_and_roots():
    """Channel 0 paints the sky, and half as strongly everything else; one of the parts is in no sample."""

    class Leaking(Planted):
        def forward(self, batch):
            codes = self.to_space(batch, "s").codes
            where = Segmented()(codes)
            return (codes[:, 0, None, None] * torch.where(where == 0, 1.0, 0.5))[:, None].expand(
                -1, 3, -1, -1
            )

    class AndMore(Segmented):
        parts = (*NAMES, "cloud")

    for seeds in ("0", "0-3"):
        found = RankByPart(segmenter=AndMore(), seeds=seeds, side=8).run(Leaking(), quiet)
        assert list(found) == ["0.0"]
        notes = found["0.0"].notes
        assert notes["of"] == {"sky": 1} and notes["first"] == 1 and notes["overlap"] == pytest.approx(1)
        assert notes["inside"] == pytest.approx(notes["sigma"], rel=1e-5)
        assert notes["outside"] == pytest.approx(notes["sigma"] / 2, rel=1e-5)


def test_of_each_part_the_first_so_many():
    class Twins(Planted):
        def forward(self, batch):
            codes = self.to_space(batch, "s").codes
            sky = (Segmented()(codes) == 0).float()
            return (sky * (codes[:, 0] + codes[:, 1])[:, None, None])[:, None].expand(-1, 3, -1, -1)

    for count in (1, 2):
        step = RankByPart(segmenter=Segmented(), seeds="0-3", side=8, count=count)
        assert list(step.run(Twins(), quiet)) == ["0.1", "0.0"][:count]  # the second varies twice as much


def test_parts_that_the_segmenter_does_not_know():
    with pytest.raises(InterpganError, match="no part 'dor'; did you mean 'door'"):
        RankByPart(segmenter=Segmented(), parts=("dor",)).check(toy())
    with pytest.raises(InterpganError, match="layers 0 to 5"):
        RankByPart(segmenter=Segmented(), layers="7").check(toy())
