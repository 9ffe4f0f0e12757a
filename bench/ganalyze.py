"""What a direction of ganalyze.learn does to the score that it is named after: asked for, and seen on held-out samples.

A strength of 1, or of the reach where that is less. Also whether a sample that is moved alone ends where it does among
others.

    .venv/bin/python bench/ganalyze.py avatars.stylegan2 [--attributes smile pose] [--seed 0]
"""

import argparse
import tempfile
import time
from pathlib import Path

import torch

from interpgan_avatars.scorer import AvatarScorer
from interpgan_core import Shift, load_generator, score_images
from interpgan_core.testing import run_operator
from interpgan_ganalyze.operators import LearnDirections

HELD_OUT = range(100_000, 100_256)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model")
    parser.add_argument("--attributes", nargs="+")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    generator, scorer = load_generator(given.model), AvatarScorer.shipped("logit")
    began = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        attributes = tuple(given.attributes) if given.attributes else None
        step = LearnDirections(scorer=scorer, attributes=attributes, seed=given.seed)
        found = run_operator(step, Path(folder), generator=generator)
    print(f"learnt in {time.process_time() - began:.0f} s of a core")
    people = generator.sample(list(HELD_OUT))

    def scores(batch, name):
        with torch.no_grad():
            images = torch.cat(list(generator.iter_images(batch, 16)))
            return score_images(scorer, images)[:, list(scorer.names).index(name)].double()

    for name, direction in found.items():
        before = scores(people, name)
        asked, seen = min(1.0, direction.notes["reach"]), []
        for strength in (-asked, asked):
            moved = Shift(direction=direction, strength=strength, unit="score").run(people, generator)
            changes = scores(moved, name) - before
            seen.append(f"{float(changes.mean()):+.3f} ± {float(changes.std()) / len(changes) ** 0.5:.3f}")
        alone = Shift(direction=direction, strength=asked, unit="score").run(people[:1], generator)
        same = torch.equal(alone.codes[0], moved.codes[0])
        print(
            f"{name:11} asked {-asked:.2f}: {seen[0]}, {asked:+.2f}: {seen[1]} (mean, standard error); "
            f"the score's standard deviation {float(before.std()):.2f}; alone as among others: {same}",
            flush=True,
        )


if __name__ == "__main__":
    main()
