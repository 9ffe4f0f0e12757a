"""The operators of the core: each keeps the promises of the conformance kit, and does its own arithmetic."""

import csv
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from interpgan_core import (
    Ablate,
    Direction,
    DirectionSet,
    Exchange,
    Grid,
    Insert,
    InterpganError,
    Interpolate,
    Mix,
    Place,
    RankedUnits,
    ReadScores,
    Render,
    RenderSamples,
    Sample,
    Save,
    Score,
    Scores,
    Shift,
    Truncate,
    Walk,
    quiet,
    score_images,
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


def test_exchange_puts_the_maps_of_the_source_there():
    edited = Exchange(source=OTHER, layer="layers.3", units="4-7").run(people(), TOY)
    own = TOY.features(people(), ["layers.3"])["layers.3"]
    source = TOY.features(OTHER, ["layers.3"])["layers.3"]
    found = TOY.features(edited, ["layers.3"])["layers.3"]
    torch.testing.assert_close(found[:, 4:8], source[:, 4:8].expand(3, -1, -1, -1))
    torch.testing.assert_close(found[:, :4], own[:, :4])


def test_exchange_of_everything_in_the_last_layer_is_the_other_picture():
    edited = Exchange(source=OTHER, layer="layers.5").run(people(count=1), TOY)
    torch.testing.assert_close(TOY.images(edited), TOY.images(OTHER))


def test_a_region_bounds_an_edit():
    edited = Ablate(layer="layers.5", region=[0, 0.5, 1, 1]).run(people(), TOY)
    maps = TOY.features(edited, ["layers.5"])["layers.5"]
    assert (maps[..., 16:] == 0).all()
    assert (maps[..., :16] == TOY.features(people(), ["layers.5"])["layers.5"][..., :16]).all()
    pictures, plain = TOY.images(edited), TOY.images(people())
    assert (pictures[..., :16] == plain[..., :16]).all()


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"layer": "layers.9"}, "no layer 'layers.9'; did you mean"),
        ({"layer": "layers.1", "units": "10-16"}, "layer layers.1 has units 0-15, not 16"),
        ({"concept": "mouth"}, "this generator has no concepts; name a layer and units instead"),
    ],
)
def test_edits_of_what_is_not_there(fields, message):
    with pytest.raises(InterpganError, match=message):
        Ablate(**fields).run(people(), TOY)


def test_a_concept_brings_layer_and_units():
    generator = toy()
    generator.concepts = {"sky": ("layers.3", (1, 2))}
    batch = generator.sample([1])
    edited = Ablate(concept="sky").run(batch, generator)
    assert (edited.edits[0].layer, edited.edits[0].units) == ("layers.3", (1, 2))
    with pytest.raises(InterpganError, match="there is no concept 'sxy'; did you mean 'sky'"):
        Ablate(concept="sxy").run(batch, generator)


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


def test_scores_are_those_of_each_picture():
    found = Score(seeds="3-9", scorer=Brightness(), batch_size=2).run(TOY, quiet)
    expected = torch.cat([Brightness()(TOY.images(TOY.sample([seed]))) for seed in range(3, 10)])
    torch.testing.assert_close(found.values, expected)
    assert found.seeds.tolist() == list(range(3, 10))
    assert (found["green"] == found.values[:, 1]).all()
    with pytest.raises(InterpganError, match="there are no scores of 'gren'; did you mean 'green'"):
        found["gren"]


def test_a_scorer_that_breaks_its_word():
    class Wrong(Brightness):
        names = ("red", "green", "blue")

    with pytest.raises(InterpganError, match=r"has 3 attributes and returned scores of shape \(2, 2\) for 2"):
        Score(seeds="0-1", scorer=Wrong()).run(TOY, quiet)


