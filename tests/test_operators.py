"""The operators of the core: each keeps the promises of the conformance kit, and does its own arithmetic."""

from dataclasses import replace

import pytest
import torch

from interpgan_core import (
    Ablate,
    Direction,
    Exchange,
    Grid,
    Insert,
    InterpganError,
    Interpolate,
    Mix,
    Place,
    RankedUnits,
    Render,
    RenderSamples,
    Sample,
    Save,
    Score,
    Shift,
    Truncate,
    Walk,
)
from interpgan_core.generators.toy import ToyGenerator
from interpgan_core.testing import conformance, toy

TOY = toy()
DIRECTION = Direction(torch.arange(1.0, 17.0), "w", bias=3.0)
OTHER = TOY.to_space(TOY.sample([99]), "w")


class Brightness:
    """A scorer whose answer is known: the mean of the red and of the green channel."""

    names = ("red", "green")

    def __call__(self, images):
        return images.mean((2, 3))[:, :2]


test_sample = conformance(Sample(seeds="0-3"), toy)
test_sample_of_classes = conformance(Sample(seeds="0-3", classes=[2]), lambda: ToyGenerator(classes=3))
test_truncate = conformance(Truncate(psi=0.5), toy)
test_truncate_some_layers = conformance(Truncate(psi=0.5, layers="0-2"), lambda: ToyGenerator(classes=3))
test_shift = conformance(Shift(direction=DIRECTION, strength=2.0), toy)
test_shift_in_sigma = conformance(Shift(direction=DIRECTION, strength=2.0, layers="1-2", unit="sigma"), toy)
test_walk = conformance(Walk(direction=DIRECTION, strengths=[-1, 0, 1]), lambda: ToyGenerator(classes=3))
test_place = conformance(Place(direction=DIRECTION, distance=1.0), toy)
test_place_at_several = conformance(Place(direction=DIRECTION, distance=[-1.0, 1.0], layers="0-1"), toy)
test_mix = conformance(Mix(source=OTHER, layers="0-1"), toy)
test_mix_across = conformance(Mix(source=OTHER, layers="4-", cross=True), toy)
test_interpolate = conformance(Interpolate(to=OTHER, steps=3), toy)
test_interpolate_at_one_place = conformance(Interpolate(to=OTHER, share=0.3), toy)
test_interpolate_on_the_sphere = conformance(Interpolate(to=OTHER, method="slerp"), toy)
test_exchange = conformance(Exchange(source=OTHER, layer="layers.2", units="0-7", region=[0, 0, 0.5, 1]), toy)
test_ablate = conformance(Ablate(layer="layers.3", units="1,5"), toy)
RANKED = RankedUnits(
    "layers.3", (5, 1, 7), torch.arange(3.0), {"mean": torch.tensor([1.0, -2.0, 3.0])}, "test"
)
test_ablate_ranked = conformance(Ablate(ranked=RANKED, count=2), toy)
test_insert = conformance(Insert(layer="layers.3", units="1,5", level=2, region=[0, 0, 0.5, 1]), toy)
test_insert_ranked = conformance(Insert(ranked=RANKED, count=2, strength=0.5), toy)
test_score = conformance(Score(seeds="0-6", scorer=Brightness(), batch_size=3), toy)
test_render = conformance(Render(), toy)
test_pictures = conformance(RenderSamples(seeds="0-4", batch_size=2), toy)
test_save = conformance(Save(file="batch.safetensors"), toy)


def people(space="w", count=3):
    return TOY.to_space(TOY.sample(range(count)), space)


def test_truncation_pulls_to_the_mean():
    mean = TOY.spaces["w"].mean
    pulled = Truncate(psi=0.25).run(TOY.sample([1, 2]), TOY)
    expected = mean + 0.25 * (TOY.to_space(TOY.sample([1, 2]), "w").codes - mean)
    torch.testing.assert_close(pulled.codes, expected)
    some = Truncate(psi=0.0, layers="0-1").run(people(), TOY)
    assert (some.codes[:, :2] == mean).all()
    assert (some.codes[:, 2:] == people("w+").codes[:, 2:]).all()


def test_truncation_where_no_mean_is_known():
    with pytest.raises(InterpganError, match="codes in s cannot be truncated: no space from there on"):
        Truncate().run(people("s"), TOY)


def test_a_shift_is_relative_and_a_place_absolute():
    before = people()
    shifted = Shift(direction=DIRECTION, strength=-1.5).run(before, TOY)
    torch.testing.assert_close(DIRECTION.distance(shifted.codes), DIRECTION.distance(before.codes) - 1.5)
    placed = Place(direction=DIRECTION, distance=2.0).run(before, TOY)
    torch.testing.assert_close(
        DIRECTION.distance(placed.codes), torch.full((3,), 2.0).double(), atol=1e-5, rtol=0
    )
    across = before.codes - DIRECTION.distance(before.codes)[:, None].float() * DIRECTION.vector.float()
    torch.testing.assert_close(placed.codes, across + 2 * DIRECTION.vector.float())


