"""State dicts of StyleGAN 2 from one publisher's layout to another's.

    generator = convert(torch.load("stylegan2_ffhq1024.pth")["generator_smooth"], "nvidia")

Every number stays what it is, so that there and back again is the same to the bit. Two things do not move:
NVIDIA's clamp, which acts only on activations beyond 256, and the epsilon of demodulation, by which pictures
of the same weights differ by some 1e-6 from one publisher's code to another's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from interpgan_core import InterpganError, did_you_mean
from interpgan_stylegan.v2.resampling import kernel

Layout = Literal["nvidia", "genforce", "rosinality"]
State = Mapping[str, Tensor]

MAX_BLOCKS = 12  # up to 8192 pixels
MAX_DENSE = 64

# What only a generator, or a discriminator, of the layout has.
GENERATOR_MARKS: dict[Layout, str] = {
    "nvidia": "synthesis.b4.const",
    "genforce": "synthesis.early_layer.const",
    "rosinality": "input.input",
}
DISCRIMINATOR_MARKS: dict[Layout, str] = {
    "nvidia": "b4.out.weight",
    "genforce": "input0.weight",
    "rosinality": "final_conv.0.weight",
}

# The filters that each network repeats: a tensor that is there, and what its filter is then called.
_FILTERS = {
    ("nvidia", True): [
        (r"(synthesis\.b\d+\.(?:conv0|conv1|skip))\.weight", r"\1.resample_filter"),
        (r"(synthesis\.b\d+)\.conv1\.weight", r"\1.resample_filter"),
    ],
    ("nvidia", False): [
        (r"(b\d+\.(?:fromrgb|conv|conv0|conv1|skip))\.weight", r"\1.resample_filter"),
        (r"(b\d+)\.conv1\.weight", r"\1.resample_filter"),
    ],
    ("genforce", True): [
        (r"(synthesis\.layer\d*[13579])\.weight", r"\1.filter.kernel"),
        (r"synthesis\.output0\.weight", r"synthesis.upsample.kernel"),
    ],
    ("genforce", False): [
        (r"(layer\d*[13579]|skip_layer\d+)\.weight", r"\1.filter.kernel"),
        (r"input1\.weight", r"downsample.kernel"),
    ],
    ("rosinality", True): [
        (r"(convs\.\d*[02468]\.conv)\.weight", r"\1.blur.kernel"),
        (r"(to_rgbs\.\d+)\.conv\.weight", r"\1.upsample.kernel"),
    ],
    ("rosinality", False): [(r"(convs\.\d+\.(?:conv2|skip))\.1\.weight", r"\1.0.kernel")],
}


MMGENERATION_MARK = "constant_input.weight"
_MMGENERATION = (
    (r"^constant_input\.weight$", "input.input"),
    (r"^style_mapping\.(\d+)\.linear\.weight_orig$", r"style.\1.weight"),
    (r"^style_mapping\.(\d+)\.activate\.bias$", r"style.\1.bias"),
    (r"\.style_modulation\.fc\.weight_orig$", ".modulation.weight"),
    (r"\.style_modulation\.fc\.bias$", ".modulation.bias"),
    (r"^injected_noise_(\d+)$", r"noises.noise_\1"),
    (r"\.noise_injector\.weight$", ".noise.weight"),
)


class Form(NamedTuple):
    """How another layout's tensor becomes NVIDIA's, and how it comes back."""

    there: Callable[[Tensor], Tensor]
    back: Callable[[Tensor], Tensor]


def _plus(number: float) -> Callable[[Tensor], Tensor]:
    """Adds exactly: where float32 cannot hold the sum, it is float64 (and there, to 2^-53)."""

    def add(t: Tensor) -> Tensor:
        total = t.double() + number
        rounded = total.to(torch.float32)
        return rounded if torch.equal(rounded.double(), total) else total

    return add


_SAME = Form(lambda t: t, lambda t: t)
_FLIPPED = Form(lambda t: t.flip(2, 3), lambda t: t.flip(2, 3))
_ONE_AXIS = Form(lambda t: t[0], lambda t: t[None])
_TWO_AXES = Form(lambda t: t[0, 0], lambda t: t[None, None])
_MAP = Form(lambda t: t.flatten(), lambda t: t.view(1, -1, 1, 1))
_TURNED = Form(lambda t: t.T, lambda t: t.T)
_LESS_ONE = Form(_plus(1.0), _plus(-1.0))


class Row(NamedTuple):
    """One tensor: NVIDIA's name, the other layout's, and what has to be done to it."""

    ours: str
    theirs: str
    form: Form = _SAME


def convert(state: State, layout: Layout) -> dict[str, Tensor]:
    """Bring the state dict of a generator or a discriminator into another layout.

    Args:
        state: in any of the layouts. The mean of w, which rosinality keeps beside its state dicts, stands in
            the generator's as "latent_avg".
        layout: "nvidia" (stylegan2-ada-pytorch), "genforce", "rosinality".

    Returns:
        Tensors by name, as the layout's own network has them; many are views of those given. Biases of
        styles, which genforce stores less 1, are float64 where float32 cannot hold them; loaders round them.

    Raises:
        InterpganError: if the state is of no layout, or the layout wanted has no such network.
    """
    if layout not in GENERATOR_MARKS:
        raise InterpganError(f"there is no layout '{layout}'" + did_you_mean(layout, GENERATOR_MARKS))
    source, is_generator = layout_of(state)
    ours = to_nvidia(state)
    if layout != source:
        _check_moves(ours, source, layout)
    if layout == "nvidia":
        return _with_filters(ours, layout, is_generator)
    rows = {row.ours: row for row in _rows(ours, "nvidia", layout, is_generator)}
    if stays := sorted(set(ours) - set(rows)):
        raise InterpganError(f"{layout} has no network with {stays[0]}; leave it in the layout of {source}")
    return _with_filters(
        {rows[name].theirs: rows[name].form.back(t) for name, t in ours.items()}, layout, is_generator
    )


def from_mmgeneration(state: State) -> dict[str, Tensor]:
    """A generator's state dict of mmgeneration in rosinality's names, onto which its own map one by one."""
    renamed = {}
    for name, tensor in state.items():
        for pattern, new in _MMGENERATION:
            name = re.sub(pattern, new, name)
        renamed[name] = tensor
    return renamed


def layout_of(state: State) -> tuple[Layout, bool]:
    """Whose layout a state dict has, and whether it is a generator's.

    Raises:
        InterpganError: if it is of none of them.
    """
    for is_generator, marks in ((True, GENERATOR_MARKS), (False, DISCRIMINATOR_MARKS)):
        for layout, mark in marks.items():
            if mark in state:
                return layout, is_generator
    raise InterpganError(
        f"no network of StyleGAN 2 has {', '.join(list(state)[:3]) or 'no tensors'}; "
        "give the state dict of one generator or discriminator"
    )


def to_nvidia(state: State, stored: bool = False) -> dict[str, Tensor]:
    """NVIDIA's names and shapes, without the filters, which are the same in every network.

    Args:
        state: in any of the layouts.
        stored: leave the biases of styles as they are stored, in genforce's layout less 1.

    Raises:
        InterpganError: if the state is of no layout, or has a tensor that no network of the layout has, or
            another filter than all.
    """
    layout, is_generator = layout_of(state)
    filters = {name for name, _ in _filters(state, layout, is_generator)}
    for name, expected in _filters(state, layout, is_generator):
        found = state.get(name, expected)
        if found.shape != expected.shape or not torch.allclose(found.float(), expected):
            raise InterpganError(f"{name} is not the filter [1, 3, 3, 1] of every published network")
    plain = {name: t for name, t in state.items() if name not in filters}
    if layout == "nvidia":
        return plain
    rows = {row.theirs: row for row in _rows(state, layout, layout, is_generator)}
    if unknown := sorted(set(plain) - set(rows)):
        raise InterpganError(
            f"{layout}'s StyleGAN 2 has no tensor {unknown[0]}; the file is of another variant"
        )
    moved = {}
    for name, tensor in plain.items():
        ours, _, form = rows[name]
        moved[ours] = tensor if stored and form is _LESS_ONE else form.there(tensor)
    return moved


def _check_moves(ours: State, source: str, layout: str) -> None:
    """Classes do not: genforce normalises them together with z, and has a logit for each."""
    if "mapping.embed.weight" in ours or len(ours.get("b4.out.weight", "1")) > 1:
        raise InterpganError(
            f"{source} and {layout} treat classes differently; a conditional network stays in its layout"
        )


def _filters(state: State, layout: Layout, is_generator: bool) -> Iterator[tuple[str, Tensor]]:
    """Names and values of the filters that belong to the tensors of a state dict."""
    values = kernel() * (4 if is_generator and layout != "nvidia" else 1)
    values = values[None, None] if layout == "genforce" else values
    for name, tensor in state.items():
        for pattern, filter_name in _FILTERS[layout, is_generator]:
            # A number alone does not tell genforce's last layers, which are dense.
            if tensor.ndim > 2 and (match := re.fullmatch(pattern, name)):
                yield match.expand(filter_name), values.clone()


def _with_filters(state: State, layout: Layout, is_generator: bool) -> dict[str, Tensor]:
    return {**state, **dict(_filters(state, layout, is_generator))}


def _rows(state: State, held: Layout, layout: Layout, is_generator: bool) -> Iterator[Row]:
    """The table between NVIDIA's layout and another; for more blocks than there are.

    Args:
        state: of the network.
        held: whose layout it has.
        layout: the other one.
        is_generator: or a discriminator.
    """
    if is_generator:
        yield from (_genforce_generator if layout == "genforce" else _rosinality_generator)()
        return
    # A discriminator's layers are numbered from the largest resolution on.
    pattern = {"nvidia": r"b\d+\.conv0\.weight", "genforce": r"layer\d+\.weight"}.get(
        held, r"convs\.\d+\.conv1\.0\.weight"
    )
    last = sum(1 for name in state if re.fullmatch(pattern, name))
    if held == "genforce":
        last = (last - 3) // 2
    yield from (_genforce_discriminator if layout == "genforce" else _rosinality_discriminator)(last)


def _genforce_generator() -> Iterator[Row]:
    yield Row("mapping.w_avg", "truncation.w_avg")
    yield Row("mapping.embed.weight", "mapping.label_weight", _TURNED)
    for i in range(MAX_DENSE):
        yield from _weight_and_bias(f"mapping.fc{i}", f"mapping.dense{i}")
    yield Row("synthesis.b4.const", "synthesis.early_layer.const", _ONE_AXIS)
    for b in range(MAX_BLOCKS):
        block = f"synthesis.b{4 * 2**b}"
        layers = [(f"{block}.conv{c}", f"synthesis.layer{2 * b - 1 + c}") for c in (0, 1)]
        for ours, theirs in (*layers, (f"{block}.torgb", f"synthesis.output{b}")):
            yield Row(f"{ours}.weight", f"{theirs}.weight", _FLIPPED if ours.endswith("conv0") else _SAME)
            yield Row(f"{ours}.bias", f"{theirs}.bias")
            yield Row(f"{ours}.affine.weight", f"{theirs}.style.weight")
            yield Row(f"{ours}.affine.bias", f"{theirs}.style.bias", _LESS_ONE)
            yield Row(f"{ours}.noise_const", f"{theirs}.noise", _TWO_AXES)
            yield Row(f"{ours}.noise_strength", f"{theirs}.noise_strength")


def _rosinality_generator() -> Iterator[Row]:
    yield Row("mapping.w_avg", "latent_avg")
    for i in range(MAX_DENSE):
        yield from _weight_and_bias(f"mapping.fc{i}", f"style.{i + 1}")
    yield Row("synthesis.b4.const", "input.input", _ONE_AXIS)
    for b in range(MAX_BLOCKS):
        block = f"synthesis.b{4 * 2**b}"
        for c in (0, 1):
            number = 2 * b - 1 + c
            ours, theirs = f"{block}.conv{c}", f"convs.{number - 1}" if b else "conv1"
            yield from _rosinality_style(ours, theirs)
            yield Row(f"{ours}.bias", f"{theirs}.activate.bias")
            yield Row(f"{ours}.noise_strength", f"{theirs}.noise.weight", _ONE_AXIS)
            yield Row(f"{ours}.noise_const", f"noises.noise_{number}", _TWO_AXES)
        ours, theirs = f"{block}.torgb", f"to_rgbs.{b - 1}" if b else "to_rgb1"
        yield from _rosinality_style(ours, theirs)
        yield Row(f"{ours}.bias", f"{theirs}.bias", _MAP)


def _rosinality_style(ours: str, theirs: str) -> Iterator[Row]:
    yield Row(f"{ours}.weight", f"{theirs}.conv.weight", _ONE_AXIS)
    yield from _weight_and_bias(f"{ours}.affine", f"{theirs}.conv.modulation")


def _genforce_discriminator(last: int) -> Iterator[Row]:
    for j in range(last + 1):
        block = f"b{4 * 2 ** (last - j)}"
        yield from _weight_and_bias(f"{block}.fromrgb", f"input{j}")
        if j < last:
            yield from _weight_and_bias(f"{block}.conv0", f"layer{2 * j}")
            yield from _weight_and_bias(f"{block}.conv1", f"layer{2 * j + 1}")
            yield Row(f"{block}.skip.weight", f"skip_layer{j}.weight")
    for i, part in enumerate(("conv", "fc", "out")):
        yield from _weight_and_bias(f"b4.{part}", f"layer{2 * last + i}")


def _rosinality_discriminator(last: int) -> Iterator[Row]:
    yield Row(f"b{4 * 2**last}.fromrgb.weight", "convs.0.0.weight")
    yield Row(f"b{4 * 2**last}.fromrgb.bias", "convs.0.1.bias")
    for j in range(last):
        ours, theirs = f"b{4 * 2 ** (last - j)}", f"convs.{j + 1}"
        yield Row(f"{ours}.conv0.weight", f"{theirs}.conv1.0.weight")
        yield Row(f"{ours}.conv0.bias", f"{theirs}.conv1.1.bias")
        yield Row(f"{ours}.conv1.weight", f"{theirs}.conv2.1.weight")
        yield Row(f"{ours}.conv1.bias", f"{theirs}.conv2.2.bias")
        yield Row(f"{ours}.skip.weight", f"{theirs}.skip.1.weight")
    yield Row("b4.conv.weight", "final_conv.0.weight")
    yield Row("b4.conv.bias", "final_conv.1.bias")
    yield from _weight_and_bias("b4.fc", "final_linear.0")
    yield from _weight_and_bias("b4.out", "final_linear.1")


def _weight_and_bias(ours: str, theirs: str) -> Iterator[Row]:
    yield Row(f"{ours}.weight", f"{theirs}.weight")
    yield Row(f"{ours}.bias", f"{theirs}.bias")
