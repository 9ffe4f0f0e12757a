"""Layers of a latent space: which a range names, and what is said where it names none."""

import pytest
import torch

from interpgan_core import InterpganError, LatentSpace


def space(*layers):
    return LatentSpace("w+", (len(layers), 2), torch.tensor(layers)[:, None], base="w")


@pytest.mark.parametrize(
    ("layers", "asked", "found"),
    [
        ((0, 1, 2), "all", [0, 1, 2]),
        ((7, 2, 2, 5, 3), "all", [2, 3, 5, 7]),
        ((2, 3, 5, 7), "7", [7]),
        ((2, 3, 5, 7), "5-", [5, 6, 7]),
        ((2, 3, 5, 7), "3,2,3", [2, 3]),
        ((0,), "0-", [0]),
    ],
)
def test_the_layers_that_a_range_names(layers, asked, found):
    assert space(*layers).layer_numbers(asked) == found


@pytest.mark.parametrize(
    ("layers", "asked", "message"),
    [
        ((2, 3, 5, 7), "8", "layers 8: this generator has layers 2 to 7"),
        ((0, 1), "1-2", "layers 1-2: this generator has layers 0 to 1"),
        ((4, 4), "5", "layers 5: this generator has layer 4 alone"),
        ((0,), "x", "'x' is not a range; write numbers like 3, 0-7 or 0-3,6"),
    ],
)
def test_a_range_that_names_none_says_which_there_are(layers, asked, message):
    with pytest.raises(InterpganError) as error:
        space(*layers).layer_numbers(asked)
    assert str(error.value) == message


def test_all_of_a_space_without_layers():
    assert LatentSpace("z", (3,)).mask().tolist() == [True] * 3
