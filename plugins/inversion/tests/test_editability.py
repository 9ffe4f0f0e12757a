"""`inversion.editability`: an edit takes where it brings the original to the other side, and not where it was lost."""

from dataclasses import replace

import pytest
import torch

from interpgan_core import Direction, DirectionSet, ImageSet, InterpganError, Remark, Shift, quiet, to_uint8
from interpgan_core.testing import conformance, toy
from interpgan_inversion.editability import Editability


class Brightness:
    """A scorer, and a net of both kinds, that knows how bright a picture is, and how red."""

    name, names = "brightness", ("bright", "red")

    def __call__(self, images):
        mean = images.mean((2, 3))
        return torch.stack([mean.mean(1), mean[:, 0] - mean[:, 2]], 1)

    def features(self, images):
        return images.flatten(1)


def upwards(generator, column):
    """The direction of W along which a score rises most, at the mean."""
    batch = generator.to_space(generator.sample(range(64)), "w")
    codes = batch.codes.clone().requires_grad_()
    Brightness()(generator.images(replace(batch, codes=codes)))[:, column].sum().backward()
    return Direction(codes.grad.mean(0), "w", generator=generator.fingerprint)


TRUE = toy().to_space(toy().sample(range(8)), "w")
IMAGES = toy().images(TRUE, 8)
PARTS = {
    "pictures": ImageSet(to_uint8(IMAGES).transpose(0, 3, 1, 2)),
    "batches": {"true": TRUE},
    "directions": DirectionSet({"bright": upwards(toy(), 0), "red": upwards(toy(), 1)}),
    "scorer": Brightness(),
    "perceptual": Brightness(),
    "identity": Brightness(),
    "threshold": float(Brightness()(IMAGES)[:, 0].median()),
    "attributes": ("bright",),
}

test_editability = conformance(Editability(**PARTS), toy)


def figures(kit, folder, step, **more):
    report, _ = kit.run(step, folder, **more)
    near, took = report.tables
    return {row[0]: dict(zip(near.columns, row, strict=True)) for row in near.rows}, took, report


def test_edits_that_take_are_counted(kit, tmp_path):
    """Of the true codes most do; codes that have lost the side have nothing left to edit."""
    score = Brightness()(IMAGES)[:, 0] > PARTS["threshold"]
    far = [
        Shift(direction=PARTS["directions"]["bright"], strength=s, unit="sigma").run(TRUE, toy())
        for s in (-6.0, 6.0)
    ]
    lost = replace(TRUE, codes=torch.where(score[:, None], far[0].codes, far[1].codes))
    step = Editability(**PARTS | {"batches": {"true": TRUE, "lost": lost}, "strength": 6, "shown": 2})
    found, took, report = figures(kit, tmp_path, step)
    assert found["true"]["PSNR, dB"] == pytest.approx(100)
    assert found["true"]["edits that take, %"] >= 75 and found["lost"]["edits that take, %"] <= 25
    assert found["true"]["identity after edits"] < 1
    assert took.columns == ("codes", "bright") and took.rows[0][1] == found["true"]["edits that take, %"]
    assert [strip.title for strip in report.strips] == [
        f"picture {i}, {way}" for i in (0, 1) for way in ("true", "lost")
    ]
    assert [p.caption for p in report.strips[0].pictures] == ["original", "inverted", "bright"]
    assert [p.caption for p in report.strips[1].pictures] == ["original", "inverted", "bright: fails"]
    small = Editability(**PARTS | {"strength": 0.01})
    assert figures(kit, tmp_path, small)[0]["true"]["edits that take, %"] <= 25


def test_another_generator_draws_where_one_is_named(kit, tmp_path):
    grey = toy()
    for parameter in grey.module.parameters():
        parameter.data.mul_(0.5)
    both = {"own": TRUE, "grey": TRUE}
    found, _, _ = figures(
        kit, tmp_path, Editability(**PARTS | {"batches": both, "generators": {"grey": grey}})
    )
    assert found["own"]["PSNR, dB"] == pytest.approx(100) and found["grey"]["PSNR, dB"] < 40


class Sometimes(Brightness):
    """Has no score of the brightest pictures."""

    def __init__(self, most):
        self.most = most

    def __call__(self, images):
        scores = super().__call__(images)
        return scores.where(scores[:, :1] <= self.most, torch.nan)


def test_pictures_without_a_score_are_left_out_and_lost_faces_fail(kit, tmp_path):
    bright = Brightness()(IMAGES)[:, 0].sort().values
    with pytest.warns(Remark, match="1 of 8 pictures have no score of 'bright': its edits leave them out"):
        report = Editability(**PARTS | {"scorer": Sometimes(float(bright[-2]) + 1e-3), "strength": 6}).run(
            toy(), tmp_path, tmp_path, quiet
        )
    # Those on the bright side go down and keep a score; those on the dark side go beyond the brightest, and lose it.
    share = report.tables[1].rows[0][1] / 100 * 7
    assert share == pytest.approx(round(share)) and 1 <= share <= 4
    with pytest.raises(InterpganError, match="no picture has a score of 'bright'; give others, or another"):
        Editability(**PARTS | {"scorer": Sometimes(-9.0)}).run(toy(), tmp_path, tmp_path, quiet)


def test_each_attribute_may_have_a_threshold(kit, tmp_path):
    parts = PARTS | {"attributes": ("bright", "red")}
    one = figures(kit, tmp_path / "one", Editability(**parts | {"threshold": 0.0}))[1].rows
    own = figures(kit, tmp_path / "own", Editability(**parts | {"threshold": {"red": 0.0}}))[1].rows
    assert own == one
    far = figures(kit, tmp_path / "far", Editability(**parts | {"threshold": {"red": 9.0}}))[1].rows
    assert far[0][1] == one[0][1] and far[0][2] == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"attributes": ("smile",)}, r"known to both: smile is not among .*\(bright, red\) and the scores"),
        ({"directions": DirectionSet({})}, "bright is not among the directions"),
        (
            {"threshold": {"brigth": 1.0}},
            "threshold names 'brigth', which is not edited; did you mean 'bright'",
        ),
        ({"generators": {"tuned": toy()}}, "generators names tuned, and batches does not"),
        ({"batches": {"one": toy().sample([1])}}, "'one' has 1 codes, and there are 8 pictures"),
    ],
)
def test_what_is_refused(kit, tmp_path, change, message):
    with pytest.raises(InterpganError, match=message):
        kit.run(Editability(**PARTS | change), tmp_path)
