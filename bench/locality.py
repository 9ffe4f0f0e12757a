"""How local are directions for a part? ReSeFa, SeFa, GANSpace, boundaries and, where there is S, StyleSpace's channels.

For each part, of each method's directions the one that is most local on training seeds is measured on others, at the
strength at which the mean squared change of a pixel in the part is 0.02 (root mean square 0.14, of a range of 2). The
part is where the segmenter finds it before or after the edit.

    .venv/bin/python bench/locality.py [avatars.stylegan2 avatars.pggan avatars.biggan] [--json FILE]
"""

import argparse
import functools
import json
import math
import time
from pathlib import Path

import torch

from interpgan_avatars.operators import LoadDirections
from interpgan_avatars.segmenter import AvatarSegmenter
from interpgan_core import Shift, load_generator, part_maps, quiet, sigma
from interpgan_ganspace.operators import FindComponents
from interpgan_resefa.operators import FindRegionDirections
from interpgan_sefa.factorise import FindSemantics
from interpgan_stylespace.parts import RankByPart

PARTS = ("eyes", "mouth", "hair")
EFFECT = 0.02  # mean squared change of a pixel in the part
MOST = 8.0  # standard deviations of the codes along the direction
SCREEN, TRAIN, TEST = range(900, 904), range(1000, 1006), range(2000, 2024)
KEPT = 2  # directions and senses of each method that are measured at every strength
GROUPS = {"avatars.stylegan2": ("all", "0-3", "4-6", "7-9")}


@functools.cache
def originals(seeds, generator, segmenter):
    """The samples' batch, pictures, and shares of PARTS."""
    batch = generator.sample(list(seeds))
    with torch.no_grad():
        images = generator.images(batch, 12)
        return batch, images, masks_of(images, segmenter)


def masks_of(images, segmenter):
    return part_maps(segmenter, images, images.shape[2:])[
        :, [segmenter.parts.index(p) for p in PARTS]
    ].double()


def changes(direction, strength, seeds, generator, segmenter):
    """(2, parts): mean squared change outside and inside each part, at a strength in the space's units."""
    batch, old, before = originals(seeds, generator, segmenter)
    with torch.no_grad():
        new = generator.images(Shift(direction=direction, strength=strength).run(batch, generator), 12)
        masks = torch.maximum(before, masks_of(new, segmenter))
        error = (new - old).double().square().mean(1, keepdim=True)
        sides = [(error * side).sum((2, 3)) / side.sum((2, 3)) for side in (1 - masks, masks)]
    return torch.stack(sides, 1).nanmean(0)


def measured(direction, strength, seeds, generator, segmenter, parts=PARTS):
    """(part, (outside, inside)) of each part."""
    both = changes(direction, strength, seeds, generator, segmenter)
    return [(part, tuple(both[:, PARTS.index(part)].tolist())) for part in parts]


def matched(direction, part, unit, generator, segmenter):
    """(locality, strength) on training seeds where the change in the part is EFFECT; None if it never is.

    The change is followed up to 8 standard deviations, and then found by straight lines of logarithms.
    """

    def at(strength):
        ((_, both),) = measured(direction, strength * unit, TRAIN, generator, segmenter, (part,))
        return both

    low, high = None, 0.5
    while (now := at(high))[1] < EFFECT:
        low, high = (high, now[1]), 2 * high
        if high > MOST:
            return None
    right = (high, now[1])
    for _ in range(3):
        # Where nothing smaller was measured, a change grows with the square of the strength.
        slope = 2.0 if low is None else math.log(right[1] / low[1]) / math.log(right[0] / low[0])
        strength = right[0] * (EFFECT / right[1]) ** (1 / max(slope, 0.2))
        now = at(strength)
        low, right = (low, (strength, now[1])) if now[1] >= EFFECT else ((strength, now[1]), right)
        if abs(now[1] / EFFECT - 1) < 0.05:
            break
    return now[0] / now[1], strength


