"""Concepts moved, the baselines on the same layer, and all edits on every family."""

from dataclasses import replace

import pytest
import torch
import write_tiny

from interpgan_core import InterpganError, load_generator, quiet
from interpgan_core.testing import toy
from interpgan_interpretable.edits.collage import Collage, bounding_box
from interpgan_interpretable.edits.editing_in_style import (
    EditInStyle,
    contributions,
    restyled,
    spherical_kmeans,
)
from interpgan_interpretable.edits.exchange import ExchangeConcepts
from interpgan_interpretable.edits.move import MoveConcepts, filled, middles, placed, shifted
from interpgan_interpretable.partition.find import FindPartition


def drawn(generator, batch):
    return generator.features(batch, ["drawing"])["drawing"]


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


def test_what_is_at_home_moves_and_leaves_no_hole(adapted):
    """The blob in the upper left goes down: it is drawn there, and where it was there is less of it."""
    batch = adapted.sample([60])
    maps = adapted.features(batch, ["drawing.filters"])["drawing.filters"]
    name = max(
        adapted.concepts, key=lambda name: float(maps[0, list(adapted.concepts[name][1]), 3, 3].mean())
    )
    before = drawn(adapted, batch)[0, 0]
    after = drawn(adapted, MoveConcepts(concepts=(name,), down=0.5, depth="shape").run(batch, adapted))[0, 0]
    torch.testing.assert_close(after[11, 3], before[3, 3], rtol=0.05, atol=0.05)
    assert after[3, 3] < 0.8 * before[3, 3]
    still = MoveConcepts(concepts=(name,), depth="shape").run(batch, adapted)
    torch.testing.assert_close(drawn(adapted, still)[0, 0], before, rtol=0, atol=1e-4)


def test_scaled_about_the_middle():
    home = torch.zeros(1, 1, 8, 8, dtype=torch.bool)
    home[0, 0, 2:4, 4:8] = True
    middle = middles(home)
    torch.testing.assert_close(middle, torch.tensor([[0.5, -0.25]]))
    assert middles(torch.zeros(2, 1, 8, 8, dtype=torch.bool)).eq(0).all()
    smaller = placed(home.float(), middle, 0.0, 0.0, 0.5)
    assert 0.15 < smaller.sum() / home.sum() < 0.4
    torch.testing.assert_close(middles(smaller > 0.2), middle, atol=0.13, rtol=0)


def test_a_hole_is_filled_from_around():
    maps = torch.ones(1, 2, 12, 12)
    maps[0, 1] = 3.0
    hole = torch.zeros(1, 1, 12, 12)
    hole[..., 4:9, 4:9] = 1
    spoilt = torch.where(hole > 0, 100.0, maps)
    torch.testing.assert_close(filled(spoilt, hole), maps)


def test_moves_add_up(world):
    batch = world.sample([0])
    twice = batch
    for _ in range(2):
        twice = MoveConcepts(concepts=("0",), right=0.125).run(twice, world)
    once = MoveConcepts(concepts=("0",), right=0.25).run(batch, world)
    torch.testing.assert_close(world.images(twice), world.images(once), rtol=0, atol=1e-5)


def test_a_collage_is_the_source_inside_and_the_batch_outside(world, places):
    batch, source = world.sample([0, 1]), world.sample([5])
    step = Collage(source=source, layer="drawing", segmenter=places, parts=("two",))
    before, after, theirs = (drawn(world, b) for b in (batch, step.run(batch, world), source))
    assert torch.allclose(after[:, :, 3, 12], theirs[:, :, 3, 12])
    assert torch.equal(after[:, :, :, :4], before[:, :, :, :4])


def test_a_box_round_a_mask():
    mask = torch.zeros(2, 1, 5, 6)
    mask[0, 0, 1, 2] = mask[0, 0, 3, 4] = 1
    mask[0, 0, 0, 0] = 0.4  # outside: below 0.5
    box = torch.zeros(2, 1, 5, 6)
    box[0, 0, 1:4, 2:5] = 1
    assert torch.equal(bounding_box(mask), box)


