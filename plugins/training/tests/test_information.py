"""The information term in closed form, and pictures in the size that a reader takes."""

import math

import pytest
import torch

from interpgan_training.information import enlarged, information


def test_what_a_reader_says_of_each_code_adds_up():
    """In nats: half of 1 - c² where it says the prior; of a code 2 off, with a variance of 4, half of -log 4."""
    zero = torch.zeros(2, 3)
    codes = torch.tensor([[1.0, 0.0, 2.0], [0.0, 0.0, 0.0]])
    assert information(codes, zero, zero).tolist() == pytest.approx([0 + 0.5 - 1.5, 1.5])
    off = information(torch.tensor([[3.0]]), torch.tensor([[1.0]]), torch.tensor([[math.log(4)]]))
    assert off.tolist() == pytest.approx([-0.5 * math.log(4)])
    sure = information(torch.tensor([[3.0]]), torch.tensor([[3.0]]), torch.tensor([[-2.0]]))
    assert sure.tolist() == pytest.approx([1.5])


def test_information_is_what_a_reader_says_beyond_the_prior():
    codes = torch.randn(20_000, 2, generator=torch.Generator().manual_seed(0))
    zero = torch.zeros_like(codes)
    assert information(codes, zero, zero).mean() == pytest.approx(0.0, abs=0.02)  # the prior again
    spread = torch.full_like(codes, math.log(0.01))
    noisy = codes + 0.1 * torch.randn(codes.shape, generator=torch.Generator().manual_seed(1))
    # Two codes, each read with a deviation of 0.1 of its own: the logarithm of 10 each, in nats.
    assert information(codes, noisy, spread).mean() == pytest.approx(2 * math.log(10), abs=0.03)
    assert information(codes, -codes, spread).mean() < -100  # sure, and wrong


def test_pictures_that_still_grow_are_shown_in_full_size():
    """Each pixel as a block of its own; pictures of that size as they are."""
    pictures = torch.arange(12.0).view(1, 3, 2, 2)
    assert enlarged(pictures, (2, 2)) is pictures
    larger = enlarged(pictures, (4, 6))
    assert torch.equal(larger, pictures.repeat_interleave(2, 2).repeat_interleave(3, 3))
    assert enlarged(pictures, (4, 2)).shape == (1, 3, 4, 2)
