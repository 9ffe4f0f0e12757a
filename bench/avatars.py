"""The avatars: pictures a second of a 64-pixel StyleGAN 2, and of samples scored in a stream with constant memory."""

import resource
import statistics
import time

import torch

from interpgan_avatars.looking import AvatarScorer
from interpgan_core import Score, load_generator

BATCH, ROUNDS = 64, 7


def main():
    generator = load_generator("avatars.stylegan2")
    batch = generator.sample(range(BATCH))
    times = []
    for _ in range(ROUNDS + 1):
        start = time.perf_counter()
        with torch.no_grad():
            generator.images(batch, BATCH)
        times.append(time.perf_counter() - start)
    print(f"synthesis, batches of {BATCH}: {BATCH / statistics.median(times[1:]):.0f} pictures/s")
    scorer = AvatarScorer.shipped()
    for count in (2_000, 8_000):
        start = time.perf_counter()
        Score(seeds=f"0-{count - 1}", scorer=scorer, batch_size=BATCH).run(
            generator, lambda items, total=None, what="": items
        )
        rate = count / (time.perf_counter() - start)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(
            f"scored {count} samples: {rate:.0f} samples/s, at most {peak:.0f} MB in all; "
            f"500,000 would take {500_000 / rate / 60:.0f} min"
        )


if __name__ == "__main__":
    main()
