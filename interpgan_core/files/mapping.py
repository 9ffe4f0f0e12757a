"""Tensors that stay in their file until somebody uses them: a file may hold far more than what one wants of it."""

from __future__ import annotations

import ctypes
import mmap
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor, nn

LEAST = 2**25  # bytes: a smaller file is read whole
SMALL = 2**16  # bytes: a smaller tensor is read at once
_DONTNEED = 4  # of Linux' madvise


@dataclass(frozen=True)
class Mapped:
    """Where in memory the content of a file appears when it is looked at.

    Args:
        begin, end: addresses; the tensors between them are those of the file.
    """

    begin: int
    end: int

    def holds(self, tensor: Tensor) -> bool:
        """Is it in the file?"""
        return tensor.device.type == "cpu" and self.begin <= tensor.data_ptr() < self.end

    def own(self, *networks: nn.Module | None) -> None:
        """Copy the weights of networks out of the file, which may change afterwards: each is in memory once.

        Args:
            networks: changed in place; those that are none are passed over.
        """
        for network in networks:
            for tensor in () if network is None else (*network.parameters(), *network.buffers()):
                if self.holds(tensor):
                    storage = tensor.untyped_storage()
                    tensor.data = tensor.data.clone()
                    _leave(storage.data_ptr(), storage.nbytes())


def can_be_mapped(path: Path) -> bool:
    """May the tensors of a file in torch's new format stay there? Those of a small file are read all the same."""
    # By this ending alone torch takes a file for another format.
    return (
        path.stat().st_size >= LEAST and not path.name.endswith(".safetensors") and sys.byteorder == "little"
    )


def mapped(content: Any) -> tuple[Any, Mapped]:
    """What a file holds whose tensors stay in it, with the small ones read.

    Args:
        content: nested dicts and lists of tensors, all of them of one mapped file.

    Returns:
        The content, and where the rest of its tensors is.
    """
    content = _small_ones_read(content)
    spans = [
        (storage.data_ptr(), storage.data_ptr() + storage.nbytes())
        for tensor in _tensors(content)
        if (storage := tensor.untyped_storage()).nbytes() >= SMALL
    ]
    return content, Mapped(min((a for a, _ in spans), default=0), max((b for _, b in spans), default=0))


def _small_ones_read(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _small_ones_read(inside) for key, inside in value.items()}
    if isinstance(value, list):
        return [_small_ones_read(inside) for inside in value]
    return value.clone() if _is_tensor(value) and value.untyped_storage().nbytes() < SMALL else value


def _tensors(value: Any) -> Iterator[Tensor]:
    if isinstance(value, Mapping):
        for inside in value.values():
            yield from _tensors(inside)
    elif isinstance(value, list):
        for inside in value:
            yield from _tensors(inside)
    elif _is_tensor(value):
        yield value


def _is_tensor(value: Any) -> bool:
    return hasattr(value, "untyped_storage")


def _leave(begin: int, size: int) -> None:
    """Let go of the memory behind a part of a mapped file; where the system has no such call it stays for a while."""
    if not sys.platform.startswith("linux"):
        return
    page = mmap.PAGESIZE
    first, last = -(-begin // page) * page, (begin + size) // page * page  # whole pages
    with suppress(OSError, AttributeError):
        if last > first:
            ctypes.CDLL(None).madvise(ctypes.c_void_p(first), ctypes.c_size_t(last - first), _DONTNEED)
