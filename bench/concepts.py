"""The tables of an interpretable layer: concepts before and after training, locality, transfer, faces, realism, FID.

    .venv/bin/python bench/concepts.py avatars.stylegan2-interpretable avatars.stylegan2 [--pairs 48] [--samples 2000]

The first is a named model, or a file that `interpretable.train` and `interpretable.name` made; the second what it was
trained from. Both baselines, the identity and the realism are operators of the plugin, as recipes use them.
"""

import argparse
import tempfile
from pathlib import Path

import torch

from interpgan_avatars.data import drawn
from interpgan_avatars.scorer import AvatarScorer
from interpgan_avatars.segmenter import AvatarSegmenter
from interpgan_core import InterpganError, load_generator, quiet
from interpgan_interpretable.edits.collage import Collage
from interpgan_interpretable.edits.editing_in_style import EditInStyle
from interpgan_interpretable.edits.exchange import ExchangeConcepts
from interpgan_interpretable.edits.refine import Refine
from interpgan_interpretable.measures.consistency import MeasureConsistency
from interpgan_interpretable.measures.identity import MeasureIdentity
from interpgan_interpretable.measures.locality import MeasureLocality
from interpgan_interpretable.measures.realism import MeasureRealism
from interpgan_interpretable.measures.transfer import MeasureTransfer
from interpgan_interpretable.partition.find import FindPartition
from interpgan_interpretable.partition.name import NameConcepts
from interpgan_interpretable.training.energy_model import EnergyModel
from interpgan_metrics.fid import FrechetDistance

FACE = ("skin", "eyes", "mouth", "nose", "beard", "brows", "glasses")


def model(name):
    return load_generator(Path(name) if Path(name).exists() else name)


def tell(report):
    for table in report.tables:
        print(f"\n{table.title}\n\n| {' | '.join(table.columns)} |\n|{'---|' * len(table.columns)}")
        for row in table.rows:
            cells = (f"{cell:.4g}" if isinstance(cell, float) else str(cell) for cell in row)
            print(f"| {' | '.join(cells)} |", flush=True)


def as_grouped(generator, layer):
    """The generator with the groups that it was trained with, whatever has been named and joined since."""
    groups = EnergyModel.of(generator).groups
    return generator.with_concepts(
        {
            str(c): (layer, tuple((groups == c).nonzero().flatten().tolist()))
            for c in groups.unique().tolist()
            if c >= 0
        }
    )


def consistency(before, after, segmenter):
    (layer,) = {layer for layer, _ in after.concepts.values()}
    for count in (8, 16, 24):
        found = FindPartition(layer=layer, concepts=count, seeds="0-255").run(before, quiet)
        plain = before.with_concepts(found.concepts)
        print(f"\nUntrained, {count} asked for: {len(plain.concepts)} in use")
        if count == 16:
            tell(MeasureConsistency(segmenter=segmenter, seeds="0-99").run(plain, quiet))
    for what, trained in (("Trained", as_grouped(after, layer)), ("Trained, named and joined", after)):
        print(f"\n{what}")
        tell(MeasureConsistency(segmenter=segmenter, seeds="0-99").run(trained, quiet))
    return layer


def edits(generator, layer, segmenter, pairs):
    """Tables 2 and 4 of the paper, for each part of a person that a concept is named after."""
    people, sources = (generator.sample(range(first, first + pairs)) for first in (1000, 2000))
    for part in [p for p in segmenter.parts[1:] if p in generator.concepts]:
        where = {"source": sources, "layer": layer, "segmenter": segmenter, "parts": (part,)}
        after = {
            "exchange": ExchangeConcepts(source=sources, concepts=(part,)).run(people, generator),
            "exchange, shape": ExchangeConcepts(source=sources, concepts=(part,), depth="shape").run(
                people, generator
            ),
            "collage, outline": Collage(**where).apply(people, generator),
            "collage, box": Collage(**where, box=True).apply(people, generator),
            "editing in style": EditInStyle(**where, seeds="0-63").apply(people, generator),
        }
        known = {"before": people, "edits": after, "segmenter": segmenter, "parts": (part,)}
        try:
            tell(MeasureLocality(**known).run(generator, quiet))
            tell(MeasureTransfer(**known, source=sources).run(generator, quiet))
        except InterpganError as error:  # too few samples show it
            print(f"\n{part}: {error}")


def faces(generator, scorer, pairs):
    """Table 3, and realism before and after Langevin sampling."""
    face = tuple(part for part in FACE if part in generator.concepts)
    people, sources = (generator.sample(range(first, first + pairs)) for first in (1000, 2000))
    after = {}
    for depth in ("filters", "shape"):
        what = {"source": sources, "concepts": face, "depth": depth}
        how = f", {depth}"
        after[f"swapped{how}"] = ExchangeConcepts(**what).run(people, generator)
        for steps in (5, 20):
            refine = Refine(**what, langevin_steps=steps)
            after[f"refined, {steps} steps{how}"] = refine.run(people, generator, quiet)
    print(f"\nThe face: {', '.join(face)}")
    tell(MeasureIdentity(before=people, source=sources, edits=after, features=scorer).run(generator, quiet))
    alone = {f"alone, {n} steps": Refine(langevin_steps=n).run(people, generator, quiet) for n in (5, 20)}
    tell(MeasureRealism(batches={"people": people, **alone, **after}).run(generator, quiet))


def distances(names, scorer, samples):
    with tempfile.TemporaryDirectory() as folder:
        data = drawn(range(samples), Path(folder), quiet)
        for name in names:
            step = FrechetDistance(
                data=data, features=scorer, seeds=f"0-{samples - 1}", real=samples, kid=False, batch_size=32
            )
            print(f"\n{name}")
            tell(step.run(model(name), quiet))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("after")
    parser.add_argument("before")
    parser.add_argument("--pairs", type=int, default=48)
    parser.add_argument("--samples", type=int, default=2000)
    options = parser.parse_args()
    segmenter, scorer = AvatarSegmenter.shipped(), AvatarScorer.shipped()
    before, after = model(options.before), model(options.after)
    if "0" in after.concepts:
        after = NameConcepts(segmenter=segmenter, seeds="0-127", min_agreement=0.25).run(after, quiet)
    print(f"Concepts: {', '.join(f'{name} ({len(units)})' for name, (_, units) in after.concepts.items())}")
    with torch.no_grad():
        layer = consistency(before, after, segmenter)
        edits(after, layer, segmenter, options.pairs)
        faces(after, scorer, options.pairs)
        distances((options.before, options.after), scorer, options.samples)


if __name__ == "__main__":
    main()
