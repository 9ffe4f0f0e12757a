"""MobileStyleGAN against the runtime that its files were made for: one picture from w, on two CPU cores.

    .venv/bin/python bench/mobilestylegan.py --runtime-python .bench/openvino/bin/python

The runtime lives in an environment of its own (`pip install openvino`), as a process that renders when asked,
so that the two take turns and meet the same disturbances. Without `--runtime-python` ours is timed alone.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

THREADS = 2
ROUNDS = 15


def serve(xml: str, folder: str) -> None:
    """In the runtime's environment: render once for each line that comes in, and answer with the seconds."""
    import numpy as np
    import openvino

    settings = {"INFERENCE_NUM_THREADS": THREADS, "PERFORMANCE_HINT": "LATENCY"}
    network = openvino.Core().compile_model(xml, "CPU", settings)
    code = np.load(f"{folder}/w.npy")
    for _ in sys.stdin:
        start = time.perf_counter()
        picture = network(code)[0]
        seconds = time.perf_counter() - start
        np.save(f"{folder}/picture.npy", picture)
        print(seconds, flush=True)


def measure(runtime_python: str | None) -> None:
    """Time one picture, four pictures and, in turn with them, the runtime."""
    import numpy as np
    import torch

    from interpgan_mobilestylegan.backbone import ffhq
    from interpgan_mobilestylegan.download import WHEEL

    torch.set_num_threads(THREADS)
    generator = ffhq()
    four = generator.to_space(generator.sample(range(4)), "w")
    one = four[:1]

    def ours(batch) -> float:
        start = time.perf_counter()
        with torch.no_grad():
            generator.forward(batch)
        return time.perf_counter() - start

    contestants: dict[str, Callable[[], float]] = {"one": lambda: ours(one), "four": lambda: ours(four)}
    with tempfile.TemporaryDirectory() as folder:
        if runtime_python:
            np.save(f"{folder}/w.npy", one.codes.numpy())
            command = [
                runtime_python,
                __file__,
                "--serve",
                str(WHEEL.folder() / "SynthesisNetwork.xml"),
                folder,
            ]
            child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

            def runtime() -> float:
                child.stdin.write("\n")
                child.stdin.flush()
                return float(child.stdout.readline())

            contestants["runtime"] = runtime
        seconds = {name: [] for name in contestants}
        for turn in range(ROUNDS + 2):
            for name, run in contestants.items():
                taken = run()
                if turn >= 2:  # the first turns warm up
                    seconds[name].append(taken)
        median = {name: statistics.median(taken) for name, taken in seconds.items()}
        for name, value in median.items():
            print(f"{name:8} {value:.3f} s (fastest {min(seconds[name]):.3f})")
        print(f"four / one     {median['four'] / median['one']:.2f}")
        if runtime_python:
            print(f"one / runtime  {median['one'] / median['runtime']:.2f}")
            picture = np.load(Path(folder) / "picture.npy")
            difference = np.abs(generator.forward(one).numpy() - picture).max()
            print(f"largest difference of the pictures, of -1 to 1: {difference:.1e}")
            child.stdin.close()
            child.wait()


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runtime-python", help="a Python that has openvino")
    parser.add_argument("--serve", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(*options.serve)
    else:
        measure(options.runtime_python)


if __name__ == "__main__":
    main()
