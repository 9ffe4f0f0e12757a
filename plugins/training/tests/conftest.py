import numpy as np
import pytest
import torch

from interpgan_core import ImageSet

SIDE = 16


@pytest.fixture(scope="session")
def data():
    """64 pictures of two kinds: a light square in the upper or the lower half, on a dark ground."""
    random = np.random.RandomState(0)
    pixels = random.randint(0, 60, size=(64, 3, SIDE, SIDE)).astype(np.uint8)
    kinds = np.arange(64) % 2
    for i, kind in enumerate(kinds):
        y, x = (1 + random.randint(3)) + 8 * kind, 1 + random.randint(8)
        pixels[i, :, y : y + 4, x : x + 6] = random.randint(150, 255, size=(3, 1, 1))
    return ImageSet(pixels, classes=torch.from_numpy(kinds), class_names=("upper", "lower"))
