"""The step `load`: a batch from a file."""

from __future__ import annotations

from typing import ClassVar

from interpgan_core.generators.generator import Generator
from interpgan_core.generators.latents import LatentBatch
from interpgan_core.operators.base import Operator
from interpgan_core.operators.fields import InputFile


class LoadBatch(Operator):
    """Load a batch of codes that `save` wrote.

    Example:
        >>> from pathlib import Path
        >>> from interpgan_core import LoadBatch
        >>> from interpgan_core.testing import toy
        >>> generator = toy()
        >>> generator.sample([7]).save(Path("."))
        >>> LoadBatch(file="batch.safetensors").run(generator).seeds.tolist()
        [7]
    """

    keep: ClassVar[bool] = False

    file: InputFile

    def run(self, generator: Generator) -> LatentBatch:
        return LatentBatch.load(self.file, generator)