def test_scores_go_to_a_table_and_back(tmp_path):
    before = Scores(torch.tensor([5, 7]), torch.tensor([[0.5, -1.0], [torch.nan, 2.0]]), ("smile", "age"))
    assert before.summary().tables[0].note == "1 of them lack some score, and are left out of its row."
    Save(file="s.csv", what=before).run(folder=tmp_path)
    with (tmp_path / "s.csv").open() as file:
        assert next(csv.reader(file)) == ["seed", "smile", "age"]
    after = ReadScores(file=tmp_path / "s.csv").run()
    assert after.names == before.names
    assert after.seeds.tolist() == [5, 7]
    torch.testing.assert_close(after.values, before.values, equal_nan=True)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "has no column 'seed' or 'file' in its first line; add the one that says"),
        ("a,b\n1,2\n", "has no column 'seed' or 'file' in its first line"),
        ("seed\n1\n", "needs one column of scores at least, each name once"),
        ("seed,a,a\n1,2,3\n", "needs one column of scores at least, each name once"),
        ("seed,file,a\n1,seed1.png,2\n", "has both columns 'seed' and 'file'; keep one of them"),
        ("seed,a\n", "has no rows; it needs one for each sample"),
        ("seed,a\n1,2,3\n", r":2: 3 cells, but 2 columns; a row has a cell for each"),
        ("seed,a\n1,2\n2,x\n", r":3: the score 'x' of 'a' is not a number; leave the cell empty"),
        ("seed,a\n1.5,2\n", r":2: '1.5' is no seed; a seed is a whole number from 0 to 4294967295"),
        ("seed,a\n-1,2\n", ":2: '-1' is no seed"),
        ("seed,a\n4294967296,2\n", ":2: '4294967296' is no seed"),
        ("seed,a\n,2\n", ":2: '' is no seed"),
        ("seed,a\n1,2\n\n1,3\n", ":4: seed 1 stands in a row above; keep one row a seed"),
        ("file,a\nface.png,2\n", ":2: the name 'face.png' does not end in a seed, as seed85.png does"),
        ("file,a\nseed7.png,2\nseed07.jpg,2\n", ":3: seed 7 stands in a row above"),
    ],
)
def test_tables_that_are_no_scores(tmp_path, text, message):
    (tmp_path / "s.csv").write_text(text)
    with pytest.raises(InterpganError, match=message):
        ReadScores(file=tmp_path / "s.csv").run()


def test_a_table_that_names_pictures(tmp_path):
    """Those of the steps `pictures` and `render`, in any folder."""
    files = ("seed000085.png", "C:\\made\\seed7.jpg", "out/pictures/seed123456789.webp", "000-01_seed-8.png")
    (tmp_path / "s.csv").write_text("\n".join(["smile,file", *(f"0.5,{file}" for file in files)]))
    found = ReadScores(file=tmp_path / "s.csv").run()
    assert found.seeds.tolist() == [85, 7, 123456789, 8] and found.names == ("smile",)


