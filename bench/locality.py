"""How local are directions for a part? ReSeFa, SeFa, GANSpace, boundaries and, where there is S, StyleSpace's channels.

For each part, of each method's directions the one that is most local on training seeds is measured on others, at the
strength at which the mean squared change of a pixel in the part is 0.02 (root mean square 0.14, of a range of 2); and
the first six of each method, as they come, at one standard deviation of the codes along them. The part is where the
segmenter finds it before or after the edit.

    .venv/bin/python bench/locality.py [avatars.stylegan2 avatars.pggan avatars.biggan] [--sigma-only] [--json FILE]
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
    """(method, seconds to find, part -> its directions by name, in the method's own order)."""

    def timed(label, find, part_of=None):
        start = time.perf_counter()
        found = find()
        seconds = time.perf_counter() - start
        return (
            label,
            seconds,
            {p: {n: d for n, d in found.items() if part_of is None or part_of(n, d) == p} for p in PARTS},
        )

    groups = GROUPS.get(model, ("all",))
    yield timed(
        "SeFa",
        lambda: {
            f"{g}:{n}": d
            for g in groups
            for n, d in FindSemantics(layers=g, count=10 if g == "all" else 4).run(generator).items()
        },
    )
    components = FindComponents(seeds="0-1999", count=40).run(generator, quiet)
    yield timed("GANSpace", lambda: dict(list(components.items())[:10]))
    yield timed("boundaries", lambda: LoadDirections().run(generator))
    for label, more in (("ReSeFa", {}), ("ReSeFa within 40 components", {"within": components})):
        step = FindRegionDirections(
            parts=PARTS, separately=True, segmenter=segmenter, seeds="0-7", count=3, **more
        )
        yield timed(label, lambda step=step: step.run(generator, quiet), lambda n, _: n.split(".")[0])
    if "s" in generator.spaces:
        step = RankByPart(segmenter=segmenter, parts=PARTS, count=3, seeds="0-1")
        yield timed("StyleSpace", lambda: step.run(generator, quiet), lambda _, d: d.notes["part"])


def at_one_sigma(found, generator, segmenter):
    """part -> (locality, change inside) of the first six directions, at one standard deviation, on TEST."""
    shown = {part: [] for part in PARTS}
    seen = {}
    for part in PARTS:
        for name, direction in list(found[part].items())[:6]:
            if name not in seen:
                seen[name] = dict(
                    measured(direction, sigma(direction, generator), TEST, generator, segmenter)
                )
            outside, inside = seen[name][part]
            shown[part].append((outside / max(inside, 1e-12), inside))
    return shown


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("models", nargs="*", default=["avatars.stylegan2", "avatars.pggan", "avatars.biggan"])
    parser.add_argument("--sigma-only", action="store_true", help="leave out the table at equal change")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    segmenter = AvatarSegmenter.shipped()
    kept = []
    for model in options.models:
        generator = load_generator(model)
        print(
            f"{model}: {len(TEST)} samples; at one standard deviation, and at {EFFECT} in the part",
            flush=True,
        )
        for method, seconds, found in methods(model, generator, segmenter):
            print(f"  {method}, found in {seconds:.1f} s", flush=True)
            for part, pairs in at_one_sigma(found, generator, segmenter).items():
                if pairs:
                    middle = sorted(locality for locality, _ in pairs)[len(pairs) // 2]
                    first, inside = pairs[0]
                    best = min(pairs)
                    print(
                        f"    {part:6} at one sigma: the first {first:.3f} (inside {inside:.3f}), median "
                        f"{middle:.3f}, best {best[0]:.3f} (inside {best[1]:.3f}) of {len(pairs)}",
                        flush=True,
                    )
                    kept.append((model, method, part, "sigma", first, middle, *best))
            if options.sigma_only:
                continue
            for part in PARTS:
                best = most_local(found[part].items(), generator, segmenter, (part,))
                if part not in best:
                    print(f"    {part:6} at equal change: none reaches it within {MOST:g} sigma", flush=True)
                    continue
                name, direction, strength, sigmas = best[part]
                outside, inside = changes(direction, strength, TEST, generator, segmenter)[
                    :, PARTS.index(part)
                ].tolist()
                print(
                    f"    {part:6} at equal change: {outside / inside:.3f} by {name} at {sigmas:.2f} sigma "
                    f"(inside {inside:.4f}, outside {outside:.5f})",
                    flush=True,
                )
                kept.append((model, method, part, "equal", name, sigmas, inside, outside))
    if options.json:
        options.json.write_text(json.dumps(kept))


if __name__ == "__main__":
    main()
