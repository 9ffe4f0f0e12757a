"""The identity net: its file, its numbers, what it tells apart."""

import json
from contextlib import suppress
from pathlib import Path

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from interpgan_core import FeatureNet, InterpganError, Square, load_generator, seeded_normal
from interpgan_faces.chips import prepared
from interpgan_faces.dlib_file import read_layers
from interpgan_faces.identity import ALIGNED, SAME, Identity, aligned
from interpgan_faces.resnet import FaceResNet

# A small net of the same make: filters, inputs, side and step of each convolution.
CONVOLUTIONS = ((4, 3, 7, 2), (4, 4, 3, 1), (4, 4, 3, 1), (6, 4, 3, 2), (6, 6, 3, 1))
OUTPUTS = 5
EMPTY = (2, 0, 0, 0, 0)  # a tensor: version and shape


def whole(*numbers):
    """Integers as dlib writes them."""
    found = b""
    for number in numbers:
        size = abs(number).to_bytes(max((abs(number).bit_length() + 7) // 8, 1), "little")
        found += bytes([len(size) | (0x80 if number < 0 else 0)]) + size
    return found


def text(name):
    return whole(len(name)) + name.encode()


def tensor(values):
    return whole(2, len(values), 1, 1, 1) + values.numpy().tobytes()


def layer(name, content=b""):
    return text(name) + content + b"110" + whole(*EMPTY) * 3


def values_of(seed, count):
    return seeded_normal([seed], (count,))[0] / 4


def file_of(convolutions=CONVOLUTIONS):
    """A net with random weights, as dlib writes it."""
    found = whole(1) + text("loss_metric_2") + whole(1, -5, 1, -1)
    found += whole(2, 2, 1, 2, 3) + text("input_rgb_image_sized") + whole(*(1, 7) * 3) + whole(150, 150)
    for i, (filters, inputs, side, step) in enumerate(convolutions):
        padding = 0 if step > 1 else side // 2
        values = values_of(i, filters * inputs * side * side + filters)
        rest = whole(filters, side, side, step, step, padding, padding, *[1] * 10, *[16, -4] * 4)
        found += layer("con_4", tensor(values) + rest)
        found += whole(1) if i == 0 else b""
        found += layer("affine_", tensor(values_of(100 + i, 2 * filters)) + whole(*[1] * 11))
        found += layer("relu_")
    filters = convolutions[-1][0]
    found += layer("avg_pool_2", whole(0, 0, 1, 1, 0, 0))
    return found + layer(
        "fc_2",
        whole(OUTPUTS, filters) + tensor(values_of(200, OUTPUTS * filters)) + whole(*[1] * 11, *[16, -4] * 4),
    )


@pytest.fixture(scope="module")
def small():
    return Identity(FaceResNet(read_layers(file_of())), torch.zeros(OUTPUTS))


def test_a_file_is_read():
    layers = read_layers(file_of())
    assert [each.kind for each in layers] == ["con_4", "affine_"] * len(CONVOLUTIONS) + ["fc_2"]
    assert layers[0].sizes == (4, 7, 7, 2, 2, 0, 0) and layers[-1].sizes == (OUTPUTS, 6)
    assert torch.equal(layers[1].values, values_of(100, 8))


@settings(deadline=None, max_examples=60)
@given(st.integers(0, len(file_of()) - 1))
def test_a_file_that_ends_early_is_refused(length):
    with pytest.raises(InterpganError):
        FaceResNet(read_layers(file_of()[:length]))


@settings(deadline=None, max_examples=300)
@given(st.integers(0, len(file_of()) - 1), st.binary(min_size=1, max_size=9))
@example(4139, b"\x00")  # a layer without filters
def test_a_damaged_file_is_read_or_refused(at, damage):
    data = bytearray(file_of())
    data[at : at + len(damage)] = damage
    with suppress(InterpganError):
        FaceResNet(read_layers(bytes(data)))


def test_nets_of_another_make_are_refused():
    with pytest.raises(InterpganError, match="its layers are con_4, affine_, con_4, affine_, fc_2"):
        FaceResNet(read_layers(file_of(CONVOLUTIONS[:2])))


def test_the_net_is_what_its_layers_say():
    """Block by block: scale and offset after each convolution; where sizes differ, the missing is 0."""
    net, layers = FaceResNet(read_layers(file_of())), read_layers(file_of())
    functional = torch.nn.functional

    def step(i, x):
        filters, inputs, side, stride = CONVOLUTIONS[i]
        values, affine = layers[2 * i].values, layers[2 * i + 1].values
        weight = values[:-filters].reshape(filters, inputs, side, side)
        x = functional.conv2d(x, weight, values[-filters:], stride, 0 if stride > 1 else side // 2)
        return x * affine[:filters, None, None] + affine[filters:, None, None]

    chips = seeded_normal([1, 2], (3, 150, 150))
    x = functional.max_pool2d(step(0, chips).relu(), 3, 2)
    first = (x + step(2, step(1, x).relu())).relu()
    second = step(4, step(3, first).relu())
    second[:, :4] += functional.avg_pool2d(first, 2)
    second = second.relu()
    ours = list(net.maps(chips))
    assert torch.allclose(ours[0], first, atol=1e-5) and torch.allclose(ours[1], second, atol=1e-4)
    expected = second.mean((2, 3)) @ layers[-1].values.reshape(6, OUTPUTS)
    assert torch.allclose(net(chips), expected, atol=1e-4)


def test_features_follow_the_pictures(small):
    assert isinstance(small, FeatureNet)
    images = seeded_normal([3, 4, 5], (3, 64, 64)).clamp(-1, 1)
    images.requires_grad_()
    found = small.features(images)
    assert found.shape == (3, OUTPUTS)
    (gradient,) = torch.autograd.grad(found[1].sum(), images)
    assert gradient[1].abs().sum() > 0 and gradient[[0, 2]].abs().sum() == 0
    assert torch.allclose(small.features(images[1:2]), found[1:2], atol=1e-5)


def test_the_mean_changes_no_distance(small):
    images = seeded_normal([3, 4], (3, 64, 64)).clamp(-1, 1)
    moved = Identity(small.net, torch.full((OUTPUTS,), 9.0))
    apart = [net.features(images).diff(dim=0).norm() for net in (small, moved)]
    assert apart[0] == pytest.approx(float(apart[1]), rel=1e-4)


@given(st.integers(16, 2000), st.integers(16, 2000))
def test_an_aligned_face_is_in_the_middle_square(height, width):
    square, whole = aligned((height, width)), aligned((512, 512))
    scale = min(height, width) / 512
    assert square.side == pytest.approx(whole.side * scale, rel=1e-4)
    assert square.x - width / 2 == pytest.approx((whole.x - 256) * scale, abs=1e-2)
    assert square.y - height / 2 == pytest.approx((whole.y - 256) * scale, abs=1e-2)
    assert abs(square.x - width / 2) < 0.01 * min(height, width)


@pytest.mark.network
@pytest.mark.parity
def test_descriptors_are_dlibs(identity, chip):
    """`descriptors.json`: of the chip and of its mirror image, by dlib 20.0.1."""
    expected = torch.tensor(json.loads((Path(__file__).parent / "descriptors.json").read_text()))
    assert (identity.net(prepared(torch.stack([chip, chip.flip(2)]))) - expected).abs().max() < 1e-5


@pytest.mark.network
def test_a_face_is_found_or_taken_where_it_should_be(identity, finder, portrait):
    """Cut as FFHQ's pictures are, a face gives the same features whether it is sought or not."""
    (points,) = finder.landmarks(portrait)
    size = 256
    places = torch.tensor(ALIGNED) * size
    scale = (points[1] - points[0]).norm() / (places[1] - places[0]).norm()
    square = Square(*(points[[0, 1, 3, 4]].mean(0) - (places[[0, 1, 3, 4]].mean(0) - size / 2) * scale).tolist(),
                    float(scale * size / 2), 0.0)  # fmt: skip
    cut = square.cut(portrait, size)[None]
    sought = Identity(identity.net, identity.mean, finder)
    assert (identity.features(cut) - sought.features(cut)).norm() < 0.3
    assert (sought.features(portrait[None]) - sought.features(cut)).norm() < 0.2
    empty = torch.zeros(1, 3, 90, 90)
    assert torch.equal(sought.features(empty), identity.features(empty))


@pytest.mark.network
def test_one_face_is_near_itself_and_far_from_others(identity):
    """Generated faces: changed in light, sharpness and side, and those of other seeds."""
    try:
        generator = load_generator("mobilestylegan.ffhq", resolution=512)
    except InterpganError as error:
        pytest.skip(f"the generator cannot be had here: {error}")
    images = torch.nn.functional.avg_pool2d(generator.images(generator.sample(range(16)), 4), 2).clamp(-1, 1)
    features = identity.features(images)
    for other in (images.flip(3), images * 0.7 + 0.1, torch.nn.functional.avg_pool2d(images, 2)):
        assert ((identity.features(other) - features).norm(dim=1) < SAME).all()
    above = torch.ones(16, 16).triu(1).bool()
    assert (torch.cdist(features, features)[above] > SAME).float().mean() >= 0.95
    cosines = torch.nn.functional.cosine_similarity(features[:, None], features[None], dim=2)
    assert abs(cosines[above].median()) < 0.2
