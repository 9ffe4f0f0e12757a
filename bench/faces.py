"""How many faces `faces.landmarks` finds, upright and turned, and how long it takes: in a folder of photographs, and in
samples of mobilestylegan.ffhq.

A turned face counts as found where its points are, to 0.15 of the distance of the eyes, those of the upright one.

    .venv/bin/python bench/faces.py --folder PHOTOS [--samples 1000] [--turned 50]
"""

from __future__ import annotations

import argparse
import math
import statistics
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import torch
from torch import Tensor

from interpgan_core import Square, each_picture, load_generator
from interpgan_faces.chips import chip_square
from interpgan_faces.landmarks import Landmarks, LoadLandmarks

DEGREES = (15, 30, 45)
NEAR = 0.15  # of the distance of the eyes
ROOM = 1.0  # of the padding of what is turned, as of `chip_square`


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", help="photographs, one face each")
    parser.add_argument("--samples", type=int, default=1000)
    parser.add_argument("--turned", type=int, default=50, help="how many of each are turned, too")
    options = parser.parse_args()
    torch.set_num_threads(1)
    net = LoadLandmarks().run("cpu")
    if options.folder:
        tell("photographs", photographs(Path(options.folder)), net, options.turned)
    if options.samples:
        tell("samples of mobilestylegan.ffhq, 512 pixels", drawn(options.samples), net, options.turned)


def photographs(folder: Path) -> Iterator[Tensor]:
    """(3, h, w) in [-1, 1] each."""
    import numpy as np

    with each_picture(folder) as (_, pictures):
        for _, read in pictures:
            yield torch.from_numpy(np.array(read())).permute(2, 0, 1).float() / 127.5 - 1


def drawn(count: int) -> Iterator[Tensor]:
    generator = load_generator("mobilestylegan.ffhq", resolution=512)
    for first in range(0, count, 4):
        batch = generator.sample(range(first, min(first + 4, count)))
        with torch.no_grad():
            yield from generator.images(batch).clamp(-1, 1)


def tell(what: str, pictures: Iterable[Tensor], net: Landmarks, turned: int) -> None:
    """One line of figures."""
    found, several, seconds = 0, 0, []
    right = dict.fromkeys(DEGREES, 0)
    tried = 0
    for number, picture in enumerate(pictures):
        began = time.process_time()
        faces = net.landmarks(picture)
        seconds.append(time.process_time() - began)
        found += bool(len(faces))
        several += len(faces) > 1
        if len(faces) and number < turned:
            tried += 1
            for degrees in DEGREES:
                right[degrees] += found_turned(picture, faces[0], net, degrees)
    if not seconds:
        return
    print(
        f"{what}: a face in {found} of {len(seconds)} ({100 * found / len(seconds):.1f} %), several in {several}; "
        f"{statistics.median(seconds):.3f} s of one thread a picture (median; mean {statistics.mean(seconds):.3f}); "
        + ", ".join(f"turned by {d} degrees {right[d]} of {tried}" for d in DEGREES),
        flush=True,
    )


def found_turned(picture: Tensor, points: Tensor, net: Landmarks, degrees: int) -> bool:
    """Whether the points are found where they are after a turn of what is around the face."""
    upright = chip_square(points, ROOM)
    turn = math.radians(degrees)
    x = upright.right_x * math.cos(turn) - upright.right_y * math.sin(turn)
    y = upright.right_x * math.sin(turn) + upright.right_y * math.cos(turn)
    square = Square(upright.x, upright.y, x, y)
    side = max(64, round(square.side))
    again = net.landmarks(square.cut(picture, side))
    if not len(again):
        return False
    back = square.outside(again[0] / side * 2 - 1)
    return bool((back - points).norm(dim=1).mean() < NEAR * (points[1] - points[0]).norm())


if __name__ == "__main__":
    main()
