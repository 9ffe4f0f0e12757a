"""What `render` draws, and results in files."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from interpgan_core import (
    Direction,
    DirectionSet,
    InterpganError,
    Render,
    Sample,
    Save,
    Shift,
    Walk,
    quiet,
)
from interpgan_core.generators.toy import ToyGenerator
from interpgan_core.testing import toy

TOY = toy()
DIRECTION = Direction(torch.arange(1.0, 17.0), "w", bias=3.0)
OTHER = TOY.to_space(TOY.sample([99]), "w")


def people(space="w", count=3):
    return TOY.to_space(TOY.sample(range(count)), space)


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


@pytest.mark.long
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


def test_captions_have_the_names_of_classes(tmp_path):
    generator = ToyGenerator(3)
    generator.class_names = ("cat", "dog", "owl")
    batch = Sample(seeds="7,7,8", classes=["cat", "owl", "0.5*cat + 0.5*dog"]).run(generator)
    report = Render().run(generator, batch, tmp_path, quiet)
    assert [p.caption for p in report.strips[0].pictures] == ["seed 7, cat", "seed 7, owl", "seed 8"]


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
