"""Whether a batch can fit into the memory of a device at all."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from interpgan_core.errors import InterpganError

if TYPE_CHECKING:
    import torch

    from interpgan_core.generators.generator import Generator

_LIMIT = Path("/sys/fs/cgroup/memory.max")  # of a container


def check_batch_size(generator: Generator, batch_size: int, count: int) -> None:
    """Check that so many samples can pass the generator at once; renders one sample.

    What is counted is the largest feature map alone, which no way of drawing does without, against all the memory that
    the device has: it refuses what is impossible, not what is only too much at the moment.

    Args:
        generator: on the device where it will run.
        batch_size: samples at once.
        count: samples altogether; fewer than a batch are one batch.

    Raises:
        InterpganError: if they cannot; the message says how many can.
    """
    rows = min(batch_size, count)
    maps = (
        generator.features(generator.sample([0]), generator.layers) if generator.layers and rows > 1 else {}
    )
    one = max((m.numel() * m.element_size() for m in maps.values()), default=0)
    there = _memory(generator.device)
    if rows * one > there:
        raise InterpganError(
            f"'batch_size' {batch_size} needs {_size(rows * one)} of memory for one layer's maps alone, and "
            f"{generator.device.type} has {_size(there)}; give {max(1, there // (4 * one))} or fewer"
        )


def _memory(device: torch.device) -> int:
    """All memory of a device, in bytes."""
    import torch

    if device.type == "cuda":
        return int(torch.cuda.get_device_properties(device).total_memory)
    with suppress(ValueError, OSError):
        there = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        with suppress(ValueError, OSError):  # "max", or no container
            there = min(there, int(_LIMIT.read_text()))
        return there
    return 2**63


def _size(count: int) -> str:
    return f"{count / 1e9:.0f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"
