"""`dissection`'s counting beside the way of the original code, on the same maps and masks in one run.

The original (gandissect, 2019) is not installed here: its way is written from its description, as `Peer`. Image by
image, as there: a sketch of each unit's quantiles, and one for each part of the picture; then, at a level, how often
each unit is on in each part. Sketches are those of Karnin, Lang and Liberty (FOCS 2016), of 1,024 values.

    .venv/bin/python bench/dissection.py [--samples 10000] [--peer 100] [--model avatars.pggan --layer layer7]
"""

import argparse
import resource
import tempfile
import time
from pathlib import Path

import torch

from interpgan_avatars.segmenter import AvatarSegmenter
from interpgan_core import load_generator, quiet
from interpgan_dissection.dissect import Dissect
from interpgan_dissection.tally import Scale, Tally

RESOLUTION, BATCH = 1024, 16


class Sketch:
    """Quantiles of a stream, of all units at once: full buffers are sorted, and every other value moves up."""

    def __init__(self, units):
        self.levels, self.random = [[torch.empty(units, 0)]], torch.Generator().manual_seed(0)

    def add(self, values):
        for part in values.split(RESOLUTION, 1):
            self._push(0, part)

    def _push(self, level, values):
        if level == len(self.levels):
            self.levels.append([torch.empty(len(values), 0)])
        held = self.levels[level]
        held.append(values)
        if sum(v.shape[1] for v in held) >= RESOLUTION:
            sorted_ = torch.cat(held, 1).sort(1).values
            self.levels[level] = [sorted_[:, :0]]
            offset = int(torch.randint(2, (1,), generator=self.random))
            self._push(level + 1, sorted_[:, offset::2])


class Peer:
    """What the original does with one picture."""

    def __init__(self, units, parts, level):
        self.level, self.parts = level, parts
        self.low, self.all = Sketch(units), Sketch(units)
        self.each = [Sketch(units) for _ in range(parts)]
        self.both = torch.zeros(units, parts, dtype=torch.int64)
        self.top = torch.full((units, 100), -torch.inf)

    def add(self, maps, labels):
        self.low.add(maps.flatten(1))
        best = torch.cat([self.top, maps.amax((1, 2))[:, None]], 1)
        self.top = best.topk(100, 1).values
        large = torch.nn.functional.interpolate(
            maps[None], size=labels.shape, mode="bilinear", align_corners=False
        )[0].flatten(1)
        self.all.add(large)
        on, flat = large > self.level[:, None], labels.flatten()
        for part in flat.unique().tolist():
            inside = flat == part
            self.each[part].add(large[:, inside])
            self.both[:, part] += on[:, inside].sum(1)


def memory():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--samples", type=int, default=10_000)
    parser.add_argument("--peer", type=int, default=100, help="samples for the original's way")
    parser.add_argument("--model", default="avatars.pggan")
    parser.add_argument("--layer", default="layer7")
    given = parser.parse_args()
    generator, segmenter = load_generator(given.model), AvatarSegmenter.shipped()
    parts = len(segmenter.parts)

    with torch.no_grad():
        batches = []
        for batch in generator.stream(range(given.peer), BATCH):
            maps = generator.features(batch, [given.layer])[given.layer]
            batches.append((maps, segmenter(generator.images(batch, BATCH)), batch.seeds))
        scale = Scale.of(batches[0][0])
        tally = Tally(scale, parts, 8)
        tally.add(*batches[0])
        tally, began = Tally(scale, parts, 8), time.perf_counter()
        for maps, labels, seeds in batches:
            tally.add(maps, labels, seeds)
        ours = (time.perf_counter() - began) / given.peer
        peer, began = Peer(maps.shape[1], parts, torch.zeros(maps.shape[1])), time.perf_counter()
        for maps, labels, _ in batches:
            for one, mask in zip(maps, labels, strict=True):
                peer.add(one, mask)
        theirs = (time.perf_counter() - began) / given.peer
    print(
        f"{given.model} {given.layer}, maps {tuple(maps.shape[1:])}, counting {given.peer} samples, a sample:"
    )
    print(f"  dissection        {1000 * ours:6.1f} ms")
    print(f"  the original's    {1000 * theirs:6.1f} ms   {theirs / ours:.1f} times ours")

    for samples in (given.samples // 10, given.samples):
        before, began = memory(), time.perf_counter()
        with tempfile.TemporaryDirectory() as folder:
            step = Dissect(layer=given.layer, segmenter=segmenter, seeds=f"0-{samples - 1}", shown=0)
            found = step.run(generator, Path(folder), quiet)
        tell = int((found.drawn() >= 0).sum())
        print(
            f"{samples} samples, drawn and dissected: {time.perf_counter() - began:.0f} s, "
            f"{memory() - before:.0f} MB more at the peak; {tell} of {len(found)} units tell a part"
        )


if __name__ == "__main__":
    main()
