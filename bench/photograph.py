"""A real photograph as a code of the FFHQ model, at 512 pixels: how long it takes, how near it comes, and two edits.

The photograph is NASA's portrait of Eileen Collins (public domain), as the package scikit-image (BSD-3-Clause) carries
it; her face is cut out as those of FFHQ are, by landmarks that were read off by hand. The report, with the pictures, is
the recipe's that this writes into `--out`.

    .bench/bin/python -m pip install scikit-image
    .venv/bin/python bench/photograph.py .bench/lib/python3*/site-packages/skimage/data/astronaut.png
"""

import argparse
import time
from pathlib import Path

import torch

from interpgan_core import make_plan, quiet, run
from interpgan_core.pictures.images import save_picture
from interpgan_core.progress import bars
from interpgan_inversion.align import WORKING, Align

SIDE = 512
# Right eye, left eye, tip of the nose, corners of the mouth: shares of the width and height of the photograph.
POINTS = ((0.396, 0.198), (0.482, 0.201), (0.438, 0.247), (0.400, 0.275), (0.476, 0.277))
RECIPE = """\
interpgan: 1
title: A photograph
steps:
  - {use: generator, weights: mobilestylegan.ffhq, resolution: 512}
  - {use: inversion.efficientnet, id: eye}
  - {use: inversion, id: me, pictures: face.png, space: w+, steps: STEPS, candidates: 64, batch_size: 1, pull: 0.002,
     perceptual: $eye, perceptual_weight: 0.2}
  - {use: sefa, id: coarse, layers: 0-1}
  - {use: sefa, id: middle, layers: 2-5}
  - {use: shift, id: turned, batch: $me, direction: $coarse.4, strength: -2.5}
  - {use: shift, id: earnest, batch: $me, direction: $middle.5, strength: 2}
  - {use: inversion.compare, pictures: face.png, perceptual: $eye,
     batches: {inverted: $me, turned: $turned, earnest: $earnest}}
"""


class ByHand:
    """A landmark net that knows one photograph."""

    def landmarks(self, images: torch.Tensor) -> torch.Tensor:
        return WORKING * torch.tensor(POINTS).expand(len(images), -1, -1)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("photograph", type=Path)
    parser.add_argument("--steps", type=int, default=250)
    parser.add_argument("--out", type=Path, default=Path("out/photograph"))
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    align = Align(pictures=options.photograph, resolution=SIDE, landmarks=ByHand())
    face = align.run(options.out, options.out, quiet)
    save_picture(face.pixels[0].transpose(1, 2, 0), options.out / "face.png")
    recipe = options.out / "photograph.yaml"
    recipe.write_text(RECIPE.replace("STEPS", str(options.steps)), encoding="utf-8")
    began, busy = time.monotonic(), time.process_time()
    page = run(make_plan(recipe), options.out / "run", device="cpu", progress=bars)
    print(
        f"{options.steps} steps at {SIDE} pixels on {torch.get_num_threads()} threads: "
        f"{time.monotonic() - began:.0f} s, {time.process_time() - busy:.0f} s of processor time; see {page}"
    )


if __name__ == "__main__":
    main()
