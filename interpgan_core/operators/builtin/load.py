"""The step `load`: a batch of codes from a file."""

from __future__ import annotations

from typing import ClassVar

from interpgan_core.errors import InterpganError
from interpgan_core.generators.generator import Generator
from interpgan_core.generators.latents import LatentBatch
from interpgan_core.loading.published_codes import load_codes
from interpgan_core.loading.published_directions import is_own
from interpgan_core.operators.base import Operator
from interpgan_core.operators.fields import InputFile


class LoadBatch(Operator):
    """Load codes: those that `save` wrote, or those of NVIDIA's projector, e4e, pSp, PTI and others.

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
    """.safetensors, .npy, .npz or .pt."""
    space: str | None = None
    """The space of the codes, where the file does not say it: z, w, w+."""

    def check(self, generator: Generator) -> LatentBatch:
        return self.run(generator)

    def run(self, generator: Generator) -> LatentBatch:
        """Read them.

        Raises:
            InterpganError: if the file holds no codes of this generator, or of another space.
        """
        if not is_own(self.file):
            return load_codes(self.file, generator, self.space)
        batch = LatentBatch.load(self.file, generator)
        if self.space not in (None, batch.space.name):
            raise InterpganError(
                f"{self.file} holds codes of {batch.space.name}, not {self.space}; leave out 'space'"
            )
        return batch
