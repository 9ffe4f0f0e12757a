"""Networks: built from a file's weights with every shape checked, named by a fingerprint, given a ReLU more."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from interpgan_core.errors import InterpganError

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    Network = TypeVar("Network", bound=nn.Module)
else:
    Network = TypeVar("Network")


def build(make: Callable[[], Network], tensors: Mapping[str, Tensor], path: Path) -> Network:
    """Make a network of the weights of a file, with the weights in memory once.

    Args:
        make: makes the network; it is called where tensors have shapes but no content.
        tensors: state dict in the network's own names, as read from the file.
        path: the file, for messages.

    Returns:
        The network in eval mode, its weights float32 and frozen.

    Raises:
        InterpganError: if a tensor is missing, is not known, or has another shape than the network's.
    """
    import torch

    with torch.device("meta"):
        network = make()
    table = {name: tuple(t.shape) for name, t in network.state_dict().items()}
    missing = [name for name in table if name not in tensors]
    unknown = [name for name in tensors if name not in table]
    if missing or unknown:
        what = (
            f"lacks {_some(missing)}" if missing else f"has {_some(unknown)}, which the network does not know"
        )
        raise InterpganError(
            f"{path} {what}; it is damaged, or from a variant of the architecture that interpgan does not know"
        )
    for name, shape in table.items():
        if tuple(tensors[name].shape) != shape:
            raise InterpganError(
                f"{path}: {name} has shape {tuple(tensors[name].shape)}, and the network of this file {shape}; "
                "the file is damaged, or its settings are not those of its weights"
            )
    weights = {name: t.float() if t.is_floating_point() else t for name, t in tensors.items()}
    network.load_state_dict(weights, assign=True)
    return network.eval().requires_grad_(False)


def rectify(network: nn.Module, layers: Iterable[str]) -> None:
    """Put a ReLU behind some modules of a network.

    Args:
        network: changed; a deep copy of it keeps the ReLU, its state dict knows nothing of it.
        layers: paths of modules whose output is a tensor; one that has its ReLU gets no other.
    """
    for name in layers:
        module = network.get_submodule(name)
        if _rectified not in module._forward_hooks.values():
            module.register_forward_hook(_rectified)


def channels_last(network: nn.Module, dtype: torch.dtype | None = None) -> None:
    """Lay a network's convolution weights out channels-last, which is quickest on a CPU and on a GPU.

    Args:
        network: changed in place.
        dtype: of the weights, as well; None = as they are.
    """
    import torch

    kind = {} if dtype is None else {"dtype": dtype}
    # torch's stubs know no `to` with a memory format.
    network.to(memory_format=torch.channels_last, **kind)  # type: ignore[call-overload]


def outputs_of(modules: Mapping[str, nn.Module], last: str, run: Callable[[], object]) -> dict[str, Tensor]:
    """What some modules of a network give; the network stops after the last of them.

    Args:
        modules: by name.
        last: name of the one that the network passes last.
        run: has the network run once.

    Returns:
        name -> output of the module, with the gradients that it has.
    """
    kept: dict[str, Tensor] = {}

    def keep(name: str) -> Callable[[object, object, Tensor], None]:
        def hook(_module: object, _inputs: object, output: Tensor) -> None:
            kept[name] = output
            if name == last:
                raise _Stop

        return hook

    handles = [module.register_forward_hook(keep(name)) for name, module in modules.items()]
    try:
        run()
    except _Stop:
        pass
    finally:
        for handle in handles:
            handle.remove()
    return {name: kept[name] for name in modules}


class _Stop(Exception):
    """Ends a forward pass when the last output is there."""


def fingerprint(weights: nn.Module | Mapping[str, Tensor], *more: object) -> str:
    """A short name for the weights of a network: equal weights, equal name.

    Args:
        weights: the network, or its state dict.
        more: anything else that makes a difference.

    Returns:
        The first 16 hexadecimal digits of a SHA-256 over names, shapes and bytes of every tensor.
    """
    import torch

    digest = hashlib.sha256(repr(more).encode())
    state = weights if isinstance(weights, Mapping) else weights.state_dict()
    for name, tensor in sorted(state.items()):
        digest.update(f"{name}{tuple(tensor.shape)}{tensor.dtype}".encode())
        raw = tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8)
        digest.update(memoryview(raw.numpy()))
    return digest.hexdigest()[:16]


def _rectified(_module: nn.Module, _inputs: object, output: Tensor) -> Tensor:
    return output.relu()


def _some(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
