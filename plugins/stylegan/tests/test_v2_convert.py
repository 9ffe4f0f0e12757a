"""From one publisher's layout to another's."""

from functools import cache

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from interpgan_core import InterpganError, load_generator
from interpgan_stylegan.testing.v2 import discriminator, generator
from interpgan_stylegan.v2.conversion import convert, layout_of

OTHERS = ("genforce", "rosinality")


def same(one, other):
    assert set(one) == set(other)
    for name, tensor in one.items():
        assert tensor.dtype == other[name].dtype and torch.equal(tensor, other[name]), name


@pytest.mark.parametrize("layout", OTHERS)
@pytest.mark.parametrize("make", [generator, discriminator])
def test_there_and_back_is_the_same_to_the_bit(layout, make):
    state = make()
    there = convert(state, layout)
    assert layout_of(there) == (layout, make is generator)
    same(convert(there, "nvidia"), state)
    for third in OTHERS:
        same(convert(convert(there, third), layout), there)


@cache
def state_in(layout):
    return generator() if layout == "nvidia" else convert(generator(), layout)


@settings(max_examples=40)
@given(
    st.lists(
        st.floats(width=32, allow_nan=False, allow_infinity=False, allow_subnormal=False),
        min_size=8,
        max_size=8,
    )
)
def test_any_bias_of_a_style_comes_back(values):
    """NVIDIA's biases are genforce's plus 1, which float32 cannot always hold."""
    bias = torch.tensor(values)
    # Float64 has 53 bits: of a number that differs from 1 or 0 by less than 2^-53, or exceeds 2^29, the rest is cut.
    kept = (bias == 0) | ((bias.abs() > 2.0**-29) & (bias.abs() < 2.0**29))
    bias = torch.where(kept, bias, torch.ones(()))
    for own, name, via in (
        ("nvidia", "synthesis.b4.conv1.affine.bias", "genforce"),
        ("genforce", "synthesis.layer0.style.bias", "nvidia"),
    ):
        state = state_in(own)
        back = convert(convert(state | {name: bias}, via), own)
        assert back[name].dtype == torch.float32 and torch.equal(back[name], bias)


def test_trained_biases_are_exact_sums():
    moved = convert(convert(generator(), "genforce"), "nvidia")
    for name, tensor in convert(generator(), "genforce").items():
        if name.endswith("style.bias"):
            assert tensor.dtype in (torch.float32, torch.float64)
    assert all(t.dtype == torch.float32 for t in moved.values())


@pytest.mark.parametrize("layout", OTHERS)
def test_the_same_pictures_in_every_layout(layout, tmp_path):
    torch.save({"G": generator(), "D": discriminator()}, tmp_path / "nvidia.pt")
    names = {"genforce": ("generator", "discriminator"), "rosinality": ("g_ema", "d")}[layout]
    moved = convert(generator(), layout)
    mean = moved.pop("latent_avg", None)
    content = {names[0]: moved, names[1]: convert(discriminator(), layout), "latent_avg": mean}
    torch.save(content, tmp_path / "other.pt")
    one, other = load_generator(tmp_path / "nvidia.pt"), load_generator(tmp_path / "other.pt")
    assert one.fingerprint == other.fingerprint
    batch = one.sample(range(4))
    pictures = one.images(batch)
    assert (other.images(batch) - pictures).abs().max() < 1.2e-5
    assert torch.allclose(other.spaces["w"].mean, one.spaces["w"].mean)
    assert (other.discriminator(pictures) - one.discriminator(pictures)).abs().max() < 7e-7


def test_networks_that_other_layouts_do_not_have():
    for state, layout, says in (
        (generator("resnet"), "genforce", "has no network with synthesis.b16.skip.weight"),
        (generator("resnet"), "rosinality", "has no network with synthesis.b16.skip.weight"),
        (generator(classes=3), "genforce", "treat classes differently"),
        (discriminator(classes=3), "rosinality", "treat classes differently"),
        (discriminator("skip"), "rosinality", "has no network with b4.fromrgb"),
        (generator(), "nvdia", "no layout 'nvdia'; did you mean 'nvidia'"),
        ({"a": torch.zeros(1)}, "nvidia", "no network of StyleGAN 2 has a"),
        ({}, "nvidia", "has no tensors"),
    ):
        with pytest.raises(InterpganError) as error:
            convert(state, layout)
        assert says in str(error.value)
    same(convert(generator("resnet", 3), "nvidia"), generator("resnet", 3))
    assert set(convert(discriminator("skip"), "genforce")) >= {"input2.weight", "downsample.kernel"}


def test_genforce_by_class_stays():
    state = convert(generator(), "genforce")
    state["mapping.label_weight"] = torch.zeros(3, 6)
    with pytest.raises(InterpganError, match="treat classes differently"):
        convert(state, "nvidia")
    tensors = convert(discriminator(), "genforce")
    tensors |= {"layer6.weight": torch.zeros(3, 7), "layer6.bias": torch.zeros(3)}
    with pytest.raises(InterpganError, match="treat classes differently"):
        convert(tensors, "nvidia")
