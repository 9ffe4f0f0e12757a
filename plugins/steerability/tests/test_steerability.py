"""Directions of transforms, on a generator that has them, and on the toy that has none."""

import math

import pytest
import torch
from pydantic import ValidationError
from torch import nn

from interpgan_core import Generator, InterpganError, LatentSpace, Ranges, Remark, Shift, seeded_normal
from interpgan_core.plugin import TrainingCodes
from interpgan_core.testing import (
    Stopped,
    conformance,
    plugin_conformance,
    run_operator,
    stop_after,
    toy,
)
from interpgan_steerability.operators import LearnTransforms, LearnWalks
from interpgan_steerability.transforms import TRANSFORMS, errors, estimated
from interpgan_steerability.ways import moved

SIDE = 24


class Waves(Generator):
    """Waves of 24 pixels: entry 1 shifts them by 0.04 of the width, entry 3 brightens by 0.05; three others draw."""

    fingerprint = "waves"

    def __init__(self):
        self.module = nn.Identity().eval()
        self.spaces = {"z": LatentSpace("z", (6,))}

    def prior(self, seeds):
        return seeded_normal(seeds, (6,))

    def map(self, codes, source, target, labels):
        return codes

    def forward(self, batch):
        z = batch.codes[:, :, None, None, None]
        at = (torch.arange(SIDE) + 0.5) / SIDE
        across = at[None, None, None, :] - 0.04 * z[:, 1]
        down = at[None, None, :, None].expand(1, 3, -1, -1)
        channel = torch.arange(3)[None, :, None, None]
        waves = (1 + 0.3 * z[:, 0]) * torch.cos(2 * math.pi * (across + 0.2 * channel))
        waves = waves + (1 + 0.3 * z[:, 2]) * torch.cos(2 * math.pi * (across + down))
        return 0.2 * waves + 0.1 * z[:, 3] + 0.1 * z[:, 4] * torch.cos(2 * math.pi * down)


QUICK = {"steps": 3, "batch_size": 4, "seeds": "0-99", "held_out": "200-203"}

test_plugin = plugin_conformance("steerability")
test_conformance = pytest.mark.long(conformance(LearnTransforms(transforms=("zoom",), **QUICK), toy))
test_walks = pytest.mark.long(conformance(LearnWalks(transforms=("red",), width=4, space="w", **QUICK), toy))


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    operator = LearnTransforms(
        transforms=("shift_x", "brightness"), steps=60, batch_size=8, rate=0.1, held_out="20000-20015"
    )
    return run_operator(operator, tmp_path_factory.mktemp("found"), generator=Waves())


@pytest.mark.parametrize(("name", "axis", "unit"), [("shift_x", 1, 0.04), ("brightness", 3, 0.05)])
def test_planted_axes_are_found_with_their_unit(found, name, axis, unit):
    direction = found[name]
    assert float(direction.vector[axis]) > 0.99
    assert direction.notes["score_per_unit"] == pytest.approx(unit, rel=0.05)


@pytest.mark.parametrize("name", ["shift_x", "brightness"])
@pytest.mark.parametrize("times", [-1.0, -0.5, 0.5, 1.0])
def test_a_strength_is_the_transform(found, name, times):
    """In the transform's own unit; the picture is the transformed one, and so is the strength, within a tenth."""
    generator, transform = Waves(), TRANSFORMS[name]
    before = generator.sample(range(7000, 7032))
    amount = times * transform.reach
    after = Shift(direction=found[name], strength=amount, unit="score").run(before, generator)
    one, other = generator.images(before, 32), generator.images(after, 32)
    target = transform.make(one, torch.full([32], amount))
    assert float(errors(other, target).mean()) <= 0.1 * float(errors(one, target).mean())
    seen = estimated(transform, one, other, 2 * transform.reach)
    assert float(seen.mean()) == pytest.approx(amount, rel=0.1)


def test_the_report_says_what_was_asked_and_what_is_seen(found):
    report = found.summary()
    assert [strip.pictures[0].file for strip in report.strips] == ["curves.png"]
    rows = report.tables[0].rows
    assert [row[0] for row in rows] == ["shift_x"] * 4 + ["brightness"] * 4
    for _, _, asked, seen, _, error in rows:
        assert seen == pytest.approx(asked, rel=0.1) and error < 0.1