def test_a_collage_in_a_box_changes_more_than_one_in_the_outline(world, places):
    batch, source = world.sample(range(4)), world.sample(range(10, 14))
    areas = []
    for box in (False, True):
        step = Collage(source=source, layer="drawing", segmenter=places, parts=["one"], box=box)
        (edit,) = step.apply(batch, world).edits
        areas.append(float(edit.weight.sum()))
    assert areas[1] > areas[0]


def test_editing_in_style_turns_the_channels_of_the_part(world, places):
    batch, source = world.sample([0, 1]), world.sample([5])
    known = {"source": source, "layer": "drawing", "segmenter": places, "parts": ("two",)}
    step = EditInStyle(**known, clusters=4, strength=1.2, seeds="0-19")
    before, after, theirs = (drawn(world, b) for b in (batch, step.run(batch, world), source))
    part, rest = [1, 4, 7, 10], [0, 2, 3, 5, 6, 8, 9, 11]
    torch.testing.assert_close(after[:, part], theirs[:, part].expand(2, -1, -1, -1), rtol=0.05, atol=0.02)
    assert (after - before)[:, rest].abs().max() < 0.25 * (theirs - before)[:, rest].abs().max()


def test_styles_are_means_and_standard_deviations():
    a, b = torch.randn(2, 3, 8, 8), 4 * torch.randn(2, 3, 8, 8) + 7
    found = restyled(a, b)
    torch.testing.assert_close(found.mean((2, 3)), b.mean((2, 3)))
    torch.testing.assert_close(found.std((2, 3)), b.std((2, 3)))
    torch.testing.assert_close(restyled(a, a), a, rtol=1e-5, atol=1e-5)


def test_shares_of_all_clusters_are_one():
    columns = torch.randn(200, 5, generator=torch.Generator().manual_seed(0))
    clusters = spherical_kmeans(columns, 4, seed=0)
    shares = torch.stack([contributions(columns, clusters == k) for k in range(4)])
    torch.testing.assert_close(shares.sum(0), torch.ones(5))
    assert torch.equal(clusters, spherical_kmeans(3 * columns, 4, seed=0))


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

    class Nameless:
        parts = ()

        def __call__(self, images):
            return images

    with pytest.raises(InterpganError, match="a Nameless names no parts; use a segmenter"):
        Collage(source=batch, layer="drawing", segmenter=Nameless(), parts=("one",)).run(batch, world)
    with pytest.raises(ValueError, match="is not a Segmenter; name a step that makes one"):
        Collage(source=batch, layer="drawing", segmenter=lambda i: i, parts=("one",))


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


FAMILIES = (
    *("pggan.pth", "stylegan1.pth", "stylegan2.pth", "stylegan3.pkl", "biggan.pth", "biggan-deep"),
    *("dcgan.pth", "lucidrains.pt", "r3gan.pkl", "alae.pth", "projected.pt"),
)


@pytest.mark.long
@pytest.mark.parametrize("name", FAMILIES)
def test_every_family(tiny, places, name):
    generator = load_generator(tiny / name)
    step = FindPartition(layer=generator.layers[-2], concepts=2, seeds="0-9", restarts=2)
    generator = generator.with_concepts(step.run(generator, quiet).concepts)
    people, source = generator.sample([0, 1]), generator.sample([2])
    baseline = {"source": source, "layer": step.layer, "segmenter": places, "parts": ("one", "nothing")}
    before = generator.images(people)
    for step in (
        ExchangeConcepts(source=source, concepts=("0",)),
        MoveConcepts(concepts=("0",), right=0.25),
        Collage(**baseline),
        EditInStyle(**baseline, clusters=2, seeds="0-3"),
    ):
        after = generator.images(step.run(people, generator))
        assert after.isfinite().all() and (after - before).abs().amax((1, 2, 3)).min() > 1e-4, step
