"""What an array may be that no name says: a direction, a code, or neither."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_MAX_LAYERS = 64  # of a generator
_LEAST = 8  # numbers of a code: fewer are coordinates, or a table


NEITHER = "neither codes nor directions"


def what_it_may_be(array: Any) -> str:
    """What an array may be, in a few words.

    Args:
        array: of any shape; a tensor or numpy's.

    Returns:
        Such as "a direction, or a code"; what `directions` and `load` will make of it.
    """
    shape = tuple(array.shape)
    if len(shape) > 1 and shape[0] == 1 and len(shape) != 2:
        inner = what_it_may_be(array[0])
        return inner
    if not _is_float(array) or not shape or shape[-1] < _LEAST or 0 in shape:
        return NEITHER
    match len(shape):
        case 1:
            return f"a direction, or a code, of {shape[0]} numbers"
        case 2 if shape[0] == 1:
            return f"a direction, or a code, of {shape[1]} numbers"
        case 2 if shape[0] <= _MAX_LAYERS:
            rows = "the same for each layer" if bool((array == array[:1]).all()) else "layer by layer"
            return f"a direction, or a code, of {shape[0]} layers ({rows}), or {shape[0]} codes of {shape[1]} numbers"
        case 2:
            return f"{shape[0]} codes of {shape[1]} numbers"
        case 3 if shape[1] <= _MAX_LAYERS:
            return (
                f"{shape[0]} codes of w+, with {shape[1]} layers; a recipe reads them by load, with space: w+"
            )
    return NEITHER


def is_one_vector(array: Any) -> bool:
    """Is it (d,) or (1, d), or one vector once a layer, and so a direction if it is anything?"""
    may_be = what_it_may_be(array)
    return may_be.startswith("a direction") and ("layers" not in may_be or "the same" in may_be)


def describe_arrays(content: Any) -> dict[str, str]:
    """The arrays of a file that nothing else knows, and what they may be.

    Args:
        content: of the file.

    Returns:
        Facts by name; empty where it holds no arrays.
    """
    arrays = {"array": content} if hasattr(content, "shape") else {}
    if isinstance(content, Mapping):
        arrays = {str(name): value for name, value in content.items() if hasattr(value, "shape")}
    if any("." in name for name in arrays):  # weights
        return {}
    return {
        name: f"{tuple(array.shape)} of {str(array.dtype).removeprefix('torch.')}: {what_it_may_be(array)}"
        for name, array in arrays.items()
    }


def _is_float(array: Any) -> bool:
    return bool(array.is_floating_point()) if hasattr(array, "is_floating_point") else array.dtype.kind == "f"
