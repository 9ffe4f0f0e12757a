"""What each global that a pickle may name stands for: functions of this module, never the real ones.

To allow another family of files, add its globals to `BUILDERS`. A builder gets what the file says, so it
must refuse what it does not expect (any exception will do) and make nothing larger than its arguments.
"""

from __future__ import annotations

import math
import re
import warnings
from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor


@dataclass(frozen=True)
class Global:
    """A name in a pickle, and what stands for it here."""

    name: str
    build: Callable[..., Any]


class Placeholder(ABC):
    """Stands for an object while its pickle is read."""

    @abstractmethod
    def __setstate__(self, state: Any) -> None:
        """Take the attributes that the pickle gives it."""

    @abstractmethod
    def value(self) -> Any:
        """What it became."""


class Record(Placeholder):
    """An object that is nothing but its attributes: a dict."""

    state: dict[str, Any] | None = None

    def __setstate__(self, state: Any) -> None:
        if not isinstance(state, dict):
            raise TypeError("attributes that are no dict")
        self.state = state

    def value(self) -> dict[str, Any]:
        return self.state or {}


class DType(Placeholder):
    """A kind of number, or of text of fixed length; or `object`, for lists in an array's clothes."""

    kind: np.dtype[Any] | None = None

    def __init__(self, spec: str, *_flags: Any) -> None:
        import numpy as np

        if not re.fullmatch(r"[<>=|]?(b1|[iu][1248]|f[248]|c8|c16|[SU][1-9]\d{0,5}|O8?)", spec):
            raise ValueError(f"arrays of '{spec[:20]}' are not numbers")
        self.kind = np.dtype(spec)

    def __setstate__(self, state: Any) -> None:
        assert self.kind is not None
        self.kind = self.kind.newbyteorder(state[1])

    def value(self) -> str:
        return str(self.kind)


class PlainDict:
    """Stands for a dict of a class of its own, and becomes a dict of the one kind that torch's reader fills too."""

    def __new__(cls, *_args: Any) -> Any:
        return OrderedDict()


class Array(Placeholder):
    """A numpy array, made from its bytes when it is asked for; one of objects becomes the list of them."""

    state: tuple[Any, ...] = ()
    made: Any = None

    def __init__(self, *_args: Any) -> None: ...

    def __setstate__(self, state: Any) -> None:
        self.state = state

    def value(self) -> Any:
        if self.made is None:
            _version, shape, dtype, fortran, data = self.state
            if dtype.kind.hasobject and isinstance(data, list) and len(counts(shape)) < 2:
                self.made = data if shape else data[0]
            else:
                self.made = _from_bytes(data, dtype, shape, fortran)
        return self.made


def key(value: Any) -> Any:
    """The value if it may be a dict's key: one whose hash takes no time, as that of nested tuples may."""
    if value is None or isinstance(value, bool | int | float | str | bytes):
        return value
    raise TypeError(f"a {type(value).__name__} as a key")


def counts(values: Any) -> tuple[int, ...]:
    """The values if they may be a shape. Said without showing them: they may be anything, of any size."""
    if not isinstance(values, tuple | list) or len(values) > 64:
        raise ValueError("a shape that is none")
    if not all(type(n) is int and 0 <= n < 2**48 for n in values):
        raise ValueError("a shape of numbers that are no sizes")
    return tuple(values)


def _from_bytes(data: Any, dtype: DType, shape: Any, fortran: bool = False) -> np.ndarray:
    import numpy as np

    kind = dtype.kind
    assert kind is not None
    if kind.hasobject:
        raise ValueError("an array of objects cannot be made from bytes")
    raw = data.encode("latin-1") if isinstance(data, str) else data
    shape = counts(shape if isinstance(shape, tuple) else (shape,))
    if math.prod(shape) * kind.itemsize != len(raw):
        raise ValueError(f"an array of shape {shape} of {kind} does not fit the {len(raw)} bytes it has")
    return np.ndarray(shape, kind, raw, order="F" if fortran else "C")


def _array_from_buffer(data: Any, dtype: DType, shape: Any, order: str) -> Array:
    array = Array()
    array.__setstate__((1, shape, dtype, order == "F", data))
    return array


def _scalar(dtype: DType, data: Any) -> Any:
    return _from_bytes(data, dtype, ()).item()


