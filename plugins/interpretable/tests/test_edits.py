"""Concepts exchanged and moved, and the baselines on the same layer."""

from dataclasses import replace

import pytest
import torch
import write_tiny

from interpgan_core import Direction, Exchange, InterpganError, Shift, load_generator, quiet
from interpgan_core.testing import conformance, recipe_error, toy
from interpgan_interpretable.edits.collage import Collage, boxed
from interpgan_interpretable.edits.editing_in_style import EditInStyle, clustered, contributions, restyled
from interpgan_interpretable.edits.exchange import ExchangeConcepts
from interpgan_interpretable.edits.move import MoveConcepts, shifted
from interpgan_interpretable.partition.find import FindPartition, with_concepts
from interpgan_interpretable.training.energy_model import EnergyModel

LAYER = "layers.3"


def named_toy():
    generator = toy()
    return with_concepts(
        generator, FindPartition(layer=LAYER, concepts=3, seeds="0-19").run(generator, quiet)
    )


class Halves:
    """A segmenter of any picture: left and right."""

    parts = ("left", "right")

    def __call__(self, images):
        columns = torch.arange(images.shape[-1]) >= images.shape[-1] // 2
        return columns.long().expand(len(images), images.shape[-2], -1)


SOURCE = toy().sample([9])
OTHERS = {"source": SOURCE, "layer": LAYER, "segmenter": Halves(), "parts": ("left",)}

test_exchange = conformance(ExchangeConcepts(source=SOURCE, concepts=("0", "2")), named_toy)
test_exchange_both = conformance(ExchangeConcepts(source=SOURCE, both=True), named_toy)
test_move = conformance(MoveConcepts(concepts=("1",), down=0.1, right=-0.2), named_toy)
test_collage = conformance(Collage(**OTHERS), toy)
test_style = conformance(EditInStyle(**OTHERS, clusters=4, seeds="0-9"), toy)


@pytest.fixture
def world(blobs):
    plain = blobs()
    partition = FindPartition(layer="drawing", concepts=3, seeds="0-49").run(plain, quiet)
    return with_concepts(plain, partition)


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
    """The generator with an energy model of its concepts; its weights play no part here."""
    model = EnergyModel(13, 3, 256)
    for name, (_, units) in world.concepts.items():
        model.groups[list(units)] = int(name)
    model.attach(world)
    return model


def test_where_a_concept_is_at_home_its_region_is_the_sources(world):
    model = with_model(world)
    batch, source = world.sample([0, 1]), world.sample([5, 6])
    edited = ExchangeConcepts(source=source, concepts=("1",), region=True).run(batch, world)
    before, after, theirs = (drawn(world, b) for b in (batch, edited, source))
    home = (model.home(before.relu(), 3) == 1) | (model.home(theirs.relu(), 3) == 1)
    assert home.flatten(1).any(1).all() and not home.flatten(1).all(1).any()
    units = list(world.concepts["1"][1])
    rest = [u for u in range(13) if u not in units]
    torch.testing.assert_close(after[:, units], theirs[:, units])
    torch.testing.assert_close(after[:, rest], torch.where(home[:, None], theirs, before)[:, rest])
    rows = ExchangeConcepts(source=source, concepts=("1",), region=True, both=True).run(batch, world)
    assert torch.equal(world.images(rows[1:2]), world.images(edited[:1]))


def test_a_region_is_found_from_answers_side_by_side():
    """One position alone, in the midst of another group's, is no home; a strip of them is."""
    model = EnergyModel(2, 2, 36)
    model.groups = torch.tensor([0, 1])
    maps = torch.full((1, 2, 6, 6), 0.5)
    maps[0, 0] = 1.0
    maps[0, 1, 1, 1], maps[0, 1, 3:] = 1.5, 2.0
    assert model.home(maps)[0, 1, 1] == 1 and model.home(maps, 3)[0, 1, 1] == 0
    assert (model.home(maps, 3)[0, 4:] == 1).all()


def test_a_region_asks_for_a_trained_generator(world):
    with pytest.raises(InterpganError, match="has no energy model: it comes with those that"):
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
    generator = named_toy()
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


