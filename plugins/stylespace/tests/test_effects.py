"""Effects of every entry of a code on scores, against closed forms."""

import pytest
import torch
from torch import nn

from interpgan_core import Generator, LatentSpace, Ranges, quiet, seeded_normal
from interpgan_core.testing import recorded
from interpgan_stylespace.effects import check_gradient, effects

SAMPLES = 100


class Curved(Generator):
    """Red is half of the square of entry 0; green is the sum of entry 0, twice entry 1 and five times entry 3; blue is
    thrice entry 3, which never differs. Entry 2 goes along with entry 0 and paints nothing. Entry 0 counts from 100."""

    fingerprint = "curved"

    def __init__(self):
        self.module = nn.Identity().eval()
        self.spaces = {"z": LatentSpace("z", (2,)), "w+": LatentSpace("w+", (2, 2), torch.arange(2)[:, None])}

    def prior(self, seeds):
        return seeded_normal(seeds, (2,))

    def map(self, codes, source, target, labels):
        if source == target:
            return codes
        own = [codes[:, 0] + 100, codes[:, 1], codes[:, 0], torch.full_like(codes[:, 0], 7.0)]
        return torch.stack(own, 1).view(-1, 2, 2)

    def forward(self, batch):
        a, b, _, d = self.to_space(batch, "w+").codes.flatten(1).unbind(1)
        colours = torch.stack([(a - 100) ** 2 / 2, (a - 100) + 2 * b + 5 * d, 3 * d], 1)
        return colours[:, :, None, None].expand(-1, -1, 2, 2)


class Colours:
    names = ("red", "green", "blue")

    def __call__(self, images):
        return images.mean((2, 3))


@pytest.mark.parametrize("batch_size", [1, 7, 100])
def test_means_of_gradients_with_and_without_their_sign(batch_size):
    """In standard deviations of scores and of entries; 0 where either never differs."""
    found = effects(Curved(), Colours(), "w+", Ranges(f"0-{SAMPLES - 1}"), batch_size, quiet)
    a, b = Curved().prior(range(SAMPLES)).double().unbind(1)
    red, green = (a**2 / 2).std(), (a + 2 * b).std()
    assert found.deviation.tolist() == pytest.approx(
        [float(a.std()), float(b.std()), float(a.std()), 0], rel=1e-4
    )
    signed = [
        [a.mean() * a.std() / red, a.std() / green, 0],
        [0, 2 * b.std() / green, 0],
        [0, 0, 0],
        [0, 0, 0],
    ]
    torch.testing.assert_close(found.signed, torch.tensor(signed).double(), rtol=1e-4, atol=1e-6)
    assert float(found.size[0, 0]) == pytest.approx(float(a.abs().mean() * a.std() / red), rel=1e-4)
    torch.testing.assert_close(found.size[:, 1:], found.signed[:, 1:].abs())


def test_two_samples_have_a_deviation_and_one_has_none():
    two = effects(Curved(), Colours(), "w+", Ranges("0-1"), 2, quiet)
    a, b = Curved().prior(range(2)).double().unbind(1)
    assert two.deviation[:2].tolist() == pytest.approx([float(a.std()), float(b.std())], rel=1e-4)
    one = effects(Curved(), Colours(), "w+", Ranges("0"), 1, quiet)
    assert not one.deviation.any() and not one.size.any()


def test_codes_of_one_vector():
    found = effects(Curved(), Colours(), "z", Ranges("0-99"), 50, quiet)
    a, b = Curved().prior(range(100)).double().unbind(1)
    assert found.size.shape == (2, 3)
    expected = [float(a.std() / (a + 2 * b).std()), float(2 * b.std() / (a + 2 * b).std())]
    assert found.signed[:, 1].tolist() == pytest.approx(expected, rel=1e-4)


def test_what_differs_by_less_than_a_millionth_of_the_median_is_nothing():
    class Large(Curved):
        def __init__(self):
            super().__init__()
            self.spaces = {"z": LatentSpace("z", (2,)), "s": LatentSpace("s", (3,), torch.arange(3))}

        def map(self, codes, source, target, labels):
            return codes if source == target else codes[:, [0, 1, 1]] * torch.tensor([1000.0, 1000.0, 1e-5])

        def forward(self, batch):
            codes = self.to_space(batch, "s").codes
            return codes[:, :, None, None].expand(-1, -1, 2, 2)

    found = effects(Large(), Colours(), "s", Ranges("0-9"), 5, quiet)
    assert found.deviation[:2].all() and found.deviation[2] == 0 and not found.size[2].any()


def test_progress_is_in_batches():
    said = []
    effects(Curved(), Colours(), "w+", Ranges("0-9"), 4, recorded(said))
    assert said == [("differentiating 10 samples in w+", 3, 3)]


def test_gradients_are_asked_for_even_where_none_are_kept():
    with torch.no_grad():
        check_gradient(Colours(), Curved())
