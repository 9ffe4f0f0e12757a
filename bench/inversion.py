"""Steps of an inversion a second, for 8 pictures together, for 1, and in the plain loop, in one run.

The plain loop is what one writes first: a picture after the other, gradients of all weights beside those of the code,
and the original shown to the net anew in every step. All use the same loss: pixels, and the scorer of the avatars.

    .venv/bin/python bench/inversion.py [--steps 40] [--models avatars.stylegan2 avatars.pggan]
"""

import argparse
import time

import torch
from torch.nn import functional

from interpgan_avatars.looking import AvatarScorer
from interpgan_core import LatentBatch, load_generator
from interpgan_inversion.inverting import layered
from interpgan_inversion.likeness import Likeness
from interpgan_inversion.search import Schedule, Search
from interpgan_inversion.starts import Scale

PICTURES = 8


def ours(generator, scale, likeness, targets, start, batch_size, steps):
    """Seconds for all pictures."""
    began = time.perf_counter()
    for first in range(0, PICTURES, batch_size):
        rows = slice(first, first + batch_size)
        search = Search(generator, scale, start[rows], likeness, targets[rows], Schedule(steps))
        for _ in range(steps):
            search.advance()
    return time.perf_counter() - began


def plain(generator, space, scorer, images, start, steps):
    """Seconds for all pictures."""
    generator.module.requires_grad_(True)
    scorer.net.requires_grad_(True)
    began = time.perf_counter()
    for i in range(PICTURES):
        codes = start.codes[i : i + 1].clone().requires_grad_()
        adam = torch.optim.Adam([codes], 0.01)
        for _ in range(steps):
            found = generator.images(LatentBatch(codes, space))
            loss = functional.mse_loss(found, images[i : i + 1])
            loss = loss + functional.mse_loss(scorer.features(found), scorer.features(images[i : i + 1]))
            adam.zero_grad()
            loss.backward()
            adam.step()
    seconds = time.perf_counter() - began
    generator.module.requires_grad_(False)
    scorer.net.requires_grad_(False)
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--models", nargs="+", default=["avatars.stylegan2", "avatars.pggan"])
    options = parser.parse_args()
    scorer = AvatarScorer.shipped()
    likeness = Likeness(scorer, None, 0.1)
    print(f"{PICTURES} pictures, {options.steps} steps each, {torch.get_num_threads()} threads")
    for name in options.models:
        generator = load_generator(name)
        scale = Scale.of(generator, layered(generator))
        with torch.no_grad():
            images = generator.images(generator.sample(range(100, 100 + PICTURES)), PICTURES)
            targets = likeness.look(images)
        start = generator.to_space(generator.sample(range(PICTURES)), scale.space.name)
        ways = {
            "plain loop": lambda s: plain(generator, scale.space, scorer, images, start, s),  # noqa: B023
            "batches of 1": lambda s: ours(generator, scale, likeness, targets, start, 1, s),  # noqa: B023
            "batches of 8": lambda s: ours(generator, scale, likeness, targets, start, 8, s),  # noqa: B023
        }
        for run in ways.values():
            run(2)  # warms up
        # In turns, so that whatever else the machine does falls on all of them.
        seconds = dict.fromkeys(ways, 0.0)
        for _ in range(4):
            for way, run in ways.items():
                seconds[way] += run(options.steps // 4)
        print(f"{name}, {scale.space.name}")
        for way, spent in seconds.items():
            rate = PICTURES * (options.steps // 4 * 4) / spent
            print(
                f"  {way:13} {rate:7.1f} steps of a picture a second, {seconds['plain loop'] / spent:4.1f} times"
            )


if __name__ == "__main__":
    main()
