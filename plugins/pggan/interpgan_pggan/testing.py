"""For tests: small checkpoints of PGGAN, in every layout."""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from interpgan_core import seeded_normal

Z, WIDTHS = 12, (8, 8, 6)  # 4, 8 and 16 pixels


def generator(
    classes: int = 0,
    widths: tuple[int, ...] = WIDTHS,
    base: tuple[int, int] = (4, 4),
    channels: int = 3,
) -> dict[str, Tensor]:
    """The state dict of a generator in the layout of genforce; base: height and width of the first maps."""
    shapes: dict[str, tuple[int, ...]] = {}
    for b, width in enumerate(widths):
        shapes[f"layer{2 * b}.weight"] = (width, widths[b - 1], 3, 3) if b else (width, Z + classes, *base)
        shapes[f"layer{2 * b + 1}.weight"] = (width, width, 3, 3)
        shapes |= {f"layer{2 * b}.bias": (width,), f"layer{2 * b + 1}.bias": (width,)}
        shapes |= {f"output{b}.weight": (channels, width, 1, 1), f"output{b}.bias": (channels,)}
    return {"lod": torch.zeros(()), **normal(shapes)}


def discriminator(
    classes: int = 0,
    widths: tuple[int, ...] = WIDTHS,
    hidden: int = 10,
    area: int = 16,
    channels: int = 3,
) -> dict[str, Tensor]:
    """The state dict of a discriminator in the layout of genforce."""
    shapes: dict[str, tuple[int, ...]] = {}
    down = widths[::-1]
    for j, width in enumerate(down):
        shapes |= {f"input{j}.weight": (width, channels, 1, 1), f"input{j}.bias": (width,)}
        convs = [(width, width), (down[j + 1], width)] if j + 1 < len(down) else [(width, width + 1)]
        for k, (outputs, inputs) in enumerate(convs, 2 * j):
            shapes |= {f"layer{k}.weight": (outputs, inputs, 3, 3), f"layer{k}.bias": (outputs,)}
    k = 2 * len(down) - 1
    shapes |= {f"layer{k}.weight": (hidden, area * down[-1]), f"layer{k}.bias": (hidden,)}
    shapes |= {f"layer{k + 1}.weight": (1 + classes, hidden), f"layer{k + 1}.bias": (1 + classes,)}
    return {"lod": torch.zeros(()), **normal(shapes)}


def fused(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The same function with the kernels of transposed convolutions."""
    return {
        name: tensor.flip(2, 3).transpose(0, 1).contiguous() if is_up(name) else tensor
        for name, tensor in state.items()
    }


def interfacegan(state: Mapping[str, Tensor], fuse: bool = False) -> dict[str, Tensor]:
    """The same function in the layout of InterFaceGAN."""
    renamed = {}
    for name, tensor in state.items():
        if fuse and is_up(name):
            renamed[name] = tensor.flip(2, 3).permute(2, 3, 1, 0).contiguous()
        else:
            renamed[name.replace(".weight", ".conv.weight").replace(".bias", ".wscale.bias")] = tensor
    return renamed


def is_up(name: str) -> bool:
    """Is it the kernel of a layer that doubles the size?"""
    return name in {f"layer{2 * b}.weight" for b in range(1, len(WIDTHS))}


def normal(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Tensor]:
    """Random numbers; biases are small."""
    return {
        name: seeded_normal([i], shape)[0] * (0.1 if name.endswith("bias") else 1)
        for i, (name, shape) in enumerate(shapes.items())
    }


def write(folder: Path, content: object) -> Path:
    """Write a checkpoint, and give its path."""
    torch.save(content, folder / "net.pth")
    return folder / "net.pth"