def test_a_concept_moves_and_nothing_else(world):
    batch = world.sample([0, 1])
    name, units = next((n, list(u)) for n, (_, u) in world.concepts.items() if 0 in u)
    moved = drawn(world, MoveConcepts(concepts=(name,), down=0.25, right=0.125).run(batch, world))
    before = drawn(world, batch)
    torch.testing.assert_close(moved[:, units, 4:, 2:], before[:, units, :-4, :-2], rtol=1e-5, atol=1e-6)
    rest = [u for u in range(13) if u not in units]
    assert torch.equal(moved[:, rest], before[:, rest])


def test_half_a_position_is_the_mean_of_two():
    maps = torch.randn(1, 2, 4, 8, generator=torch.Generator().manual_seed(0))
    found = shifted(maps, 0.0, 0.5 / 8)
    torch.testing.assert_close(found[..., 1:], (maps[..., 1:] + maps[..., :-1]) / 2)
    torch.testing.assert_close(found[..., 0], maps[..., 0])
    torch.testing.assert_close(shifted(maps, 0.0, 0.0), maps)


def test_moves_add_up():
    generator = named_toy()
    batch = generator.sample([0])
    twice = batch
    for _ in range(2):
        twice = MoveConcepts(concepts=("0",), right=0.125).run(twice, generator)
    once = MoveConcepts(concepts=("0",), right=0.25).run(batch, generator)
    torch.testing.assert_close(generator.images(twice), generator.images(once), rtol=0, atol=1e-5)


def test_a_collage_is_the_source_inside_and_the_batch_outside(world, places):
    batch, source = world.sample([0, 1]), world.sample([5])
    step = Collage(source=source, layer="drawing", segmenter=places, parts=("two",))
    before, after, theirs = (drawn(world, b) for b in (batch, step.run(batch, world), source))
    assert torch.allclose(after[:, :, 3, 12], theirs[:, :, 3, 12])
    assert torch.equal(after[:, :, :, :4], before[:, :, :, :4])


def test_editing_in_style_turns_the_channels_of_the_part(world, places):
    batch, source = world.sample([0, 1]), world.sample([5])
    step = EditInStyle(
        source=source,
        layer="drawing",
        segmenter=places,
        parts=("two",),
        clusters=4,
        strength=1.2,
        seeds="0-19",
    )
    before, after, theirs = (drawn(world, b) for b in (batch, step.run(batch, world), source))
    part, rest = [1, 4, 7, 10], [0, 2, 3, 5, 6, 8, 9, 11]
    torch.testing.assert_close(after[:, part], theirs[:, part].expand(2, -1, -1, -1), rtol=0.05, atol=0.02)
    assert (after - before)[:, rest].abs().max() < 0.25 * (theirs - before)[:, rest].abs().max()


def test_styles_are_means_and_deviations():
    a, b = torch.randn(2, 3, 8, 8), 4 * torch.randn(2, 3, 8, 8) + 7
    found = restyled(a, b)
    torch.testing.assert_close(found.mean((2, 3)), b.mean((2, 3)))
    torch.testing.assert_close(found.std((2, 3)), b.std((2, 3)))
    torch.testing.assert_close(restyled(a, a), a, rtol=1e-5, atol=1e-5)


def test_shares_of_all_clusters_are_one():
    columns = torch.randn(200, 5, generator=torch.Generator().manual_seed(0))
    clusters = clustered(columns, 4, seed=0)
    shares = torch.stack([contributions(columns, clusters == k) for k in range(4)])
    torch.testing.assert_close(shares.sum(0), torch.ones(5))
    assert torch.equal(clusters, clustered(3 * columns, 4, seed=0))


