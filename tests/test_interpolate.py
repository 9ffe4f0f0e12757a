"""The step `interpolate`: places on the way, along the line and along the sphere."""

from dataclasses import replace

import pytest
import torch
from pydantic import ValidationError

from interpgan_core import Interpolate, LatentBatch, LatentSpace
from interpgan_core.generators.toy import ToyGenerator

TOY = ToyGenerator(classes=3)
WPLUS = TOY.spaces["w+"]


def circle(angles, radii):
    """(1, 6, 16): in each layer a code of a radius at an angle in degrees, in the plane of the first two numbers."""
    angles, radii = torch.tensor(angles).deg2rad(), torch.tensor(radii)
    codes = torch.zeros(1, 6, 16)
    codes[0, :, 0], codes[0, :, 1] = radii * angles.cos(), radii * angles.sin()
    return codes


def batch(codes, space=WPLUS, **changes):
    return LatentBatch(codes, space, **changes)


def test_slerp_turns_each_layer_by_a_share_of_its_own_angle():
    """White, Sampling Generative Networks, 2016: (sin((1-t) a) p + sin(t a) q) / sin a; on a circle, a plain turn."""
    angles, radii = (30.0, 60.0, 90.0, 120.0, 150.0, 45.0), (1.0, 2.0, 3.0, 0.5, 1.5, 1.0)
    start, end = batch(circle([0.0] * 6, radii).repeat(2, 1, 1)), batch(circle(angles, radii))
    way = Interpolate(to=end, steps=5, method="slerp").run(start, TOY).codes.view(2, 5, 6, 16)
    for step in range(5):
        expected = circle([angle * step / 4 for angle in angles], radii)
        torch.testing.assert_close(way[:, step], expected.expand(2, 6, 16), atol=1e-5, rtol=0)


def test_slerp_of_codes_of_two_lengths():
    flat = LatentSpace("z", (16,))
    p, q = circle([0.0] * 6, [2.0] * 6)[:, 0], circle([60.0] * 6, [4.0] * 6)[:, 0]
    third = Interpolate(to=batch(q, flat), share=0.25, method="slerp").run(batch(p, flat), TOY)
    sines = torch.tensor([45.0, 15.0, 60.0]).deg2rad().sin()
    torch.testing.assert_close(third.codes, (sines[0] * p + sines[1] * q) / sines[2])


@pytest.mark.parametrize("sign", [1, -1])
def test_codes_in_line_have_no_arc_between_them(sign):
    """Rounding puts the cosine of some beyond 1 or -1, where there is no angle."""
    codes = torch.randn(300, 16, generator=torch.Generator().manual_seed(0))
    units = [torch.nn.functional.normalize(c, dim=-1) for c in (codes, 3 * codes)]
    beyond = codes[(units[0] * units[1]).sum(-1) > 1]
    assert len(beyond) > 10
    flat = LatentSpace("z", (16,))
    half = Interpolate(to=batch(sign * 3 * beyond, flat), share=0.5, method="slerp")
    found = half.run(batch(beyond, flat), TOY).codes
    torch.testing.assert_close(found, beyond * (1 + 3 * sign) / 2)


def test_steps_are_equal_and_each_sample_is_a_row():
    a, b = torch.zeros(2, 6, 16), torch.ones(2, 6, 16) * torch.tensor([4.0, 8.0])[:, None, None]
    way = Interpolate(to=batch(b)).run(batch(a, seeds=torch.tensor([3, 4])), TOY)
    assert way.codes[:, 5, 15].tolist() == [0, 1, 2, 3, 4, 0, 2, 4, 6, 8]
    assert way.seeds.tolist() == [3] * 5 + [4] * 5
    assert way.grid.columns == ("0%", "25%", "50%", "75%", "100%") and way.grid.origin == 0


def test_one_place_on_the_way_keeps_the_grid():
    a, b = torch.zeros(4, 6, 16), torch.ones(1, 6, 16)
    walked = Interpolate(to=batch(b), steps=2).run(batch(a), TOY)
    place = Interpolate(to=batch(b), share=0.75).run(walked, TOY)
    assert place.grid == walked.grid and place.codes[:, 0, 0].tolist() == [0.75, 1] * 4


def test_classes_change_with_the_codes():
    start = TOY.sample([1, 2])
    start = replace(start, labels=torch.eye(3)[[0, 1]])
    end = replace(TOY.sample([3]), labels=torch.eye(3)[[2]])
    way = Interpolate(to=end, steps=3).run(start, TOY)
    assert way.labels.tolist() == [
        [1, 0, 0], [0.5, 0, 0.5], [0, 0, 1],
        [0, 1, 0], [0, 0.5, 0.5], [0, 0, 1],
    ]  # fmt: skip


@pytest.mark.parametrize("known", ["start", "end", None])
def test_classes_that_one_end_does_not_know_stay(known):
    codes, labels = torch.zeros(1, 6, 16), torch.eye(3)[:1]
    start = batch(codes, labels=labels if known == "start" else None)
    end = batch(codes, labels=labels if known == "end" else None)
    found = Interpolate(to=end, steps=2).run(start, TOY).labels
    assert found is None if known != "start" else torch.equal(found, labels.expand(2, 3))


def test_what_is_asked_for():
    end = batch(torch.zeros(1, 6, 16))
    assert Interpolate(to=end).steps == 5 and Interpolate(to=end).method == "lerp"
    assert Interpolate(to=end, steps=2).steps == 2
    assert [Interpolate(to=end, share=share).share for share in (0, 1)] == [0, 1]
    for fields in ({"steps": 1}, {"steps": 2.0}, {"share": -0.01}, {"share": 1.01}, {"share": "0.5"}):
        with pytest.raises(ValidationError):
            Interpolate(to=end, **fields)
    with pytest.raises(ValidationError, match="say either 'steps' of the whole way, or the 'share'"):
        Interpolate(to=end, steps=3, share=0.5)
