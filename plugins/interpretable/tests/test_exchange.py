"""`interpretable.exchange`: concepts of other samples."""

import pytest
import torch

from interpgan_core import Direction, Exchange, InterpganError, Shift, quiet
from interpgan_core.testing import toy
from interpgan_interpretable.edits.exchange import ExchangeConcepts
from interpgan_interpretable.edits.move import MoveConcepts
from interpgan_interpretable.partition.find import FindPartition
from interpgan_interpretable.training.energy_model import EnergyModel


def drawn(generator, batch):
    return generator.features(batch, ["drawing"])["drawing"]


@pytest.mark.parametrize("names", [("0",), ("0", "2"), ()])
def test_concepts_come_from_the_source_and_the_rest_stays(world, names):
    batch, source = world.sample([0, 1]), world.sample([5, 6])
    edited = ExchangeConcepts(source=source, concepts=names).run(batch, world)
    units = sorted(u for name in names or "012" for u in world.concepts[name][1])
    rest = [u for u in range(13) if u not in units]
    before, after, theirs = (drawn(world, b) for b in (batch, edited, source))
    assert torch.equal(after[:, units], theirs[:, units])
    assert torch.equal(after[:, rest], before[:, rest])
    assert torch.equal(edited.seeds, batch.seeds)


def test_one_concept_is_the_exchange_of_the_core(world):
    batch, source = world.sample([0, 1]), world.sample([5])
    ours = world.images(ExchangeConcepts(source=source, concepts=("1",)).run(batch, world))
    assert torch.equal(ours, world.images(Exchange(source=source, concept="1").apply(batch, world)))


def with_model(world):
    """The generator with an energy model of its concepts; only its groups matter here."""
    model = EnergyModel(13, 3, 256)
    for name, (_, units) in world.concepts.items():
        model.groups[list(units)] = int(name)
    model.attach(world)
    return model


def test_the_region_of_a_concept_is_the_sources(world):
    model = with_model(world)
    batch, source = world.sample([0, 1]), world.sample([5, 6])
    edited = ExchangeConcepts(source=source, concepts=("1",), region=True).run(batch, world)
    before, after, theirs = (drawn(world, b) for b in (batch, edited, source))
    region = (model.strongest_group(before.relu(), 3) == 1) | (model.strongest_group(theirs.relu(), 3) == 1)
    assert region.flatten(1).any(1).all() and not region.flatten(1).all(1).any()
    units = list(world.concepts["1"][1])
    rest = [u for u in range(13) if u not in units]
    torch.testing.assert_close(after[:, units], theirs[:, units])
    torch.testing.assert_close(after[:, rest], torch.where(region[:, None], theirs, before)[:, rest])
    rows = ExchangeConcepts(source=source, concepts=("1",), region=True, both=True).run(batch, world)
    assert torch.equal(world.images(rows[1:2]), world.images(edited[:1]))


def test_a_region_is_found_from_neighbouring_positions():
    """A single position among those of another group is no region; a strip of them is."""
    model = EnergyModel(2, 2, 36)
    model.groups = torch.tensor([0, 1])
    maps = torch.full((1, 2, 6, 6), 0.5)
    maps[0, 0] = 1.0
    maps[0, 1, 1, 1], maps[0, 1, 3:] = 1.5, 2.0
    assert model.strongest_group(maps)[0, 1, 1] == 1 and model.strongest_group(maps, 3)[0, 1, 1] == 0
    assert (model.strongest_group(maps, 3)[0, 4:] == 1).all()


def test_a_region_needs_a_trained_generator(world):
    with pytest.raises(InterpganError, match=r"has no energy model: interpretable\.train makes"):
        ExchangeConcepts(source=world.sample([1]), concepts=("1",), region=True).run(world.sample([0]), world)


def test_both_ways_at_once(world):
    batch, source = world.sample([0, 1]), world.sample([5, 6])
    rows = ExchangeConcepts(source=source, concepts=("1",), both=True).run(batch, world)
    assert rows.grid.columns == ("before", "after") and rows.grid.origin == 0
    assert rows.seeds.tolist() == [0, 0, 5, 5, 1, 1, 6, 6]
    there = world.images(ExchangeConcepts(source=source, concepts=("1",)).run(batch, world))
    back = world.images(ExchangeConcepts(source=batch, concepts=("1",)).run(source, world))
    found = world.images(rows).view(2, 2, 2, 3, 32, 32)
    assert torch.equal(found[:, 0, 0], world.images(batch)) and torch.equal(found[:, 0, 1], there)
    assert torch.equal(found[:, 1, 0], world.images(source)) and torch.equal(found[:, 1, 1], back)


def test_both_ways_keep_the_edits_that_each_had():
    generator = toy()
    partition = FindPartition(layer="layers.3", concepts=3, seeds="0-19").run(generator, quiet)
    generator = generator.with_concepts(partition.concepts)
    direction = Direction(torch.eye(16)[0], "w")
    a = Shift(direction=direction, strength=2.0).run(generator.sample([0, 1]), generator)
    a = MoveConcepts(concepts=("2",), right=0.25).run(a, generator)
    b = ExchangeConcepts(source=generator.sample([7]), concepts=("2",)).run(
        generator.sample([3, 4]), generator
    )
    rows = ExchangeConcepts(source=b, concepts=("0",), both=True).run(a, generator)
    found = generator.images(rows).view(2, 2, 2, 3, 32, 32)
    torch.testing.assert_close(found[:, 0, 0], generator.images(a))
    torch.testing.assert_close(found[:, 1, 0], generator.images(b))
    there = ExchangeConcepts(source=b, concepts=("0",)).run(a, generator)
    torch.testing.assert_close(found[:, 0, 1], generator.images(there))
