"""What `interpretable.adapt` reaches: concepts, exchanges beside the baselines, faces swapped, parts moved.

    .venv/bin/python bench/adapted.py avatars.pggan [--seed 0] [--pairs 48] [--out out/adapted]
    .venv/bin/python bench/adapted.py mobilestylegan.ffhq --pairs 16 --moved 6
    .venv/bin/python bench/adapted_table.py [--out out/adapted] [--plot FILE.png]

Each is of one seed of the adaptation, and goes on where it was stopped; those of seed 0 measure the baselines, too.
`adapted_table.py` gives means and ranges over seeds. Settings were chosen on samples below 200 and on the pairs of
`adapted_ablation.py`, whose seeds are 1000 and 2000 on; everything in the tables is of samples 200 on and pairs of
seeds 3000 and 4000 on. Parts are found by `avatars.segmenter` or `faces.regions`, faces are compared by
`avatars.scorer` or `faces.identity`.
"""

import argparse
import json
import resource
import statistics
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from torch.nn.functional import adaptive_avg_pool2d, affine_grid, cosine_similarity, grid_sample

from interpgan_core import load_generator, part_maps, quiet
from interpgan_interpretable.adaptation.adapt import AdaptLayer
from interpgan_interpretable.edits.collage import Collage
from interpgan_interpretable.edits.editing_in_style import EditInStyle
from interpgan_interpretable.edits.exchange import ExchangeConcepts
from interpgan_interpretable.edits.move import MoveConcepts, filled, middles, placed
from interpgan_interpretable.edits.panda import ExchangePanda
from interpgan_interpretable.edits.retrieve_in_style import RetrieveInStyle
from interpgan_interpretable.measures.consistency import MeasureConsistency
from interpgan_interpretable.measures.locality import change
from interpgan_interpretable.measures.transfer import MIN_AREA, accuracy, cut_out, random_choices
from interpgan_interpretable.partition.find import FindPartition
from interpgan_interpretable.partition.name import NameConcepts

LAYERS = {
    "avatars.stylegan2": "synthesis.b32.conv1",
    "avatars.pggan": "layer7",
    "avatars.biggan": "blocks.2",
    "mobilestylegan.ffhq": "convs.6",
}
PARTS = {
    "avatars": {"hair": ("hair",), "eyes": ("eyes",), "mouth": ("mouth",)},
    "mobilestylegan": {"hair": ("hair",), "eyes": ("eyes",), "mouth": ("lips", "mouth")},
}
FACES = {
    "avatars": ("skin", "eyes", "mouth", "nose", "beard", "brows", "glasses"),
    "mobilestylegan": ("skin", "eyes", "lips", "mouth", "nose", "brows"),
}
DEPTHS = {
    "avatars": ("filters", "shape", "texture", "everything"),
    "mobilestylegan": ("shape", "everything"),  # a picture takes seconds
}
MOVED = {"avatars": "everything", "mobilestylegan": "texture"}
PEOPLE, SOURCES = 3000, 4000  # first seeds of the pairs that are reported
MOVES = {  # right as a share of the width, scale
    "5 % right": (0.05, 1.0),
    "5 % left": (-0.05, 1.0),
    "10 % right": (0.1, 1.0),
    "10 % left": (-0.1, 1.0),
    "x 0.8": (0.0, 0.8),
    "x 1.25": (0.0, 1.25),
}
NEAR = 0.015  # of the picture: found where it was asked to be
COMPARED = 64  # pixels
FRAMED, FRAME = (
    24,
    1.6,
)  # pixels of a side, and its half in standard deviations of the part; chosen on other pairs
CHOICES = 10  # random draws of the three alternatives of each question
LIKE_POSE = 0.16  # a standard deviation


@dataclass
class Tools:
    """What pictures are measured with; `same`: distance of features of one person, or None."""

    segmenter: object
    identity: object
    same: float | None

    @classmethod
    def of(cls, family):
        if family == "avatars":
            from interpgan_avatars.scorer import AvatarScorer
            from interpgan_avatars.segmenter import AvatarSegmenter

            return cls(AvatarSegmenter.shipped(), AvatarScorer.shipped(), None)
        from interpgan_faces.identity import SAME, LoadIdentity
        from interpgan_faces.regions import LoadRegions

        return cls(LoadRegions().run("cpu"), LoadIdentity().run("cpu"), SAME)

    def masks(self, images, parts):
        """name -> (n, 1, h, w), of all parts at once: looking is slow."""
        maps = torch.cat([part_maps(self.segmenter, one, one.shape[2:]) for one in images.split(1)])
        known = list(self.segmenter.parts)
        return {
            name: maps[:, [known.index(p) for p in own if p in known]].sum(1, keepdim=True)
            for name, own in parts.items()
        }

    def features(self, images):
        with torch.no_grad():
            return torch.cat([self.identity.features(one) for one in images.split(1)])


