"""The avatars' generators: pictures a second, in batches of 64. How fast samples are scored: `bench/scoring.py`.

.venv/bin/python bench/avatars.py
"""

import statistics
import time

import torch

from interpgan_core import load_generator

BATCH, ROUNDS = 64, 7


def main():
    for name in ("avatars.stylegan2", "avatars.pggan", "avatars.biggan"):
        generator = load_generator(name)
        batch = generator.sample(range(BATCH))
        times = []
        for _ in range(ROUNDS + 1):
            start = time.perf_counter()
            with torch.no_grad():
                generator.images(batch, BATCH)
            times.append(time.perf_counter() - start)
        print(f"{name}: {BATCH / statistics.median(times[1:]):.0f} pictures/s")


if __name__ == "__main__":
    main()
