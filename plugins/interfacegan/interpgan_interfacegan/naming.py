"""How directions are handed to a step, and what they are called."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

from pydantic import Field

from interpgan_core import Direction, DirectionSet, Input, InterpganError

Directions = Input[DirectionSet] | Annotated[dict[str, Input[Direction]], Field(min_length=1)]
"""A set, or directions of several steps under names of your own: {plain: $found.smile, alone: $smile}."""


def checked(directions: Mapping[str, Direction]) -> Mapping[str, Direction]:
    """The same directions.

    Raises:
        InterpganError: if there are none.
    """
    if not directions:
        raise InterpganError("there are no directions here; name a step that finds some")
    return directions


def name_of(direction: Direction, otherwise: str) -> str:
    """What a person calls it: its attribute, or its file."""
    if "attribute" in direction.notes:
        return str(direction.notes["attribute"])
    return Path(str(direction.notes["file"])).stem if "file" in direction.notes else otherwise


def own_attribute(name: str, direction: Direction, scored: Sequence[str]) -> str | None:
    """The scored attribute that a direction is of: the one its notes name, or else its own name; or None."""
    known = (str(direction.notes.get("attribute", "")), name)
    return next((word for word in known if word in scored), None)
