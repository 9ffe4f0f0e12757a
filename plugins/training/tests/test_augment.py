"""Augmentation: what each kind does to a picture, how often, how differentiable, and how its probability moves."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from interpgan_core import InterpganError
from interpgan_training.augment import (
    ACROSS,
    ALIKE,
    AROUND_GREY,
    DEFAULT,
    DOWN,
    KINDS,
    MIRROR,
    MOTIONS,
    OPPOSITE,
    TURN,
    _added,
    _grown,
    adapt,
    augment,
)
from interpgan_training.losses import r1_penalty

HEIGHT, WIDTH = 33, 41
ONE = torch.ones(1, dtype=torch.float64)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def pictures(*shape, seed=1, dtype=torch.float32):
    return torch.rand(shape, generator=seeded(seed), dtype=dtype) * 2 - 1


def alone(kind, images, probability=1.0, seed=0):
    return augment(images, probability, seeded(seed), (kind,))


def maps(kind, count=400):
    """(count, 2, 2) matrices and (count, 2) shifts, x before y, of the places that a kind samples at.

    A picture of its own coordinates says after any transformation where its pixels came from.
    """
    y, x = torch.meshgrid(torch.arange(HEIGHT).double(), torch.arange(WIDTH).double(), indexing="ij")
    made = alone(kind, torch.stack([x, y, x * 0])[None].expand(count, -1, -1, -1))
    i, j = HEIGHT // 2, WIDTH // 2
    across = (made[:, :2, i, j + 1] - made[:, :2, i, j - 1]) / 2
    down = (made[:, :2, i + 1, j] - made[:, :2, i - 1, j]) / 2
    return torch.stack([across, down], 2), made[:, :2, i, j] - torch.tensor([j, i])


def spread(values, expected):
    assert abs(values.mean()) < 5 * expected / len(values) ** 0.5
    assert values.std().item() == pytest.approx(expected, rel=5 / (2 * len(values)) ** 0.5)


def is_one_of(made, choices):
    """Which choice each picture is; each must be one."""
    errors = torch.stack([(made - choice).abs().amax((1, 2, 3)) for choice in choices])
    nearest = errors.min(0)
    assert nearest.values.max() < 1e-5
    return nearest.indices


def test_probability_0_returns_the_same_tensor_and_draws_nothing():
    images, random = pictures(2, 3, 8, 8), seeded()
    assert augment(images, 0.0, random) is images
    assert torch.equal(random.get_state(), seeded().get_state())


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize("shape", [(4, 3, 8, 8), (2, 3, 6, 10), (3, 3, 1, 1)])
def test_probability_1_changes_the_pictures_and_not_their_kind(dtype, shape):
    images = pictures(*shape).to(dtype)
    made = augment(images, 1.0, seeded(), KINDS)
    assert made.shape == images.shape and made.dtype == dtype
    assert made.isfinite().all()
    assert all(not torch.equal(before, after) for before, after in zip(images, made, strict=True))


def test_equal_generators_give_equal_pictures():
    images = pictures(4, 3, 8, 8)
    assert torch.equal(augment(images, 0.7, seeded(3)), augment(images, 0.7, seeded(3)))
    assert not torch.equal(augment(images, 0.7, seeded(3)), augment(images, 0.7, seeded(4)))


@pytest.mark.parametrize(
    "kinds", [KINDS[::-1], frozenset(KINDS), list(KINDS)], ids=["reversed", "set", "list"]
)
def test_the_order_of_the_kinds_is_fixed(kinds):
    images = pictures(4, 3, 8, 8)
    assert torch.equal(augment(images, 0.9, seeded(), kinds), augment(images, 0.9, seeded(), KINDS))


def test_a_kind_left_out_leaves_the_others_as_they_were():
    images = pictures(16, 3, 8, 8)
    both = augment(images, 0.6, seeded(), ("flip", "brightness"))
    torch.testing.assert_close(both, alone("brightness", alone("flip", images, 0.6), 0.6), atol=1e-5, rtol=0)


def test_all_kinds_but_the_doubtful_one_are_the_default():
    assert set(KINDS) - set(DEFAULT) == {"rotate90"}
    images = pictures(16, 3, 8, 8)
    assert torch.equal(augment(images, 0.9, seeded()), augment(images, 0.9, seeded(), DEFAULT))
    assert not torch.equal(augment(images, 0.9, seeded()), augment(images, 0.9, seeded(), KINDS))


def test_no_kinds_leave_the_pictures_alone():
    images = pictures(2, 3, 8, 8)
    assert torch.equal(augment(images, 1.0, seeded(), ()), images)


@pytest.mark.parametrize("probability", [0.0, 0.5])
def test_an_unknown_kind_is_refused(probability):
    with pytest.raises(InterpganError, match=r"'blur'.*choose among flip, rotate90"):
        augment(pictures(1, 3, 4, 4), probability, seeded(), ("flip", "blur"))


def test_autocast_does_not_blunt_the_matrices():
    images = pictures(4, 3, 8, 8)
    with torch.autocast("cpu", torch.bfloat16):
        made = augment(images, 1.0, seeded())
    assert torch.equal(made, augment(images, 1.0, seeded()))


def test_bfloat16_is_only_a_rounding_of_float32():
    images = pictures(4, 3, 8, 8).bfloat16()
    expected = augment(images.float(), 1.0, seeded()).bfloat16()
    assert torch.equal(augment(images, 1.0, seeded()), expected)


def test_the_layout_in_memory_changes_nothing():
    images = pictures(4, 3, 8, 6)
    last = images.contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(augment(last, 1.0, seeded()), augment(images, 1.0, seeded()))


@pytest.mark.parametrize("kind", [*MOTIONS, None])
def test_motion_leaves_a_grey_picture_grey(kind):
    grey = torch.full((32, 3, 9, 12), 0.3)
    made = augment(grey, 1.0, seeded(), (kind,) if kind else MOTIONS)
    torch.testing.assert_close(made, grey, atol=1e-5, rtol=0)


@pytest.mark.parametrize("shape", [(64, 3, 16, 16), (64, 3, 9, 12)])
def test_flip_mirrors_every_other_picture(shape):
    images = pictures(*shape)
    which = is_one_of(alone("flip", images), [images, images.flip(3)])
    assert 16 < which.sum() < 48


def test_rotate90_turns_by_quarters():
    images = pictures(128, 3, 16, 16)
    which = is_one_of(alone("rotate90", images), [images.rot90(k, (2, 3)) for k in range(4)])
    assert which.bincount(minlength=4).min() > 12


def test_shift_moves_by_whole_pixels_up_to_an_eighth():
    images = pictures(256, 3, 16, 24)
    padded = torch.from_numpy(np.pad(images, [(0, 0), (0, 0), (2, 2), (3, 3)], mode="symmetric"))
    crops = [padded[:, :, y : y + 16, x : x + 24] for y in range(5) for x in range(7)]
    which = is_one_of(alone("shift", images), crops)
    assert len(which.unique()) > 25


def test_shift_reaches_an_eighth_and_no_farther():
    """Of a row of 720 pixels that say where they are, 90."""
    places = torch.arange(720.0).expand(256, 3, 1, -1)
    shifts = alone("shift", places)[:, 0, 0, 360] - 360
    assert 85 < shifts.max() <= 90 and -90 <= shifts.min() < -85


def test_scale_is_the_same_both_ways():
    matrix, shift = maps("scale")
    factor = matrix[:, 0, 0]
    torch.testing.assert_close(matrix, factor[:, None, None] * torch.eye(2).double())
    torch.testing.assert_close(shift, torch.zeros_like(shift))
    spread(factor.log2(), 0.2)


def test_rotate_keeps_lengths_also_where_pictures_are_not_square():
    matrix, shift = maps("rotate")
    torch.testing.assert_close(matrix @ matrix.mT, torch.eye(2).double().expand_as(matrix))
    torch.testing.assert_close(torch.linalg.det(matrix), torch.ones(len(matrix)).double())
    torch.testing.assert_close(shift, torch.zeros_like(shift))
    angle = torch.atan2(matrix[:, 1, 0], matrix[:, 0, 0])
    spread(angle, 2 * torch.pi / 12**0.5)


def test_stretch_keeps_areas():
    matrix, shift = maps("stretch")
    factor = matrix[:, 0, 0]
    torch.testing.assert_close(matrix, torch.stack([factor, 1 / factor], 1).diag_embed())
    torch.testing.assert_close(shift, torch.zeros_like(shift))
    spread(factor.log2(), 0.2)


def test_move_goes_by_parts_of_pixels():
    matrix, shift = maps("move")
    torch.testing.assert_close(matrix, torch.eye(2).double().expand_as(matrix))
    spread(shift[:, 0], WIDTH / 8)
    spread(shift[:, 1], HEIGHT / 8)
    assert (shift - shift.round()).abs().mean() > 0.2


def test_brightness_adds_a_constant():
    images = pictures(400, 3, 4, 4)
    added = alone("brightness", images) - images
    amount = added.mean((1, 2, 3))
    torch.testing.assert_close(added, amount[:, None, None, None].expand_as(added), atol=1e-5, rtol=0)
    spread(amount, 0.2)


def test_contrast_multiplies_by_a_constant():
    images = pictures(400, 3, 4, 4)
    made = alone("contrast", images)
    factor = (made * images).sum((1, 2, 3)) / images.square().sum((1, 2, 3))
    torch.testing.assert_close(made, factor[:, None, None, None] * images)
    spread(factor.log2(), 0.5)


def test_luma_negates_the_grey_part_of_every_other_picture():
    images = pictures(64, 3, 4, 4)
    which = is_one_of(alone("luma", images), [images, images - 2 * images.mean(1, keepdim=True)])
    assert 16 < which.sum() < 48


def test_hue_keeps_luma_and_how_colourful_a_pixel_is():
    images = pictures(400, 3, 4, 4)
    made = alone("hue", images)
    torch.testing.assert_close(made.mean(1), images.mean(1), atol=1e-5, rtol=0)
    torch.testing.assert_close(made.norm(dim=1), images.norm(dim=1))
    red = alone("hue", torch.tensor([1.0, 0, 0]).view(1, 3, 1, 1).expand(400, -1, -1, -1)).flatten(1)
    angle = torch.atan2((red[:, 1] - red[:, 2]) / 2**0.5, (2 * red[:, 0] - red[:, 1] - red[:, 2]) / 6**0.5)
    spread(angle, 2 * torch.pi / 12**0.5)


@pytest.mark.parametrize(
    ("generator", "matrix"),
    [
        (ACROSS, [[1, 0, 1], [0, 1, 0], [0, 0, 1]]),
        (DOWN, [[1, 0, 0], [0, 1, 1], [0, 0, 1]]),
        (MIRROR, [[-1, 0, 0], [0, 1, 0], [0, 0, 1]]),
    ],
)
def test_what_is_added(generator, matrix):
    assert _added(ONE, generator)[0].tolist() == matrix


@pytest.mark.parametrize(
    ("value", "generator", "matrix"),
    [
        (math.pi / 2, TURN, [[0, -1, 0], [1, 0, 0], [0, 0, 1]]),
        (math.log(2), ALIKE, [[2, 0, 0], [0, 2, 0], [0, 0, 1]]),
        (math.log(2), OPPOSITE, [[2, 0, 0], [0, 0.5, 0], [0, 0, 1]]),
        # A third of a turn around grey: red becomes green, green blue, blue red.
        (math.pi * 2 / 3, AROUND_GREY, [[0, 0, 1, 0], [1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 1]]),
    ],
)
def test_what_is_grown(value, generator, matrix):
    torch.testing.assert_close(_grown(value * ONE, generator)[0], torch.tensor(matrix).double())


def test_saturation_keeps_grey_grey_and_multiplies_colour():
    grey = pictures(64, 1, 4, 4).expand(-1, 3, -1, -1)
    torch.testing.assert_close(alone("saturation", grey), grey, atol=1e-5, rtol=0)
    images = pictures(400, 3, 4, 4)
    made = alone("saturation", images)
    torch.testing.assert_close(made.mean(1), images.mean(1), atol=1e-5, rtol=0)
    before, after = (x - x.mean(1, keepdim=True) for x in (images, made))
    factor = after.flatten(1).norm(dim=1) / before.flatten(1).norm(dim=1)
    torch.testing.assert_close(after, factor[:, None, None, None] * before, atol=1e-5, rtol=1e-5)
    spread(factor.log2(), 1.0)


@pytest.mark.parametrize("kind", [k for k in KINDS if k != "shift"])  # whose draw may round to nothing
@pytest.mark.parametrize("probability", [0.1, 0.8])
def test_each_kind_comes_as_often_as_it_should(kind, probability):
    count, idle = 2000, {"flip": 1 / 2, "luma": 1 / 2, "rotate90": 1 / 4}.get(kind, 0)
    images = pictures(1, 3, 6, 6, dtype=torch.float64).expand(count, -1, -1, -1)
    changed = ((alone(kind, images, probability) - images).abs().amax((1, 2, 3)) > 1e-9).sum().item()
    expected = probability * (1 - idle)
    assert abs(changed - count * expected) < 4.5 * (count * expected * (1 - expected)) ** 0.5


def test_kinds_come_independently():
    count, probability = 4000, 0.5
    images = torch.tensor([1.0, 0, 0]).view(1, 3, 1, 1).expand(count, -1, -1, -1)
    made = augment(images, probability, seeded(), ("brightness", "saturation")).flatten(1)
    brighter = (made.mean(1) - 1 / 3).abs() > 1e-6
    duller = (made[:, 0] - made[:, 1] - 1).abs() > 1e-6
    assert abs((brighter & duller).sum() - count / 4) < 4.5 * (count * 3 / 16) ** 0.5


def test_gradients_are_right_twice():
    images = pictures(2, 3, 2, 3, dtype=torch.float64).requires_grad_()

    def made(x):
        return augment(x, 0.9, seeded(5), KINDS)

    assert torch.autograd.gradcheck(made, images)
    assert torch.autograd.gradgradcheck(made, images)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_r1_reaches_the_discriminator_through_augmentation(dtype):
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Softplus(), nn.Flatten(), nn.LazyLinear(1)).to(dtype)

    def logits(images):
        return network(augment(images, 0.9, seeded()))[:, 0]

    penalty = r1_penalty(logits, pictures(4, 3, 8, 8).to(dtype))
    penalty.backward()
    gradient = network[0].weight.grad
    assert gradient.isfinite().all() and gradient.abs().sum() > 0


shares = st.floats(0, 1)
signs = st.floats(-1, 1)


@given(shares, signs, st.integers(1, 10**6), signs, st.floats(0.1, 1000))
def test_the_probability_moves_towards_the_target_by_its_share(probability, sign, images, target, kimg):
    step = images / (1000 * kimg)
    made = adapt(probability, sign, images, target, kimg)
    assert 0 <= made <= 1
    if sign > target:
        assert made == pytest.approx(min(probability + step, 1))
    elif sign < target:
        assert made == pytest.approx(max(probability - step, 0))
    else:
        assert made == probability


def test_the_probability_takes_half_a_million_pictures_from_0_to_1():
    probability = 0.0
    for _ in range(500):
        probability = adapt(probability, 0.61, 1000)
    assert probability == pytest.approx(1)
    assert adapt(probability, 0.59, 250_000) == pytest.approx(0.5)
    assert adapt(0.0, -1.0, 16) == 0
