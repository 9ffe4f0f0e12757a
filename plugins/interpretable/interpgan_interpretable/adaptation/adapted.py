"""The operator `interpretable.adapted`."""

from __future__ import annotations

from typing import ClassVar

from interpgan_core import Generator, InputFile, Operator


class UseAdapted(Operator):
    """Put filters that `interpretable.adapt` made, and a file keeps, behind the layer that they were made for."""

    keep: ClassVar[bool] = False

    file: InputFile
    """`layer.safetensors`, from the folder of that step."""

    def check(self, generator: Generator) -> Generator:
        return self.run(generator)

    def run(self, generator: Generator) -> Generator:
        """Read them.

        Raises:
            InterpganError: if the file is damaged, holds something else, or was made for another generator.
        """
        return generator.with_layer_from(self.file)
