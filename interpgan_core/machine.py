"""What a command of interpgan sets for its process, so that torch runs fast on a shared machine."""

from __future__ import annotations

import os
from contextlib import suppress

# What decides how memory is taken; where one of these is set, the user has chosen.
_MALLOC = ("MALLOC_MMAP_MAX_", "MALLOC_TRIM_THRESHOLD_", "MALLOC_TOP_PAD_", "MALLOC_MMAP_THRESHOLD_")


def use_the_machine_well() -> None:
    """Have threads wait without spinning, and memory kept: for commands, before they import torch.

    On shared cores threads that spin while they wait take the time of those that work. Maps of large pictures, taken
    from the system and given back in every layer, cost a fifth of the time of a search in page faults.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    if any(name in os.environ for name in _MALLOC):
        return
    with suppress(OSError, AttributeError):  # where there is no glibc there is no mallopt
        import ctypes

        mallopt = ctypes.CDLL(None).mallopt
        for option, value in (
            (-4, 0),
            (-1, 2**31 - 1),
            (-2, 64 * 2**20),
        ):  # M_MMAP_MAX, M_TRIM_THRESHOLD, M_TOP_PAD
            mallopt(option, value)
