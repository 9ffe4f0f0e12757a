"""What else changes when an attribute rises by one standard deviation: a flow against boundaries of W.

All are fitted on the same scores of avatars.stylegan2 by avatars.scorer (logits). Each is moved until the score of its
attribute has risen by about one standard deviation on the mean over some people, and measured on others: the mean and
the largest, over the other attributes, of the mean absolute change, in standard deviations, and the mean for each
standard deviation reached.

    .venv/bin/python bench/styleflow.py [--samples 10000] [--scores scores.safetensors] [--couplings 4] [--steps 1500]
"""

import argparse
import tempfile
import time
from pathlib import Path

import torch

from interpgan_avatars.scorer import AvatarScorer
from interpgan_core import Score, Scores, Shift, load_generator, quiet, score_images, sigma
from interpgan_core.testing import run_operator
from interpgan_interfacegan.boundaries import Boundaries, FitBoundaries
from interpgan_styleflow.operators import LearnFlow

TARGET = 1.0  # standard deviations by which the attribute rises
CORRECTIONS = 2  # of the strength, after the first guess


def scored(batch, generator, scorer):
    with torch.no_grad():
        return torch.cat(
            [score_images(scorer, images).double() for images in generator.iter_images(batch, 16)]
        )


class People:
    """Some samples, and what they score before they are moved."""

    def __init__(self, seeds, generator, scorer):
        self.batch, self.generator, self.scorer = generator.sample(list(seeds)), generator, scorer
        self.before = scored(self.batch, generator, scorer)

    def changes(self, mover, strength):
        moved = Shift(direction=mover, strength=strength).run(self.batch, self.generator)
        return scored(moved, self.generator, self.scorer) - self.before


def strength_for(mover, j, deviation, people):
    """Where attribute j rises by TARGET on the mean, by straight lines from 0."""
    strength = 0.5 * sigma(mover, people.generator)
    for _ in range(CORRECTIONS):
        reached = float(people.changes(mover, strength)[:, j].mean() / deviation[j])
        strength *= min(max(TARGET / max(reached, 1e-3), 0.25), 4.0)
    return strength


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--samples", type=int, default=10_000)
    parser.add_argument("--scores", type=Path, help="kept from an earlier run")
    parser.add_argument("--couplings", type=int, default=4)
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--width", type=int, default=128)
    parser.add_argument(
        "--people", type=int, default=96, help="that are measured; a quarter of that for strengths"
    )
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
    tuning = People(range(50_000, 50_000 + options.people // 4), generator, scorer)
    tested = People(range(60_000, 60_000 + options.people), generator, scorer)
    print(
        f"{'attribute':11} {'method':22} {'strength':>8} {'reached':>8} {'mean':>6} {'max':>6} {'mean/reached':>12}"
    )
    means = {}
    for j, name in enumerate(scores.names):
        others = [b for other, b in boundaries.items() if other != name]
        methods = {
            "boundary": boundaries[name],
            "boundary, conditioned": boundaries[name].without(*others),
            "flow": flows[name],
        }
        for method, mover in methods.items():
            strength = strength_for(mover, j, deviation, tuning)
            changed = tested.changes(mover, strength) / deviation
            moved, reached = changed.abs().mean(0), float(changed[:, j].mean())
            rest = torch.cat([moved[:j], moved[j + 1 :]])
            means.setdefault(method, []).append(float(rest.mean()) / reached)
            print(
                f"{name:11} {method:22} {strength:8.2f} {reached:8.2f} {float(rest.mean()):6.3f} "
                f"{float(rest.max()):6.3f} {means[method][-1]:12.3f}",
                flush=True,
            )
    print({method: round(sum(found) / len(found), 3) for method, found in means.items()})


if __name__ == "__main__":
    main()
