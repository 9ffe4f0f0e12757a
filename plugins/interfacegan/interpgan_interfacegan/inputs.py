"""Parameters that several operators share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator, Field

from interpgan_core import Direction, DirectionSet, Input, InterpganError

Directions = Input[DirectionSet] | Annotated[dict[str, Input[Direction]], Field(min_length=1)]
"""A set, or directions of several steps under names of your own: {plain: $found.smile, alone: $smile}."""


def check_not_empty(directions: Mapping[str, Direction]) -> None:
    """Raises: InterpganError: if there are no directions."""
    if not directions:
        raise InterpganError("there are no directions here; name a step that finds some")


def _share_or_count(value: float) -> float:
    if value > 1 and value != int(value):
        raise InterpganError("above 1 it is a number of samples, so a whole number")
    return value


ShareOrCount = Annotated[float, Field(gt=0), AfterValidator(_share_or_count)]
"""A share up to 1, or above it a whole number of samples."""
RandomSeed = Annotated[int, Field(ge=0, lt=2**32)]
