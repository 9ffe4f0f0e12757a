"""Files of learned movers: their fields, and the step that made them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeVar

from interpgan_core.errors import InterpganError
from interpgan_core.files.checkpoints import read_safetensors, write_safetensors

if TYPE_CHECKING:
    from torch import Tensor

KIND = "movers"


class Stored(Protocol):
    """What a file of movers needs of each: a class that its fields make again."""

    made_by: ClassVar[str]

    def values_by_field(self) -> dict[str, Any]:
        """Field -> tensor, mapping of names to tensors, or JSON value."""


S = TypeVar("S", bound=Stored)


def write_movers(path: Path, movers: Mapping[str, Stored]) -> None:
    """Write movers of one step into a .safetensors file.

    Args:
        path: the file.
        movers: name -> mover; tensors that they share are written once.
    """
    tensors: dict[str, Tensor] = {}
    places: dict[tuple[Any, ...], str] = {}

    def place(tensor: Tensor, name: str) -> str:
        """The name in the file of a tensor, put there if it is new."""
        start = tensor.untyped_storage().data_ptr(), tensor.storage_offset()
        known = places.setdefault((*start, tensor.shape, tensor.stride(), tensor.dtype), name)
        tensors.setdefault(known, tensor)
        return known

    entries = []
    for number, (name, mover) in enumerate(movers.items()):
        entry: dict[str, Any] = {"name": name, "values": {}, "tensors": {}, "groups": {}}
        for key, value in mover.values_by_field().items():
            own = f"{number}.{key}"
            if is_tensor(value):
                entry["tensors"][key] = place(value, own)
            elif holds_tensors(value):
                entry["groups"][key] = {part: place(t, f"{own}.{part}") for part, t in value.items()}
            else:
                entry["values"][key] = dict(value) if isinstance(value, Mapping) else value
        entries.append(entry)
    made_by = next(iter(movers.values())).made_by if movers else ""
    write_safetensors(path, tensors, KIND, {"made_by": made_by, "movers": entries})


def read_movers(path: Path, kind: type[S]) -> dict[str, S]:
    """Read movers of a known class.

    Args:
        path: a file that `write_movers` made.
        kind: class of the movers.

    Returns:
        Name -> mover; they share what they shared before.

    Raises:
        InterpganError: if it is no such file, or holds movers of another step.
    """
    tensors, header = read_safetensors(path, KIND)
    if header.get("made_by") != kind.made_by:
        raise InterpganError(
            f"{path} holds movers of the step '{header.get('made_by')}', not of '{kind.made_by}'"
        )
    made: Any = kind
    try:
        found = {}
        for entry in header["movers"]:
            values = dict(entry["values"])
            values |= {key: tensors[name] for key, name in entry["tensors"].items()}
            for key, group in entry["groups"].items():
                values[key] = {part: tensors[name] for part, name in group.items()}
            found[entry["name"]] = made(**values)
    except (KeyError, TypeError, AttributeError) as error:
        raise InterpganError(f"{path} is damaged: its header and its tensors do not match") from error
    return found


def maker_of(path: Path) -> str:
    """The name of the step that made the movers of a file.

    Raises:
        InterpganError: if it holds none.
    """
    return str(read_safetensors(path, KIND)[1].get("made_by", ""))


def is_tensor(value: Any) -> bool:
    """Is it one? torch need not be imported."""
    return hasattr(value, "detach")


def holds_tensors(value: Any) -> bool:
    """Is it a mapping of names to tensors?"""
    return isinstance(value, Mapping) and bool(value) and all(map(is_tensor, value.values()))
