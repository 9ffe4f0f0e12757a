"""The loss of an inversion, term by term, against numbers worked out by hand."""

from dataclasses import FrozenInstanceError

import pytest
import torch

from interpgan_inversion.loss import Features, Likeness, alike, distance, length

BLACK = torch.zeros(2, 3, 2, 5)


class Net:
    """Features that are the first numbers of a picture; it counts its passes."""

    def __init__(self, name):
        self.name, self.passes = name, 0

    def features(self, images):
        self.passes += 1
        return images.flatten(1)[:, :2]


def spotted(*values):
    """A picture each, (n, 3, 2, 5): the value in its first pixel's first channel, 0 elsewhere."""
    pictures = torch.zeros(len(values), 3, 2, 5)
    pictures[:, 0, 0, 0] = torch.tensor(values)
    return pictures


def loss(found, target, likeness=None, mask=None):
    likeness = likeness or Likeness()
    return likeness.loss(found, target, mask).tolist()


def pictures(images):
    return Features(images, None, None)


def seen(numbers):
    """Black pictures whose nets say these numbers, (n, d)."""
    return Features(torch.zeros(len(numbers), 3, 2, 5), torch.tensor(numbers), torch.tensor(numbers))


def test_pixels_are_a_mean_of_squares_for_each_picture():
    """Of 3 channels of 10 pixels."""
    found = loss(pictures(spotted(3.0, 6.0)), pictures(spotted(0.0, 1.0)))
    assert found == pytest.approx([9 / 30, 25 / 30])


def test_a_target_of_one_picture_serves_all():
    assert loss(pictures(spotted(3.0, 0.0)), pictures(BLACK[:1])) == pytest.approx([0.3, 0])


def test_a_mask_makes_it_the_mean_of_what_it_weighs():
    """The squares 9 and 36 of one of three channels, with weights 1 and a half; 3 pixels weigh."""
    found, mask = spotted(3.0, 6.0), torch.zeros(2, 1, 2, 5)
    mask[0, 0, 0, 0], mask[1, 0, 0, 0] = 1, 0.5
    mask[:, 0, 1, 2:4] = 1
    found[:, :, 0, 4] = 100.0  # has no weight
    assert loss(pictures(found), pictures(BLACK), mask=mask) == pytest.approx([9 / 3 / 3, 18 / 3 / 2.5])


@pytest.mark.parametrize(("weight", "expected"), [(1.0, 3.0), (0.5, 1.5), (0.0, 0.0)])
def test_a_mask_of_less_than_a_pixel_is_not_made_larger(weight, expected):
    mask = torch.zeros(1, 1, 2, 5)
    mask[..., 0, 0] = weight
    assert loss(pictures(spotted(3.0)), pictures(BLACK[:1]), mask=mask) == [expected]


def test_the_perceptual_term_is_a_share_of_the_target():
    """(3, 4) is 5 from the target's (3, 9), which is sqrt(90) long."""
    likeness = Likeness(perceptual_weight=2.0)
    expected = [2 * 25 / 90, 0]
    assert loss(seen([[3.0, 4.0], [1.0, 2.0]]), seen([[3.0, 9.0], [1.0, 2.0]]), likeness) == pytest.approx(
        expected
    )


def test_the_identity_term_is_1_minus_the_cosine():
    """Opposite, at a right angle, along, and at 45 degrees; lengths do not count."""
    found, target = (
        [[1.0, 0.0], [0.0, 2.0], [3.0, 3.0], [5.0, 0.0]],
        [[-2.0, 0.0], [1.0, 0.0], [1.0, 1.0], [1.0, 1.0]],
    )
    expected = [6.0, 3.0, 0.0, 3 * (1 - 0.5**0.5)]
    assert loss(seen(found), seen(target), Likeness(identity_weight=3.0)) == pytest.approx(expected, abs=1e-6)


def test_terms_add_up():
    found = Features(spotted(3.0), torch.tensor([[1.0, 1.0]]), torch.tensor([[0.0, 1.0]]))
    target = Features(BLACK[:1], torch.tensor([[1.0, 0.0]]), torch.tensor([[1.0, 0.0]]))
    likeness = Likeness(perceptual_weight=4.0, identity_weight=0.5)
    assert loss(found, target, likeness) == pytest.approx([0.3 + 4 * 1 + 0.5 * 1])


def test_nets_weigh_nothing_unless_a_weight_is_given():
    assert loss(seen([[1.0, 1.0]]), seen([[1.0, -1.0]])) == [0]


def test_a_weight_without_features_adds_nothing():
    likeness = Likeness(perceptual_weight=1.0, identity_weight=1.0)
    assert loss(pictures(spotted(3.0)), pictures(BLACK[:1]), likeness) == pytest.approx([0.3])


def test_distances_lengths_and_cosines_are_those_of_rows():
    rows, others = (
        torch.tensor([[3.0, 4.0, 0.0], [0.1, 0.0, 0.0]]),
        torch.tensor([[0.0, 4.0, 1.0], [0.0, 0.0, 2.0]]),
    )
    assert distance(rows, others).tolist() == pytest.approx([10, 4.01])
    assert length(rows).tolist() == pytest.approx([25, 0.01])
    assert alike(rows, others).tolist() == pytest.approx([16 / (5 * 17**0.5), 0])


def test_the_share_of_a_target_without_features_is_a_number():
    assert float(length(torch.zeros(1, 4))) == pytest.approx(1e-12, rel=1e-6, abs=0)


def test_one_pass_serves_both_terms():
    net = Net("both")
    both = Likeness(net, net).features_of(spotted(1.0))
    assert both.identity is both.perceptual and net.passes == 1
    nets = Net("look"), Net("face")
    apart = Likeness(*nets).features_of(spotted(1.0))
    assert apart.identity is not apart.perceptual and [net.passes for net in nets] == [1, 1]


def test_a_net_that_is_not_given_sees_nothing():
    images = spotted(1.0)
    none, look, face = (
        Likeness(*nets).features_of(images) for nets in ((), (Net("a"), None), (None, Net("b")))
    )
    assert none.images is images and none.perceptual is None and none.identity is None
    assert look.perceptual.tolist() == [[1, 0]] and look.identity is None
    assert face.perceptual is None and face.identity.tolist() == [[1, 0]]


def test_some_of_the_features():
    some = seen([[1.0, 2.0], [3.0, 4.0]])[1:]
    assert some.images.shape == (1, 3, 2, 5)
    assert some.perceptual.tolist() == some.identity.tolist() == [[3, 4]]
    bare = pictures(BLACK)[1:]
    assert len(bare.images) == 1 and bare.perceptual is None and bare.identity is None


@pytest.mark.parametrize(("made", "field"), [(pictures(BLACK), "images"), (Likeness(), "perceptual_weight")])
def test_they_are_not_changed(made, field):
    with pytest.raises(FrozenInstanceError):
        setattr(made, field, None)


@pytest.mark.parametrize(
    ("likeness", "words"),
    [
        (Likeness(), "; no perceptual term; no identity term."),
        (
            Likeness(Net("look"), None, 0.5),
            "; 0.5 times the perceptual distance by look, as a share; no identity term.",
        ),
        (
            Likeness(None, Net("face"), 0.0, 2.0),
            "; no perceptual term; 2 times the identity term, 1 minus the cosine, by face.",
        ),
    ],
)
def test_the_report_names_the_terms(likeness, words):
    assert likeness.in_words() == "The loss: mean squared difference of pixels, from -1 to 1" + words
