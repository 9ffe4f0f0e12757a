"""The step `walk`."""

from __future__ import annotations

import re
from dataclasses import replace
from decimal import Decimal
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, WithJsonSchema

from interpgan_core.errors import InterpganError
from interpgan_core.generators.generator import Generator
from interpgan_core.generators.latents import LatentBatch
from interpgan_core.operators.builtin.along import Relative, Strength, captions

MOST = 1000  # strengths that are written as a range


def _spaced(value: Any) -> Any:
    """The strengths of "first:last:step", both ends included; anything else as it is."""
    if not isinstance(value, str):
        return value
    number = r"\s*([+-]?(?:\d+\.?\d*|\.\d+))\s*"
    match = re.fullmatch(f"{number}:{number}:{number}", value)
    if not match:
        raise InterpganError(f"'{value}' is no range of strengths; write first:last:step, such as -6:6:0.5")
    first, last, step = (Decimal(part) for part in match.groups())
    if step <= 0 or last < first or (last - first) / step >= MOST:
        raise InterpganError(f"'{value}' must rise by a step above 0, to {MOST} strengths at most")
    return tuple(float(first + i * step) for i in range(int((last - first) / step) + 1))


Strengths = Annotated[
    tuple[Strength, ...],
    Field(min_length=1),
    BeforeValidator(_spaced),
    WithJsonSchema(
        {"anyOf": [{"type": "array", "items": {"type": "number"}, "minItems": 1}, {"type": "string"}]}
    ),
]
"""A list, or first:last:step, both ends included: "-6:6:0.5"."""


class Walk(Relative):
    """Every sample at several strengths along a direction, or of another mover, side by side.

    Example:
        >>> import torch
        >>> from interpgan_core import Direction, Walk
        >>> from interpgan_core.testing import toy
        >>> generator, first = toy(), Direction(torch.eye(16)[0], "w")
        >>> walked = Walk(direction=first, strengths=(-2, 0, 2)).run(generator.sample([7, 8]), generator)
        >>> len(walked), walked.grid.columns
        (6, ('-2', '0', '+2'))
    """

    strengths: Strengths = (-3.0, -1.5, 0.0, 1.5, 3.0)
    """A list, or first:last:step, both ends included: "-6:6:0.5"."""

    def move(self, batch: LatentBatch, layers: str, generator: Generator) -> LatentBatch:
        scale = self.scale(generator)
        walked = self.offsets(batch, layers, tuple(s * scale for s in self.strengths))
        assert walked.grid
        return replace(walked, grid=replace(walked.grid, columns=captions(batch, self.strengths)))
