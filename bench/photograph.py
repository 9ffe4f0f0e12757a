"""A real photograph as a code of the FFHQ model, at 512 pixels: how long it takes, how near it comes, and two edits.

The photograph is NASA's portrait of Eileen Collins (public domain), as the package scikit-image (BSD-3-Clause) carries
it. The report, with the pictures, is the recipe's that this writes into `--out`.

    .bench/bin/python -m pip install scikit-image
    .venv/bin/python bench/photograph.py .bench/lib/python3*/site-packages/skimage/data/astronaut.png
"""

import argparse
import time
from pathlib import Path

import numpy as np
import torch

from interpgan_core import ImageSet, make_plan, quiet, read_picture, run
from interpgan_core.progress import bars
from interpgan_inversion.masks import mask_of

SIDE = 512
RECIPE = """\
interpgan: 1
title: A photograph
steps:
  - {use: generator, weights: mobilestylegan.ffhq, resolution: 512}
  - {use: inversion.efficientnet, id: eye}
  - {use: faces.landmarks, id: points}
  - {use: faces.identity, id: person}
  - {use: inversion.align, id: face, pictures: PHOTOGRAPH, landmarks: $points, resolution: 512}
  - {use: inversion, id: me, pictures: $face, mask: face, steps: STEPS, draft_steps: DRAFTS, candidates: 64,
     pull: 0.002, perceptual: $eye, identity: $person}
  - {use: sefa, id: coarse, layers: 0-1}
  - {use: sefa, id: middle, layers: 2-5}
  - {use: shift, id: turned, batch: $me, direction: $coarse.4, strength: -2.5}
  - {use: shift, id: earnest, batch: $me, direction: $middle.5, strength: 2}
  - {use: inversion.compare, pictures: $face, perceptual: $eye, identity: $person,
     batches: {inverted: $me, turned: $turned, earnest: $earnest}}
"""


def in_the_face(folder: Path) -> float:
    """PSNR of the step's picture within the ellipse of `mask: face`, in dB."""
    shown, found = (
        np.asarray(read_picture(folder / f"000-{name}.png"), dtype=np.float64) for name in ("original", "0")
    )
    blank = ImageSet(np.zeros((1, 3, SIDE, SIDE), np.uint8))
    mask = mask_of("face", blank, "crop", folder, quiet)
    assert mask is not None
    inside = mask[0, 0].numpy() == 1
    error = np.square((shown - found) / 255)[inside].mean()
    return float(-10 * np.log10(error))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("photograph", type=Path)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--draft-steps", type=int, default=40)
    parser.add_argument("--out", type=Path, default=Path("out/photograph"))
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    recipe = options.out / "photograph.yaml"
    text = RECIPE.replace("STEPS", str(options.steps)).replace("DRAFTS", str(options.draft_steps))
    recipe.write_text(text.replace("PHOTOGRAPH", str(options.photograph.resolve())), encoding="utf-8")
    began, busy = time.monotonic(), time.process_time()
    page = run(make_plan(recipe), options.out / "run", device="cpu", progress=bars)
    (folder,) = (options.out / "run").glob("*-me")
    print(
        f"{options.steps} steps, {torch.get_num_threads()} threads: "
        f"{time.monotonic() - began:.0f} s, {time.process_time() - busy:.0f} s of processor time, "
        f"{in_the_face(folder):.1f} dB in the face; see {page}"
    )


if __name__ == "__main__":
    main()
