"""The step `directions`: directions from a file of any published format."""

from __future__ import annotations

from typing import ClassVar

from interpgan_core.generators.directions import DirectionSet
from interpgan_core.generators.ranges import Layers
from interpgan_core.loading.published_directions import load_directions
from interpgan_core.operators.base import Operator
from interpgan_core.operators.fields import InputFile


class LoadDirections(Operator):
    """Load directions from any published format; what the file does not say, the step must.

    Example:
        >>> import numpy as np
        >>> from interpgan_core import LoadDirections
        >>> np.save("smile.npy", np.ones((1, 16)))
        >>> list(LoadDirections(file="smile.npy", space="w").run())
        ['smile']
    """

    keep: ClassVar[bool] = False
    singular: ClassVar[bool] = True

    file: InputFile
    space: str | None = None
    """The space they live in: z, w, w+."""
    layers: Layers | None = None
    """Default layers of the edit, in place of the file's."""
    flip: bool = False
    """Turn every direction round."""

    def run(self) -> DirectionSet:
        return load_directions(self.file, self.space, self.layers, self.flip)