def most_local(directions, generator, segmenter, parts=PARTS):
    """part -> (name, direction, strength, the same in standard deviations) of the most local one on training seeds."""
    shown = {part: [] for part in parts}
    for name, direction in directions:
        unit = sigma(direction, generator)
        for sign in (1, -1):
            for part, (outside, inside) in measured(
                direction, 2 * sign * unit, SCREEN, generator, segmenter, parts
            ):
                # One that changes little of the part at two standard deviations must be moved out of the samples.
                shown[part].append(
                    (outside / max(inside, EFFECT / 2), len(shown[part]), name, direction, sign, unit)
                )
    best = {}
    for part in parts:
        found = []
        for _, _, name, direction, sign, unit in sorted(shown[part])[:KEPT]:
            if (reached := matched(direction, part, sign * unit, generator, segmenter)) is not None:
                label = f"{name}{'+' if sign > 0 else '-'}"
                found.append((reached[0], label, direction, sign * reached[1] * unit, reached[1]))
        if found:
            best[part] = min(found, key=lambda row: row[0])[1:]
    return best


def methods(model, generator, segmenter):
    """(method, seconds to find, part -> its best)."""

    def timed(name, find):
        start = time.perf_counter()
        found = find()
        seconds = time.perf_counter() - start
        return name, seconds, most_local(found, generator, segmenter)

    groups = GROUPS.get(model, ("all",))
    yield timed(
        "SeFa",
        lambda: [
            (f"{g}:{n}", d)
            for g in groups
            for n, d in FindSemantics(layers=g, count=10 if g == "all" else 4).run(generator).items()
            if d.space in ("z", "w")
        ],
    )
    components = FindComponents(seeds="0-1999", count=40).run(generator, quiet)
    yield timed("GANSpace", lambda: list(components.items())[:10])
    yield timed("boundaries", lambda: list(LoadDirections().run(generator).items()))
    for label, more in (("ReSeFa", {}), ("ReSeFa within 40 components", {"within": components})):
        step = FindRegionDirections(
            parts=PARTS, separately=True, segmenter=segmenter, seeds="0-3", count=3, **more
        )
        start = time.perf_counter()
        found = step.run(generator, quiet)
        yield (
            label,
            time.perf_counter() - start,
            by_part(found, generator, segmenter, lambda n, _: n.split(".")[0]),
        )
    if "s" in generator.spaces:
        start = time.perf_counter()
        found = RankByPart(segmenter=segmenter, parts=PARTS, count=3, seeds="0-1").run(generator, quiet)
        seconds = time.perf_counter() - start
        yield "StyleSpace", seconds, by_part(found, generator, segmenter, lambda _, d: d.notes["part"])


def by_part(found, generator, segmenter, part_of):
    """The most local of each part, of directions that are each for one."""
    best = {}
    for part in PARTS:
        own = [(n, d) for n, d in found.items() if part_of(n, d) == part]
        best |= most_local(own, generator, segmenter, (part,))
    return best


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("models", nargs="*", default=["avatars.stylegan2", "avatars.pggan", "avatars.biggan"])
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    segmenter = AvatarSegmenter.shipped()
    kept = []
    for model in options.models:
        generator = load_generator(model)
        print(f"{model}: at a mean squared change of {EFFECT} in the part; {len(TEST)} samples", flush=True)
        print(
            f"  {'method':30} {'part':6} {'direction':14} {'sigmas':>6} {'inside':>7} {'outside':>8} {'locality':>8}"
        )
        for method, seconds, best in methods(model, generator, segmenter):
            for part in PARTS:
                if part not in best:
                    print(f"  {method:30} {part:6} none reaches it within {MOST:g} standard deviations")
                else:
                    name, direction, strength, sigmas = best[part]
                    outside, inside = changes(direction, strength, TEST, generator, segmenter)[
                        :, PARTS.index(part)
                    ].tolist()
                    print(
                        f"  {method:30} {part:6} {name:14} {sigmas:6.2f} {inside:7.4f} {outside:8.5f} "
                        f"{outside / inside:8.3f}   found in {seconds:.1f} s",
                        flush=True,
                    )
                    kept.append((model, method, part, name, sigmas, inside, outside))
    if options.json:
        options.json.write_text(json.dumps(kept))


if __name__ == "__main__":
    main()
