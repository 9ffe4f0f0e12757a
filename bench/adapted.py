"""The tables of `interpretable.adapt`: concepts, exchanges to each depth beside the baselines, faces swapped.

    .venv/bin/python bench/adapted.py avatars.pggan layer7 [--seed 0] [--pairs 48] [--chosen]
    .venv/bin/python bench/adapted.py mobilestylegan.ffhq convs.6 --pairs 24
    .venv/bin/python bench/adapted.py avatars.pggan-interpretable layer7

Settings were chosen on the pairs of `--chosen`, and are reported on others. Parts are found by `avatars.segmenter` or
`faces.regions`, faces are compared by `avatars.scorer` or `faces.identity`.
"""

import argparse
import resource
import time
from pathlib import Path

import torch
from torch.nn.functional import cosine_similarity

from interpgan_core import InterpganError, load_generator, mask_of, quiet
from interpgan_interpretable.adaptation.adapt import AdaptLayer
from interpgan_interpretable.edits.collage import Collage
from interpgan_interpretable.edits.editing_in_style import EditInStyle
from interpgan_interpretable.edits.exchange import ExchangeConcepts
from interpgan_interpretable.measures.consistency import MeasureConsistency
from interpgan_interpretable.measures.locality import change
from interpgan_interpretable.measures.transfer import CHOICES, MIN_AREA, accuracy, cut_out, random_choices
from interpgan_interpretable.partition.find import FindPartition
from interpgan_interpretable.partition.name import NameConcepts

PARTS = {
    "avatars": (("hair",), ("skin",), ("shirt",), ("eyes",), ("mouth",)),
    "mobilestylegan": (("lips", "mouth"), ("eyes",), ("nose",), ("hair",)),
}
FACES = {
    "avatars": ("skin", "eyes", "mouth", "nose", "beard", "brows", "glasses"),
    "mobilestylegan": ("skin", "eyes", "lips", "mouth", "nose", "brows"),
}
DEPTHS = ("filters", "shape", "texture", "everything")
NAMED, MEASURED = "0-63", "200-299"
PAIRS = {True: (1000, 2000), False: (3000, 4000)}  # first seeds of people and sources: chosen on, reported on


def tools(family):
    """A segmenter, a net whose features tell faces apart, and the distance below which two are one person's."""
    if family == "avatars":
        from interpgan_avatars.scorer import AvatarScorer
        from interpgan_avatars.segmenter import AvatarSegmenter

        return AvatarSegmenter.shipped(), AvatarScorer.shipped(), None
    from interpgan_faces.identity import SAME, LoadIdentity
    from interpgan_faces.regions import LoadRegions

    return LoadRegions().run("cpu"), LoadIdentity().run("cpu"), SAME


def adapted(name, layer, seed, file):
    options = {"resolution": 512} if name.startswith("mobilestylegan") else {}
    parent = load_generator(name, **options)
    if parent.concepts:  # one that was trained
        return parent, parent
    if file:
        return parent, parent.with_layer_from(file)
    began, processor = time.perf_counter(), time.process_time()
    made = AdaptLayer(layer=layer, seed=seed).run(parent, progress=quiet)
    known = {key: value for key, value in made.notes["adapted"].items() if key != "areas"}
    print(
        f"adapted in {time.perf_counter() - began:.0f} s, {time.process_time() - processor:.0f} s of the processor, "
        f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MB: {known}"
    )
    return parent, made


def concepts(parent, made, layer, segmenter):
    """Same bytes; consistency before, of 16 groups as in RESULTS.md, and after."""
    batch = parent.sample(range(8))
    print("unedited, the same bytes:", torch.equal(parent.images(batch), made.images(batch)))
    found = FindPartition(layer=layer, concepts=16, seeds="0-127").run(parent, quiet)
    for what, one in (("untrained", parent.with_concepts(found.concepts)), ("adapted", made)):
        measured = MeasureConsistency(segmenter=segmenter, seeds=MEASURED).run(one, quiet)
        row = measured.tables[0].rows[-1]
        print(
            f"{what}: {len(one.concepts)} concepts, consistency {row[2]:.3f}, {row[4]:.1f} % pure", flush=True
        )


def named(made, segmenter):
    named = NameConcepts(segmenter=segmenter, seeds=NAMED, min_agreement=0.25).run(made, quiet)
    print("named:", {name: len(units) for name, (_, units) in named.concepts.items() if not name.isdigit()})
    return named


