"""How long a person waits for `--help`, for the error of a recipe, and for a run with nothing to do."""

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

RUNS = 7
RECIPE = """interpgan: 1
steps:
  - {use: generator, weights: toy}
  - {use: sefa, id: semantics}
  - {use: sample, seeds: 0-3}
  - {use: walk, direction: $semantics.0}
  - {use: render}
"""


def seconds(*command: str) -> float:
    began = time.perf_counter()
    subprocess.run(command, capture_output=True, check=False)
    return time.perf_counter() - began


def main() -> None:
    run = str(Path(sys.executable).with_name("interpgan-run"))
    with tempfile.TemporaryDirectory() as folder:
        right, wrong = Path(folder, "right.yaml"), Path(folder, "wrong.yaml")
        right.write_text(RECIPE)
        wrong.write_text(RECIPE.replace("weights", "wieghts"))
        out = str(Path(folder, "out"))
        seconds(run, str(right), "--out", out)
        commands = {
            "interpgan-run --help": (run, "--help"),
            "an error in a recipe": (run, str(wrong)),
            "a run with nothing to do": (run, str(right), "--out", out),
            "import torch (for comparison)": (sys.executable, "-c", "import torch"),
        }
        times: dict[str, list[float]] = {name: [] for name in commands}
        for _ in range(RUNS):
            for name, command in commands.items():
                times[name].append(seconds(*command))
    print(f"Start-up: median of {RUNS} runs in turn")
    for name, found in times.items():
        print(f"  {name:32} {statistics.median(found):6.2f} s   ({min(found):.2f}-{max(found):.2f})")


if __name__ == "__main__":
    main()
