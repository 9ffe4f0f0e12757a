"""Codes of w, 100,000 of them: how many a second, and how much memory; each generator in a process of its own."""

import subprocess
import sys
import time
from pathlib import Path

from interpgan_core import InterpganError, Ranges, load_generator

COUNT = 100_000


def stream(name: str) -> None:
    try:
        generator = load_generator(name)
    except InterpganError as error:
        print(f"{name:20} left out: {error}")
        return
    loaded = _peak()
    began = time.perf_counter()
    count = sum(len(batch) for batch in generator.stream(Ranges(f"0-{COUNT - 1}"), space="w"))
    rate = count / (time.perf_counter() - began)
    print(f"{name:20} {rate:8,.0f} codes/s   at most {_peak():4.0f} MB in all, {loaded:4.0f} MB once loaded")


def _peak() -> float:
    """The most memory that this process has had, in MB."""
    # getrusage would count what the parent had when it forked this process.
    status = Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmHWM"))


if __name__ == "__main__":
    if sys.argv[1:]:
        stream(sys.argv[1])
    else:
        for each in ("toy", "mobilestylegan.ffhq"):
            subprocess.run([sys.executable, __file__, each], check=True)