def edits(generator, layer, segmenter, parts, people, sources):
    """By name, all edits that exchange some parts; only the baselines where no concept is named after these."""
    there = tuple(part for part in parts if part in generator.concepts)
    found = {}
    if there:
        for depth in DEPTHS:
            found[depth] = ExchangeConcepts(source=sources, concepts=there, depth=depth).run(
                people, generator
            )
    where = {"source": sources, "layer": layer, "segmenter": segmenter, "parts": parts}
    found["collage, outline"] = Collage(**where).apply(people, generator)
    found["collage, box"] = Collage(**where, box=True).apply(people, generator)
    found["editing in style"] = EditInStyle(**where, seeds="0-15").apply(people, generator)
    return found


def looked_at(generator, batch):
    with torch.no_grad():
        return generator.images(batch).clamp(-1, 1)


def exchanges(generator, layer, segmenter, family, pairs, people, sources):
    """Locality and recognition, tables 4 and 2 of the paper, of each part by each edit; each picture is drawn once."""
    old, theirs = looked_at(generator, people), looked_at(generator, sources)
    print("\n| part | edit | locality | recognised, % |\n|---|---|---|---|")
    for parts in PARTS[family]:
        masks = [
            torch.cat([mask_of(segmenter, p, parts, p.shape[2:]) for p in x.split(1)]) for x in (old, theirs)
        ]
        shown = (masks[1].sum((1, 2, 3)) >= MIN_AREA).nonzero().flatten()
        if len(shown) < CHOICES:
            continue
        wanted = cut_out(theirs, masks[1])[shown]
        choices = random_choices(len(shown), 0)
        unchanged = accuracy(cut_out(old, masks[0])[shown], wanted, choices)
        print(f"| {' and '.join(parts)} | unchanged |  | {100 * unchanged:.0f} |")
        for name, batch in edits(generator, layer, segmenter, parts, people, sources).items():
            new = looked_at(generator, batch)
            mask = torch.cat([mask_of(segmenter, p, parts, p.shape[2:]) for p in new.split(1)])
            outside, inside = change(old, new, torch.maximum(masks[0], mask)).nanmean(0).tolist()
            right = accuracy(cut_out(new, mask)[shown], wanted, choices)
            print(
                f"| {' and '.join(parts)} | {name} | {outside / inside:.3f} | {100 * right:.0f} |", flush=True
            )


def faces(generator, family, identity, same, people, sources):
    """Table 3: whose the face is after a swap."""
    there = tuple(part for part in FACES[family] if part in generator.concepts)

    def features(images):
        with torch.no_grad():
            return torch.cat([identity.features(image) for image in images.split(1)])

    own, theirs = (features(looked_at(generator, batch)) for batch in (people, sources))
    print(f"\nThe face: {', '.join(there)}")
    for depth in DEPTHS:
        after = features(
            looked_at(
                generator,
                ExchangeConcepts(source=sources, concepts=there, depth=depth).run(people, generator),
            )
        )
        nearer = cosine_similarity(after, theirs) > cosine_similarity(after, own)
        said = f"{depth}: the source's {100 * float(nearer.double().mean()):.0f} %"
        if same is not None:
            far = (after - theirs).norm(dim=1)
            said += f", verified {100 * float((far < same).double().mean()):.0f} %"
            said += f" (before {100 * float(((own - theirs).norm(dim=1) < same).double().mean()):.0f} %)"
            pose = like_pose(generator, people, sources)
            said += (
                f"; of {int(pose.sum())} pairs of like pose {100 * float(nearer[pose].double().mean()):.0f} %"
            )
            said += f", verified {100 * float((far[pose] < same).double().mean()):.0f} %"
        print(said, flush=True)


def like_pose(generator, people, sources):
    """Pairs whose poses, in standard deviations of 0.16, are within one."""
    from interpgan_faces.scorer import LoadScorer

    scorer = LoadScorer().run("cpu")
    number = list(scorer.names).index("pose")
    poses = [scorer(looked_at(generator, batch))[:, number] for batch in (people, sources)]
    return (poses[0] - poses[1]).abs() < 0.16


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    parser.add_argument("layer")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--pairs", type=int, default=48)
    parser.add_argument(
        "--chosen", action="store_true", help="measure on the pairs that settings were chosen on"
    )
    parser.add_argument("--file", type=Path, help="layer.safetensors, in place of adapting")
    options = parser.parse_args()
    family = options.model.partition(".")[0]
    segmenter, identity, same = tools(family)
    parent, made = adapted(options.model, options.layer, options.seed, options.file)
    if made is not parent:
        concepts(parent, made, options.layer, segmenter)
    generator = made if made is parent else named(made, segmenter)
    people, sources = (generator.sample(range(n, n + options.pairs)) for n in PAIRS[options.chosen])
    exchanges(generator, options.layer, segmenter, family, options.pairs, people, sources)
    try:
        faces(generator, family, identity, same, people, sources)
    except InterpganError as error:
        print(f"no face: {error}")


if __name__ == "__main__":
    main()