def test_a_place_on_some_layers():
    placed = Place(direction=DIRECTION, distance=2.0, layers="1-2").run(people(), TOY)
    mask = TOY.spaces["w+"].mask("1-2")
    found = DIRECTION.distance(placed.codes, mask)
    torch.testing.assert_close(found, torch.full((3,), 2.0).double(), atol=1e-5, rtol=0)
    assert (placed.codes[:, 3:] == people("w+").codes[:, 3:]).all()


def test_sigma_is_the_spread_of_the_codes_along_the_direction():
    codes = TOY.to_space(TOY.sample(range(4096)), "w").codes
    spread = float(DIRECTION.distance(codes).std())
    shifted = Shift(direction=DIRECTION, strength=1.0, unit="sigma").run(people(), TOY)
    assert float((shifted.codes - people().codes)[0].norm()) == pytest.approx(spread, rel=1e-5)
    known = Direction(DIRECTION.vector, "w", notes={"sigma": 4.0})
    shifted = Shift(direction=known, strength=0.5, unit="sigma").run(people(), TOY)
    assert float((shifted.codes - people().codes)[0].norm()) == pytest.approx(2.0, rel=1e-5)


def test_strength_in_units_of_a_score():
    measured = Direction(DIRECTION.vector, "w", layers="1-2", notes={"score_per_unit": -0.25})
    shifted = Shift(direction=measured, strength=0.5, unit="score").run(people(), TOY)
    torch.testing.assert_close(
        shifted.codes, Shift(direction=measured, strength=-2.0).run(people(), TOY).codes
    )
    walked = Walk(direction=measured, strengths=[0, 0.5], unit="score").run(people(), TOY)
    assert (walked.codes[1::2] == shifted.codes).all() and walked.grid.columns == ("0", "+0.5")
    with pytest.raises(InterpganError, match="is not known; take it from a step that has measured"):
        Shift(direction=DIRECTION, strength=1.0, unit="score").run(people(), TOY)
    with pytest.raises(InterpganError, match="measured along this direction on layers 1-2, not all"):
        Shift(direction=measured, strength=1.0, unit="score", layers="all").run(people(), TOY)


def test_a_walk_is_a_grid_with_its_origin():
    walked = Walk(direction=DIRECTION, strengths=[-2, 0, 2.5]).run(people(), TOY)
    assert walked.grid == Grid(("-2", "0", "+2.5"), origin=1)
    rows = walked.codes.view(3, 3, 16)
    assert (rows[:, 1] == people().codes).all()
    torch.testing.assert_close(rows[:, 2] - rows[:, 1], (2.5 * DIRECTION.vector.float()).expand(3, 16))
    assert walked.seeds.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2]


def test_a_walk_of_a_walk_is_every_pair():
    walk = Walk(direction=DIRECTION, strengths=[0, 1])
    twice = walk.run(walk.run(people(count=2), TOY), TOY)
    assert twice.grid == Grid(("0, 0", "0, +1", "+1, 0", "+1, +1"), origin=0)
    assert len(twice) == 8


def test_a_direction_of_another_generator_is_refused():
    foreign = Direction(DIRECTION.vector, "w", generator="0123456789abcdef")
    with pytest.raises(InterpganError, match="was found on another generator"):
        Shift(direction=foreign, strength=1.0).run(people(), TOY)


def test_a_direction_of_the_generator_that_this_one_was_tuned_from_is_taken():
    tuned = toy()
    tuned.fingerprint, tuned.notes = "fedcba9876543210", {"codes of": [TOY.fingerprint]}
    known = Direction(DIRECTION.vector, "w", generator=TOY.fingerprint)
    moved = Shift(direction=known, strength=1.0).run(people(), tuned)
    assert torch.equal(moved.codes, Shift(direction=known, strength=1.0).run(people(), TOY).codes)
    for notes in (
        {"codes of": None},
        {"parent": TOY.fingerprint},
    ):  # trained on from there: codes may mean anything
        tuned.notes = notes
        with pytest.raises(InterpganError, match="was found on another generator"):
            Shift(direction=known, strength=1.0).run(people(), tuned)


def test_mixing_takes_just_the_layers():
    mixed = Mix(source=OTHER, layers="2-3").run(people(), TOY)
    taken = TOY.to_space(OTHER, "w+").codes
    assert (mixed.codes[:, 2:4] == taken[:, 2:4]).all()
    assert (mixed.codes[:, [0, 1, 4, 5]] == people("w+").codes[:, [0, 1, 4, 5]]).all()


def test_mixing_across_shows_each_beside_itself():
    sources = TOY.sample([50, 51])
    mixed = Mix(source=sources, layers="0-2", cross=True).run(people(), TOY)
    assert mixed.grid == Grid(("original", "seed 50", "seed 51"), origin=0)
    rows = mixed.codes.view(3, 3, 6, 16)
    assert (rows[:, 0] == people("w+").codes).all()
    assert (rows[:, 2, :3] == TOY.to_space(sources, "w+").codes[1, :3]).all()
    assert (rows[:, 2, 3:] == people("w+").codes[:, 3:]).all()


