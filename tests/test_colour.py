"""Images of one, three and four channels, by hand."""

import pytest
import torch

from interpgan_core.errors import InterpganError
from interpgan_core.generators.colour import as_channels, in_colour


def image(*channels):
    """(2, c, 5, 7): two images of one colour each, the second of half of it."""
    values = torch.tensor(channels)
    return torch.stack([values, values / 2])[:, :, None, None].expand(-1, -1, 5, 7)


def colours(images):
    """The colour of each image, which is the same everywhere."""
    assert images.shape[2:] == (5, 7) and (images == images[..., :1, :1]).all()
    return images[..., 0, 0].tolist()


def test_colours_stay_and_grey_is_in_all_three():
    three = image(0.2, -0.4, 0.6)
    assert in_colour(three) is three
    assert colours(in_colour(image(0.5))) == [[0.5] * 3, [0.25] * 3]


@pytest.mark.parametrize(
    ("alpha", "expected"),
    [
        (1.0, [-0.5, 0.5, 0.0]),
        (-1.0, [1, 1, 1]),
        (0.0, [0.25, 0.75, 0.5]),
        (3.0, [-0.5, 0.5, 0.0]),
        (-3.0, [1, 1, 1]),
    ],
)
def test_of_four_channels_the_first_three_lie_over_white(alpha, expected):
    """The last is opacity, from -1 to 1; what lies beyond counts as either."""
    images = torch.tensor([-0.5, 0.5, 0.0, alpha]).view(1, 4, 1, 1).expand(-1, -1, 5, 7)
    assert colours(in_colour(images)) == [expected]


@pytest.mark.parametrize("channels", [2, 5])
def test_other_numbers_of_channels_are_refused(channels):
    with pytest.raises(InterpganError, match=f"images of {channels} channels cannot be shown; 1, 3 and 4"):
        in_colour(torch.zeros(1, channels, 5, 7))


def test_grey_is_the_mean_of_the_colours():
    assert colours(as_channels(image(0.0, 0.5, 1.0), 1)) == [[0.5], [0.25]]


def test_where_there_was_no_alpha_it_is_opaque():
    assert colours(as_channels(image(0.0, 0.5, -1.0), 4)) == [[0, 0.5, -1, 1], [0, 0.25, -0.5, 1]]
    assert colours(as_channels(image(0.5), 4)) == [[0.5] * 3 + [1], [0.25] * 3 + [1]]


def test_three_channels_of_any():
    assert colours(as_channels(image(0.5), 3)) == [[0.5] * 3, [0.25] * 3]
    assert colours(as_channels(image(0.5, 0.5, 0.5, 1.0), 3))[0] == [0.5] * 3


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_as_many_channels_as_asked_for_stay(channels):
    images = torch.zeros(2, channels, 5, 7)
    assert as_channels(images, channels) is images
