"""For tests: small checkpoints of ALAE."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from interpgan_core import seeded_normal

WIDTH, WIDTHS = 12, (16, 16, 8)  # channels of the blocks at 4, 8 and 16 pixels


def generator(widths: Sequence[int] = WIDTHS, channels: int = 3) -> dict[str, Tensor]:
    """The state dict of a generator; from 128 pixels on, upsampling kernels are those of transposed convolutions."""
    shapes: dict[str, tuple[int, ...]] = {"const": (1, widths[0], 4, 4)}
    for i, after in enumerate(widths):
        place, before = f"decode_block.{i}", widths[max(0, i - 1)]
        for k in (1, 2):
            shapes |= {f"{place}.noise_weight_{k}": (1, after, 1, 1), f"{place}.bias_{k}": (1, after, 1, 1)}
            shapes |= {
                f"{place}.style_{k}.weight": (2 * after, WIDTH),
                f"{place}.style_{k}.bias": (2 * after,),
            }
        if i:
            pair = (before, after) if 4 << i >= 128 else (after, before)
            shapes[f"{place}.conv_1.weight"] = (*pair, 3, 3)
        shapes[f"{place}.conv_2.weight"] = (after, after, 3, 3)
        shapes[f"{place}.blur.weight"] = (after, 1, 3, 3)
        shapes |= {
            f"to_rgb.{i}.to_rgb.weight": (channels, after, 1, 1),
            f"to_rgb.{i}.to_rgb.bias": (channels,),
        }
    return _filled(shapes, 0)


def encoder(widths: Sequence[int] = WIDTHS[::-1], channels: int = 3) -> dict[str, Tensor]:
    """The state dict of an encoder, which the files call discriminator; widths from the pictures' size down."""
    shapes: dict[str, tuple[int, ...]] = {}
    for i, before in enumerate(widths):
        after = widths[min(i + 1, len(widths) - 1)]
        place = f"encode_block.{i}"
        shapes |= {
            f"from_rgb.{i}.from_rgb.weight": (before, channels, 1, 1),
            f"from_rgb.{i}.from_rgb.bias": (before,),
        }
        shapes |= {f"{place}.bias_1": (1, before, 1, 1), f"{place}.bias_2": (1, after, 1, 1)}
        shapes |= {
            f"{place}.conv_1.weight": (before, before, 3, 3),
            f"{place}.conv_2.weight": (after, before, 3, 3),
        }
        shapes[f"{place}.blur.weight"] = (before, 1, 3, 3)
        for k, c in ((1, before), (2, after)):
            shapes |= {f"{place}.style_{k}.weight": (WIDTH, 2 * c), f"{place}.style_{k}.bias": (WIDTH,)}
    return _filled(shapes, 1000)


def dense(name: str, widths: Sequence[int]) -> dict[str, Tensor]:
    """The state dict of a mapping; name: "map_blocks.{}.fc" of z to w, "map_blocks.{}" of the head on a code."""
    shapes: dict[str, tuple[int, ...]] = {}
    for i in range(len(widths) - 1):
        shapes |= {
            f"{name.format(i)}.weight": (widths[i + 1], widths[i]),
            f"{name.format(i)}.bias": (widths[i + 1],),
        }
    return _filled(shapes, 2000)


def models(
    widths: Sequence[int] = WIDTHS, channels: int = 3, z: int = WIDTH, averages: bool = True
) -> dict[str, Any]:
    """What stands under "models" in a file.

    Args:
        widths: of the generator's blocks.
        channels: of the pictures.
        z: entries of z.
        averages: have the good networks names that end in _s, with others beside them?
    """
    good = {
        "discriminator": encoder(widths[::-1], channels),
        "generator": generator(widths, channels),
        "mapping_tl": dense("map_blocks.{}", (WIDTH, WIDTH, 2 * WIDTH)),
        "mapping_fl": dense("map_blocks.{}.fc", (z, WIDTH, WIDTH)),
    }
    mean = seeded_normal([77], (1, WIDTH))[0].expand(2 * len(widths), -1) * 0.2
    found: dict[str, Any] = {f"{name}_s" if averages else name: state for name, state in good.items()}
    found["dlatent_avg"] = {"buff": mean.contiguous()}
    if averages:
        found |= {name: {n: t * 1.5 for n, t in state.items()} for name, state in good.items()}
    return found


def _filled(shapes: dict[str, tuple[int, ...]], first: int) -> dict[str, Tensor]:
    state = {}
    for i, (name, shape) in enumerate(shapes.items(), first):
        drawn = seeded_normal([i], shape)[0]
        if name.endswith("blur.weight"):
            line = torch.tensor([1.0, 2.0, 1.0])
            state[name] = (torch.outer(line, line) / 16).expand(shape).contiguous()
        elif "bias" in name or "noise" in name:
            state[name] = drawn * 0.1
        elif name == "const":
            state[name] = 1 + drawn * 0.3
        else:
            state[name] = (
                drawn * (0.5 if "style" in name or "rgb.weight" in name else 1.4) / drawn[0].numel() ** 0.5
            )
    return state
