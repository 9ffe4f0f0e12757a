"""The step `insert`: units set to a level, so that they draw what they draw."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from interpgan_core.errors import InterpganError
from interpgan_core.generators.generator import Generator
from interpgan_core.generators.latents import LatentBatch
from interpgan_core.operators.builtin.units import OnUnits

if TYPE_CHECKING:
    from torch import Tensor


def _level(value: Any) -> Any:
    if isinstance(value, str) and value.strip():
        return value
    numbers = value if isinstance(value, list | tuple) else [value]
    finite = (isinstance(n, int | float) and not isinstance(n, bool) and abs(n) < 1e30 for n in numbers)
    if not numbers or not all(finite):
        raise InterpganError(
            "a level is a number, a list of numbers, one a unit, or the name of a level of ranked units, such as mean"
        )
    return tuple(map(float, numbers)) if isinstance(value, list | tuple) else float(value)


Level = Annotated[
    float | tuple[float, ...] | str,
    BeforeValidator(_level),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "number"},
                {"type": "array", "items": {"type": "number"}, "minItems": 1},
                {"type": "string"},
            ]
        }
    ),
]
"""A number, a list of numbers (one a unit), or the name of a level of ranked units."""


class Insert(OnUnits):
    """Have units draw what they draw in a region: their feature maps become a level there.

    It goes with `ablate` and `exchange` in any order: each edit works on what those before it have left.

    Source: Bau et al., GAN Dissection, ICLR 2019, section 3.2, equation 3: the level k is the units' mean where the
        concept is.

    Example:
        >>> from interpgan_core import Insert
        >>> from interpgan_core.testing import toy
        >>> generator = toy()
        >>> brush = Insert(layer="layers.2", units="0-3", level=2, region=(0, 0, 0.5, 0.5), strength=0.5)
        >>> edit = brush.run(generator.sample([7]), generator).edits[0]
        >>> edit.value.flatten().tolist(), float(edit.weight.max())
        ([2.0, 2.0, 2.0, 2.0], 0.5)
    """

    level: Level = "mean"
    """What the maps become: a number, a list with one number a unit, or the name of a level of the ranked units: mean
    (where they draw it), map (the mean at every position, of samples that have it), 99% or 99.9% (what so many of the
    positions stay below)."""
    strength: Annotated[float, Field(ge=0, le=1)] = 1.0
    """How far the maps go from what they are, 0, to the level, 1."""

    @model_validator(mode="after")
    def _level_is_known(self) -> Self:
        if isinstance(self.level, str) and self.ranked is None:
            raise InterpganError(
                f"the level '{self.level}' comes with ranked units, and none are named; give 'level' as a number, or "
                "name a step that ranks units in 'ranked'"
            )
        return self

    def value(
        self,
        batch: LatentBatch,
        generator: Generator,
        layer: str,
        units: tuple[int, ...],
        size: Sequence[int],
    ) -> Tensor:
        import torch

        if isinstance(self.level, str):
            return self.chosen().level_at(self.level, size)
        given = [self.level] * len(units) if isinstance(self.level, float) else self.level
        if len(given) != len(units):
            raise InterpganError(
                f"'level' has {len(given)} numbers for {len(units)} units; give one, or one a unit"
            )
        return torch.tensor(given).float().view(1, -1, 1, 1)

    def _weight(self, batch: LatentBatch, generator: Generator, size: Sequence[int]) -> Tensor:
        return self.strength * super()._weight(batch, generator, size)
