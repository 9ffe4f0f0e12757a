"""Checkpoints of Projected GAN's FastGAN generators, with spectral norm divided out, in the names of our network."""

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
from interpgan_projected.network import Stage

SIZES = (8, 16, 32, 64, 128, 256, 512, 1024)
_SMALLEST = 128  # below it the original draws nothing
_GATED = (64, 128, 256, 512)
_MARKS = (
    ("init.init.0.weight_orig", "se_64.main.1.weight_orig"),
    ("init.init.0.weight", "se_64.main.1.weight"),
)
_NORM = {"weight": "weight", "bias": "offset", "running_mean": "mean", "running_var": "variance"}
_CONDITIONED = {"stored_mean": "mean", "stored_var": "variance"}


@dataclass(frozen=True)
class Part:
    """The generator of a checkpoint.

    Args:
        path: the file.
        tensors: in the names of the file, each weight divided by its spectral norm.
    """

    path: Path
    tensors: Mapping[str, Tensor]

    @cached_property
    def shapes(self) -> Shapes:
        """Of its tensors."""
        return Shapes(self.tensors, self.path, "Projected GAN")

    @property
    def classes(self) -> int:
        """0 = unconditional."""
        return self.shapes.of("embed.weight", 2)[0] if "embed.weight" in self.tensors else 0

    @property
    def inputs(self) -> int:
        """Entries of z."""
        return self.shapes.of("init.init.0.weight", 4)[0]

    @property
    def first(self) -> int:
        """Channels at 4 pixels."""
        return self.shapes.of("init.init.0.weight", 4)[1] // 2

    @property
    def channels(self) -> int:
        """Of the pictures."""
        return self.shapes.of("to_big.weight", 4)[0]

    @property
    def stages(self) -> list[Stage]:
        """Those that the pictures pass: the last one has as many channels as the last convolution takes."""
        found, wanted = [], self.shapes.of("to_big.weight", 4)[1]
        for size in SIZES:
            convs = self._convolutions(size)
            if size > 256 and f"{convs[0]}.weight" not in self.tensors:
                break
            outputs, inputs = self.shapes.of(f"{convs[0]}.weight", 4)[:2]
            found.append(Stage(inputs, outputs // 2, len(convs), size in _GATED))
            if size >= _SMALLEST and outputs // 2 == wanted:
                return found
        return self.shapes.fail(f"has to_big.weight for {wanted} channels, which no block gives")

    def _convolutions(self, size: int) -> list[str]:
        place = f"feat_{size}"
        names = ["conv1", "conv2"] if f"{place}.conv1.weight" in self.tensors else ["conv"]
        if not self.classes:
            names = ["1", "5"] if f"{place}.5.weight" in self.tensors else ["1"]
        return [f"{place}.{name}" for name in names]

    def renamed(self) -> dict[str, Tensor]:
        """The tensors in the names of our network, without those of blocks that draw nothing.

        Raises:
            InterpganError: if one is not known.
        """
        renamed: dict[str, Tensor] = {}
        for i, (stage, size) in enumerate(zip(self.stages, SIZES, strict=False)):
            for k, conv in enumerate(self._convolutions(size)):
                self._half(renamed, f"blocks.{i}.halves.{k}", conv, stage.halves > 1)
            if stage.gated:
                for theirs, ours in (("1", "first"), ("3", "second")):
                    self._take(renamed, f"blocks.{i}.gate.{ours}", f"se_{size}.main.{theirs}.weight")
        self._take(renamed, "start.weight", "init.init.0.weight")
        self._norm(renamed, "start.norm", "init.init.1", _NORM)
        for part in ("weight", "bias"):
            self._take(renamed, f"picture.{part}", f"to_big.{part}")
        if self.classes:
            self._take(renamed, "embedding", "embed.weight")
        known = re.compile(r"(init\.init|feat_\d+|se_\d+\.main|to_big|embed)\.[\w.]+")
        for name in self.tensors:
            if not known.fullmatch(name):
                self.shapes.fail(f"has {name}, which the network does not know")
        return renamed

    def _half(self, renamed: dict[str, Tensor], ours: str, conv: str, noisy: bool) -> None:
        place, _, name = conv.rpartition(".")
        self._take(renamed, f"{ours}.weight", f"{conv}.weight")
        if self.classes:
            norm = f"{place}.{name.replace('conv', 'bn')}"
            self._norm(renamed, f"{ours}.norm", norm, _CONDITIONED)
            for part in ("gain", "bias"):
                for kind in ("weight", "bias"):
                    self._take(renamed, f"{ours}.norm.{part}.{kind}", f"{norm}.{part}.{kind}")
            noise = f"{place}.noise.weight"  # one for both halves
        else:
            self._norm(renamed, f"{ours}.norm", f"{place}.{int(name) + (2 if noisy else 1)}", _NORM)
            noise = f"{place}.{int(name) + 1}.weight"
        if noisy:
            self._take(renamed, f"{ours}.strength", noise)

    def _norm(self, renamed: dict[str, Tensor], ours: str, theirs: str, names: Mapping[str, str]) -> None:
        for name, new in names.items():
            self._take(renamed, f"{ours}.{new}", f"{theirs}.{name}")

    def _take(self, renamed: dict[str, Tensor], ours: str, theirs: str) -> None:
        if theirs not in self.tensors:
            self.shapes.fail(f"lacks {theirs}")
        renamed[ours] = self.tensors[theirs]


def find(checkpoint: Checkpoint) -> StoredNetwork | None:
    """The generator in a file; None where there is none."""
    return checkpoint.network(*_MARKS)


def read(checkpoint: Checkpoint) -> Part:
    """The generator of a checkpoint.

    Raises:
        InterpganError: if there is none, or a weight has no vectors that its spectral norm can be computed of.
    """
    found = find(checkpoint)
    if found is None:
        raise InterpganError(f"{checkpoint.path} holds no FastGAN generator of Projected GAN")
    tensors: dict[str, Tensor] = {}
    shapes = Shapes(found.tensors, checkpoint.path, "Projected GAN")
    for name, tensor in found.tensors.items():
        if name.endswith("_orig"):
            tensors[name.removesuffix("_orig")] = _divided(found.tensors, name, shapes)
        elif not name.endswith(("weight_u", "weight_v", "num_batches_tracked")):
            tensors[name] = tensor
    return Part(checkpoint.path, tensors)


def _divided(tensors: Mapping[str, Tensor], name: str, shapes: Shapes) -> Tensor:
    """A weight over its largest singular value, as the two vectors of the training's power iteration give it.

    Source: Miyato et al., Spectral Normalization for GANs, ICLR 2018, algorithm 1; torch's spectral_norm in eval mode.
    """
    stem, weight = name.removesuffix("_orig"), tensors[name].double()
    for part in "uv":
        shapes.of(f"{stem}_{part}", 1)
    u, v = tensors[f"{stem}_u"].double(), tensors[f"{stem}_v"].double()
    # A transposed convolution has its outputs in the second place.
    if weight.ndim < 2:
        shapes.fail(f"has {name} of shape {tuple(weight.shape)}")
    rows = (weight.transpose(0, 1) if stem == "init.init.0.weight" else weight).flatten(1)
    if (len(u), len(v)) != tuple(rows.shape):
        shapes.fail(f"has {stem}_u of {len(u)} and {stem}_v of {len(v)} numbers for {tuple(rows.shape)}")
    norm = torch.dot(u, rows @ v)
    if not norm:
        shapes.fail(f"has {name} with a spectral norm of 0")
    return (weight / norm).float()
