"""The figures beside a picture, against another implementation and what is known of them."""

import numpy as np
import pytest
import torch

from interpgan_core import seeded_normal
from interpgan_inversion.similarity import psnr, ssim


@pytest.fixture
def pairs():
    first = seeded_normal(range(3), (3, 24, 24)).clamp(-1, 1)
    return first, (first + 0.3 * seeded_normal(range(3), (3, 24, 24), stream=1)).clamp(-1, 1)


def test_ssim_is_that_of_torchmetrics(pairs):
    from torchmetrics.functional.image import structural_similarity_index_measure  # takes seconds to import

    wanted = structural_similarity_index_measure(
        *(t / 2 + 0.5 for t in pairs), sigma=1.5, data_range=1.0, reduction="none"
    )
    torch.testing.assert_close(ssim(*pairs), wanted, atol=5e-3, rtol=0)  # theirs pads the borders
    torch.testing.assert_close(ssim(pairs[0], pairs[0]), torch.ones(3))


def test_ssim_of_one_window():
    """Of pictures of 11 x 11 pixels there is one window; equation 13 of Wang et al. by hand, in float64."""
    first, second = (seeded_normal([i, i + 7], (3, 11, 11)).clamp(-1, 1) for i in (1, 2))
    places = np.arange(11) - 5
    line = np.exp(-(places**2) / (2 * 1.5**2))
    window = np.outer(line, line) / line.sum() ** 2
    for n in range(2):
        colours = []
        for x, y in zip(
            first[n].double().numpy() / 2 + 0.5, second[n].double().numpy() / 2 + 0.5, strict=True
        ):
            mean_x, mean_y = (window * x).sum(), (window * y).sum()
            var_x, var_y = (window * (x - mean_x) ** 2).sum(), (window * (y - mean_y) ** 2).sum()
            both = (window * (x - mean_x) * (y - mean_y)).sum()
            alike = (2 * mean_x * mean_y + 0.01**2) * (2 * both + 0.03**2)
            colours.append(alike / ((mean_x**2 + mean_y**2 + 0.01**2) * (var_x + var_y + 0.03**2)))
        assert float(ssim(first, second)[n]) == pytest.approx(np.mean(colours), abs=1e-5)


def test_ssim_of_flat_pictures_is_decided_by_its_constants():
    """Two greys have no structure: what is left is how alike they are in brightness."""
    dark, light = torch.full((1, 3, 11, 11), -0.98), torch.full((1, 3, 11, 11), -0.96)
    wanted = (2 * 0.01 * 0.02 + 0.01**2) / (0.01**2 + 0.02**2 + 0.01**2)
    assert float(ssim(dark, light)) == pytest.approx(wanted, abs=1e-4)


def test_psnr():
    grey = torch.zeros(1, 3, 4, 4)
    assert float(psnr(grey, grey + 0.2)) == pytest.approx(20)
    assert float(psnr(grey, grey)) == pytest.approx(100)
    light = torch.cat([grey + 0.2, grey + 2, grey + 0.02])
    assert psnr(light, torch.zeros(3, 3, 4, 4)).tolist() == pytest.approx([20, 0, 40], abs=1e-4)
