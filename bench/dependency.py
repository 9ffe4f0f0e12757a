"""Attribute dependency: what else changes as an attribute rises by 0.3 standard deviations.

StyleSpace's channels against boundaries of W, as found and conditioned on all other attributes. Each is moved until the
score of its attribute has risen by 0.3 standard deviations on the mean over training seeds, and is measured on others:
the mean and the largest, over the other attributes, of the mean absolute change, in standard deviations (Wu et al.,
2021, section 6). Of the channels that the step ranks first, the one of the least dependency on training seeds is taken;
beside it stands the sum of the first four, each weighted by its effect.

    .venv/bin/python bench/dependency.py [--count 2]
"""

import argparse

import torch

from interpgan_avatars.operators import LoadDirections
from interpgan_avatars.scorer import AvatarScorer
from interpgan_core import Direction, Shift, load_generator, quiet, score_images, sigma
from interpgan_stylespace.attributes import RankByAttribute

TRAIN, TEST = range(1000, 1016), range(2000, 2064)
TARGET = 0.3  # standard deviations by which the attribute rises; few single channels can do much more
MOST = 16.0  # standard deviations of the codes along the direction
EXAMPLES = 20


def scores(batch, generator, scorer):
    with torch.no_grad():
        return torch.cat([score_images(scorer, i).double() for i in generator.iter_images(batch, 16)])


def changes(direction, strength, seeds, generator, scorer, before):
    batch = generator.sample(list(seeds))
    return (
        scores(Shift(direction=direction, strength=strength).run(batch, generator), generator, scorer)
        - before
    )


def strength_for(direction, j, generator, scorer, before, deviation):
    """Where attribute j has risen by TARGET, by straight lines between measurements; and its most.

    None where it never is.
    """
    unit = sigma(direction, generator)

    def reached(s):
        moved = changes(direction, s * unit, TRAIN, generator, scorer, before)
        return float(moved[:, j].mean() / deviation[j])

    low, high, most = 0.0, 1.0, 0.0
    while (now := reached(high)) < TARGET:
        low, high, most = high, high * 2, max(most, now)
        if high > MOST:
            return None, most
    at_low, at_high = (reached(low) if low else 0.0), now
    for _ in range(2):  # by straight lines
        middle = low + (high - low) * (TARGET - at_low) / max(at_high - at_low, 1e-6)
        at_middle = reached(middle)
        low, at_low, high, at_high = (
            (middle, at_middle, high, at_high) if at_middle < TARGET else (low, at_low, middle, at_middle)
        )
    return high * unit, TARGET


def dependency(moved, j, deviation):
    """Mean and max over the other attributes of the mean absolute change in standard deviations."""
    sizes = (moved / deviation).abs().mean(0)
    others = torch.cat([sizes[:j], sizes[j + 1 :]])
    return float(others.mean()), float(others.max())


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=2)
    options = parser.parse_args()
    generator, scorer = load_generator("avatars.stylegan2"), AvatarScorer.shipped("logit")
    names = scorer.names
    population = torch.cat(
        [scores(batch, generator, scorer) for batch in generator.stream(range(10_000, 10_300), 50)]
    )
    deviation = population.std(0)
    train = scores(generator.sample(list(TRAIN)), generator, scorer)
    test = scores(generator.sample(list(TEST)), generator, scorer)
    boundaries = LoadDirections().run(generator)
    by_gradient = RankByAttribute(scorer=scorer, count=4, seeds="0-127").run(generator, quiet)
    positives = {
        name: generator.sample((10_000 + population[:, j].topk(EXAMPLES).indices).tolist())
        for j, name in enumerate(names)
    }
    by_examples = RankByAttribute(positives=positives, count=options.count, seeds="0-255").run(
        generator, quiet
    )

    def of(found, name):
        own = [(key, d) for key, d in found.items() if name in d.notes["of"]]
        for key, direction in sorted(own, key=lambda pair: pair[1].notes["ranked"][name]["rank"]):
            sign = direction.notes["of"][name]
            yield (
                f"{key}{'+' if sign > 0 else '-'}",
                type(direction)(
                    sign * direction.vector, "s", generator=direction.generator, notes=direction.notes
                ),
            )

    def together(found, name):
        """The first four channels at once, each in proportion to its effect for one standard deviation."""
        first = [d for d in found.values() if name in d.notes["of"]]
        first = sorted(first, key=lambda d: d.notes["ranked"][name]["rank"])[:4]
        vector = sum(d.vector * d.notes["sigma"] * d.notes["ranked"][name]["change"] for d in first)
        yield "4 together", Direction(vector, "s", generator=generator.fingerprint)

    print(
        f"{'attribute':11} {'method':23} {'which':10} {'sigmas':>7} {'reached':>8} {'AD mean':>8} {'AD max':>8} "
        "and for each standard deviation reached"
    )
    for j, name in enumerate(names):
        others = [b for other, b in boundaries.items() if other != name]
        sets = {
            "boundary": [(name, boundaries[name])],
            "boundary, conditioned": [(name, boundaries[name].without(*others))],
            "channel, by gradient": list(of(by_gradient, name))[: options.count],
            "channel, by examples": list(of(by_examples, name)),
            "4 channels, by gradient": list(together(by_gradient, name)),
        }
        for method, some in sets.items():
            best, most = None, 0.0
            for key, direction in some:
                strength, reached = strength_for(direction, j, generator, scorer, train, deviation)
                most = max(most, reached)
                if strength is None:
                    continue
                moved = changes(direction, strength, TRAIN, generator, scorer, train)
                mean, _ = dependency(moved, j, deviation)
                if best is None or mean < best[0]:
                    best = (mean, key, direction, strength)
            if best is None:
                print(
                    f"{name:11} {method:23} none of {len(some)} reaches one standard deviation within {MOST:g} sigma"
                )
                continue
            _, key, direction, strength = best
            moved = changes(direction, strength, TEST, generator, scorer, test)
            mean, largest = dependency(moved, j, deviation)
            rise = float(moved[:, j].mean() / deviation[j])
            print(
                f"{name:11} {method:23} {key:10} {strength / sigma(direction, generator):7.2f} {rise:8.2f} "
                f"{mean:8.3f} {largest:8.3f} {mean / rise:8.2f} {largest / rise:8.2f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
