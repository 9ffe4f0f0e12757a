"""Many samples scored by the command: in one go, and interrupted in every way, which must end in the same bits.

One run is left alone, in one process. The other, at the same time, is killed after a third, gone on with by two
workers, and loses one of these after two thirds. Every process has one thread. Says how many samples a second, and the
most memory that one process had. (Ray's workers are nicer than others: on a busy machine they wait.)

    .venv/bin/python bench/killed.py [--samples 500000] [--weights avatars.pggan] [--precision bfloat16]
"""

import argparse
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from interpgan_core import Scores

RECIPE = """\
interpgan: 1
steps:
  - {{use: avatars.scorer, id: attributes, scale: logit}}
  - {{use: generator, weights: {weights}, precision: {precision}}}
  - {{use: score, id: scores, seeds: 0-{last}, scorer: $attributes, batch_size: 64}}
  - {{use: save, what: $scores, file: scores.safetensors}}
"""
PART = 8 * 64  # samples that are kept together

Family = list[psutil.Process]
"""The process of the command, and all that it started."""


class Run:
    """One run of the command in an output folder of its own.

    Attributes:
        seconds: that it took, all its commands one after the other.
        memory: the most that one process had, in MB.
    """

    def __init__(self, folder: Path, options: argparse.Namespace) -> None:
        self.folder, self.samples = folder, options.samples
        self.seconds = self.memory = 0.0
        folder.mkdir()
        recipe = RECIPE.format(weights=options.weights, precision=options.precision, last=options.samples - 1)
        (folder / "recipe.yaml").write_text(recipe)

    def go(
        self, *more: str, after: float = 2.0, strike: Callable[[Family], psutil.Process] | None = None
    ) -> None:
        """Run the command to its end, or kill the process that `strike` picks after a share of the samples."""
        began = time.perf_counter()
        command = [str(Path(sys.executable).with_name("interpgan-run")), "recipe.yaml", "--out", "out", *more]
        with (self.folder / "said.txt").open("a") as said:
            alone = {**os.environ, "OMP_NUM_THREADS": "1"}
            process = psutil.Popen(command, cwd=self.folder, env=alone, stdout=said, stderr=said)
        struck: psutil.Process | None = None
        while process.poll() is None:
            family = [process, *process.children(recursive=True)]
            self.memory = max([self.memory, *(_peak(one.pid) for one in family)])
            if struck is None and strike and self.done >= after * self.samples:
                struck = strike(family)
                print(f"  killed after {self.done} samples: {' '.join(struck.cmdline())[:60]}", flush=True)
                struck.kill()
            time.sleep(0.2)
        self.seconds += time.perf_counter() - began
        if process.returncode and (struck is None or struck.pid != process.pid):
            raise SystemExit((self.folder / "said.txt").read_text())

    @property
    def done(self) -> int:
        """Samples whose scores are kept."""
        return PART * len(list(self.folder.glob("out/.*.scratch/*.safetensors")))

    @property
    def scores(self) -> bytes:
        found = Scores.load(next(self.folder.glob("out/**/scores.safetensors")))
        return found.seeds.numpy().tobytes() + found.values.numpy().tobytes()

    def __str__(self) -> str:
        rate = self.samples / self.seconds
        return f"{self.folder.name}: {self.samples} samples, {rate:.0f}/s, at most {self.memory:.0f} MB"


def _peak(pid: int) -> float:
    """The most memory that a process has had, in MB."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:  # it has just ended
        return 0.0
    return next(
        (int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmHWM")), 0.0
    )


def _worker(family: Family) -> psutil.Process:
    return next(one for one in family if "ray::Worker" in " ".join(one.cmdline()))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--samples", type=int, default=500_000)
    parser.add_argument("--weights", default="avatars.pggan")
    parser.add_argument("--precision", default="bfloat16")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        whole, broken = (Run(Path(place, name), options) for name in ("in one go", "interrupted"))
        beside = threading.Thread(target=whole.go)
        beside.start()
        broken.go(after=1 / 3, strike=lambda family: family[0])
        broken.go("--set", "scores.engine={use: ray, workers: 2}", after=2 / 3, strike=_worker)
        print(broken, flush=True)
        beside.join()
        print(whole, flush=True)
        if broken.scores != whole.scores:
            raise SystemExit("the scores are not the same")
        print("the same bits")


if __name__ == "__main__":
    main()
