"""Samples scored by `score`, as a run does it, with what is done kept on disk: how many a second, and how much memory.

Each generator of the avatars in a process of its own, with their scorer; and once more with everything done already,
which is what a resumed run reads.

    .venv/bin/python bench/scoring.py [--samples 8000] [--batch 16] [--engine local]
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from interpgan_avatars.scorer import AvatarScorer
from interpgan_core import Score, load_generator, quiet


def score(name: str, samples: int, batch: int, engine: str) -> None:
    generator = load_generator(name)
    step = Score(seeds=f"0-{samples - 1}", scorer=AvatarScorer.shipped(), batch_size=batch, engine=engine)
    Score(seeds="0-255", scorer=step.scorer, batch_size=batch).run(generator, quiet)
    loaded = _peak()
    with tempfile.TemporaryDirectory() as scratch:
        began = time.perf_counter()
        first = step.run(generator, quiet, Path(scratch))
        seconds = time.perf_counter() - began
        began = time.perf_counter()
        again = step.run(generator, quiet, Path(scratch))
        reading = time.perf_counter() - began
        kept = sum(path.stat().st_size for path in Path(scratch).iterdir())
    assert again.values.equal(first.values)
    rate = samples / seconds
    print(
        f"{name:18} {samples} samples: {rate:5.0f}/s, at most {_peak():4.0f} MB in all, {loaded:4.0f} MB after 256; "
        f"{kept / 1e6:.1f} MB kept, read in {reading:.1f} s; 500,000 would take {500_000 / rate / 60:.0f} min",
        flush=True,
    )


def _peak() -> float:
    """The most memory that this process has had, in MB."""
    # getrusage would count what the parent had when it forked this process.
    status = Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmHWM"))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--samples", type=int, default=8000)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--engine", default="local")
    parser.add_argument("--only")
    options = parser.parse_args()
    if options.only:
        score(options.only, options.samples, options.batch, options.engine)
        return
    for name in ("avatars.pggan", "avatars.stylegan2"):
        subprocess.run([sys.executable, __file__, *sys.argv[1:], "--only", name], check=True)


if __name__ == "__main__":
    main()