def test_a_table_that_is_no_text(tmp_path):
    (tmp_path / "s.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InterpganError, match="is not a text file"):
        ReadScores(file=tmp_path / "s.csv").run()


def test_an_empty_cell_is_a_missing_score(tmp_path):
    (tmp_path / "s.csv").write_text("\ufeffsmile,seed\n,4\n0.5,6\n\n", encoding="utf-8")
    found = ReadScores(file=tmp_path / "s.csv").run()
    assert found.seeds.tolist() == [4, 6]
    assert found.values.isnan().tolist() == [[True], [False]]


def test_pictures_are_what_the_generator_draws(tmp_path):
    walked = Walk(direction=DIRECTION, strengths=[-1, 0, 1]).run(people(count=2), TOY)
    report = Render().run(TOY, walked, tmp_path, quiet)
    assert [strip.title for strip in report.strips] == ["seed 0", "seed 1"]
    assert [p.caption for p in report.strips[0].pictures] == ["-1", "0", "+1"]
    assert report.strips[0].origin == 1
    assert len(report.strips[0].differences) == 2
    drawn = (TOY.images(walked)[5] * 127.5 + 128).clamp(0, 255).to(torch.uint8).permute(1, 2, 0).numpy()
    assert (np.asarray(Image.open(tmp_path / report.strips[1].pictures[2].file)) == drawn).all()
    assert Image.open(tmp_path / "sheet.png").size == (3 * 32 + 2 * 2, 2 * 32 + 2)


def test_earlier_batches_stand_on_the_left(tmp_path):
    before, after = people(), Shift(direction=DIRECTION, strength=2.0).run(people(), TOY)
    report = Render(compare={"drawn": before, "again": before}, caption="moved").run(
        TOY, after, tmp_path, quiet
    )
    assert [p.caption for p in report.strips[2].pictures] == ["drawn", "again", "moved"]
    same, changed = (np.asarray(Image.open(tmp_path / d.file)) for d in report.strips[2].differences)
    assert same.max() == 0
    assert changed.max() > 0
    with pytest.raises(InterpganError, match="'before' has 1 samples and what it is compared with 3"):
        Render(compare=OTHER).run(TOY, after, tmp_path, quiet)


def test_a_scorer_says_what_it_sees_in_each_picture(tmp_path):
    class Brightness:
        names = ("bright", "red")

        def __call__(self, images):
            return torch.stack([images.mean((1, 2, 3)), images[:, 0].mean((1, 2))], 1)

    walked = Walk(direction=DIRECTION, strengths=[0, 1]).run(people(count=1), TOY)
    report = Render(scorer=Brightness(), attributes=["red"]).run(TOY, walked, tmp_path, quiet)
    for picture, column in zip(report.strips[0].pictures, ("0", "+1"), strict=True):
        seen = np.asarray(Image.open(tmp_path / picture.file))[..., 0].mean() / 127.5 - 1
        assert picture.caption == f"{column}: red {seen:.2f}"
    report = Render(scorer=Brightness()).run(TOY, people(count=1), tmp_path, quiet)
    assert report.strips[0].pictures[0].caption.startswith("seed 0: bright ")
    with pytest.raises(InterpganError, match="the scorer has no attribute 'rad'; did you mean 'red'"):
        Render(scorer=Brightness(), attributes=["rad"]).run(TOY, walked, tmp_path, quiet)


def test_no_samples_make_no_pictures(tmp_path):
    assert Render().run(TOY, TOY.sample([]), tmp_path, quiet).strips == ()


def test_an_edit_that_went_too_far_is_named(tmp_path):
    broken = replace(people(), codes=people().codes * torch.inf)
    with pytest.raises(InterpganError, match="the edit went too far"):
        Render().run(TOY, broken, tmp_path, quiet)


@pytest.mark.parametrize(
    ("file", "result"),
    [
        ("d.npy", DIRECTION),
        ("d.npy", DirectionSet({"one": DIRECTION})),
        ("d.safetensors", DIRECTION),
        ("b.safetensors", None),
    ],
)
def test_results_into_files(tmp_path, file, result):
    Save(file=file, what=result).run(tmp_path, people())
    assert [p.name for p in tmp_path.iterdir()] == [file]


def test_a_result_that_has_no_such_form(tmp_path):
    with pytest.raises(ValueError, match=r"a LatentBatch cannot be written as .csv; use .safetensors"):
        Save(file="b.csv")
    with pytest.raises(InterpganError, match=r"there is nothing to save; add what: \$step"):
        Save(file="b.npy").run(tmp_path)


def test_a_table_of_pandas_and_names_with_blanks(tmp_path):
    """DataFrame.to_csv() writes row numbers without a name; people write a blank after a comma."""
    (tmp_path / "s.csv").write_text(",seed, smile\n0,7,0.5\n1,8, 0.25\n")
    found = ReadScores(file=tmp_path / "s.csv").run()
    assert found.names == ("smile",) and found.seeds.tolist() == [7, 8]
    assert found["smile"].tolist() == [0.5, 0.25]


@pytest.mark.parametrize("head", ["", "Unnamed: 0"])
@pytest.mark.parametrize("columns", ["seed,smile", "smile,seed"])
def test_row_numbers_wherever_the_seed_stands(tmp_path, head, columns):
    rows = ["7,0.5", "8,0.25"] if columns.startswith("seed") else ["0.5,7", "0.25,8"]
    (tmp_path / "s.csv").write_text(f"{head},{columns}\n0,{rows[0]}\n1,{rows[1]}\n")
    found = ReadScores(file=tmp_path / "s.csv").run()
    assert found.names == ("smile",) and found["smile"].tolist() == [0.5, 0.25]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("seed;smile\n7;0.5\n", "are divided by semicolons; save it with commas"),
        ("seed\tsmile\n7\t0.5\n", "are divided by tabs; save it with commas"),
        ("seed,smile,\n7,0.5,1\n", "column 3 has no name in the first line; name it"),
    ],
)
def test_tables_of_another_kind_are_named(tmp_path, text, message):
    (tmp_path / "s.csv").write_text(text)
    with pytest.raises(InterpganError, match=message):
        ReadScores(file=tmp_path / "s.csv").run()


