"""Small checkpoints of StyleGAN 1, in every layout."""

from collections.abc import Mapping

import torch
from torch import Tensor

from interpgan_core import seeded_normal

Z, W, DEPTH, WIDTHS = 6, 10, 3, (8, 8, 4)  # 4, 8 and 16 pixels


def generator(
    classes: int = 0,
    widths: tuple[int, ...] = WIDTHS,
    base: tuple[int, int] = (4, 4),
    channels: int = 3,
    layered: bool = False,
) -> dict[str, Tensor]:
    """A state dict of genforce's; base: height and width of the first maps; layered: with a code for each layer of
    the mapping, as IDInvert's."""
    shapes: dict[str, tuple[int, ...]] = {
        "truncation.w_avg": (W,),
        "synthesis.layer0.const": (1, widths[0], *base),
    }
    if classes:
        shapes["mapping.label_weight"] = (classes, Z)
    inputs = 2 * Z if classes else Z
    for i in range(DEPTH):
        outputs = W * 2 * len(widths) if layered and i == DEPTH - 1 else W
        shapes |= {f"mapping.dense{i}.weight": (outputs, inputs if i == 0 else W)}
        shapes |= {f"mapping.dense{i}.bias": (outputs,)}
    for k in range(2 * len(widths)):
        width, before, times = widths[k // 2], widths[max(k - 1, 0) // 2], 2 ** (k // 2)
        layer = f"synthesis.layer{k}"
        if k:
            shapes[f"{layer}.weight"] = (width, before, 3, 3)
        shapes |= {
            f"{layer}.bias": (width,),
            f"{layer}.apply_noise.weight": (width,),
            f"{layer}.apply_noise.noise": (1, 1, base[0] * times, base[1] * times),
            f"{layer}.style.weight": (2 * width, W),
            f"{layer}.style.bias": (2 * width,),
        }
    for b, width in enumerate(widths):
        shapes |= {f"synthesis.output{b}.weight": (channels, width, 1, 1)}
        shapes |= {f"synthesis.output{b}.bias": (channels,)}
    blurs = {f"synthesis.layer{2 * b}.blur.kernel": blur(widths[b]) for b in range(1, len(widths))}
    return {"synthesis.lod": torch.zeros(()), **blurs, **normal(shapes)}


def discriminator(classes: int = 0, hidden: int = 10, area: int = 16, channels: int = 3) -> dict[str, Tensor]:
    """A state dict of genforce's."""
    shapes: dict[str, tuple[int, ...]] = {}
    blurs, down, last = {}, WIDTHS[::-1], len(WIDTHS) - 1
    for j, width in enumerate(down):
        shapes |= {f"input{j}.weight": (width, channels, 1, 1), f"input{j}.bias": (width,)}
        shapes |= {f"layer{2 * j}.weight": (width, width + (j == last), 3, 3), f"layer{2 * j}.bias": (width,)}
        if j < last:
            shapes |= {f"layer{2 * j + 1}.weight": (down[j + 1], width, 3, 3)}
            shapes |= {f"layer{2 * j + 1}.bias": (down[j + 1],)}
            blurs[f"layer{2 * j + 1}.blur.kernel"] = blur(width)
    k = 2 * last + 1
    shapes |= {f"layer{k}.weight": (hidden, area * down[-1]), f"layer{k}.bias": (hidden,)}
    shapes |= {f"layer{k + 1}.weight": (max(classes, 1), hidden), f"layer{k + 1}.bias": (max(classes, 1),)}
    return {"lod": torch.zeros(()), **blurs, **normal(shapes)}


def fused(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The same function with the kernels of transposed convolutions."""
    return {name: t.flip(2, 3) if is_up(name) else t for name, t in state.items()}


def interfacegan(state: Mapping[str, Tensor], fuse: bool = False) -> dict[str, Tensor]:
    """The same function in the layout of InterFaceGAN."""
    renamed = {}
    for name, tensor in state.items():
        parts = name.split(".")
        if parts[0] == "mapping":
            parts.insert(2, "linear" if parts[2] == "weight" else "wscale")
        elif parts[-1] == "const":
            parts[-1] = "first_layer"
        elif "style" in parts:
            parts[2:3] = ["epilogue", "style_mod", "dense", "linear" if parts[3] == "weight" else "wscale"]
        elif "apply_noise" in parts or (parts[1].startswith("layer") and parts[2] == "bias"):
            parts.insert(2, "epilogue")
        elif "blur" in parts:
            continue  # not saved
        elif fuse and is_up(name):
            tensor = tensor.flip(2, 3).permute(2, 3, 1, 0).contiguous()
        elif parts[-1] == "weight":
            parts.insert(2, "conv")
        renamed[".".join(parts)] = tensor
    return renamed


def is_up(name: str) -> bool:
    """Is it the kernel of a layer that doubles the size?"""
    return name in {f"synthesis.layer{2 * b}.weight" for b in range(1, len(WIDTHS))}


def blur(channels: int) -> Tensor:
    """The constant kernel of a blur."""
    line = torch.tensor([1.0, 2.0, 1.0]) / 4
    return (line[:, None] * line).repeat(channels, 1, 1, 1)


def normal(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Tensor]:
    """Random numbers, of about the size that they have in a trained network."""
    sizes = {"mapping": 100.0, "bias": 0.1, "w_avg": 0.2, "apply_noise.weight": 0.3}
    return {
        name: seeded_normal([i], shape)[0]
        * (10.0 if name.startswith("mapping") and name.endswith("bias") else
           next((size for part, size in sizes.items() if part in name), 1.0))
        for i, (name, shape) in enumerate(shapes.items())
    }  # fmt: skip
