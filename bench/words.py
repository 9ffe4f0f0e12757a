"""Edits in words on the avatars: what they cost, and what the scorer of avatars, another net, sees of them.

.venv/bin/python bench/words.py directions [--samples 100] [--reach 5]   entry after entry against gradients
"""

import argparse
import time

import torch

from interpgan_avatars.text import AvatarText
from interpgan_core import Ranges, load_generator, quiet
from interpgan_text.directions import FindGlobalDirections
from interpgan_text.net import toward
from interpgan_text.relevance import by_differences, by_gradients, entries_of

MODEL = "avatars.stylegan2"
TEXTS = {"smile": "a smiling person", "old": "an old person", "glasses": "a person with glasses"}
SPREAD = Ranges("0-1023")
STRONGEST = 30  # entries that move by default


def directions(given):
    """Seconds of both in one run, and how far they agree, on the same samples."""
    net = AvatarText.shipped()
    began = time.perf_counter()
    generator = load_generator(MODEL)
    FindGlobalDirections(net=net, texts={"smile": TEXTS["smile"]}).run(generator, quiet)
    print(f"one direction from nothing, 100 samples: {time.perf_counter() - began:.1f} s", flush=True)
    changes = toward(net, list(TEXTS.values()), "a person")
    entries = entries_of(generator, "s", SPREAD, quiet)
    batches = list(generator.stream(range(given.samples), 10, "s"))
    began = time.perf_counter()
    slopes = by_gradients(generator, net, changes, batches, entries.deviation)
    quick = time.perf_counter() - began
    moving = entries.deviation > 0
    print(f"{int(moving.sum())} of {len(moving)} entries of S vary; {given.samples} samples, {len(TEXTS)} texts")
    for reach in given.reach:
        began = time.perf_counter()
        rows = by_differences(generator, net, batches, entries, range(len(moving)), reach)
        slow = time.perf_counter() - began
        along = changes.double() @ rows.T
        whole = torch.cosine_similarity(along, slopes, dim=1)
        shares = changes.double() @ torch.nn.functional.normalize(rows, dim=1).T
        shared = [
            len(set(a.abs().topk(STRONGEST).indices.tolist()) & set(b.abs().topk(STRONGEST).indices.tolist()))
            for a, b in zip(along, slopes, strict=True)
        ]
        print(f"reach {reach:g}: {slow:.1f} s, gradients {quick:.1f} s, ratio {slow / quick:.0f}")
        for text, cosine, common, unit in zip(
            TEXTS.values(), whole.tolist(), shared, torch.cosine_similarity(shares, slopes, dim=1).tolist(),
            strict=True,
        ):  # fmt: skip
            print(
                f"  {text:24} cosine {cosine:.3f}, {common} of the {STRONGEST} strongest in common; "
                f"rows of length 1, as published: {unit:.3f}",
                flush=True,
            )


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("directions")
    one.add_argument("--samples", type=int, default=100)
    one.add_argument("--reach", type=float, nargs="+", default=[5.0])
    one.set_defaults(run=directions)
    given = parser.parse_args()
    given.run(given)


if __name__ == "__main__":
    main()