def test_a_scorer_of_squares_refuses_rectangles():
    class Squares:
        names = ("brightness",)
        needs_squares = True

        def __call__(self, images):
            return images.mean((1, 2, 3))[:, None]

    assert score_images(Squares(), torch.zeros(2, 3, 8, 8)).shape == (2, 1)
    with pytest.raises(InterpganError, match="takes squares, and these images are 8 x 4"):
        score_images(Squares(), torch.zeros(2, 3, 8, 4))


@pytest.mark.parametrize(
    ("asked", "ending", "near"), [({"format": "gif"}, "gif", 4), ({"motion": "webp"}, "webp", 8)]
)
def test_a_walk_moves(tmp_path, asked, ending, near):
    """From the first column to the last and back, again and again; whole columns are those of the walk."""
    direction = Direction(torch.eye(16)[0], "w")
    batch = Walk(direction=direction, strengths=(-3, 0, 3)).run(TOY.sample([1, 2]), TOY)
    report = Render(**asked, frames=4).run(TOY, batch, tmp_path, quiet)
    files = sorted((tmp_path / "motion").glob("*.*"))
    assert [file.name for file in files] == [f"000.{ending}", f"001.{ending}"]
    with Image.open(files[0]) as moving:
        assert (moving.n_frames, moving.info["loop"], moving.size) == (16, 0, (32, 32))
        shown = []
        for k in range(16):
            moving.seek(k)
            shown.append(np.asarray(moving.convert("RGB")).astype(int))
    still = np.asarray(Image.open(next(tmp_path.glob("000-00_*.png")))).astype(int)
    assert abs(shown[0] - still).mean() < near
    assert abs(shown[1] - shown[15]).mean() < near < abs(shown[0] - shown[8]).mean()
    assert report.strips[-1].title == "seed 2, in motion" and report.strips[-1].pictures[
        0
    ].thumbnail.endswith(".webp")
    with pytest.raises(
        InterpganError, match="a motion needs rows of several columns; put walk or interpolate"
    ):
        Render(**asked).run(TOY, TOY.sample([1]), tmp_path, quiet)


def test_alpha_and_jpg_do_not_go_together():
    with pytest.raises(ValueError, match="'alpha' needs format: png or webp; jpg cannot keep it"):
        Render(alpha=True, format="jpg")


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


def test_captions_have_the_names_of_classes(tmp_path):
    generator = ToyGenerator(3)
    generator.class_names = ("cat", "dog", "owl")
    batch = Sample(seeds="7,7,8", classes=["cat", "owl", "0.5*cat + 0.5*dog"]).run(generator)
    report = Render().run(generator, batch, tmp_path, quiet)
    assert [p.caption for p in report.strips[0].pictures] == ["seed 7, cat", "seed 7, owl", "seed 8"]


class Halves:
    parts = ("left", "right")

    def __call__(self, images):
        columns = torch.arange(images.shape[3]) * 2 // images.shape[3]
        return columns.expand(len(images), *images.shape[2:])


