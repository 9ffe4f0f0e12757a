"""`interpretable.exchange`: concepts of other samples."""

import pytest
import torch

from interpgan_core import Direction, Exchange, Shift, quiet
from interpgan_core.testing import toy
from interpgan_interpretable.edits.exchange import ExchangeConcepts, layers_of, turned
from interpgan_interpretable.edits.move import MoveConcepts
from interpgan_interpretable.homes import HALF, WIDE, shares
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


@pytest.mark.parametrize("trained", [True, False])
def test_the_home_of_a_concept_is_the_sources(world, trained):
    if trained:
        with_model(world)
    batch, source = world.sample([0, 1]), world.sample([5, 6])
    edited = ExchangeConcepts(source=source, concepts=("1",), depth="shape").run(batch, world)
    before, after, theirs = (drawn(world, b) for b in (batch, edited, source))
    units = world.concepts["1"][1]
    share = torch.maximum(*(shares(world, x, "drawing", units) for x in (batch, source)))
    home = share > WIDE[1]
    assert home.flatten(1).any(1).all() and not home.flatten(1).all(1).any()
    torch.testing.assert_close(after.where(home, before), theirs.where(home, before))
    far = share < 0.1
    assert far.any() and (share > HALF).any()
    assert torch.equal(after.where(far, before), before)
    rows = ExchangeConcepts(source=source, concepts=("1",), depth="shape", both=True).run(batch, world)
    assert torch.equal(world.images(rows[1:2]), world.images(edited[:1]))


def test_depths_are_layers():
    generator = toy()
    assert layers_of(generator, "layers.2", "shape") == ("layers.2",)
    assert layers_of(generator, "layers.2", "texture") == ("layers.2", "layers.3")
    assert layers_of(generator, "layers.2", "everything") == tuple(generator.layers[2:])


def test_everything_of_all_concepts_is_the_source():
    """Where every position is some concept's home, the picture is the source's."""
    generator = toy()
    generator = generator.with_concepts({"all": ("layers.3", tuple(range(16)))})
    batch, source = generator.sample([0]), generator.sample([5])
    deep = ExchangeConcepts(source=source, depth="everything").run(batch, generator)
    torch.testing.assert_close(generator.images(deep), generator.images(source), atol=1e-5, rtol=1e-4)


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


@pytest.mark.parametrize("depth", ["filters", "shape"])
def test_both_ways_keep_the_edits_that_each_had(depth):
    generator = toy()
    partition = FindPartition(layer="layers.3", concepts=3, seeds="0-19").run(generator, quiet)
    generator = generator.with_concepts(partition.concepts)
    direction = Direction(torch.eye(16)[0], "w")
    a = Shift(direction=direction, strength=2.0).run(generator.sample([0, 1]), generator)
    a = MoveConcepts(concepts=("2",), right=0.25).run(a, generator)
    b = ExchangeConcepts(source=generator.sample([7]), concepts=("2",), depth=depth).run(
        generator.sample([3, 4]), generator
    )
    rows = ExchangeConcepts(source=b, concepts=("0",), both=True).run(a, generator)
    found = generator.images(rows).view(2, 2, 2, 3, 32, 32)
    torch.testing.assert_close(found[:, 0, 0], generator.images(a))
    torch.testing.assert_close(found[:, 1, 0], generator.images(b))
    there = ExchangeConcepts(source=b, concepts=("0",)).run(a, generator)
    torch.testing.assert_close(found[:, 0, 1], generator.images(there))


def test_a_source_is_turned_to_the_pose_of_its_sample():
    generator = toy()
    pose = Direction(torch.randn(16, generator=torch.Generator().manual_seed(0)), "w")
    batch, source = generator.to_space(generator.sample([1, 2]), "w"), generator.sample([3, 4])
    found, before = turned(source, batch, pose, generator), generator.to_space(source, "w")
    torch.testing.assert_close(pose.distance(found.codes), pose.distance(batch.codes))
    rest = torch.eye(16, dtype=torch.float64) - torch.outer(pose.vector, pose.vector)
    torch.testing.assert_close(found.codes.double() @ rest, before.codes.double() @ rest)
    named = generator.with_concepts(
        {"all": ("layers.3", tuple(range(generator.layer_shapes()["layers.3"][0])))}
    )
    step = ExchangeConcepts(source=source, depth="shape", turn=pose)
    by_hand = ExchangeConcepts(source=found, depth="shape")
    assert torch.equal(named.images(step.run(batch, named)), named.images(by_hand.run(batch, named)))
