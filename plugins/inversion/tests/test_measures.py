"""The figures beside a picture, against another implementation and what is known of them."""

import pytest
import torch

from interpgan_core import seeded_normal
from interpgan_inversion.measures import psnr, ssim


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


def test_psnr():
    grey = torch.zeros(1, 3, 4, 4)
    assert float(psnr(grey, grey + 0.2)) == pytest.approx(20)
    assert float(psnr(grey, grey)) == pytest.approx(100)
