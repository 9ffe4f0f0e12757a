"""How much memory a process takes to load a checkpoint."""

from pathlib import Path

import pytest
from processes import forked

_CODE = """
import sys
from interpgan_core import load_generator

def kilobytes(what):
    with open("/proc/self/status") as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith(what))

load_generator(sys.argv[1])  # what the libraries take
before = kilobytes("VmRSS")
load_generator(sys.argv[2])
print(kilobytes("VmHWM") - before)
"""


def peak_of_loading(path: Path, small: Path) -> float:
    """The most memory that loading takes, in sizes of the file.

    Args:
        path: a checkpoint of some 50 MB; smaller ones drown in the libraries' own needs.
        small: a small one of the same family.
    """
    if not Path("/proc/self/status").exists():
        pytest.skip("this system does not say how much memory a process took")
    return 1024 * int(forked(_CODE, small, path)) / path.stat().st_size
