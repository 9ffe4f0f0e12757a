"""What may come out of an untrusted file: plain containers, numbers, text, arrays and tensors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from interpgan_core.files.builders import Global, Placeholder, PlainDict, key
from interpgan_core.files.inert import Inert

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

MAX_NODES = 1_000_000  # parts of a value, shared ones counted wherever they occur
MAX_DEPTH = 100


def plain(value: Any, size: int) -> Any:
    """Rebuild a value from nothing but dicts, lists, numbers, strings, arrays and tensors.

    Args:
        value: what a reader of untrusted files built.
        size: bytes of the file; no tensor, and not all arrays together, may hold more.

    Returns:
        The value with placeholders resolved, tensors detached, tuples and sets as lists.

    Raises:
        ValueError: if it holds anything else, contains itself, or is larger than the file.
    """
    import numpy as np
    from torch import Tensor, device, dtype

    nodes, room = MAX_NODES, size
    arrays: dict[int, Any] = {}

    def visit(value: Any, depth: int) -> Any:
        nonlocal nodes
        nodes -= 1
        if nodes < 0 or depth > MAX_DEPTH:
            raise ValueError("it is nested without end")
        if value is None or isinstance(value, bool | int | float | complex | str | bytes):
            return value
        if isinstance(value, dict):
            return {key(k): visit(v, depth + 1) for k, v in value.items()}
        if isinstance(value, list | tuple | set):
            return [visit(v, depth + 1) for v in value]
        if isinstance(value, Placeholder):
            return visit(value.value(), depth + 1)
        named = value.build if isinstance(value, Global) else value
        if isinstance(named, type) and issubclass(named, Inert | PlainDict):
            return getattr(named, "name", "dict")
        if isinstance(value, Global) and value.name.startswith(("builtins.", "__builtin__.")):
            return value.name  # the name of a type, in settings
        if isinstance(value, np.ndarray):
            return array(value)
        if isinstance(value, Tensor):
            return _tensor(value, size)
        if isinstance(value, dtype | device):
            return str(value)
        raise ValueError(f"it holds a {type(value).__name__}, which is no weight")

    def array(value: np.ndarray) -> np.ndarray:
        nonlocal room
        if id(value) not in arrays:
            room -= value.nbytes
            if room < 0:
                raise ValueError("its arrays are larger than the file")
            arrays[id(value)] = value.astype(value.dtype.newbyteorder("="))
        made: np.ndarray = arrays[id(value)]
        return made

    return visit(value, 0)


def _tensor(tensor: Tensor, size: int) -> Tensor:
    import torch

    if type(tensor) not in (torch.Tensor, torch.nn.Parameter) or tensor.is_quantized:
        raise ValueError(f"it holds a {type(tensor).__name__} of a kind that is not read")
    if tensor.layout != torch.strided or tensor.device.type != "cpu":
        raise ValueError("it holds a tensor without plain numbers")
    if tensor.numel() * tensor.element_size() > size:
        raise ValueError(f"a tensor of shape {tuple(tensor.shape)} is larger than the file")
    return tensor.detach()
