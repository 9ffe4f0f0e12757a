"""The pickles of R3GAN: objects of ordinary classes, kept as names and tensors; all sizes are read from the shapes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from torch import Tensor

from interpgan_core import InterpganError
from interpgan_core.plugin import Checkpoint, Shapes, StoredNetwork
from interpgan_r3gan.network import Stage

_GENERATOR = ("AggregationLayer.Layer.weight", "MainLayers.0.Layers.0.Basis")
_DISCRIMINATOR = ("ExtractionLayer.Layer.weight", "MainLayers.0.Layers.0.LinearLayer1.Layer.weight")
_NUMBER = r"(\d{1,6})"
_BLOCK = {
    "LinearLayer1.Layer.weight": "first",
    "LinearLayer2.Layer.weight": "middle",
    "LinearLayer3.Layer.weight": "last",
    "NonLinearity1.Bias": "bias1",
    "NonLinearity2.Bias": "bias2",
}


@dataclass(frozen=True)
class Part:
    """One network of a checkpoint, in the names of the file.

    Args:
        path: the file.
        tensors: name -> tensor.
        generator: is it the generator? Or else the discriminator.
    """

    path: Path
    tensors: Mapping[str, Tensor]
    generator: bool

    @cached_property
    def shapes(self) -> Shapes:
        """Of its tensors."""
        return Shapes(self.tensors, self.path, "R3GAN")

    @cached_property
    def stages(self) -> list[Stage]:
        """Its stages in forward order; a generator's begin with the step to their size, others end with one."""
        count = self.shapes.count(rf"MainLayers\.{_NUMBER}\.Layers\.\d+\..*")
        return [self._stage(i) for i in range(count)]

    def _stage(self, number: int) -> Stage:
        shapes, place = self.shapes, rf"MainLayers\.{number}\.Layers\."
        found = {
            int(match[1])
            for name in shapes
            if (match := re.fullmatch(rf"{place}{_NUMBER}\.LinearLayer1\.Layer\.weight", name))
        }
        first = 1 if self.generator else 0
        if not found or found != set(range(first, first + len(found))):
            shapes.fail(f"lacks a block of stage {number}")
        start = f"MainLayers.{number}.Layers.{first}"
        wide, width = shapes.of(f"{start}.LinearLayer1.Layer.weight", 4)[:2]
        each = shapes.of(f"{start}.LinearLayer2.Layer.weight", 4)[1]
        if not each or wide % each:
            shapes.fail(f"has {start}.LinearLayer2.Layer.weight for {each} channels a group, of {wide}")
        return Stage(width, wide, wide // each, len(found))

    @property
    def embedded(self) -> tuple[int, int]:
        """Entries that a label is embedded in, and classes; 0 and 0 where there are none."""
        rows, columns = (
            self.shapes.of("EmbeddingLayer.weight", 2) if "EmbeddingLayer.weight" in self.tensors else (0, 0)
        )
        return rows, columns

    @property
    def inputs(self) -> int:
        """Entries of z."""
        columns = self.shapes.of("MainLayers.0.Layers.0.LinearLayer.weight", 2)[1]
        if columns <= self.embedded[0]:
            self.shapes.fail(f"has a first layer of {columns} inputs for a label of {self.embedded[0]}")
        return columns - self.embedded[0]

    @property
    def channels(self) -> int:
        """Of the pictures."""
        if self.generator:
            return self.shapes.of("AggregationLayer.Layer.weight", 4)[0]
        return self.shapes.of("ExtractionLayer.Layer.weight", 4)[1]

    @property
    def outputs(self) -> int:
        """Of a discriminator's last layer."""
        last = len(self.stages) - 1
        return self.shapes.of(f"MainLayers.{last}.Layers.{self.stages[last].blocks}.LinearLayer.weight", 2)[0]

    def renamed(self) -> dict[str, Tensor]:
        """The tensors in the names of our networks."""
        return {self._name(name): tensor for name, tensor in self.tensors.items()}

    def _name(self, name: str) -> str:
        match = re.fullmatch(rf"MainLayers\.{_NUMBER}\.Layers\.{_NUMBER}\.(.*)", name)
        if match is None:
            picture = "picture" if self.generator else "first"
            ends = {"EmbeddingLayer.weight": "embedding", "AggregationLayer.Layer.weight": picture}
            return (ends | {"ExtractionLayer.Layer.weight": picture}).get(name, name)
        stage, layer, rest = int(match[1]), int(match[2]), match[3]
        if rest in _BLOCK:
            return f"blocks.{stage}.{layer - 1 if self.generator else layer}.{_BLOCK[rest]}"
        ends = {"Basis": "start.basis", "LinearLayer.weight": "start.weight"}
        steps = f"ups.{stage - 1}"
        if not self.generator:
            ends = {"Basis.weight": "basis", "LinearLayer.weight": "last"}
            steps = f"downs.{stage}"
        ends |= {"Resampler.Kernel": f"{steps}.kernel", "LinearLayer.Layer.weight": f"{steps}.weight"}
        return ends.get(rest, name)


def find(checkpoint: Checkpoint) -> StoredNetwork | None:
    """The generator in a file; None where there is none."""
    return checkpoint.network(_GENERATOR)


def read(checkpoint: Checkpoint) -> tuple[Part, Part | None]:
    """The generator, and the discriminator where the file has one.

    Raises:
        InterpganError: if there is no generator.
    """
    found = find(checkpoint)
    if found is None:
        raise InterpganError(f"{checkpoint.path} holds no generator of R3GAN")
    judge = checkpoint.network(_DISCRIMINATOR)
    generator = Part(checkpoint.path, found.tensors, generator=True)
    return generator, None if judge is None else Part(checkpoint.path, judge.tensors, generator=False)