def drawn(generator, batch):
    with torch.no_grad():
        return generator.images(batch).clamp(-1, 1)


class Record:
    """Figures in a file, section by section: what is there is not measured again."""

    def __init__(self, path):
        self.path = path
        self.known = json.loads(path.read_text()) if path.exists() else {}

    def __call__(self, name, measure, *given):
        if name not in self.known:
            began = time.process_time()
            self.known[name] = measure(*given)
            self.path.write_text(json.dumps(self.known, indent=1))
            print(f"{self.path.stem}, {name}: {time.process_time() - began:.0f} s", flush=True)
        return self.known[name]


def adapted(parent, layer, seed, folder, **more):
    """The generator with the layer, which is made once and kept in a folder; and what that took."""
    if not (folder / "layer.safetensors").exists():
        began, busy = time.monotonic(), time.process_time()
        folder.mkdir(parents=True, exist_ok=True)
        made = AdaptLayer(layer=layer, seed=seed, **more).run(parent, scratch=folder, progress=quiet)
        took = {
            "seconds": time.monotonic() - began,
            "processor": time.process_time() - busy,
            "MB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        }
        made.save(folder)
        (folder / "took.json").write_text(json.dumps(took))
    made = parent.with_layer_from(folder / "layer.safetensors")
    figures = {key: value for key, value in made.notes["adapted"].items() if key != "areas"}
    took = folder / "took.json"
    return made, figures | (json.loads(took.read_text()) if took.exists() else {})


def concepts(parent, made, tools):
    """Same bytes; consistency and purity."""
    batch = parent.sample(range(8))
    same = all(torch.equal(parent.images(one), made.images(one)) for one in batch.split(1))
    return {"same bytes": same, **consistency(made, "adapted", tools)}


def untrained(parent, layer, tools):
    """The same of 16 groups of the layer's own units, as in RESULTS.md."""
    found = FindPartition(layer=layer, concepts=16, seeds="0-127").run(parent, quiet)
    return consistency(parent.with_concepts(found.concepts), "untrained", tools)


def consistency(generator, what, tools):
    measured = MeasureConsistency(segmenter=tools.segmenter, seeds="200-299").run(generator, quiet)
    row = measured.tables[0].rows[-1]
    return {f"consistency {what}": row[2], f"pure {what}": row[4]}


def named(made, tools):
    return NameConcepts(segmenter=tools.segmenter, seeds="0-63", min_agreement=0.25).run(made, quiet)


def names_of(generator):
    """How many filters each named concept has."""
    return {name: len(units) for name, (_, units) in generator.concepts.items() if not name.isdigit()}


def exchanged(depths, parts, people, sources, generator):
    """Exchanges of the concepts of a part to each depth, as functions of nothing; none where none has its name."""
    there = [name for name in parts if name in generator.concepts]
    steps = {d: ExchangeConcepts(source=sources, concepts=there, depth=d) for d in depths if there}
    return {name: partial(step.run, people, generator) for name, step in steps.items()}


def baselines(part, parts, people, sources, generator, layer, segmenter):
    """The same by methods that know the part from the segmenter."""
    known = tuple(name for name in parts if name in segmenter.parts)
    where = {"source": sources, "layer": layer, "segmenter": segmenter, "parts": known}
    steps = {
        "collage, outline": Collage(**where),
        "collage, box": Collage(**where, box=True),
        "Editing in Style": EditInStyle(**where, seeds="0-15"),
        "Retrieve in Style": RetrieveInStyle(**where, seeds="0-15", coarse=part == "hair"),
        "PandA": ExchangePanda(**where, seeds="0-63"),
    }
    return {name: partial(step.run, people, generator) for name, step in steps.items()}


def seen(images, masks):
    """Parts alone, as they are compared: at 64 pixels, the avatars' own size; an iris may lie a pixel elsewhere."""
    return adaptive_avg_pool2d(cut_out(images, masks), COMPARED)


def framed(images, masks):
    """What is in the rectangle around a part, made one size: (n, 3, k, k). On photographs, eyes that are cut out differ
    by how a head is turned, and by where lids are, more than by whose they are.
    """
    height, width = masks.shape[2:]
    small = adaptive_avg_pool2d(images, (height, width))
    total = masks.sum((1, 2, 3)).clamp(min=1e-6)
    transform = torch.zeros(len(images), 2, 3)
    for row, (size, axis) in enumerate(((width, 2), (height, 3))):
        places = torch.linspace(-1 + 1 / size, 1 - 1 / size, size)
        weights = masks.sum(axis)[:, 0] / total[:, None]
        centre = (weights * places).sum(1)
        deviation = (weights * (places - centre[:, None]) ** 2).sum(1).sqrt()
        transform[:, row, row] = FRAME * deviation.clamp(min=1 / size)
        transform[:, row, 2] = centre
    grid = affine_grid(transform, [len(images), 3, FRAMED, FRAMED], align_corners=False)
    return grid_sample(small, grid, padding_mode="border", align_corners=False)


def exchanges(edits, generator, old, theirs, masks, tools, parts, part):
    """Of one part: outside and inside change, and % recognised by the part cut out and by the frame around it, by each
    edit; tables 4 and 2 of the paper.
    """
    before, source = (each[part] for each in masks)
    shown = (source.sum((1, 2, 3)) >= MIN_AREA).nonzero().flatten()
    choices = [random_choices(len(shown), number) for number in range(CHOICES)]
    views = (seen, framed)
    wanted = [view(theirs, source)[shown] for view in views]

    def right(images, mask):
        """%, by each view; means over several draws of the three others."""
        found = [view(images, mask)[shown] for view in views]
        return [
            100 * statistics.mean(accuracy(parts, sources, draw) for draw in choices)
            for parts, sources in zip(found, wanted, strict=True)
        ]

    found = {"unchanged": (None, None, *right(old, before))}
    for name, edit in edits.items():
        new = drawn(generator, edit())
        mask = tools.masks(new, {part: parts})[part]
        outside, inside = change(old, new, torch.maximum(before, mask)).nanmean(0).tolist()
        found[name] = (outside, inside, *right(new, mask))
    return found


def faces(generator, family, people, sources, old, theirs, tools):
    """Table 3: whose the face is after a swap; of all pairs, and of pairs of like pose where pose is known."""
    there = tuple(part for part in FACES[family] if part in generator.concepts)
    own, other = tools.features(old), tools.features(theirs)
    alike = torch.ones(len(old), dtype=torch.bool)
    found = {"concepts": there}
    if family != "avatars":
        from interpgan_faces.directions import LoadDirections
        from interpgan_faces.scorer import LoadScorer

        scorer = LoadScorer().run("cpu")
        number = list(scorer.names).index("pose")
        poses = [torch.cat([scorer(i)[:, number] for i in x.split(1)]) for x in (old, theirs)]
        alike = (poses[0] - poses[1]).abs() < LIKE_POSE
        pose = LoadDirections().run(generator)["pose"]
        found["before"] = {"verified": share((own - other).norm(dim=1) < tools.same)}
    edits = {depth: {"depth": depth} for depth in DEPTHS[family]}
    if family != "avatars":
        edits["everything, turned"] = {"depth": "everything", "turn": pose}
        edits["shape, turned"] = {"depth": "shape", "turn": pose}
    for name, options in edits.items():
        step = ExchangeConcepts(source=sources, concepts=there, **options)
        after = tools.features(drawn(generator, step.run(people, generator)))
        nearer = cosine_similarity(after, other) > cosine_similarity(after, own)
        found[name] = {
            "nearer": share(nearer),
            "of like pose": share(nearer[alike]),
            "pairs": int(alike.sum()),
        }
        if tools.same is not None:
            near = (after - other).norm(dim=1) < tools.same
            found[name] |= {"verified": share(near), "verified of like pose": share(near[alike])}
    return found


def share(which):
    return 100 * float(which.double().mean())


def moves(generator, depth, parts, people, old, masks, tools):
    """Parts moved and scaled: % found where they were asked to be, locality, and by how much half of them miss; by
    part and move.
    """

    def drawn_moved(part, names, shown, right, scale):
        there = [name for name in names if name in generator.concepts]
        if not there:
            return None
        step = MoveConcepts(concepts=there, right=right, scale=scale, depth=depth)
        return drawn(generator, step.run(people[shown], generator))

    return moved(drawn_moved, parts, old, masks, tools)


def pasted(parts, old, masks, tools):
    """The same of each part's own pixels, moved: what the segmenter finds of moves that are exact."""

    def paste(part, names, shown, right, scale):
        mask, pictures = (masks[part][shown] > 0.5).float(), old[shown]
        pixels = placed(torch.cat([pictures, mask], 1), middles(mask > 0.5), 0.0, right, scale)
        found, new = pixels[:, :-1], pixels[:, -1:]
        without = torch.lerp(pictures, filled(pictures, mask), (mask - new).clamp(min=0))
        return torch.lerp(without, found, new)

    return moved(paste, parts, old, masks, tools)


def moved(draw, parts, old, masks, tools):
    """Of all moves of all parts, by a function that draws them, or None where it cannot."""
    found = {}
    for part, names in parts.items():
        shown = (masks[part].sum((1, 2, 3)) >= MIN_AREA).nonzero().flatten()
        before = masks[part][shown]
        for name, (right, scale) in MOVES.items() if len(shown) else ():
            new = draw(part, names, shown, right, scale)
            if new is None:
                continue
            after = tools.masks(new, {part: names})[part]
            outside, inside = change(old[shown], new, torch.maximum(before, after)).nanmean(0).tolist()
            if scale == 1:
                miss = (middle(after) - middle(before) - torch.tensor([right, 0.0])).norm(dim=1)
            else:
                miss = (side(after) - scale * side(before)).abs()
            found[f"{part}, {name}"] = (share(miss < NEAR), outside / inside, float(miss.median()))
    return found


def middle(masks):
    """(n, 2), right and down, as shares of the picture."""
    total = masks.sum((1, 2, 3)).clamp(min=1e-6)
    y, x = (torch.linspace(0.5 / n, 1 - 0.5 / n, n) for n in masks.shape[2:])
    return torch.stack([(masks[:, 0].sum(1) * x).sum(1), (masks[:, 0].sum(2) * y).sum(1)], 1) / total[:, None]


def side(masks):
    """(n,) of a square of the same area, as a share of the picture's."""
    return masks.mean((1, 2, 3)).sqrt()


def run(options):
    family = options.model.partition(".")[0]
    layer, parts = LAYERS[options.model], PARTS[family]
    options.out.mkdir(parents=True, exist_ok=True)
    name = f"{options.model}-{options.seed}"
    record = Record(options.out / f"{name}.json")
    tools = Tools.of(family)
    parent = load_generator(options.model, **({} if family == "avatars" else {"resolution": 512}))
    made, figures = adapted(parent, layer, options.seed, options.out / name)
    record("adapted", dict, figures)
    record("concepts", concepts, parent, made, tools)
    if options.seed == 0:
        record("untrained", untrained, parent, layer, tools)
    generator = named(made, tools)
    record("named", names_of, generator)
    people, sources = (generator.sample(range(n, n + options.pairs)) for n in (PEOPLE, SOURCES))
    old, theirs = drawn(generator, people), drawn(generator, sources)
    masks = [tools.masks(images, parts) for images in (old, theirs)]
    for part, names in parts.items():
        rest = (generator, old, theirs, masks, tools, names, part)
        edits = exchanged(DEPTHS[family], names, people, sources, generator)
        record(f"exchange of {part}", exchanges, edits, *rest)
        if options.seed == 0:
            edits = baselines(part, names, people, sources, generator, layer, tools.segmenter)
            record(f"baselines, {part}", exchanges, edits, *rest)
    record("faces", faces, generator, family, people, sources, old, theirs, tools)
    few = slice(options.moved)
    some = {part: mask[few] for part, mask in masks[0].items()}
    record("moves", moves, generator, MOVED[family], parts, people[few], old[few], some, tools)
    if options.seed == 0:
        record("moves, pasted", pasted, parts, old[few], some, tools)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("model", choices=LAYERS)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--pairs", type=int, default=48)
    parser.add_argument("--moved", type=int, default=24, help="how many people's parts are moved")
    parser.add_argument("--out", type=Path, default=Path("out/adapted"))
    run(parser.parse_args())


if __name__ == "__main__":
    main()