def _encode(text: str, encoding: str) -> bytes:
    if encoding not in ("latin1", "latin-1"):
        raise ValueError("bytes in an encoding that is not used for bytes")
    return text.encode("latin-1")


def _empty_bytes() -> bytes:
    """How protocols 0 to 2 write b""; any other bytes go through `_encode`."""
    return b""


def _dict(pairs: Any = ()) -> dict[Any, Any]:
    items = pairs.items() if isinstance(pairs, dict) else pairs
    return {key(name): value for name, value in items}


def _new(build: Any, _base: Any, content: Any) -> Any:
    """What protocols 0 and 1 call to make an object of a class."""
    return build.build() if content is None else build.build(content)


def _only_named(*_args: Any) -> Any:
    raise ValueError("a name that no good file calls was called")


def _persistent(meta: dict[str, Any]) -> dict[str, Any]:
    """A network of NVIDIA's: its name and state are kept, the source text that comes with it is dropped."""
    if meta["type"] != "class":
        raise ValueError("a persistent object that is no class")
    return {name: meta[name] for name in ("class_name", "version", "state")}


def torch_value(file: IO[bytes] | Path, more: Iterable[Global] = ()) -> Any:
    """What torch's own reader for untrusted files makes of one, with `EXTRAS` allowed beside its own.

    Args:
        file: open for reading; or the path of one in the new format whose tensors stay in it. By the ending
            .safetensors alone torch would take a path for another format.
        more: what else may stand in it.
    """
    import torch

    allowed: list[Any] = [(build, ".".join(name)) for name, build in EXTRAS.items()]
    allowed += [(found.build, found.name) for found in more]
    with torch.serialization.safe_globals(allowed), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of pickle protocols
        return torch.load(file, map_location="cpu", weights_only=True, mmap=isinstance(file, Path))


def _storage(data: bytes) -> Tensor:
    """A torch storage from the torch file inside the pickle, as a tensor of one dimension."""
    import torch

    storage = torch_value(BytesIO(data))
    if not isinstance(storage, torch.storage.TypedStorage):
        raise ValueError(f"{type(storage).__name__} in place of a storage")
    return torch.empty(0, dtype=storage.dtype).set_(storage)


def _tensor(storage: Tensor, offset: int, size: Any, stride: Any, *_rest: Any) -> Tensor:
    size, stride, (offset,) = counts(size), counts(stride), counts((offset,))
    last = offset + sum((n - 1) * step for n, step in zip(size, stride, strict=True))
    count = math.prod(size)
    if count and max(last + 1, count) > len(storage):
        raise ValueError(f"a tensor of size {size} does not fit the {len(storage)} numbers it has")
    return storage.as_strided(size, stride, offset if count else 0)


def _parameter(tensor: Tensor, *_rest: Any) -> Tensor:
    return tensor


# What may also stand in torch's own files, beside what torch itself allows there.
EXTRAS: dict[tuple[str, str], Callable[..., Any]] = {
    ("argparse", "Namespace"): Record,
    ("numpy", "dtype"): DType,
    ("numpy", "ndarray"): _only_named,
    ("torch_utils.persistence", "_reconstruct_persistent_obj"): _persistent,
    ("dnnlib.util", "EasyDict"): PlainDict,
}
for _core in ("numpy.core", "numpy._core"):  # numpy 1 and 2
    EXTRAS[_core + ".multiarray", "_reconstruct"] = Array
    EXTRAS[_core + ".multiarray", "scalar"] = _scalar
    EXTRAS[_core + ".numeric", "_frombuffer"] = _array_from_buffer

BUILDERS: dict[tuple[str, str], Callable[..., Any]] = EXTRAS | {
    ("collections", "OrderedDict"): _dict,
    ("_codecs", "encode"): _encode,
    ("torch._utils", "_rebuild_tensor_v2"): _tensor,
    ("torch._utils", "_rebuild_parameter"): _parameter,
    ("torch.storage", "_load_from_bytes"): _storage,
    ("dnnlib.util", "EasyDict"): _dict,
}
for _builtins, _copyreg in (("builtins", "copyreg"), ("__builtin__", "copy_reg")):  # Python 3 and 2
    BUILDERS[_builtins, "set"] = list
    BUILDERS[_builtins, "bytes"] = _empty_bytes
    BUILDERS[_builtins, "object"] = _only_named
    BUILDERS[_builtins, "dict"] = _dict
    BUILDERS[_copyreg, "_reconstructor"] = _new
