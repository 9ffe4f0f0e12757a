"""For tests: small checkpoints of stylegan2-pytorch."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from interpgan_core import seeded_normal

WIDTH, CHANNELS = (
    12,
    (16, 16, 8),
)  # of the maps that the first block takes, and of each block's: 4 and 8 pixels


def networks(
    channels: Sequence[int] = CHANNELS,
    colours: int = 3,
    constant: bool = True,
    attention: Sequence[int] = (),
    raw: bool = False,
    discriminator: bool = True,
) -> dict[str, Tensor]:
    """The state dict of all networks, under "GAN" in a file.

    Args:
        channels: of the maps that the first block takes, and of those of each block.
        colours: channels of the pictures; 4 = transparent.
        constant: is the first map a constant?
        attention: numbers of the generator's blocks before which there is attention, and of as many of the
            discriminator's behind which there is.
        raw: leave the averages SE and GE out.
        discriminator: is there one?
    """
    shapes: dict[str, tuple[int, ...]] = {}
    for s, g in (("S", "G"), ("SE", "GE"))[: 1 if raw else 2]:
        for i in range(0, 6, 2):
            shapes |= {f"{s}.net.{i}.weight": (WIDTH, WIDTH), f"{s}.net.{i}.bias": (WIDTH,)}
        shapes |= {f"{g}.{name}": shape for name, shape in _generator(channels, colours, constant).items()}
        for i in attention:
            shapes |= _attention(f"{g}.attns.{i}", channels[i])
    if discriminator:
        down = (colours, 8, 8, 16)
        shapes |= {f"D.{name}": shape for name, shape in _discriminator(down).items()}
        for i in range(len(attention)):
            shapes |= _attention(f"D.attn_blocks.{i}", down[i + 1])
    state = {name: _filled(i, name, shape) for i, (name, shape) in enumerate(shapes.items())}
    return state | {f"D_aug.{name}": tensor for name, tensor in state.items() if name.startswith("D.")}


def file(**options: Any) -> dict[str, Any]:
    """What the package writes."""
    return {"GAN": networks(**options), "version": "1.9.0"}


def _generator(channels: Sequence[int], colours: int, constant: bool) -> dict[str, tuple[int, ...]]:
    first = channels[0]
    shapes: dict[str, tuple[int, ...]] = (
        {"initial_block": (1, first, 4, 4)} if constant else {"to_initial_block.weight": (WIDTH, first, 4, 4)}
    )
    shapes |= {"initial_conv.weight": (first, first, 3, 3), "initial_conv.bias": (first,)}
    for i, (before, after) in enumerate(pairwise(channels)):
        for name, inputs, outputs, side in (("1", before, after, 3), ("2", after, after, 3)):
            shapes |= _dense(f"blocks.{i}.to_style{name}", WIDTH, inputs)
            shapes |= _dense(f"blocks.{i}.to_noise{name}", 1, after)
            shapes[f"blocks.{i}.conv{name}.weight"] = (outputs, inputs, side, side)
        shapes |= _dense(f"blocks.{i}.to_rgb.to_style", WIDTH, after)
        shapes[f"blocks.{i}.to_rgb.conv.weight"] = (colours, after, 1, 1)
        if i < len(channels) - 2:
            shapes[f"blocks.{i}.to_rgb.upsample.1.f"] = (3,)
    return shapes


def _discriminator(channels: Sequence[int]) -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {}
    for i, (before, after) in enumerate(pairwise(channels)):
        convs = {"conv_res": (before, 1), "net.0": (before, 3), "net.2": (after, 3)}
        if i < len(channels) - 2:
            convs["downsample.1"] = (after, 3)
            shapes[f"blocks.{i}.downsample.0.f"] = (3,)
        for name, (inputs, side) in convs.items():
            shapes |= {
                f"blocks.{i}.{name}.weight": (after, inputs, side, side),
                f"blocks.{i}.{name}.bias": (after,),
            }
    last = channels[-1]
    shapes |= {"final_conv.weight": (last, last, 3, 3), "final_conv.bias": (last,)}
    return shapes | _dense("to_logit", 4 * last, 1)


def _attention(place: str, channels: int) -> dict[str, tuple[int, ...]]:
    inner, c = 512, channels
    return {
        f"{place}.0.fn.fn.to_q.weight": (inner, c, 1, 1),
        f"{place}.0.fn.fn.to_kv.net.0.weight": (c, 1, 3, 3),
        f"{place}.0.fn.fn.to_kv.net.1.weight": (2 * inner, c, 1, 1),
        f"{place}.0.fn.fn.to_out.weight": (c, inner, 1, 1),
        f"{place}.0.fn.fn.to_out.bias": (c,),
        f"{place}.0.fn.norm.g": (1, c, 1, 1),
        f"{place}.0.fn.norm.b": (1, c, 1, 1),
        f"{place}.1.fn.fn.0.weight": (2 * c, c, 1, 1),
        f"{place}.1.fn.fn.0.bias": (2 * c,),
        f"{place}.1.fn.fn.2.weight": (c, 2 * c, 1, 1),
        f"{place}.1.fn.fn.2.bias": (c,),
        f"{place}.1.fn.norm.g": (1, c, 1, 1),
        f"{place}.1.fn.norm.b": (1, c, 1, 1),
    }


def _dense(place: str, inputs: int, outputs: int) -> dict[str, tuple[int, ...]]:
    return {f"{place}.weight": (outputs, inputs), f"{place}.bias": (outputs,)}


def _filled(number: int, name: str, shape: tuple[int, ...]) -> Tensor:
    if name.endswith(".f"):
        return torch.tensor([1.0, 2.0, 1.0])
    drawn = seeded_normal([number], shape)[0]
    if name.endswith(("bias", ".b")):
        return drawn * 0.1
    if name.endswith(".g"):
        return 1 + drawn * 0.1
    fan = drawn[0].numel()
    scale = {"net": 14.0, "initial_block": 1.0 * fan**0.5, "to_rgb": 0.5}
    gain = next(
        (value for key, value in scale.items() if f".{key}" in name and not name.startswith("D")), 1.4
    )
    filled: Tensor = drawn * (gain / fan**0.5)
    return filled