class Uneven(Waves):
    """How bright entry 3 makes a picture, and which way, hangs on entry 5."""

    def forward(self, batch):
        more = 0.1 * batch.codes[:, 3] * torch.tanh(2 * batch.codes[:, 5]) - 0.1 * batch.codes[:, 3]
        return super().forward(batch) + more[:, None, None, None]


@pytest.mark.long
def test_a_walk_bends_where_a_straight_way_is_wrong(tmp_path):
    given = {
        "transforms": ("brightness",),
        "steps": 150,
        "batch_size": 16,
        "rate": 0.03,
        "held_out": "20000-20031",
    }
    straight = run_operator(LearnTransforms(**given), tmp_path / "straight", generator=Uneven())
    bent = run_operator(LearnWalks(**given, width=16), tmp_path / "bent", generator=Uneven())
    errors = [found["brightness"].notes["picture_error"] for found in (straight, bent)]
    assert errors[1] < errors[0] / 2


def test_a_walk_moves_as_it_was_trained(tmp_path):
    """As a mover, layer by layer in chosen layers, it is the way of the training."""
    generator = toy()
    operator = LearnWalks(transforms=("red",), width=4, space="w", layers="2-3", **QUICK)
    mover = run_operator(operator, tmp_path, generator=generator)["red"]
    codes = TrainingCodes(generator, generator.spaces["w"], "2-3", Ranges("0-9"))
    batch = codes.of([3, 1])
    trained = moved(codes, mover.way, batch, mover.scale * torch.tensor([0.05, -0.1]))
    edited = mover.moved(batch.codes, torch.tensor([0.05, -0.1]), batch.space)
    assert torch.allclose(trained.codes, edited, atol=1e-6)
    assert edited[:, [0, 1, 4, 5]].equal(batch.codes[:, [0, 1, 4, 5]])
    assert not edited[:, 2:4].equal(batch.codes[:, 2:4])


def test_a_generator_that_cannot_says_so(tmp_path):
    operator = LearnTransforms(transforms=("rotate",), **QUICK)
    with pytest.warns(Remark, match="follows rotate in part"):
        found = run_operator(operator, tmp_path, generator=toy())
    assert found["rotate"].notes["picture_error"] > 0.5


def test_a_stopped_training_goes_on_to_the_same_bits(tmp_path, monkeypatch):
    monkeypatch.setattr("interpgan_core.operators.minimising._SAVE_SECONDS", 0.0)
    operator = LearnTransforms(transforms=("brightness",), **QUICK)
    whole = run_operator(operator, tmp_path / "whole", generator=Waves())
    with pytest.raises(Stopped):
        run_operator(operator, tmp_path / "parts", stop_after(2, "learning"), generator=Waves())
    parts = run_operator(operator, tmp_path / "parts", generator=Waves())
    assert torch.equal(whole["brightness"].vector, parts["brightness"].vector)
    assert whole.summary() == parts.summary()


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"transforms": ("zoom", "zoom")}, "names one twice"),
        ({"transforms": ("tilt",)}, "shift_x"),
        ({"transforms": ()}, "at least 1"),
        ({"transforms": ("zoom",), "reach": {"red": 0.1}}, "which is not learnt"),
        ({"transforms": ("zoom",), "reach": {"zoom": 0.0}}, "greater than 0"),
        ({"transforms": ("zoom",), "held_out": "5-9"}, "learnt from"),
    ],
)
def test_what_is_refused_at_once(parameters, said):
    with pytest.raises(ValidationError, match=said):
        LearnTransforms(**parameters)


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"space": "w+"}, "one vector a layer"),
        ({"layers": "0-9"}, "layers 0 to 5"),
        ({"classes": (1,)}, "no classes"),
    ],
)
def test_what_the_check_refuses(parameters, said):
    with pytest.raises(InterpganError, match=said):
        LearnTransforms(transforms=("zoom",), **parameters).check(toy())
