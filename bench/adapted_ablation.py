"""Does each part of `interpretable.adapt` and of an exchange earn its place?

Adaptations that are the same but for one part of the loss or of the clusters; and exchanges of `shape` with other
masks. Measured on the samples and pairs that settings are chosen on. One seed: small differences mean nothing.

    .venv/bin/python bench/adapted_ablation.py avatars.pggan [--pairs 48] [--out out/adapted]
"""

import argparse
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch
from adapted import LAYERS, PARTS, Record, Tools, adapted, drawn, exchanges, named
from torch.nn.functional import avg_pool2d, interpolate, max_pool2d

from interpgan_core import FeatureEdit, InterpganError, load_generator, quiet
from interpgan_interpretable.edits.move import filled
from interpgan_interpretable.homes import HALF, shares, soft
from interpgan_interpretable.layers import maps_of, units_of
from interpgan_interpretable.measures.consistency import MeasureConsistency

PEOPLE, SOURCES = 1000, 2000  # first seeds of the pairs
LEARNED = 5000, 7000  # of the pairs that weights of channels are learned from
MASKS = (
    "from 0.1 to 0.35",
    "from 0 to 0.5",
    "from 0 to 0.333",
    "from 0 to 0.25",
    "homes",
    "homes, averaged",
    "homes, grown and averaged",
    "the source's alone",
    "holes filled",
)
VARIANTS = {
    "all of it": {},
    "without agreement": {"agreement": 0.0},
    "without gates": {"gates": 0.0},
    "without places": {"place": 0.0},
    "without other layers": {"beside": ()},
    "16 concepts": {"concepts": 16},
}


def masked(generator, people, sources, layer, units, kind):
    """An exchange of `shape` with another mask."""
    own = generator.added[layer].behind if layer in generator.added else layer
    here, there = (shares(generator, samples, layer, units) for samples in (people, sources))
    both = torch.maximum(here, there)
    before, value = (maps_of(generator, samples, own) for samples in (people, sources))
    weight = soft(both)
    if kind.startswith("from "):
        _, low, _, high = kind.split()
        weight = ((both - float(low)) / (float(high) - float(low))).clamp(0, 1)
    elif kind.startswith("homes"):
        weight = (both > HALF).float()
        if "grown" in kind:
            weight = max_pool2d(weight, 3, 1, 1)
        if "averaged" in kind:
            weight = avg_pool2d(weight, 3, 1, 1, count_include_pad=False)
    elif kind == "the source's alone":
        weight = soft(there)
    elif kind == "holes filled":  # where the sample's own was, and the source's is not: from around
        hole = (soft(here) - soft(there)).clamp(min=0)
        value = torch.lerp(value, filled(before, hole), hole)
    edit = FeatureEdit(own, tuple(range(value.shape[1])), value, weight)
    return replace(people, edits=(*people.edits, edit))


def weighted(generator, people, sources, layer, units, weights=None):
    """An exchange of `shape` whose channels go over by a share each, (c,); all of them wholly without it."""
    own = generator.added[layer].behind if layer in generator.added else layer
    here, there = (shares(generator, samples, layer, units) for samples in (people, sources))
    mask = soft(torch.maximum(here, there))
    before, value = (maps_of(generator, samples, own) for samples in (people, sources))
    if weights is not None:
        value = torch.lerp(before, value, weights.view(-1, 1, 1))
    edit = FeatureEdit(own, tuple(range(value.shape[1])), value, mask)
    return replace(people, edits=(*people.edits, edit)), mask


def channels(generator, layer, units, steps=60, count=8):
    """Learned weights of channels for one concept: the picture shall be the source's at home, else the sample's."""
    own = generator.added[layer].behind if layer in generator.added else layer
    width = maps_of(generator, generator.sample([0]), own).shape[1]
    logits = torch.full((width,), 2.0, requires_grad=True)
    optimiser = torch.optim.Adam([logits], 0.1)
    for step in range(steps):
        people, sources = (generator.sample(range(n + count * step, n + count * (step + 1))) for n in LEARNED)
        old, theirs = drawn(generator, people), drawn(generator, sources)
        batch, mask = weighted(generator, people, sources, layer, units, logits.sigmoid())
        home = interpolate(mask, size=old.shape[2:], mode="bilinear", align_corners=False)
        loss = (generator.images(batch) - torch.lerp(old, theirs, home)).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return logits.detach().sigmoid()


def learned(generator, people, sources, layer, units):
    return weighted(generator, people, sources, layer, units, channels(generator, layer, units))[0]


def measured(variant, more, model, pairs, out, parent, tools):
    """A row of the table."""
    layer, parts = LAYERS[model], PARTS[model.partition(".")[0]]
    folder = out / f"{model}-{variant.replace(' ', '-')}"
    record = Record(out / f"{folder.name}.json")
    made, figures = adapted(parent, layer, 0, folder, **more)
    consistency = MeasureConsistency(segmenter=tools.segmenter, seeds="100-149")
    row = record("concepts", lambda: consistency.run(made, quiet).tables[0].rows[-1])
    generator = named(made, tools)
    people, sources = (generator.sample(range(n, n + pairs)) for n in (PEOPLE, SOURCES))
    old, theirs = drawn(generator, people), drawn(generator, sources)
    masks = [tools.masks(images, parts) for images in (old, theirs)]
    found = []
    for part, names in parts.items():
        edits = {}
        if there := [name for name in names if name in generator.concepts]:
            ((at, units),) = units_of(generator, there).items()
            for kind in MASKS if variant == "all of it" else MASKS[:1]:
                edits[kind] = partial(masked, generator, people, sources, at, units, kind)
            if variant == "all of it":
                edits["channels learned"] = partial(learned, generator, people, sources, at, units)
        rows = record(part, exchanges, edits, generator, old, theirs, masks, tools, names, part)
        found += [
            f"{part}, {name}: {outside / inside:.3f}, {right:.0f} %"
            for name, (outside, inside, right, _) in rows.items()
            if inside is not None
        ]
    return (
        f"| {variant} | {row[2]:.3f} | {row[4]:.0f} | {figures['unexplained']:.1f} | {figures['outside']:.1f} | "
        f"{'; '.join(found)} |"
    )


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("model", choices=LAYERS)
    parser.add_argument("--pairs", type=int, default=48)
    parser.add_argument("--out", type=Path, default=Path("out/adapted"))
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    family = options.model.partition(".")[0]
    parent = load_generator(options.model, **({} if family == "avatars" else {"resolution": 512}))
    print(
        "| | consistency | % pure | unexplained | outside | locality, recognised |\n|---|---|---|---|---|---|"
    )
    for variant, more in VARIANTS.items():
        try:
            row = measured(variant, more, options.model, options.pairs, options.out, parent, Tools.of(family))
        except InterpganError as error:
            row = f"| {variant} | | | | | {error} |"
        print(row, flush=True)


if __name__ == "__main__":
    main()
