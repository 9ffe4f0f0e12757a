"""What else changes when an attribute rises by one standard deviation: a flow against boundaries of W.

All are fitted on the same scores of avatars.stylegan2 by avatars.scorer (logits). Each is moved until the score of its
attribute has risen by one standard deviation on the mean over training seeds, and measured on others: the mean and the
largest, over the other attributes, of the mean absolute change, in standard deviations.

    .venv/bin/python bench/styleflow.py [--samples 10000] [--scores scores.safetensors] [--couplings 4] [--steps 1500]
"""

import argparse
import tempfile
import time
from pathlib import Path

import torch

from interpgan_avatars.scorer import AvatarScorer
from interpgan_core import Score, Scores, Shift, load_generator, quiet, score_images
from interpgan_core.testing import run_operator
from interpgan_interfacegan.boundaries import Boundaries, FitBoundaries
from interpgan_styleflow.operators import LearnFlow

TRAIN, TEST = range(50_000, 50_024), range(60_000, 60_096)
TARGET = 1.0  # standard deviations by which the attribute rises
MOST = 64.0  # the largest strength that is tried


def scored(batch, generator, scorer):
    with torch.no_grad():
        return torch.cat(
            [score_images(scorer, images).double() for images in generator.iter_images(batch, 16)]
        )


def changes(mover, strength, seeds, generator, scorer):
    batch = generator.sample(list(seeds))
    before = scored(batch, generator, scorer)
    return scored(Shift(direction=mover, strength=strength).run(batch, generator), generator, scorer) - before


def strength_for(mover, j, deviation, generator, scorer):
    """Where attribute j has risen by TARGET; None where it never does."""

    def reached(strength):
        return float(changes(mover, strength, TRAIN, generator, scorer)[:, j].mean() / deviation[j])

    low, at_low, high = 0.0, 0.0, 1.0
    while (at_high := reached(high)) < TARGET:
        low, at_low, high = high, at_high, high * 2
        if high > MOST:
            return None
    for _ in range(2):  # by straight lines
        middle = low + (high - low) * (TARGET - at_low) / max(at_high - at_low, 1e-6)
        at_middle = reached(middle)
        if at_middle < TARGET:
            low, at_low = middle, at_middle
        else:
            high, at_high = middle, at_middle
    return low + (high - low) * (TARGET - at_low) / max(at_high - at_low, 1e-6)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--samples", type=int, default=10_000)
    parser.add_argument("--scores", type=Path, help="kept from an earlier run")
    parser.add_argument("--couplings", type=int, default=4)
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--width", type=int, default=128)
    options = parser.parse_args()
    generator, scorer = load_generator("avatars.stylegan2"), AvatarScorer.shipped("logit")
    with tempfile.TemporaryDirectory() as folder:
        if options.scores and options.scores.exists():
            scores = Scores.load(options.scores)
        else:
            step = Score(scorer=scorer, seeds=f"0-{options.samples - 1}")
            scores = run_operator(step, Path(folder), generator=generator)
            if options.scores:
                scores.write(options.scores)
        began = time.process_time()
        learn = LearnFlow(
            scores=scores, couplings=options.couplings, steps=options.steps, width=options.width
        )
        flows = run_operator(learn, Path(folder, "flow"), generator=generator)
        print(
            f"{len(scores.seeds)} codes of {flows.one.space}: {time.process_time() - began:.0f} s of a core"
        )
    for table in flows.summary().tables:
        print(table.title, table.columns, *table.rows, sep="\n  ")
    one, codes = flows.one, next(generator.stream(range(256), space=flows.one.space)).codes.double()
    own = one.flow.read(codes)
    back = one.flow.back(one.flow(codes, own)[0], own)
    print(f"there and back: largest error {float((back - codes).abs().max()):.1e}")
    boundaries: Boundaries = FitBoundaries(scores=scores, space=flows.one.space, bootstrap=0).run(
        generator, quiet
    )
    deviation = scores.values.double().std(0)
    print(f"{'attribute':11} {'method':22} {'strength':>8} {'reached':>8} {'mean':>6} {'max':>6}")
    means = {}
    for j, name in enumerate(scores.names):
        others = [b for other, b in boundaries.items() if other != name]
        methods = {
            "boundary": boundaries[name],
            "boundary, conditioned": boundaries[name].without(*others),
            "flow": flows[name],
        }
        for method, mover in methods.items():
            strength = strength_for(mover, j, deviation, generator, scorer)
            if strength is None:
                print(f"{name:11} {method:22} does not rise by {TARGET:g}")
                continue
            changed = changes(mover, strength, TEST, generator, scorer) / deviation
            moved = changed.abs().mean(0)
            rest = torch.cat([moved[:j], moved[j + 1 :]])
            means.setdefault(method, []).append(float(rest.mean()))
            print(
                f"{name:11} {method:22} {strength:8.2f} {float(changed[:, j].mean()):8.2f} {float(rest.mean()):6.3f} "
                f"{float(rest.max()):6.3f}",
                flush=True,
            )
    print({method: round(sum(found) / len(found), 3) for method, found in means.items()})


if __name__ == "__main__":
    main()
