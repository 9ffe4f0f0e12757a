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
from interpgan_core.plugin import Checkpoint, Shapes, StoredNetwork

USUAL_INPUTS = 512  # z of every published generator; inputs beyond them are a label
INPUTS = r"input(\d+)\.(?:weight|bias)"  # of the discriminator, one a size
_MARKS = (("layer0.conv.weight", "layer0.wscale.bias"), ("layer0.weight", "output0.weight", "lod"))
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
    def base(self) -> tuple[int, int]:
        """Height and width of the first maps."""
        _, _, height, width = self.shapes.of("layer0.weight", 4)
        return height, width

    @property
    def channels(self) -> int:
        """Of the images."""
        return self.shapes.of("output0.weight", 4)[0]

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
    return _find(checkpoint) is not None


def _find(checkpoint: Checkpoint) -> StoredNetwork | None:
    network = checkpoint.network(*_MARKS)
    if network is None or "layer0.conv.weight" in network.tensors:
        return network
    # Other families have layers of these names too, but a first one of 3 x 3.
    kernel = tuple(network.tensors["layer0.weight"].shape)
    return network if len(kernel) == 4 and not any(side % 2 for side in kernel[2:]) else None


def read(checkpoint: Checkpoint) -> Parts:
    """The networks of a checkpoint that `knows` accepts.

    Raises:
        InterpganError: if the level of detail is not one number.
    """
    found = _find(checkpoint)
    if found is None:
        raise InterpganError(f"{checkpoint.path} holds no generator of PGGAN")
    generator = dict(found.tensors)
    lod = generator.pop("lod", torch.zeros(()))
    layout = "genforce"
    if "layer0.conv.weight" in generator:
        layout = "interfacegan"
        generator = {re.sub(_INTERFACEGAN, "", key): value for key, value in generator.items()}
    beside = checkpoint.network(["input0.weight"])
    discriminator = {} if beside is None else {k: t for k, t in beside.tensors.items() if k != "lod"}
    if lod.numel() != 1:
        raise InterpganError(f"{checkpoint.path}: lod is not one number; the file is damaged")
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
