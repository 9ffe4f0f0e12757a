"""Gradients in strips on a CPU: against the layers' formula under autograd, in float64."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn
from torch.autograd import forward_ad

from interpgan_mobilestylegan import strip_convolution
from interpgan_mobilestylegan.network import StyledConv


@pytest.fixture
def network(small) -> nn.Module:
    return copy.deepcopy(small.module).double()


@pytest.fixture
def styles(network) -> Tensor:
    """Of two samples."""
    codes = torch.randn(2, 8, 8, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return network.to_styles(codes)


def gradients(network: nn.Module, styles: Tensor, weights: bool) -> list[Tensor]:
    """Of a number that all pixels weigh on: for the styles, then for all weights where they are asked for."""
    styles = styles.detach().requires_grad_(True)
    asked = [styles, *network.get_submodule("convs").requires_grad_(weights).parameters()]
    picture = network(styles)
    weigh = torch.arange(picture.numel(), dtype=picture.dtype).view_as(picture).cos()
    return list(torch.autograd.grad((picture * weigh).sum(), asked if weights else asked[:1]))


@pytest.mark.parametrize("numbers", [1, 300, 1000, 2**19])
@pytest.mark.parametrize("weights", [False, True])
def test_strips_of_any_height_have_the_formulas_gradients(
    network, styles, numbers, weights, monkeypatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(
            StyledConv, "forward", lambda self, x, style, *_: self._whole(x, style, self._noise_of(x))
        )
        expected = gradients(network, styles, weights)
    monkeypatch.setattr(strip_convolution, "STRIP", numbers)
    torch.testing.assert_close(gradients(network, styles, weights), expected, atol=1e-10, rtol=1e-10)


def test_a_picture_has_the_same_bytes_with_gradients_in_a_batch_of_any_size(small, styles) -> None:
    """Up to the last layer; that is a plain product with gradients."""
    styles = styles.float()
    seen: list[Tensor] = []
    handle = small.module.convs[-1].register_forward_hook(lambda _m, _i, out: seen.append(out.detach()))
    for part in (styles, styles.clone().requires_grad_(True), styles[:1].clone().requires_grad_(True)):
        small.module(part)
    handle.remove()
    assert torch.equal(seen[0], seen[1]) and torch.equal(seen[0][:1], seen[2])


def test_gradients_of_gradients(network, styles) -> None:
    network.get_submodule("convs.1").requires_grad_(True)
    asked = styles[:1].detach().requires_grad_(True)

    def few(s: Tensor) -> Tensor:
        picture: Tensor = network(s)
        return picture[0, :, ::6, ::7]

    assert torch.autograd.gradgradcheck(few, (asked,), fast_mode=True)


def test_derivatives_forward(network, styles) -> None:
    """They are the products of the gradients with the way."""
    way = torch.randn(styles.shape, generator=torch.Generator().manual_seed(1), dtype=styles.dtype)
    with forward_ad.dual_level():
        moved = forward_ad.make_dual(styles.detach().requires_grad_(True), way)
        found = forward_ad.unpack_dual(network(moved)).tangent
    assert found is not None
    step = 1e-6
    expected = (network(styles + step * way) - network(styles - step * way)) / (2 * step)
    torch.testing.assert_close(found, expected, atol=1e-6, rtol=1e-6)
