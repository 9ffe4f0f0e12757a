"""Codes of a generator: drawn, carried from space to space in blocks of one height, streamed."""

import numpy as np
import pytest
import torch

from interpgan_core import InterpganError, LatentBatch, LatentSpace
from interpgan_core.generators.coded import MAP_ROWS, Coded

SPACES = (
    LatentSpace("z", (2,)),
    LatentSpace("w", (2,)),
    LatentSpace("w+", (3, 2), torch.arange(3)[:, None], base="w"),
    LatentSpace("s", (6,), torch.arange(3).repeat_interleave(2)),
)


class Counting(Coded):
    """Codes of a seed are the seed and 1; each space adds 10, and the class."""

    device = torch.device("cpu")

    def __init__(self, classes=None):
        self.spaces = {space.name: space for space in SPACES}
        self.heights = []
        if classes is not None:
            self.classes = classes

    def prior(self, seeds):
        return torch.tensor([[float(seed), 1.0] for seed in seeds]).view(-1, 2)

    def map(self, codes, source, target, labels):
        self.heights.append(len(codes))
        moved = codes + 10 * (list(self.spaces).index(target) - list(self.spaces).index(source))
        if labels is not None:
            moved = moved + labels.argmax(1)[:, None]
        for size in self.spaces[target].shape[:-1]:
            moved = moved[:, None].expand(-1, size, -1)
        return moved


def test_a_sample_is_its_seed():
    plain, seeded = Counting(), Counting().sample([3, 5])
    assert plain.classes == 0 and plain.sample([3]).labels is None
    assert seeded.space is SPACES[0] and seeded.seeds.tolist() == [3, 5]
    assert seeded.codes.tolist() == [[3, 1], [5, 1]] and seeded.seeds.dtype == torch.int64


def test_the_class_of_a_sample_is_drawn_from_its_seed_alone():
    """It is what RandomState([seed, 1]) gives: another class would make another picture of the same seed."""
    labels = Counting(classes=7).sample(range(6)).labels
    assert labels.sum(1).tolist() == [1] * 6 and labels.dtype == torch.float32
    assert labels.argmax(1).tolist() == [np.random.RandomState([seed, 1]).randint(7) for seed in range(6)]
    given = torch.eye(7)[[2]]
    assert torch.equal(Counting(classes=7).sample([3], given).labels, given)
    assert torch.equal(Counting().sample([3], given).labels, given)


@pytest.mark.parametrize("count", [1, 63, 64, 65, 130])
def test_codes_are_mapped_in_blocks_of_one_height(count):
    """A product of another height may round another way; with 64 rows published numbers were made."""
    generator = Counting(classes=3)
    batch = generator.sample(range(count))
    found = generator.to_space(batch, "w")
    assert found.codes.tolist() == (batch.codes + 10 + batch.labels.argmax(1)[:, None]).tolist()
    assert set(generator.heights) == {64} and MAP_ROWS == 64
    assert found.space is SPACES[1] and torch.equal(found.labels, batch.labels)


def test_no_codes_go_everywhere():
    generator = Counting()
    found = generator.to_space(generator.sample([]), "w+")
    assert found.codes.shape == (0, 3, 2) and found.space is SPACES[2] and not generator.heights


def test_codes_go_one_way():
    generator = Counting()
    batch = generator.sample([3])
    assert generator.to_space(batch, "z") is batch
    there = generator.to_space(batch, "w")
    with pytest.raises(
        InterpganError, match=r"codes in w cannot go back to z: codes pass z -> w -> w\+ -> s"
    ):
        generator.to_space(there, "z")
    with pytest.raises(InterpganError, match="this generator has no space 'ww'; did you mean 'w'"):
        generator.to_space(batch, "ww")
    foreign = LatentBatch(torch.zeros(1, 2), LatentSpace("y", (2,)))
    with pytest.raises(InterpganError, match="this generator has no space 'y'"):
        generator.to_space(foreign, "w")


@pytest.mark.parametrize(
    ("direction", "layers", "start", "found"),
    [
        ("z", "all", None, "z"),
        ("w", "all", None, "w"),
        ("w", "1", None, "w+"),
        ("w", "all", "w", "w"),
        ("w", "all", "w+", "w+"),
        ("w+", "all", None, "w+"),
        ("s", "0-1", "z", "s"),
    ],
)
def test_the_space_of_an_edit_is_the_earliest_that_serves(direction, layers, start, found):
    assert Counting().space_for(direction, layers, start) == found


@pytest.mark.parametrize(
    ("direction", "layers", "start", "message"),
    [
        ("ww", "all", None, "no space that takes a direction of ww; did you mean 'w'"),
        (
            "z",
            "all",
            "w",
            "a direction of z cannot move codes that are already in w; apply it before the step",
        ),
        ("z", "1", None, "no space that takes a direction of z has layers; leave 'layers' at all"),
    ],
)
def test_an_edit_without_a_space_is_refused(direction, layers, start, message):
    with pytest.raises(InterpganError, match=message):
        Counting().space_for(direction, layers, start)


def test_spaces_of_single_vectors():
    generator = Counting()
    assert generator.vector_space("w") is SPACES[1] and generator.vector_space() is SPACES[1]
    with pytest.raises(
        InterpganError, match=r"a code of w\+ is \(3, 2\), one vector a layer; .*, such as w, and"
    ):
        generator.vector_space("w+")
    with pytest.raises(InterpganError, match="this generator has no space 'x'"):
        generator.vector_space("x")


def test_a_stream_is_every_seed_once():
    generator = Counting()
    parts = list(generator.stream(range(7), 3, "w"))
    assert [part.seeds.tolist() for part in parts] == [[0, 1, 2], [3, 4, 5], [6]]
    assert {part.space.name for part in parts} == {"w"}
    assert [len(part) for part in generator.stream(range(513))] == [256, 256, 1]
    assert next(generator.stream([5])).space.name == "z" and list(generator.stream([])) == []


def test_codes_of_another_generator_are_refused():
    generator = Counting()
    generator._check(generator.sample([1]))
    for space in (LatentSpace("y", (2,)), LatentSpace("z", (3,))):
        with pytest.raises(
            InterpganError, match=r"do not belong to this generator, whose spaces are z \(2,\), w"
        ):
            generator._check(LatentBatch(torch.zeros(1, *space.shape), space))
