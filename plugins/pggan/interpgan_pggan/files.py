"""Layouts of PGGAN checkpoints, read into the network's own names, which are those of genforce."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch
from torch import Tensor

from interpgan_core import InterpganError
from interpgan_core.plugin import Checkpoint, Shapes

USUAL_INPUTS = 512  # z of every published generator; inputs beyond them are a label
INPUTS = r"input(\d+)\.(?:weight|bias)"  # of the discriminator, one a size
_GENERATOR = ("generator_smooth", "generator")  # the moving average is taken before the last weights
_INTERFACEGAN = r"\.conv(?=\.weight$)|\.wscale(?=\.bias$)"  # in the names of that layout, not in genforce's


@dataclass(frozen=True)
class Parts:
    """The tensors of a checkpoint, and what their shapes say.

    Args:
        path: the file.
        layout: "genforce" or "interfacegan".
        generator: name -> tensor.
        discriminator: name -> tensor; empty where the file has none.
        lod: the file's own level of detail.
    """

    path: Path
    layout: str
    generator: Mapping[str, Tensor]
    discriminator: Mapping[str, Tensor]
    lod: float

    @cached_property
    def shapes(self) -> Shapes:
        """Of the generator's tensors."""
        return Shapes(self.generator, self.path, "PGGAN")

    @cached_property
    def discriminator_shapes(self) -> Shapes:
        """Of the discriminator's tensors."""
        return Shapes(self.discriminator, self.path, "PGGAN")

    @property
    def inputs(self) -> int:
        """Entries of z and of the label together."""
        return self.shapes.of("layer0.weight", 4)[1]

    @property
    def widths(self) -> list[int]:
        """Channels at 4, 8, 16 … pixels."""
        count = self.shapes.count(r"output(\d+)\.(?:weight|bias)")
        return [self.shapes.of(f"layer{2 * b}.bias", 1)[0] for b in range(count)]

    @property
    def classes(self) -> int:
        """Entries of the label: outputs of the discriminator's last layer beside the logit."""
        if not self.discriminator:
            return max(0, self.inputs - USUAL_INPUTS)
        last = 2 * self.discriminator_shapes.count(INPUTS)
        return self.discriminator_shapes.of(f"layer{last}.bias", 1)[0] - 1

    @property
    def fused(self) -> bool:
        """Are the upsampling layers transposed convolutions? False where no shape shows it."""
        for block, width in enumerate(self.widths):
            rows, columns = self.shapes.of(f"layer{2 * block}.weight", 4)[:2]
            if block and rows != columns:
                return rows != width
        return False


def knows(checkpoint: Checkpoint) -> bool:
    """Is this a PGGAN, by names and shapes?"""
    state = checkpoint.state(*_GENERATOR)
    if any(key.startswith(("mapping.", "synthesis.")) for key in state):
        return False
    if {"layer0.conv.weight", "layer0.wscale.bias"} <= state.keys():
        return True
    kernel = tuple(getattr(state.get("layer0.weight"), "shape", ()))
    return {"lod", "output0.weight"} <= state.keys() and len(kernel) == 4 and kernel[2:] == (4, 4)


def read(checkpoint: Checkpoint) -> Parts:
    """The networks of a checkpoint that `knows` accepts.

    Raises:
        InterpganError: if one of their entries is no tensor.
    """
    state = checkpoint.state(*_GENERATOR)
    lod = state.pop("lod", torch.zeros(()))
    layout, generator = "genforce", state
    if "layer0.conv.weight" in state:
        layout = "interfacegan"
        generator = {re.sub(_INTERFACEGAN, "", key): value for key, value in state.items()}
    discriminator = checkpoint.state("discriminator")
    if "input0.weight" not in discriminator:  # the file has none
        discriminator = {}
    discriminator.pop("lod", None)
    for key, value in {**generator, **discriminator, "lod": lod}.items():
        if not isinstance(value, Tensor) or (key == "lod" and value.numel() != 1):
            raise InterpganError(f"{checkpoint.path}: {key} is no tensor of a PGGAN; the file is damaged")
    return Parts(checkpoint.path, layout, generator, discriminator, float(lod))


def plain_kernels(parts: Parts, fused: bool) -> dict[str, Tensor]:
    """The generator's tensors, every upsampling kernel as (out, in, 3, 3) of a convolution after upsampling.

    Args:
        parts: of a checkpoint.
        fused: are they the kernels of transposed convolutions: (in, out, 3, 3), or in the layout of
            interfacegan (3, 3, in, out)?

    Source:
        A transposed convolution flips its kernel: "fused" weights are plain ones flipped.
    """
    tensors = dict(parts.generator)
    for block in range(1, len(parts.widths)):
        name = f"layer{2 * block}.weight"
        weight = tensors[name]
        if parts.layout == "interfacegan" and weight.ndim == 4 and weight.shape[:2] == (3, 3):
            tensors[name] = weight.permute(3, 2, 0, 1).flip(2, 3)
        elif fused and weight.ndim == 4:
            tensors[name] = weight.transpose(0, 1).flip(2, 3)
    return tensors
