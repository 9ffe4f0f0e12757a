"""Steps of an inversion a second, and how well codes that are known are found again.

Steps a second are of 8 pictures together, of 1, and of the plain loop, in one run.

The plain loop is what one writes first: a picture after the other, gradients of all weights beside those of the code,
and the original shown to the net anew in every step. All use the same loss: pixels, and the scorer of the avatars.

Known codes are those of samples, of seeds that no search starts from; the loss is that of pixels alone, and the cosines
are of deviations from the mean, in W where there is one.

    .venv/bin/python bench/inversion.py [--steps 40] [--known-steps 300] [--models avatars.stylegan2 avatars.pggan]
"""

import argparse
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import torch
from torch.nn import functional

from interpgan_avatars.scorer import AvatarScorer
from interpgan_core import ImageSet, load_generator, quiet, to_uint8
from interpgan_inversion.invert import Invert
from interpgan_inversion.loss import Likeness
from interpgan_inversion.scale import Scale
from interpgan_inversion.search import Schedule, Search
from interpgan_inversion.similarity import psnr
from interpgan_inversion.starts import layered_space

PICTURES = 8
SPACES = ("z", "w", "w+")


def ours(generator, scale, likeness, targets, start, batch_size, steps):
    """Seconds for all pictures."""
    began = time.perf_counter()
    for first in range(0, PICTURES, batch_size):
        rows = slice(first, first + batch_size)
        search = Search(generator, scale, start[rows], likeness, targets[rows], Schedule(steps))
        for _ in range(steps):
            search.advance()
    return time.perf_counter() - began


def plain(generator, scorer, images, start, steps):
    """Seconds for all pictures."""
    generator.module.requires_grad_(True)
    scorer.net.requires_grad_(True)
    began = time.perf_counter()
    for i in range(PICTURES):
        codes = start.codes[i : i + 1].clone().requires_grad_()
        adam = torch.optim.Adam([codes], 0.01)
        for _ in range(steps):
            found = generator.images(replace(start[i : i + 1], codes=codes))
            loss = functional.mse_loss(found, images[i : i + 1])
            loss = loss + functional.mse_loss(scorer.features(found), scorer.features(images[i : i + 1]))
            adam.zero_grad()
            loss.backward()
            adam.step()
    seconds = time.perf_counter() - began
    generator.module.requires_grad_(False)
    scorer.net.requires_grad_(False)
    return seconds


def known(generator, space, steps):
    """PSNR in dB, and cosine of the code, medians."""
    batch = generator.sample(range(100, 100 + PICTURES))
    images = generator.images(batch, PICTURES)
    pictures = ImageSet(to_uint8(images).transpose(0, 3, 1, 2))
    with tempfile.TemporaryDirectory() as folder:
        step = Invert(pictures=pictures, space=space, steps=steps)
        found = step.run(generator, Path(folder), Path(folder), quiet)
    near = psnr(generator.images(found, PICTURES).clamp(-1, 1), images.clamp(-1, 1)).median()
    of = space if "w" not in generator.spaces or space == "w+" else "w"
    scale = Scale.of(generator, of)
    pair = (scale.apart(generator.to_space(b, of).codes).flatten(1) for b in (found, batch))
    return float(near), float(functional.cosine_similarity(*pair).median()), of


def speed(models, steps):
    scorer = AvatarScorer.shipped()
    likeness = Likeness(scorer, None, 0.1)
    print(f"{PICTURES} pictures, {steps} steps each, {torch.get_num_threads()} threads")
    for name in models:
        generator = load_generator(name)
        scale = Scale.of(generator, layered_space(generator))
        with torch.no_grad():
            images = generator.images(generator.sample(range(100, 100 + PICTURES)), PICTURES)
            targets = likeness.features_of(images)
        start = generator.to_space(generator.sample(range(PICTURES)), scale.space.name)
        ways = {
            "plain loop": lambda s: plain(generator, scorer, images, start, s),  # noqa: B023
            "batches of 1": lambda s: ours(generator, scale, likeness, targets, start, 1, s),  # noqa: B023
            "batches of 8": lambda s: ours(generator, scale, likeness, targets, start, 8, s),  # noqa: B023
        }
        for run in ways.values():
            run(2)  # warms up
        # In turns, so that whatever else the machine does falls on all of them.
        seconds = dict.fromkeys(ways, 0.0)
        for _ in range(4):
            for way, run in ways.items():
                seconds[way] += run(steps // 4)
        print(f"{name}, {scale.space.name}")
        for way, spent in seconds.items():
            rate = PICTURES * (steps // 4 * 4) / spent
            print(
                f"  {way:13} {rate:7.1f} steps of a picture a second, {seconds['plain loop'] / spent:4.1f} times"
            )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--known-steps", type=int, default=300)
    parser.add_argument(
        "--models", nargs="+", default=["avatars.stylegan2", "avatars.pggan", "avatars.biggan"]
    )
    options = parser.parse_args()
    speed(options.models, options.steps)
    print(f"codes of {PICTURES} samples, {options.known_steps} steps")
    for name in options.models:
        generator = load_generator(name)
        for space in [s for s in generator.spaces if s in SPACES]:
            near, cosine, of = known(generator, space, options.known_steps)
            print(f"  {name}, {space}: PSNR {near:.1f} dB, cosine of {of} {cosine:.3f}")


if __name__ == "__main__":
    main()
