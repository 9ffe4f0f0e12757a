"""The directions of `faces.directions`, plain and alone, beside others: what an edit changes, its target and the rest.

Scores are those of `faces.scorer`, which ours were found by. `--published` is a folder of the directions age.pt,
smile.pt and pose.pt of the repository encoder4editing.

    .venv/bin/python bench/faces_directions.py --published FOLDER
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import torch

from interpgan_core import Direction, Generator, LatentBatch, ReadScores, load_directions, load_generator
from interpgan_faces.directions import LoadDirections
from interpgan_faces.scorer import FaceScorer, LoadScorer

SEEDS = range(600, 632)  # that no direction was found with
SCORES = Path(__file__).parents[1] / "recipes/ffhq-scores.csv"
STEPS = {"age": 4, "smile": 3, "pose": 4, "gender": 4, "glasses": 4}


def published(folder: Path) -> dict[str, Direction]:
    """Those of e4e; pose points to the left there."""
    found = {}
    for name in ("age", "smile", "pose"):
        found |= load_directions(folder / f"{name}.pt", "w", flip=name == "pose")
    return found


def scored(scorer: FaceScorer, generator: Generator, batch: LatentBatch) -> torch.Tensor:
    with torch.no_grad():
        return torch.cat([scorer(image) for image in generator.iter_images(batch, 1)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--published", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    generator, scorer = load_generator("mobilestylegan.ffhq", resolution=512), LoadScorer().run("cpu")
    sets = {"plain": LoadDirections().run(generator), "alone": LoadDirections(alone=True).run(generator)}
    if options.published:
        sets["e4e"] = published(options.published)
        for name, theirs in sets["e4e"].items():
            ours = sets["plain"][name].vector.flatten().double()
            print(f"cosine of {name}: {float(ours @ theirs.vector.flatten().double()):.3f}")
    values = ReadScores(file=SCORES).run().values
    deviations = values[~values.isnan().any(1)].std(0)
    batch = generator.to_space(generator.sample(SEEDS), "w")
    before = scored(scorer, generator, batch)
    print("| edit | " + " | ".join(sets) + " |\n|" + "---|" * (len(sets) + 1))
    for name, size in STEPS.items():
        target = scorer.names.index(name)
        for strength in (-size, size):
            cells = []
            for directions in sets.values():
                if name not in directions:
                    cells.append("")
                    continue
                moved = batch.codes + strength * directions[name].vector.flatten().float()
                change = (scored(scorer, generator, replace(batch, codes=moved)) - before) / deviations
                change = change[~change.isnan().any(1)].mean(0)
                rest = torch.cat([change[:target], change[target + 1 :]]).abs().mean()
                cells.append(f"{float(change[target]):+.2f}, {float(rest):.2f}")
            print(f"| {name} {strength:+d} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
