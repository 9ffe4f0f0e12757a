"""What a checkpoint of StyleGAN 1 holds, in the network's own names, which are those of genforce."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from interpgan_core import InterpganError
from interpgan_core.plugin import Checkpoint, Shapes

Fused = Literal["auto"] | bool
FUSED_FROM = 128  # pixels; the published networks' upsampling layers are fused from here on

# Of InterFaceGAN's names, in this order.
_INTERFACEGAN = (
    (r"\.epilogue\.style_mod\.dense\.", ".style."),
    (r"\.epilogue\.", "."),
    (r"\.(conv|linear)\.weight$", ".weight"),
    (r"\.wscale\.bias$", ".bias"),
    (r"\.first_layer$", ".const"),
)
_MARKS = (
    ("mapping.dense0.weight", "synthesis.layer0.const"),
    ("mapping.dense0.linear.weight", "synthesis.layer0.first_layer"),
)
_CONSTANTS = ("synthesis.lod", "truncation.truncation")


@dataclass(frozen=True)
class Parts:
    """The tensors of a checkpoint, and what their shapes say.

    Args:
        path: the file.
        layout: "genforce" or "interfacegan".
        generator: name -> tensor; without the mean of w.
        discriminator: name -> tensor; empty where the file has none.
        w_avg: the mean of w, if the file has it.
        lod: the file's own level of detail.
    """

    path: Path
    layout: str
    generator: Mapping[str, Tensor]
    discriminator: Mapping[str, Tensor]
    w_avg: Tensor | None
    lod: float

    @cached_property
    def shapes(self) -> Shapes:
        """Of the generator's tensors."""
        return Shapes(self.generator, self.path, "StyleGAN 1")

    @property
    def widths(self) -> list[int]:
        """Channels at 4, 8, 16 … pixels."""
        count = self.shapes.count(r"synthesis\.output(\d+)\.(?:weight|bias)")
        return [self.shapes.of(f"synthesis.layer{2 * b}.bias", 1)[0] for b in range(count)]

    @property
    def base(self) -> tuple[int, int]:
        """Height and width of the first maps."""
        _, _, height, width = self.shapes.of("synthesis.layer0.const", 4)
        return height, width

    @property
    def channels(self) -> int:
        """Of the pictures."""
        return self.shapes.of("synthesis.output0.weight", 4)[0]

    @property
    def classes(self) -> int:
        """Entries of the label."""
        name = "mapping.label_weight"
        return self.shapes.of(name, 2)[0] if name in self.generator else 0

    @property
    def z(self) -> int:
        """Entries of z."""
        return self.shapes.of("mapping.dense0.weight", 2)[1] // (2 if self.classes else 1)

    @property
    def w(self) -> int:
        """Entries of a code of a layer."""
        return self.shapes.of("synthesis.layer0.style.weight", 2)[1]

    @property
    def layered(self) -> bool:
        """Does the mapping make a code for each layer? Those of IDInvert do, whose pictures pass a tanh too."""
        outputs = self.mapping[-1:]
        return outputs == [2 * len(self.widths) * self.w] and outputs != [self.w]

    @property
    def mapping(self) -> list[int]:
        """Outputs of each dense layer; the last is w, or where it is `layered` that of every layer."""
        count = self.shapes.count(r"mapping\.dense(\d+)\.(?:weight|bias)")
        return [self.shapes.of(f"mapping.dense{i}.bias", 1)[0] for i in range(count)]


def knows(checkpoint: Checkpoint) -> bool:
    """Is this a StyleGAN 1? By names."""
    return checkpoint.network(*_MARKS) is not None


def read(checkpoint: Checkpoint) -> Parts:
    """The parts of a checkpoint that `knows` knows.

    Raises:
        InterpganError: if the level of detail is not one number, or a blur is another than all.
    """
    found = checkpoint.network(*_MARKS)
    if found is None:
        raise InterpganError(f"{checkpoint.path} holds no generator of StyleGAN 1")
    state = dict(found.tensors)
    layout = "interfacegan" if "synthesis.layer0.first_layer" in state else "genforce"
    if layout == "interfacegan":
        for pattern, name in _INTERFACEGAN:
            state = {re.sub(pattern, name, key): value for key, value in state.items()}
    beside = checkpoint.network(["input0.weight"])
    discriminator = {} if beside is None else {k: t for k, t in beside.tensors.items() if k != "lod"}
    lod = state.get("synthesis.lod", torch.zeros(()))
    if lod.numel() != 1:
        raise InterpganError(f"{checkpoint.path}: synthesis.lod is not one number; the file is damaged")
    for key, value in {**state, **discriminator}.items():
        if key.endswith("blur.kernel"):
            _check_blur(checkpoint.path, key, value)
    return Parts(
        checkpoint.path,
        layout,
        {key: value for key, value in state.items() if _is_weight(key) and key != "truncation.w_avg"},
        {key: value for key, value in discriminator.items() if _is_weight(key)},
        state.get("truncation.w_avg"),
        float(lod),
    )


def plain_kernels(parts: Parts, fused: Fused) -> dict[str, Tensor]:
    """The generator's tensors with every upsampling kernel as (out, in, 3, 3), to come after upsampling.

    Args:
        parts: of a checkpoint.
        fused: which of genforce's are those of transposed convolutions; their shapes do not show it.
            InterFaceGAN's show it: (3, 3, in, out).

    Source:
        A transposed convolution turns its kernel round: "fused" weights are plain ones flipped.
    """
    tensors = dict(parts.generator)
    for block in range(1, len(parts.widths)):
        name = f"synthesis.layer{2 * block}.weight"
        weight = tensors.get(name)
        if weight is None or weight.ndim != 4:
            continue  # for `build` to refuse
        if parts.layout == "interfacegan":
            if weight.shape[:2] == (3, 3):
                tensors[name] = weight.permute(3, 2, 0, 1).flip(2, 3)
        elif fused is True or (fused == "auto" and 4 * 2**block >= FUSED_FROM):
            tensors[name] = weight.flip(2, 3)
    return tensors


def _is_weight(key: str) -> bool:
    return key not in _CONSTANTS and not key.endswith("blur.kernel")


def _check_blur(path: Path, key: str, kernel: Tensor) -> None:
    line = torch.tensor([1.0, 2.0, 1.0]) / 4
    if kernel.shape[-2:] != (3, 3) or not torch.allclose(kernel.float(), line[:, None] * line, atol=1e-6):
        raise InterpganError(
            f"{path}: {key} is not the [1 2 1] of StyleGAN 1; it is damaged, or another network"
        )