def test_a_region_may_be_a_picture_or_parts(tmp_path):
    white = np.zeros((8, 8), np.uint8)
    white[:, 4:] = 255
    Image.fromarray(white).save(tmp_path / "right.png")
    box = Ablate(layer="layers.5", region=[0, 0.5, 1, 1]).run(people(), TOY)
    for other in ({"region": tmp_path / "right.png"}, {"parts": ["right"], "segmenter": Halves()}):
        edited = Ablate(layer="layers.5", **other).run(people(), TOY)
        assert torch.equal(TOY.images(edited), TOY.images(box))


def test_a_region_that_covers_nothing_is_refused(tmp_path):
    Image.new("L", (8, 8)).save(tmp_path / "black.png")
    with pytest.raises(InterpganError, match="covers nothing of maps of"):
        Ablate(layer="layers.5", region=tmp_path / "black.png").run(people(), TOY)
    for fields, message in (
        ({"parts": ["left"]}, "parts are found by a segmenter"),
        ({"segmenter": Halves()}, "name them in 'parts'"),
        ({"parts": ["lift"], "segmenter": Halves()}, "no part 'lift'; did you mean 'left'"),
        ({"parts": ["left"], "segmenter": Halves(), "region": [0, 0, 1, 1]}, "either a region or parts"),
    ):
        with pytest.raises(ValueError, match=message):
            Ablate(layer="layers.5", **fields)


def maps_of(batch, layer="layers.3"):
    return TOY.features(batch, [layer])[layer]


def test_inserted_units_have_their_level_in_the_region_alone(tmp_path):
    soft = np.zeros((16, 16), np.uint8)
    soft[:, 8:12], soft[:, 12:] = 51, 255  # a fifth, all
    Image.fromarray(soft).save(tmp_path / "soft.png")
    before = maps_of(people())
    brush = Insert(ranked=RANKED, count=2, region=tmp_path / "soft.png")
    after = maps_of(brush.run(people(), TOY))
    level = torch.tensor([1.0, -2.0]).view(1, 2, 1, 1)
    assert (after[:, :, :, :8] == before[:, :, :, :8]).all()
    assert (after[:, [0, 2, 7]] == before[:, [0, 2, 7]]).all()
    torch.testing.assert_close(after[:, [5, 1], :, 12:], level.expand(3, 2, 16, 4))
    torch.testing.assert_close(after[:, [5, 1], :, 8:12], torch.lerp(before[:, [5, 1], :, 8:12], level, 0.2))
    weaker = maps_of(brush.model_copy(update={"strength": 0.5}).run(people(), TOY))
    torch.testing.assert_close(weaker, torch.lerp(before, after, 0.5))
    each = Insert(layer="layers.3", units="5,1", level=[1, -2], region=tmp_path / "soft.png")
    assert (maps_of(each.run(people(), TOY)) == after).all()


def test_insert_ablate_and_exchange_go_in_any_order():
    """Each works on what those before it have left; so the last one wins where two meet."""
    steps = {
        "insert": Insert(layer="layers.3", units="0-3", level=2.0, region=[0, 0, 1, 0.75]),
        "ablate": Ablate(layer="layers.3", units="2-5", region=[0, 0.25, 1, 1]),
        "exchange": Exchange(source=OTHER, layer="layers.3", units="3", region=[0.5, 0, 1, 1]),
    }
    other = maps_of(OTHER)
    for order in (
        ("insert", "ablate", "exchange"),
        ("exchange", "insert", "ablate"),
        ("ablate", "exchange", "insert"),
    ):
        batch, expected = people(), maps_of(people()).clone()
        for name in order:
            batch = steps[name].run(batch, TOY)
            if name == "insert":
                expected[:, :4, :, :12] = 2
            elif name == "ablate":
                expected[:, 2:6, :, 4:] = 0
            else:
                expected[:, 3, 8:] = other[:, 3, 8:]
        torch.testing.assert_close(maps_of(batch), expected)


