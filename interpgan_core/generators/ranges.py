"""Ranges as people write them ("0-3,6"), for layers, units and seeds; both ends are included."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, overload

from pydantic import BeforeValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from interpgan_core.errors import InterpganError

MAX_SEED = 2**32 - 1
_PART = re.compile(r"([0-9]{1,15})(?:\s*(-)\s*([0-9]{1,15})?)?")


class Ranges(Sequence[int]):
    """Whole numbers in the order written, kept as ranges, so that half a million seeds cost nothing.

    Args:
        text: "7", "0-3,6" or "8-" (from 8 to `last`).
        last: the largest number that exists, where one is known.

    Raises:
        InterpganError: if the text is no such range, runs backwards, or passes `last`.

    Example:
        >>> from interpgan_core import Ranges
        >>> list(Ranges("0-3,6")), len(Ranges("0-499999"))
        ([0, 1, 2, 3, 6], 500000)
    """

    def __init__(self, text: str, last: int | None = None) -> None:
        self.parts: list[range] = []
        for part in str(text).split(","):
            match = _PART.fullmatch(part.strip())
            if not match:
                raise InterpganError(f"'{text}' is not a range; write numbers like 3, 0-7 or 0-3,6")
            first, dash, end = match.groups()
            if dash and end is None and last is None:
                raise InterpganError(f"'{text}' has no end; write it out, for example {first}-99")
            stop = int(first) if not dash else int(end) if end is not None else max(last or 0, int(first))
            if stop < int(first):
                raise InterpganError(f"'{text}' runs backwards; write {stop}-{first}")
            if last is not None and stop > last:
                raise InterpganError(f"'{text}' goes past the last one, {last}")
            self.parts.append(range(int(first), stop + 1))

    def __len__(self) -> int:
        return sum(len(part) for part in self.parts)

    def __iter__(self) -> Iterator[int]:
        return itertools.chain.from_iterable(self.parts)

    @overload
    def __getitem__(self, index: int) -> int: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[int]: ...
    def __getitem__(self, index: int | slice) -> int | Sequence[int]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        position = index + len(self) if index < 0 else index
        for part in self.parts if position >= 0 else []:
            if position < len(part):
                return part[position]
            position -= len(part)
        raise IndexError(index)


def _as_text(value: Any) -> str:
    if type(value) is int:
        return str(value)
    if isinstance(value, list | tuple) and value and all(type(v) is int for v in value):
        return ",".join(str(v) for v in value)
    if not isinstance(value, str):
        raise PydanticCustomError("range_type", "must be numbers such as 3, 0-7 or 0-3,6")
    return value


def _layers(value: Any) -> str:
    text = _as_text(value)
    if text != "all":
        Ranges(text, last=10**6)
    return text


def _numbers(value: Any) -> str:
    text = _as_text(value)
    Ranges(text)
    return text


def _seeds(value: Any) -> str:
    text = _as_text(value)
    if any(part.stop > MAX_SEED + 1 for part in Ranges(text).parts):
        raise InterpganError(f"a seed is a whole number from 0 to {MAX_SEED}")
    return text


_WRITTEN = WithJsonSchema(
    {"anyOf": [{"type": "string"}, {"type": "integer"}, {"type": "array", "items": {"type": "integer"}}]}
)

Layers = Annotated[str, BeforeValidator(_layers), _WRITTEN]
"""Synthesis layers: "all", "0-3,6", "8-" (to the last); a number or a list of numbers is taken too."""

Units = Annotated[str, BeforeValidator(_numbers), _WRITTEN]
"""Channels of a feature map: "5", "0-31,40"."""

Seeds = Annotated[str, BeforeValidator(_seeds), _WRITTEN]
"""Seeds of samples: "7-14", "0-19999", "3,5,8"; each a whole number below 2^32."""
