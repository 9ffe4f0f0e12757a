"""`interpretable.name`: concepts by the part that they draw."""

import pytest
import torch

from interpgan_core import InterpganError, quiet
from interpgan_interpretable.partition.name import NameConcepts, agreement, inside, renaming, strongest


def test_concepts_get_the_names_of_their_parts(numbered, places):
    named = NameConcepts(segmenter=places, seeds="0-9").run(numbered, quiet)
    assert named.concepts == {
        name: numbered.concepts[str(i)] for i, name in enumerate(("one", "two", "three"))
    }
    assert list(numbered.concepts) == ["0", "1", "2"]


def test_concepts_of_one_part_are_joined_or_numbered(numbered, places):
    numbered.concepts = {
        "0": ("drawing", (0, 3)),
        "1": ("drawing", (6, 9)),
        "2": ("drawing", (1, 4, 7, 10)),
    }
    joined = NameConcepts(segmenter=places, seeds="0-3").run(numbered, quiet).concepts
    assert joined == {"one": ("drawing", (0, 3, 6, 9)), "two": ("drawing", (1, 4, 7, 10))}
    apart = NameConcepts(segmenter=places, seeds="0-3", join=False).run(numbered, quiet).concepts
    assert list(apart) == ["one", "one 2", "two"]


def test_a_concept_like_no_part_keeps_its_name(numbered, places):
    numbered.concepts = {"everything": ("drawing", tuple(range(12)))}
    named = NameConcepts(segmenter=places, seeds="0-3", min_agreement=0.9).run(numbered, quiet)
    assert list(named.concepts) == ["everything"]


def test_a_generator_without_concepts(blobs, places):
    with pytest.raises(InterpganError, match="has no concepts; find some by"):
        NameConcepts(segmenter=places).run(blobs(), quiet)


def test_agreement_is_one_for_the_part_and_none_by_chance():
    part = torch.zeros(1, 2, 100)
    part[0, 0, :20] = 1
    part[0, 1, 20:] = 1
    itself = torch.arange(100.0, 0, -1)[None]
    # Of the other part, 80 of 100, the 80 strongest hold 60: (0.75 - 0.8) / 0.2.
    assert agreement(itself, part)[0].tolist() == pytest.approx([1, -0.25], abs=1e-9)
    random = torch.Generator().manual_seed(0)
    maps = torch.rand(2000, 100, generator=random)
    assert agreement(maps, part.expand(2000, -1, -1))[:, 0].mean().abs() < 0.01
    assert agreement(itself, torch.zeros(1, 1, 100)).isnan().all()


def test_a_piece_of_a_part_is_inside_of_it():
    # Of a home of 10 positions 9 are of a part that fills half of the pictures: (0.9 - 0.5) / 0.5.
    overlaps = torch.tensor([[9.0, 1.0], [0.0, 0.0]], dtype=torch.float64)
    homes = torch.tensor([10.0, 0.0], dtype=torch.float64)
    found = inside(overlaps, homes, torch.tensor([0.5, 0.5], dtype=torch.float64))
    assert found[0].tolist() == pytest.approx([0.8, -0.8])
    assert found[1].tolist() == [-1, -1]
    whole = inside(overlaps[:1], homes[:1], torch.tensor([1.0, 0.0], dtype=torch.float64))
    assert whole[0].tolist() == pytest.approx([-1, 0.1])


def test_a_home_is_where_a_concept_is_the_strongest():
    shares = torch.tensor([[[0.6, 0.2, 0.0], [0.4, 0.5, 0.0]]])
    assert strongest(shares).tolist() == [[[1, 0, 0], [0, 1, 0]]]


def test_what_agrees_with_no_part_is_named_after_the_one_that_its_home_is_in(numbered, places):
    step = NameConcepts(segmenter=places, seeds="0-9", min_agreement=1.0, min_inside=0.1)
    assert list(step.run(numbered, quiet).concepts) == ["one", "two", "three"]
    step = NameConcepts(segmenter=places, seeds="0-9", min_agreement=1.0, min_inside=1.0)
    assert list(step.run(numbered, quiet).concepts) == ["0", "1", "2"]


def test_an_order_of_names():
    concepts = {"0": (1, 2, 3), "1": (4, 5), "2": (6,)}
    named = {"0": "hair", "1": None, "2": "hair"}
    assert renaming(concepts, named, True) == {"hair": (1, 2, 3, 6), "1": (4, 5)}
    assert renaming(concepts, named, False) == {"hair": (1, 2, 3), "1": (4, 5), "hair 2": (6,)}
