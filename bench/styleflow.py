"""What else changes when an attribute rises by one standard deviation: a flow against boundaries of W.

All are fitted on the same scores of avatars.stylegan2 by avatars.scorer (logits). Each is moved until the score of its
attribute has risen by about one standard deviation on the mean over some people, and measured on others: the mean and
the largest, over the other attributes, of the mean absolute change, in standard deviations, and the mean for each
standard deviation reached. "In layers": with the layers of W+ in which, on the people that strengths are found on, the
others change least, as section 5.3 of the paper chooses layers for each attribute. "Looking": `styleflow.edit` that is
corrected by what the scorer sees. As that scorer also measures, another network measures beside it: avatars.text, by
how much nearer pictures come to one of two texts.

    .venv/bin/python bench/styleflow.py [--samples 10000] [--scores scores.safetensors] [--couplings 4] [--steps 1500]
"""

import argparse
import tempfile
import time
from pathlib import Path

import torch

from interpgan_avatars.scorer import AvatarScorer
from interpgan_avatars.text import AvatarText
from interpgan_core import Score, Scores, Shift, load_generator, quiet, score_images, sigma
from interpgan_core.testing import run_operator
from interpgan_interfacegan.boundaries import Boundaries, FitBoundaries
from interpgan_styleflow.edit import EditAttributes
from interpgan_styleflow.operators import LearnFlow

TARGET = 1.0  # standard deviations by which the attribute rises
CORRECTIONS = 4  # of the strength, after the first guess
TEXTS = {
    "pose": ("a face facing left", "a face facing right"),
    "smile": ("a serious person", "a smiling person"),
    "age": ("a young person", "an old person"),
    "gender": ("a woman", "a man"),
    "eyeglasses": ("a person without glasses", "a person with glasses"),
    "beard": ("a beardless person", "a bearded person"),
}


class Words:
    """How much nearer a picture is to the second of two texts than to the first."""

    def __init__(self, names):
        self.net, self.names = AvatarText.shipped(), names
        with torch.no_grad():
            first, second = (self.net.embed_texts([TEXTS[name][i] for name in names]) for i in (0, 1))
        self.ways = (second - first).T

    def __call__(self, images):
        return self.net.embed_images(images) @ self.ways


class People:
    """Some samples, and what they score before they are moved."""

    def __init__(self, seeds, generator, *scorers):
        self.batch, self.generator, self.scorers = generator.sample(list(seeds)), generator, scorers
        self.before = self.scored(self.batch)

    def scored(self, batch):
        with torch.no_grad():
            pictures = list(self.generator.iter_images(batch, 16))
            return [
                torch.cat([score_images(scorer, images).double() for images in pictures])
                for scorer in self.scorers
            ]

    def changes(self, edit, strength):
        """(n, k) by each scorer."""
        after = self.scored(edit(self.batch, self.generator, strength))
        return [a - b for a, b in zip(after, self.before, strict=True)]


class Along:
    """Moves along a mover, in some layers."""

    def __init__(self, mover, layers="all"):
        self.mover, self.layers = mover, layers

    def first(self, generator):
        return 0.5 * sigma(self.mover, generator)

    def __call__(self, batch, generator, strength):
        return Shift(direction=self.mover, strength=strength, layers=self.layers).run(batch, generator)


class Looking:
    """`styleflow.edit` of one attribute, by standard deviations of its score."""

    layers = "all"

    def __init__(self, flows, name, deviation, scorer, looks):
        self.given = {"flow": flows, "scorer": scorer, "looks": looks}
        self.name, self.deviation = name, deviation

    def first(self, generator):
        return 1.0

    def __call__(self, batch, generator, strength):
        return EditAttributes(by={self.name: strength * self.deviation}, **self.given).run(batch, generator)


def strength_for(edit, j, deviation, people):
    """Where attribute j rises by TARGET on the mean, by straight lines from 0."""
    strength = edit.first(people.generator)
    for _ in range(CORRECTIONS):
        reached = float(people.changes(edit, strength)[0][:, j].mean() / deviation[j])
        strength *= min(max(TARGET / max(reached, 1e-3), 0.25), 4.0)
    return strength


def rest_of(changed, j):
    """Of changes (n, k) in standard deviations: the mean of attribute j, the mean and the largest of the others."""
    moved = changed.abs().mean(0)
    rest = torch.cat([moved[:j], moved[j + 1 :]])
    return float(changed[:, j].mean()), float(rest.mean()), float(rest.max())


def in_layers(mover, j, deviation, people):
    """Pairs of layers in a row, in which the others change least for what is reached; half of TARGET at the least."""
    count = people.generator.spaces["w+"].shape[0]
    found = {}
    for first in range(0, count, 2):
        for last in range(first + 1, count, 2):
            edit = Along(mover, f"{first}-{last}")
            strength = strength_for(edit, j, deviation, people)
            reached, mean, _ = rest_of(people.changes(edit, strength)[0] / deviation, j)
            if reached > TARGET / 2:
                found[edit] = mean / reached
    return min(found, key=found.get)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--samples", type=int, default=10_000)
    parser.add_argument("--scores", type=Path, help="kept from an earlier run")
    parser.add_argument("--couplings", type=int, default=4)
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--width", type=int, default=128)
    parser.add_argument("--looks", type=int, default=8)
    parser.add_argument("--seed", type=int, default=0)
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
            scores=scores,
            couplings=options.couplings,
            steps=options.steps,
            width=options.width,
            seed=options.seed,
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
    tested = People(range(60_000, 60_000 + options.people), generator, scorer, Words(scores.names))
    spread = tested.before[1].std(0)
    print(
        f"{'attribute':11} {'method':22} {'layers':>6} {'reached':>8} {'mean':>6} {'max':>6} {'mean/reached':>12}   "
        "by words: reached, mean/reached"
    )
    means = {}
    for j, name in enumerate(scores.names):
        others = [b for other, b in boundaries.items() if other != name]
        methods = {
            "boundary": Along(boundaries[name]),
            "boundary, conditioned": Along(boundaries[name].without(*others)),
            "boundary, in layers": in_layers(boundaries[name], j, deviation, tuning),
            "flow": Along(flows[name]),
            "flow, in layers": in_layers(flows[name], j, deviation, tuning),
            "flow, looking": Looking(flows, name, float(deviation[j]), scorer, options.looks),
        }
        for method, edit in methods.items():
            changes, words = tested.changes(edit, strength_for(edit, j, deviation, tuning))
            reached, mean, largest = rest_of(changes / deviation, j)
            reached_by_words, mean_by_words, _ = rest_of(words / spread, j)
            row = (mean / reached, mean_by_words / reached_by_words)
            means.setdefault(method, []).append(row)
            print(
                f"{name:11} {method:22} {edit.layers:>6} {reached:8.2f} {mean:6.3f} {largest:6.3f} {row[0]:12.3f}   "
                f"{reached_by_words:.2f}, {row[1]:.3f}",
                flush=True,
            )
    for method, found in means.items():
        first, second = (sum(column) / len(found) for column in zip(*found, strict=True))
        print(f"{method:22} mean/reached {first:.3f}, by words {second:.3f}")


if __name__ == "__main__":
    main()
