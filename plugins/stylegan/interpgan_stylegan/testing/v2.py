"""Small checkpoints of StyleGAN 2, as NVIDIA's code names their tensors."""

from collections.abc import Mapping

import torch
from torch import Tensor

from interpgan_core import seeded_normal

Z, W, WIDTHS = 6, 10, (8, 6, 4)  # 4, 8 and 16 pixels
SIDES = tuple(4 * 2**i for i in range(len(WIDTHS)))


def generator(
    architecture: str = "skip",
    classes: int = 0,
    noise: bool = True,
    widths: tuple[int, ...] = WIDTHS,
    base: tuple[int, int] = (4, 4),
    channels: int = 3,
) -> dict[str, Tensor]:
    """A state dict; architecture "skip", "resnet" or "orig"; base: height and width of the smallest maps."""
    shapes: dict[str, tuple[int, ...]] = {"mapping.w_avg": (W,)}
    if classes:
        shapes |= {"mapping.embed.weight": (W, classes), "mapping.embed.bias": (W,)}
    for i, inputs in enumerate((Z + W if classes else Z, 9, 9)):
        outputs = W if i == 2 else 9
        shapes |= {f"mapping.fc{i}.weight": (outputs, inputs), f"mapping.fc{i}.bias": (outputs,)}
    filters = []
    for i, width in enumerate(widths):
        side, before = 4 * 2**i, widths[max(i - 1, 0)]
        block = f"synthesis.b{side}"
        filters.append(block)
        if i == 0:
            shapes[f"{block}.const"] = (width, *base)
        for name, inputs in (("conv0", before), ("conv1", width))[i == 0 :]:
            layer = f"{block}.{name}"
            filters.append(layer)
            shapes |= {f"{layer}.weight": (width, inputs, 3, 3), f"{layer}.bias": (width,)}
            shapes |= styled(layer, inputs)
            if noise:
                shapes |= {
                    f"{layer}.noise_const": (base[0] * 2**i, base[1] * 2**i),
                    f"{layer}.noise_strength": (),
                }
        if architecture == "skip" or i == len(widths) - 1:
            layer = f"{block}.torgb"
            shapes |= {f"{layer}.weight": (channels, width, 1, 1), f"{layer}.bias": (channels,)}
            shapes |= styled(layer, width)
        if architecture == "resnet" and i:
            shapes[f"{block}.skip.weight"] = (width, before, 1, 1)
            filters.append(f"{block}.skip")
    return normal(shapes) | {f"{name}.resample_filter": taps() for name in filters}


def discriminator(
    architecture: str = "resnet", classes: int = 0, statistics: int = 1, area: int = 16, channels: int = 3
) -> dict[str, Tensor]:
    """A state dict; architecture "resnet", "skip" or "orig"."""
    shapes: dict[str, tuple[int, ...]] = {}
    filters = []
    for i in reversed(range(len(WIDTHS))):
        side, width, after = SIDES[i], WIDTHS[i], WIDTHS[max(i - 1, 0)]
        layers = [("fromrgb", width, channels, 1)] if architecture == "skip" or i == len(WIDTHS) - 1 else []
        if i:
            layers += [("conv0", width, width, 3), ("conv1", after, width, 3)]
            filters.append(f"b{side}")
        else:
            layers += [("conv", width, width + statistics, 3)]
        for name, outputs, inputs, size in layers:
            layer = f"b{side}.{name}"
            shapes |= {f"{layer}.weight": (outputs, inputs, size, size), f"{layer}.bias": (outputs,)}
            filters.append(layer)
        if architecture == "resnet" and i:
            shapes[f"b{side}.skip.weight"] = (after, width, 1, 1)
            filters.append(f"b{side}.skip")
    shapes |= {"b4.fc.weight": (7, area * WIDTHS[0]), "b4.fc.bias": (7,)}
    shapes |= {"b4.out.weight": (5 if classes else 1, 7), "b4.out.bias": (5 if classes else 1,)}
    if classes:
        shapes |= {"mapping.embed.weight": (5, classes), "mapping.embed.bias": (5,)}
        shapes |= {"mapping.fc0.weight": (5, 5), "mapping.fc0.bias": (5,)}
    return normal(shapes) | {f"{name}.resample_filter": taps() for name in filters}


def styled(layer: str, inputs: int) -> dict[str, tuple[int, ...]]:
    """What makes a layer's style of a code."""
    return {f"{layer}.affine.weight": (inputs, W), f"{layer}.affine.bias": (inputs,)}


def taps() -> Tensor:
    """The filter of all networks."""
    line = torch.tensor([1.0, 3.0, 3.0, 1.0]) / 8
    return line[:, None] * line


def normal(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Tensor]:
    """Random numbers, of about the size that they have in a trained network."""
    return {
        name: scaled(name, seeded_normal([i], shape)[0]) for i, (name, shape) in enumerate(shapes.items())
    }


def scaled(name: str, values: Tensor) -> Tensor:
    """Normal numbers brought to the size of a trained tensor of that name."""
    if ".fc" in name and name.startswith("mapping"):
        return values * (100 if name.endswith("weight") else 10)
    if name.endswith("affine.bias"):
        return 1 + 0.1 * values
    if name.endswith(("bias", "noise_strength", "w_avg")):
        return 0.2 * values
    return values