def test_mistakes(world, places):
    batch, source = world.sample([0, 1]), world.sample([5, 6, 7])
    with pytest.raises(InterpganError, match="no concept '3'; there are: 0, 1, 2"):
        ExchangeConcepts(source=batch, concepts=("3",)).run(batch, world)
    with pytest.raises(InterpganError, match=r"no concepts; find some by interpretable\.partition"):
        MoveConcepts(concepts=("0",)).run(toy().sample([0]), toy())
    with pytest.raises(InterpganError, match="3 samples cannot be paired with 2; give one, or 2"):
        ExchangeConcepts(source=source).run(batch, world)
    for operator in (Collage, EditInStyle):
        with pytest.raises(
            InterpganError, match="knows no part 'mouth'; there are: nothing, one, three, two"
        ):
            operator(source=batch, layer="drawing", segmenter=places, parts=("mouth",)).run(batch, world)
        with pytest.raises(InterpganError, match="no layer 'draw'; did you mean 'drawing'"):
            operator(source=batch, layer="draw", segmenter=places, parts=("one",)).run(batch, world)
    with pytest.raises(InterpganError, match="a function names no parts; use a segmenter"):
        Collage(source=batch, layer="drawing", segmenter=lambda i: i, parts=("one",)).run(batch, world)


def test_no_samples(world, places):
    none = world.sample([])
    assert len(MoveConcepts(concepts=("0",)).run(none, world)) == 0
    step = Collage(source=world.sample([1]), layer="drawing", segmenter=places, parts=("one",))
    assert len(step.run(none, world)) == 0
    assert not replace(none, edits=()).edits


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tiny")
    write_tiny.write(folder)
    return folder


FAMILIES = ("pggan.pth", "stylegan1.pth", "stylegan2.pth", "stylegan3.pkl", "biggan.pth", "biggan-deep")


@pytest.mark.parametrize("name", FAMILIES)
def test_every_family(tiny, name):
    generator = load_generator(tiny / name)
    partition = FindPartition(layer=generator.layers[-2], concepts=2, seeds="0-9", restarts=2)
    generator = with_concepts(generator, partition.run(generator, quiet))
    people, source = generator.sample([0, 1]), generator.sample([2])
    before = generator.images(people)
    for step in (
        ExchangeConcepts(source=source, concepts=("0",)),
        MoveConcepts(concepts=("0",), right=0.25),
        Collage(source=source, layer=partition.layer, segmenter=Halves(), parts=("left",)),
        EditInStyle(
            source=source, layer=partition.layer, segmenter=Halves(), parts=("left",), clusters=2, seeds="0-3"
        ),
    ):
        after = generator.images(step.run(people, generator))
        assert after.isfinite().all() and (after - before).abs().amax((1, 2, 3)).min() > 1e-4, step


HEAD = "interpgan: 1\nsteps:\n  - {use: generator, weights: toy}\n  - {use: sample, id: people, seeds: 0-1}\n  - "


@pytest.mark.parametrize(
    ("step", "message"),
    [
        ("{use: interpretable.move, concepts: []}", "must have at least one entry"),
        ("{use: interpretable.move, concepts: ['0'], down: 2}", "must be at most 1.0, not 2"),
        ("{use: interpretable.exchange, source: $people, concept: ['0']}", "did you mean 'concepts'?"),
        ("{use: interpretable.concepts, partition: $people}", "$people is a LatentBatch, not a Partition"),
    ],
)
def test_wrong_recipes(step, message, tmp_path):
    assert message in recipe_error(HEAD + step, tmp_path)


def test_a_box_round_a_mask():
    mask = torch.zeros(2, 1, 5, 6)
    mask[0, 0, 1, 2] = mask[0, 0, 3, 4] = 1
    mask[0, 0, 0, 0] = 0.4  # hardly inside
    box = torch.zeros(2, 1, 5, 6)
    box[0, 0, 1:4, 2:5] = 1
    assert torch.equal(boxed(mask), box)


def test_a_collage_in_a_box_changes_more_than_one_in_the_outline(world, places):
    batch, source = world.sample(range(4)), world.sample(range(10, 14))
    areas = []
    for box in (False, True):
        (edit,) = (
            Collage(source=source, layer="drawing", segmenter=places, parts=["one"], box=box)
            .apply(batch, world)
            .edits
        )
        areas.append(float(edit.weight.sum()))
    assert areas[1] > areas[0]
