"""Layers that families share, against the plain layers that they stand for."""

import pytest
import torch
from torch.nn import functional as F

from interpgan_core.errors import InterpganError
from interpgan_core.generators.layers import UpsamplingKernel, group_std, reused_maps


def random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_the_kernel_upsamples_and_convolves_in_one():
    weight, maps = random(5, 2, 3, 3), random(1, 2, 4, 6, seed=1)
    expected = F.conv2d(F.interpolate(maps, scale_factor=2, mode="nearest"), weight, padding=1)
    kernel = UpsamplingKernel()(weight)
    assert kernel.is_contiguous(memory_format=torch.channels_last)
    found = F.conv_transpose2d(maps, kernel, stride=2, padding=1)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


def test_the_kernel_is_computed_again_when_the_weight_has_changed():
    upsampling, weight = UpsamplingKernel(), random(5, 2, 3, 3)
    first = upsampling(weight)
    assert upsampling(weight) is first
    doubled = weight.clone() * 2
    torch.testing.assert_close(upsampling(doubled), 2 * first)
    with torch.no_grad():
        weight.mul_(3)
    torch.testing.assert_close(upsampling(weight), 3 * first)


@pytest.mark.parametrize("keeps", [True, False])
def test_the_kernel_has_gradients_where_they_are_asked_for(keeps):
    weight, upsampling = random(5, 2, 3, 3).requires_grad_(keeps), UpsamplingKernel()
    assert upsampling(weight).requires_grad == keeps
    assert (upsampling(weight) is upsampling(weight)) != keeps
    with torch.no_grad():
        assert upsampling(weight) is upsampling(weight)
    with torch.inference_mode():
        inside = random(5, 2, 3, 3)
        assert upsampling(inside) is upsampling(inside)


def test_the_standard_deviation_of_a_group():
    """ProgressiveGAN, section 3: over the images of a group, averaged over features and places, as one map."""
    x = random(6, 3, 4, 5)
    found = group_std(x, 3)
    assert found.shape == (6, 1, 4, 5)
    for j in range(6):
        group = x[[k for k in range(6) if k % 2 == j % 2]]
        expected = ((group - group.mean(0)).square().mean(0) + 1e-8).sqrt().mean()
        torch.testing.assert_close(found[j], expected.expand(1, 4, 5))


def test_groups_are_as_large_as_the_images_allow():
    """Equal images differ by the root of 1e-8, that keeps the root's slope finite."""
    same = group_std(torch.ones(2, 3, 4, 5), 4)
    torch.testing.assert_close(same, torch.full((2, 1, 4, 5), 1e-4))
    assert group_std(torch.ones(4, 3, 4, 5), 4).shape == (4, 1, 4, 5)
    with pytest.raises(
        InterpganError, match="6 images cannot be divided into groups of 4; give a multiple of 4"
    ):
        group_std(torch.ones(6, 3, 4, 5), 4)


def test_memory_of_maps_is_used_again():
    reused_maps(0, 2, 3, 5, torch.float64).fill_(7)
    again = reused_maps(0, 2, 3, 5, torch.float64)
    assert again.shape == (1, 2, 3, 5) and (again == 7).all()
    assert again.is_contiguous(memory_format=torch.channels_last)
    assert reused_maps(0, 2, 3, 4, torch.float64).data_ptr() == again.data_ptr()
    assert reused_maps(1, 2, 3, 5, torch.float64).data_ptr() != again.data_ptr()
    assert reused_maps(0, 2, 3, 5, torch.float32).dtype == torch.float32
    assert reused_maps(0, 2, 3, 5, torch.float64).data_ptr() == again.data_ptr()
    assert reused_maps(0, 4, 7, 5, torch.float64).shape == (1, 4, 7, 5)


def test_memory_that_was_made_in_inference_mode_can_be_written_to():
    with torch.inference_mode():
        reused_maps(1, 3, 9, 9, torch.float64)
    outside = reused_maps(1, 3, 9, 9, torch.float64)
    assert not outside.is_inference()
