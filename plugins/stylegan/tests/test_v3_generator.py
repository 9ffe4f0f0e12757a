"""StyleGAN 3: the generator's promises, and what its formulas promise."""

from dataclasses import replace

import pytest
import torch

from interpgan_core import InterpganError, LatentBatch
from interpgan_core.plugin import build
from interpgan_core.testing import conformance
from interpgan_stylegan.testing.v3 import state
from interpgan_stylegan.v3.files import read_plan
from interpgan_stylegan.v3.generator import StyleGAN3
from interpgan_stylegan.v3.network import Network
from interpgan_stylegan.v3.resampling import down_sample, up_sample

SHRINKS = {"layers-come-in-forward-order": "StyleGAN 3 crops its margins before the last two layers"}


def generator(kind="t", classes=0, **settings):
    tensors = state(kind, classes)
    plan = read_plan({name: tuple(t.shape) for name, t in tensors.items()}, settings, "tiny")
    return StyleGAN3(build(lambda: Network(plan), tensors, "tiny"), plan)


test_t = conformance(generator("t"), exempt=SHRINKS)
test_r_by_class = conformance(generator("r", classes=3), exempt=SHRINKS)


@pytest.mark.parametrize("kind", ["t", "r"])
def test_float64_differs_by_the_rounding_of_float32(kind):
    made = generator(kind)
    batch = made.to_space(made.sample([1, 2]), "s")
    single = made.forward(batch)
    made.module.double()
    double = made.forward(replace(batch, codes=batch.codes.double()))
    assert double.dtype == torch.float64
    assert 0 < float((single - double).abs().max()) < 1e-4


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_lower_precision_gives_nearly_the_same_picture(dtype):
    made = generator()
    batch = made.sample([1])
    exact = made.images(batch)
    made.module.synthesis.dtype = dtype
    found = made.images(batch)
    assert found.dtype == torch.float32
    far = float((found - exact).abs().max() / exact.abs().max())
    assert 0 < far < 0.1
    assert made.features(batch, [made.layers[2]])[made.layers[2]].dtype == dtype


def test_the_length_of_a_style_does_not_matter():
    """But for the layer that makes the picture: elsewhere demodulation divides it out."""
    made = generator()
    batch = made.to_space(made.sample([5]), "s")
    layer_of = made.spaces["s"].layer_of
    for layer in range(1, len(made.layers)):
        longer = torch.where(layer_of == layer, 3 * batch.codes, batch.codes)
        same = torch.allclose(made.images(replace(batch, codes=longer)), made.images(batch), atol=1e-5)
        assert same == (layer < len(made.layers) - 1), layer


def test_the_first_layer_moves_and_turns_the_input():
    """Style (0, 1, 0, 0) turns the waves by a right angle; a translation of a sample moves them by one."""
    made = generator()
    source = made.module.synthesis.input
    straight = source(torch.tensor([[1.0, 0, 0, 0]]))
    turned = source(torch.tensor([[0.0, 2.0, 0, 0]]))
    assert torch.allclose(turned, straight.rot90(1, (2, 3)), atol=1e-5)
    moved = source(torch.tensor([[1.0, 0, 1 / source.rate, 0]]))
    assert torch.allclose(moved[..., 1:], straight[..., :-1], atol=1e-5)


def test_waves_beyond_the_rate_of_the_first_layer_are_silent():
    source = generator().module.synthesis.input
    source.freqs.copy_(torch.tensor([[source.rate / 2, 1.0]]).expand(6, -1))
    assert float(source(torch.tensor([[1.0, 0, 0, 0]])).abs().max()) == 0


@pytest.mark.parametrize("factor", [2, 4])
def test_up_sampling_is_stuffing_zeros_and_filtering(factor):
    """Against the definition: zeros between samples, padding, correlation."""
    torch.manual_seed(0)
    x = torch.randn(1, 2, 9, 9, dtype=torch.float64)
    taps = torch.hann_window(6 * factor + 2, periodic=False, dtype=torch.float64)[1:-1]
    for side in (9 * factor + 5, 9 * factor, 9 * factor - 7):
        found = up_sample(x, taps, factor, side)
        stuffed = torch.zeros(1, 2, 9 * factor, 9 * factor, dtype=torch.float64)
        stuffed[..., ::factor, ::factor] = x
        total = side + len(taps) - 1 - 9 * factor
        low = (total + factor) // 2
        padded = torch.nn.functional.pad(stuffed, (low, total - low, low, total - low))
        kernel = torch.outer(taps, taps)[None, None].expand(2, -1, -1, -1) * factor**2
        expected = torch.nn.functional.conv2d(padded, kernel, groups=2)
        assert found.shape == expected.shape
        assert torch.allclose(found, expected, atol=1e-12), side


def test_a_separable_filter_is_its_outer_product():
    torch.manual_seed(0)
    x, taps = torch.randn(2, 3, 31, 31, dtype=torch.float64), torch.rand(12, dtype=torch.float64)
    apart, together = down_sample(x, taps, 2), down_sample(x, torch.outer(taps, taps), 2)
    assert apart.shape == (2, 3, 10, 10)
    assert torch.allclose(apart, together, atol=1e-12)
    for kind in (taps, torch.outer(taps, taps)):
        assert torch.allclose(down_sample(x, kind, 2, gain=3), 3 * apart, atol=1e-12)


def test_the_clamp_of_the_file_holds():
    made = generator(conv_clamp=0.05)
    maps = made.features(made.sample([1]), [made.layers[-1]])[made.layers[-1]]
    assert float(maps.abs().max()) <= 0.05 + 1e-6
    assert (
        float(generator().features(made.sample([1]), [made.layers[-1]])[made.layers[-1]].abs().max()) > 0.05
    )


def test_style_weights_are_the_files_own():
    made, tensors = generator(), state()
    assert torch.equal(made.style_weight("w+", 0), tensors["synthesis.input.affine.weight"])
    assert torch.equal(made.style_weight("w", 3), tensors["synthesis.L2_36_5.affine.weight"])
    assert torch.equal(made.style_weight("w+", 5), tensors["synthesis.L4_16_3.affine.weight"])
    for space, layer in (("s", 0), ("w+", 6), ("w+", -1)):
        with pytest.raises(InterpganError):
            made.style_weight(space, layer)


def test_styles_of_a_layer_are_its_part_of_s():
    made = generator()
    batch = made.to_space(made.sample([9]), "w+")
    layer_of = made.spaces["s"].layer_of
    codes = made.to_space(batch, "s").codes
    for layer in range(len(made.layers)):
        affine = made.module.get_submodule(f"{made.layers[layer]}.affine")
        assert torch.allclose(codes[:, layer_of == layer], affine(batch.codes[:, layer]), atol=1e-6)


def test_a_class_must_be_named():
    made = generator(classes=3)
    nameless = LatentBatch(made.prior([1]), made.spaces["z"])
    with pytest.raises(InterpganError, match="3 classes"):
        made.images(nameless)
    code = made.to_space(made.sample([1]), "w")
    assert made.images(replace(code, labels=None)).shape == (1, 3, 16, 16)