def test_samples_that_cannot_be_paired():
    two = TOY.sample([1, 2])
    for operator in (Mix(source=two, layers="0"), Interpolate(to=two)):
        with pytest.raises(InterpganError, match="2 samples cannot be paired with 3; give one, or 3"):
            operator.run(people(), TOY)
    with pytest.raises(InterpganError, match="2 samples cannot be paired with 3; give one, or 3"):
        Exchange(source=two, layer="layers.0").run(people(), TOY)


def test_interpolation_ends_at_both_ends():
    way = Interpolate(to=OTHER, steps=4).run(people(), TOY)
    rows = way.codes.view(3, 4, 16)
    assert (rows[:, 0] == people().codes).all()
    torch.testing.assert_close(rows[:, 3], OTHER.codes.expand(3, 16))
    torch.testing.assert_close(rows[:, 1], torch.lerp(people().codes, OTHER.codes.expand(3, 16), 1 / 3))
    assert way.grid == Grid(("0%", "33%", "67%", "100%"), origin=0)


def test_interpolation_to_one_place_is_a_sample_each():
    there = Interpolate(to=OTHER, share=0.25).run(people(), TOY)
    torch.testing.assert_close(there.codes, torch.lerp(people().codes, OTHER.codes.expand(3, 16), 0.25))
    assert there.grid == people().grid


def test_slerp_goes_along_the_sphere_at_constant_speed():
    a, b = torch.zeros(1, 16), torch.zeros(1, 16)
    a[0, 0], b[0, 1] = 2.0, 2.0
    space = TOY.spaces["z"]
    start, end = replace(TOY.sample([1]), codes=a), replace(TOY.sample([2]), codes=b)
    way = Interpolate(to=end, steps=7, method="slerp").run(start, TOY).codes
    assert space.name == "z"
    torch.testing.assert_close(way.norm(dim=1), torch.full((7,), 2.0))
    angles = torch.atan2(way[:, 1], way[:, 0]).rad2deg()
    torch.testing.assert_close(angles, torch.linspace(0, 90, 7))


def test_slerp_of_a_code_with_itself():
    same = Interpolate(to=people(), steps=3, method="slerp").run(people(), TOY)
    torch.testing.assert_close(same.codes.view(3, 3, 16)[:, 1], people().codes)


def test_classes_by_number():
    generator = ToyGenerator(classes=3)
    assert Sample(seeds="0-2", classes=[2, 0, 1]).run(generator).labels.argmax(1).tolist() == [2, 0, 1]
    with pytest.raises(InterpganError, match="2 classes for 3 seeds; give one, or 3"):
        Sample(seeds="0-2", classes=[1, 2]).run(generator)
    with pytest.raises(InterpganError, match="there is no class 3; they are 0-2"):
        Sample(seeds="0", classes=[3]).run(generator)
    with pytest.raises(InterpganError, match="this generator has no classes; leave 'classes' out"):
        Sample(seeds="0", classes=[1]).run(TOY)


class NamedToy(ToyGenerator):
    class_names = ("tabby", "crane (bird)", "crane (machine)")


def test_classes_by_name_and_mixed():
    generator = NamedToy(classes=3)

    def labels(*classes):
        return Sample(seeds="0", classes=classes).run(generator).labels[0].tolist()

    assert labels("Crane (Bird)") == [0, 1, 0] and labels("2") == [0, 0, 1]
    assert labels("tabby + crane (machine)") == [0.5, 0, 0.5]
    assert labels("3*tabby + 1*1") == [0.75, 0.25, 0]
    for wrong, message in {
        "taby": "there is no class taby; they are 0-2; did you mean 'tabby'?",
        "crane": r"there is no class crane; they are 0-2; there are: crane \(bird\), crane \(machine\)",
        "7": "there is no class 7; they are 0-2",
        "-1*tabby + 2*1": "'-1\\*tabby' has no share of a mixture; write 0.7\\*tabby",
        "0*tabby": "the shares of '0\\*tabby' are all 0; write shares above 0",
        "tabby +": "there is no class ; they are 0-2",
    }.items():
        with pytest.raises(InterpganError, match=message):
            labels(wrong)
    with pytest.raises(InterpganError, match=r"there is no class tabby; they are 0-2$"):
        Sample(seeds="0", classes=["tabby"]).run(ToyGenerator(classes=3))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("-1:1:0.5", (-1.0, -0.5, 0.0, 0.5, 1.0)),
        ("0:0.3:0.1", (0.0, 0.1, 0.2, 0.3)),
        (" -2 : 2 : 3 ", (-2.0, 1.0)),
        ("1:1:1", (1.0,)),
    ],
)
def test_strengths_as_a_range(text, expected):
    assert Walk(direction=Direction(torch.eye(16)[0], "w"), strengths=text).strengths == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1..5", "'1..5' is no range of strengths; write first:last:step, such as -6:6:0.5"),
        ("1:0:1", "must rise by a step above 0"),
        ("0:1:0", "must rise by a step above 0"),
        ("0:1:0.0001", "to 1000 strengths at most"),
    ],
)
def test_ranges_of_strengths_that_are_none(text, message):
    with pytest.raises(ValueError, match=message):
        Walk(direction=Direction(torch.eye(16)[0], "w"), strengths=text)
