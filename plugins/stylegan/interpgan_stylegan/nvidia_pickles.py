"""Networks in NVIDIA's pickles, as the core reads them: a state dict, and the settings they were made with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from torch import Tensor

from interpgan_core import InterpganError
from interpgan_core.plugin import Checkpoint


def network(checkpoint: Checkpoint, *names: str) -> tuple[dict[str, Tensor], dict[str, Any] | None]:
    """The first of the named networks that a file holds: an object of NVIDIA's, or a state dict.

    Args:
        checkpoint: an opened file.
        names: top-level names, the best first; a flat state dict needs none of them.

    Returns:
        Tensors by name; and the keyword arguments of the network's constructor, None of a state dict, which
        does not hold them.

    Raises:
        InterpganError: if the network is damaged.
    """
    content = checkpoint.content
    if isinstance(content, Mapping):
        for name in names:
            found = content.get(name)
            if isinstance(found, Mapping) and "class_name" in found:
                state = found.get("state")
                if not isinstance(state, Mapping):
                    raise InterpganError(f"{checkpoint.path}: {name} is damaged; download the file again")
                settings = state.get("_init_kwargs")
                return dict(_tensors(state, "")), dict(settings) if isinstance(settings, Mapping) else {}
    return {k: v for k, v in checkpoint.state(*names).items() if isinstance(v, Tensor)}, None


def _tensors(state: Any, prefix: str) -> Iterator[tuple[str, Tensor]]:
    """Parameters and buffers of a module and of all modules in it. A frozen layer has its weights as buffers."""
    if not isinstance(state, Mapping):
        return
    for kind in ("_parameters", "_buffers"):
        for name, value in _items(state, kind):
            if isinstance(value, Tensor):
                yield f"{prefix}{name}", value
    for name, module in _items(state, "_modules"):
        if isinstance(module, Mapping):
            yield from _tensors(module.get("state", module), f"{prefix}{name}.")


def _items(state: Mapping[str, Any], kind: str) -> Any:
    inside = state.get(kind)
    return inside.items() if isinstance(inside, Mapping) else ()