def test_the_edge_of_a_region_may_be_soft_or_whole(tmp_path):
    slim = np.zeros((32, 32), np.uint8)
    slim[:, 0] = 255
    Image.fromarray(slim).save(tmp_path / "slim.png")
    where = {"layer": "layers.3", "units": "0", "region": tmp_path / "slim.png"}
    for edge, share in (("soft", 0.5), ("whole", 1.0)):
        weight = Ablate(**where, edge=edge).run(people(), TOY).edits[0].weight
        assert weight.shape == (1, 1, 16, 16) and weight[..., 0].unique().tolist() == [share]
        assert not weight[..., 1:].any()


def test_insert_in_a_part_follows_each_picture():
    whole = Insert(layer="layers.5", units="2", level=1.0).run(people(), TOY)
    assert whole.edits[0].weight.shape == (1, 1, 1, 1)
    found = Insert(layer="layers.5", units="2", level=1.0, parts=["left"], segmenter=Halves()).run(
        people(), TOY
    )
    assert found.edits[0].weight.shape == (3, 1, 32, 32)
    assert found.edits[0].weight.mean() == 0.5


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (
            {"layer": "layers.3", "units": "0-3"},
            "the level 'mean' comes with ranked units, and none are named",
        ),
        (
            {"layer": "layers.3", "units": "0-3", "level": []},
            "a level is a number, a list of numbers, one a unit",
        ),
        ({"layer": "layers.3", "level": True}, "a level is a number, a list of numbers, one a unit"),
        (
            {"ranked": RANKED, "layer": "layers.3"},
            "either a layer .with units., or a concept, or ranked units",
        ),
        ({"ranked": RANKED, "units": "1"}, "ranked units bring their own units; leave 'units' out"),
        ({"layer": "layers.3", "level": 1, "count": 2}, "'count' is how many of the ranked units are edited"),
        ({"ranked": RANKED, "strength": 1.5}, "less than or equal to 1"),
    ],
)
def test_what_insert_refuses(fields, message):
    with pytest.raises(ValueError, match=message):
        Insert(**fields)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"ranked": RANKED, "level": "maen"}, "these units have no level 'maen'; did you mean 'mean'"),
        ({"ranked": RANKED, "count": 4}, "'count' 4: 3 units are ranked; give 1 to 3"),
        ({"ranked": RANKED, "level": [1, 2]}, "'level' has 2 numbers for 3 units; give one, or one a unit"),
        (
            {"ranked": replace(RANKED, generator="0123")},
            "these units were ranked in another generator .0123, not .*; rank the units of this one",
        ),
    ],
)
def test_what_insert_refuses_of_units(fields, message):
    with pytest.raises(InterpganError, match=message):
        Insert(**fields).run(people(), TOY)


def test_ranked_units_are_what_they_say():
    with pytest.raises(InterpganError, match="need one unit at least, each once"):
        RankedUnits("layers.3", (1, 1), torch.zeros(2))
    with pytest.raises(InterpganError, match=r"2 units came with mean of shape \(3,\)"):
        RankedUnits("layers.3", (1, 2), torch.zeros(2), {"mean": torch.zeros(3)})
    maps = RankedUnits(
        "layers.3", (1, 2), torch.zeros(2), {"map": torch.ones(2, 4, 4), "mean": torch.zeros(2)}
    )
    assert maps.level_at("map", (8, 8)).shape == (1, 2, 8, 8) and maps.level_at("mean", (8, 8)).shape == (
        1,
        2,
        1,
        1,
    )
    assert maps.summary().tables[0].columns == ("unit", "score", "level mean")
    after = maps_of(Insert(ranked=maps, level="map", region=[0, 0, 0.5, 1]).run(people(), TOY))
    torch.testing.assert_close(after[:, [1, 2], :8], torch.ones(3, 2, 8, 16))
    assert RANKED.first(1).units == (5,) and RANKED.summary().tables[0].rows[1] == (1, 1.0, -2.0)
    assert RankedUnits.expected("layers.3", 2, ("mean",), TOY).generator == TOY.fingerprint
